"""Registers the app and its main pages."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class ClinicConfig(AppConfig):
    name = "clinic"

    def ready(self) -> None:
        """Fill the navigation; say who may listen; receive what open pages are told."""
        from clinic import receivers  # noqa: F401, PLC0415 - models must be loaded first
        from clinic.directory import panels  # noqa: PLC0415
        from clinic.feeds import panels as feeds  # noqa: PLC0415
        from clinic.live.subjects import register_kind  # noqa: PLC0415
        from clinic.panels import NavigationEntry, register_navigation  # noqa: PLC0415
        from clinic.people import listening  # noqa: PLC0415

        register_kind(listening.KIND)
        register_navigation(NavigationEntry("clinic:today", _("Today"), "home", 10, has_pages_below=False))
        register_navigation(NavigationEntry("clinic:calendar", _("Calendar"), "calendar-days", 12))
        register_navigation(NavigationEntry("clinic:patients", _("Patients"), "users", 20))
        register_navigation(
            NavigationEntry("clinic:settings", _("Settings"), "cog-6-tooth", 90, action="settings.write")
        )
        panels.register()
        feeds.register()
