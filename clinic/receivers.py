"""What open pages are told of appointments, and the public search of calendars."""

from typing import Any

from django.dispatch import receiver

from clinic.appointments import signals
from clinic.calendars.signals import calendar_changed, calendar_hours_changed
from clinic.directory.operations import refresh_listing
from clinic.live.bus import publish
from clinic.models import Appointment, Calendar, Patient
from clinic.people.listening import clinic_topic
from clinic.people.signals import patients_merged


@receiver(
    [
        signals.appointment_booked,
        signals.appointment_moved,
        signals.appointment_cancelled,
        signals.appointment_confirmed,
        signals.appointment_marked,
        signals.appointment_restored,
    ]
)
def on_appointment_changed(*, appointment: Appointment, **_: Any) -> None:
    """Let today's list, the calendar and the appointment's page fetch it anew."""
    publish("appointment", {clinic_topic(appointment.clinic_id): None}, {"ids": [appointment.pk]})


@receiver(calendar_changed)
def on_calendar_changed(*, calendar: Calendar, **_: Any) -> None:
    """Let the public search find it by what it is now."""
    refresh_listing(calendar)


@receiver(calendar_hours_changed)
def on_hours_changed(*, clinic_id: int, **_: Any) -> None:
    """Let open calendars fetch when they are open."""
    publish("hours", {clinic_topic(clinic_id): None})


@receiver(patients_merged)
def on_patients_merged(*, kept: Patient, **_: Any) -> None:
    """Let pages that show an appointment of theirs fetch it anew."""
    ids = list(kept.appointments.order_by("-starts_at").values_list("pk", flat=True)[:100])
    publish("appointment", {clinic_topic(kept.clinic_id): None}, {"ids": ids})
