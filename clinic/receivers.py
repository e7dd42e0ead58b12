"""What open pages are told of appointments."""

from typing import Any

from django.dispatch import receiver

from clinic.appointments import signals
from clinic.live.bus import publish
from clinic.models import Appointment
from clinic.people.listening import clinic_topic


@receiver(
    [
        signals.appointment_booked,
        signals.appointment_moved,
        signals.appointment_cancelled,
        signals.appointment_confirmed,
        signals.appointment_marked,
    ]
)
def on_appointment_changed(*, appointment: Appointment, **_: Any) -> None:
    """Let today's list and the appointment's page fetch it anew."""
    publish("appointment", {clinic_topic(appointment.clinic_id): None}, {"ids": [appointment.pk]})
