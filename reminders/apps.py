"""Registers the app: its kinds with their voices, its panels, its receivers."""

from django.apps import AppConfig


class RemindersConfig(AppConfig):
    name = "reminders"

    def ready(self) -> None:
        """Fill the registries below."""
        from reminders import kinds, panels, receivers  # noqa: F401, PLC0415 - models must be loaded first

        kinds.register()
        panels.register()
