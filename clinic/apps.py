"""Registers the app and its main pages."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class ClinicConfig(AppConfig):
    name = "clinic"

    def ready(self) -> None:
        """Fill the navigation."""
        from clinic.panels import NavigationEntry, register_navigation  # noqa: PLC0415 - models must be loaded first

        register_navigation(NavigationEntry("clinic:today", _("Today"), "home", 10, has_pages_below=False))
        register_navigation(NavigationEntry("clinic:patients", _("Patients"), "users", 20))
        register_navigation(
            NavigationEntry("clinic:settings", _("Settings"), "cog-6-tooth", 90, action="settings.write")
        )
