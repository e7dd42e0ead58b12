"""An appointment's story for staff: who did what, in words."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils.translation import get_language, gettext_lazy
from django.utils.translation import gettext as _

from clinic.appointments.models import Appointment
from clinic.audit.models import AuditEntry
from clinic.audit.queries import actor_name, list_history
from clinic.lib import when

ACTIONS = {
    "appointment.booked": gettext_lazy("booked"),
    "appointment.moved": gettext_lazy("moved"),
    "appointment.confirmed": gettext_lazy("confirmed"),
    "appointment.cancelled": gettext_lazy("cancelled"),
    "appointment.restored": gettext_lazy("cancellation taken back"),
    "appointment.marked": gettext_lazy("marked"),
    "appointment.switches_set": gettext_lazy("messages switched"),
}
# Written down beside another entry of the same act.
UNTOLD = frozenset({"appointment.booked_online"})


@dataclass(frozen=True, slots=True)
class Chapter:
    """One act: when, what, by whom, with what changed."""

    at: datetime
    what: str
    who: str
    detail: str = ""


def list_story(appointment: Appointment) -> list[Chapter]:
    """Return what happened to an appointment, oldest first."""
    return [
        Chapter(
            entry.at,
            str(ACTIONS.get(entry.action, entry.action)),
            actor_name(entry),
            _detail(entry, appointment),
        )
        for entry in list_history(appointment).exclude(action__in=UNTOLD)
    ]


def _detail(entry: AuditEntry, appointment: Appointment) -> str:
    value: Any = getattr(entry, "value", None)
    if value is None:
        return ""
    if entry.action == "appointment.moved":
        zone, language = appointment.calendar.zone, _language()
        old = datetime.fromisoformat(value.old["starts_at"])
        return _("from %(when)s") % {"when": when.date_and_time(old, zone, language)}
    if entry.action == "appointment.marked":
        return {"done": _("done"), "no_show": _("no-show"), "booked": _("mark taken back")}.get(
            value.new["status"], ""
        )
    if entry.action == "appointment.cancelled":
        return _("at the patient's wish") if value.new.get("by") == "patient" else _("by the clinic")
    return ""


def _language() -> str:
    return get_language() or "en"
