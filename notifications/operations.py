"""Changing who wants what. Unsent messages follow; nothing already sent is sent again (E1.9, E1.10)."""

from collections.abc import Mapping
from datetime import datetime, time

from django.db import transaction

from clinic.audit.operations import Actor, record
from clinic.models import Appointment, Calendar, Clinic
from notifications.models import AppointmentSwitch, CalendarSwitch, ClinicPause
from notifications.queries import get_settings, switches_of_calendar
from notifications.signals import (
    appointment_switches_changed,
    calendar_communication_changed,
    sending_paused,
)


class StaleSettings(Exception):
    """Somebody saved these settings since they were shown; nothing was changed."""


@transaction.atomic
def set_calendar_communication(
    *,
    calendar: Calendar,
    switches: Mapping[str, bool],
    self_service: bool,
    plain_sms: bool,
    quiet_from: time | None,
    quiet_until: time | None,
    chain_offers: bool | None = None,
    version: int | None = None,
    actor: Actor,
    at: datetime,
) -> None:
    """Save a calendar's *Communication* tab as a whole (P1, P6, P14).

    Args:
        switches: kind name to on or off; kinds not named stay as they are.
        quiet_from, quiet_until: local wall time; both None: no quiet hours.
        chain_offers: whether the time that the taker of an offer leaves is offered in turn (P8); None: as it is.
        version: the version of the settings that the form showed; None: whatever it is.

    Raises:
        StaleSettings: somebody else saved meanwhile (E7.7).
    """
    Calendar.objects.select_for_update().get(pk=calendar.pk)
    settings = get_settings(calendar)
    if version is not None and settings.version != version:
        raise StaleSettings
    before = switches_of_calendar(calendar)
    fields = {
        "self_service": self_service,
        "plain_sms": plain_sms,
        "quiet_from": quiet_from,
        "quiet_until": quiet_until,
        "chain_offers": settings.chain_offers if chain_offers is None else chain_offers,
    }
    old = {name: str(getattr(settings, name)) for name in fields} | {"switches": before}
    for name, value in fields.items():
        setattr(settings, name, value)
    settings.version += 1
    settings.save()
    for kind, is_on in switches.items():
        if before.get(kind, True) != is_on:
            CalendarSwitch.objects.update_or_create(calendar=calendar, kind=kind, defaults={"is_on": is_on})
    new = {name: str(value) for name, value in fields.items()} | {"switches": {**before, **switches}}
    if old != new:
        record(actor, "calendar.communication_set", calendar, old=old, new=new, at=at)
        calendar_communication_changed.send(Calendar, calendar=calendar, actor=actor, at=at)


@transaction.atomic
def set_appointment_switches(
    *, appointment: Appointment, switches: Mapping[str, bool], actor: Actor, at: datetime
) -> None:
    """Switch kinds for one appointment alone; the calendar's settings do not change (P2)."""
    stored = dict(AppointmentSwitch.objects.filter(appointment=appointment).values_list("kind", "is_on"))
    calendar = switches_of_calendar(appointment.calendar)
    changed = {
        kind: is_on for kind, is_on in switches.items() if stored.get(kind, calendar.get(kind, True)) != is_on
    }
    if not changed:
        return
    for kind, is_on in changed.items():
        AppointmentSwitch.objects.update_or_create(
            appointment=appointment, kind=kind, defaults={"is_on": is_on}
        )
    record(actor, "appointment.switches_set", appointment, new=changed, at=at)
    appointment_switches_changed.send(Appointment, appointment=appointment, actor=actor, at=at)


@transaction.atomic
def pause_sending(*, clinic: Clinic, actor: Actor, at: datetime) -> None:
    """Let all sending of a clinic stand still (P15)."""
    _pause, created = ClinicPause.objects.get_or_create(clinic=clinic, defaults={"since": at})
    if created:
        record(actor, "clinic.sending_paused", clinic, at=at)
        sending_paused.send(Clinic, clinic=clinic, is_paused=True, at=at)


@transaction.atomic
def resume_sending(*, clinic: Clinic, actor: Actor, at: datetime) -> None:
    """Let a clinic's sending go on."""
    deleted, _rows = ClinicPause.objects.filter(clinic=clinic).delete()
    if deleted:
        record(actor, "clinic.sending_resumed", clinic, at=at)
        sending_paused.send(Clinic, clinic=clinic, is_paused=False, at=at)
