"""Registers the app and what it adds to floor 0's pages."""

from django.apps import AppConfig


class NotificationsConfig(AppConfig):
    name = "notifications"

    def ready(self) -> None:
        """Fill the registries below."""
        from notifications import panels, receivers  # noqa: F401, PLC0415 - models must be loaded first

        panels.register()
