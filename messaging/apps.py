"""Registers the app, its receivers and what it adds to floor 0's pages."""

from django.apps import AppConfig


class MessagingConfig(AppConfig):
    name = "messaging"

    def ready(self) -> None:
        """Fill the registries below."""
        from messaging import panels, receivers  # noqa: F401, PLC0415 - models must be loaded first

        panels.register()
