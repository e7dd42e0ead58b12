"""What holds for a calendar or an appointment, defaults filled in."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from clinic.lib.rows import rows_where
from clinic.models import Appointment, Calendar
from notifications.models import AppointmentSwitch, CalendarSettings, CalendarSwitch, ClinicPause
from notifications.registry import list_kinds
from notifications.rules import QuietHours


@dataclass(frozen=True, slots=True)
class Wishes:
    """What is wanted for an appointment: settings of its calendar and the switches, nearest first."""

    self_service: bool
    plain_sms: bool
    quiet: QuietHours | None
    calendar: dict[str, bool] = field(default_factory=dict)
    appointment: dict[str, bool] = field(default_factory=dict)

    def wants(self, kind: str) -> bool:
        """Return whether this kind is on: the appointment's own switch before the calendar's (P1, P2)."""
        return self.appointment.get(kind, self.calendar.get(kind, True))

    def why_not(self, kind: str) -> str:
        """Return the reason of a kind that is off: which switch it was."""
        return "off_for_appointment" if self.appointment.get(kind) is False else "off_for_calendar"


def get_settings(calendar: Calendar) -> CalendarSettings:
    """Return a calendar's communication settings, unsaved defaults where it has none."""
    return CalendarSettings.objects.filter(calendar=calendar).first() or CalendarSettings(calendar=calendar)


def is_paused(clinic_id: int) -> bool:
    """Return whether a clinic's sending stands still (P15)."""
    return ClinicPause.objects.filter(clinic=clinic_id).exists()


def switches_of_calendar(calendar: Calendar) -> dict[str, bool]:
    """Return every kind and whether it is on for the calendar."""
    stored = dict(CalendarSwitch.objects.filter(calendar=calendar).values_list("kind", "is_on"))
    return {kind.name: stored.get(kind.name, True) for kind in list_kinds()}


def wishes_for(appointments: Iterable[Appointment]) -> dict[int, Wishes]:
    """Return the wishes for appointments by their ids: three queries, however many there are."""
    rows = list(appointments)
    calendars = {row.calendar_id for row in rows}
    settings = {found.calendar_id: found for found in rows_where(CalendarSettings, "calendar_id", calendars)}
    by_calendar: dict[int, dict[str, bool]] = {}
    for switch in rows_where(CalendarSwitch, "calendar_id", calendars):
        by_calendar.setdefault(switch.calendar_id, {})[switch.kind] = switch.is_on
    by_appointment: dict[int, dict[str, bool]] = {}
    for own in rows_where(AppointmentSwitch, "appointment_id", {row.pk for row in rows}):
        by_appointment.setdefault(own.appointment_id, {})[own.kind] = own.is_on
    default = CalendarSettings()
    result = {}
    for row in rows:
        found = settings.get(row.calendar_id, default)
        result[row.pk] = Wishes(
            self_service=found.self_service,
            plain_sms=found.plain_sms,
            quiet=found.quiet,
            calendar=by_calendar.get(row.calendar_id, {}),
            appointment=by_appointment.get(row.pk, {}),
        )
    return result


def get_wishes(appointment: Appointment) -> Wishes:
    """Return the wishes for one appointment."""
    return wishes_for([appointment])[appointment.pk]
