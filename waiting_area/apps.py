"""Registers the app: its main page and panels, its kinds of listener and of message, its receivers."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class WaitingAreaConfig(AppConfig):
    name = "waiting_area"

    def ready(self) -> None:
        """Fill the registries below."""
        from clinic.live.subjects import register_kind  # noqa: PLC0415 - models must be loaded first
        from clinic.panels import NavigationEntry, register_navigation  # noqa: PLC0415
        from messaging.registry import register_not_now, register_reasons  # noqa: PLC0415
        from waiting_area import kinds, listening, panels, receivers, visits  # noqa: F401, PLC0415
        from waiting_area.views import needs  # noqa: PLC0415

        register_kind(listening.KIND)
        register_kind(listening.PARTICIPANT_KIND)
        register_navigation(NavigationEntry("waiting_area:callers", _("Waiting area"), "queue-list", 15))
        needs.register()
        panels.register()
        register_not_now(visits.PRESENT, visits.present_for)
        register_reasons({visits.PRESENT: _("the patient is in the waiting area")})
        kinds.register()
