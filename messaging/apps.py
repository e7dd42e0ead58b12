"""Registers the app, its receivers and what it adds to floor 0's pages."""

from django.apps import AppConfig
from django.conf import settings
from django.utils.translation import gettext_lazy as _


class MessagingConfig(AppConfig):
    name = "messaging"

    def ready(self) -> None:
        """Fill the registries below."""
        from clinic.panels import NavigationEntry, register_navigation  # noqa: PLC0415 - models must be loaded first
        from messaging import panels, receivers  # noqa: F401, PLC0415

        panels.register()
        if settings.EMBEDDED_MAILBOX:
            register_navigation(
                NavigationEntry("mailbox:mailbox", _("Phone and mailbox"), "device-phone-mobile", 50)
            )
