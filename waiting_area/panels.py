"""What this app adds to floor 0's pages and to the patient's own page of an appointment."""

from collections.abc import Mapping
from typing import Any

from django.conf import settings
from django.http import HttpRequest

from clinic.appointments.enums import Status
from clinic.lib import clock
from clinic.models import Appointment, Clinic
from clinic.panels import Panel, register_panel
from waiting_area import rules, visits
from waiting_area.queries import default_area, is_taking_callers, list_areas


def way_in(request: HttpRequest, appointment: Appointment) -> Mapping[str, Any] | None:
    """Return the patient's way into the waiting area, around the time of their appointment (W3)."""
    at = clock.now()
    is_booked = appointment.status == Status.BOOKED
    if not is_booked or not rules.is_around(appointment.starts_at, appointment.ends_at, at):
        return None
    area = default_area(appointment.clinic)
    if area is None or not (is_taking_callers(area, at) or visits.find_here(appointment, at=at)):
        return None
    address = visits.address_of(appointment, at=at)
    return {"way_in": address} if address else None


def presence(request: HttpRequest, appointment: Appointment) -> Mapping[str, Any]:
    """Return the same link for staff to copy, and whether the patient is here now."""
    at = clock.now()
    address = visits.address_of(appointment, at=at)
    found = visits.find_here(appointment, at=at)
    return {
        "appointment": appointment,
        "way_in": f"{settings.PUBLIC_URL}{address}" if address else "",
        "caller": found if found and found.is_present else None,
        "zone": appointment.calendar.zone,
    }


def configuration(request: HttpRequest, clinic: Clinic) -> Mapping[str, Any]:
    """Return the waiting areas whose settings are linked."""
    return {"areas": list_areas(clinic)}


def register() -> None:
    """Fill floor 0's registries."""
    register_panel(Panel("way_in", "patient_appointment", "waiting_area/_way_in.html", way_in))
    register_panel(Panel("presence", "appointment_side", "waiting_area/_presence.html", presence, order=20))
    register_panel(
        Panel("waiting_area", "settings", "waiting_area/_configuration.html", configuration, order=50)
    )
