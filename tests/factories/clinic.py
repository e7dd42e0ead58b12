"""A small house to test in: two clinics, four people; nothing is booked unless asked for."""

from datetime import UTC, datetime, time, timedelta
from typing import Any

from clinic.appointments.enums import Origin
from clinic.appointments.operations import book
from clinic.audit.operations import SYSTEM, Actor
from clinic.calendars.models import OpeningHours
from clinic.models import Appointment, Calendar, Clinic, Patient, Practitioner, Service
from clinic.people.operations import free_slug
from clinic.people.words import write_words

# Monday 2 March 2026, 09:00 in Warsaw. The clinic's zone is not UTC, and no clock changes are near.
MONDAY = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
STAFF = SYSTEM
HOURS, MINUTES = timedelta(hours=1), timedelta(minutes=1)


def make_clinic(slug: str = "lipowa", **more: Any) -> Clinic:
    """Return a clinic in Warsaw that writes English, so that texts can be compared."""
    return Clinic.objects.create(
        **{
            "slug": slug,
            "name": f"Clinic {slug.title()}",
            "country": "PL",
            "language": "en",
            "time_zone": "Europe/Warsaw",
            "email": f"desk@{slug}.example",
            "phone": "+48225550123",
            "created_at": MONDAY,
            **more,
        }
    )


def make_calendar(clinic: Clinic | None = None, name: str = "Dr Nowak", **more: Any) -> Calendar:
    """Return a calendar with its practitioner and one service of 30 minutes."""
    clinic = clinic or make_clinic()
    practitioner, _ = Practitioner.objects.get_or_create(
        clinic=clinic, name=name, defaults={"slug": free_slug(name, Practitioner)}
    )
    calendar = Calendar.objects.create(
        **{
            "clinic": clinic,
            "practitioner": practitioner,
            "name": name,
            "time_zone": clinic.time_zone,
            "address": "Lipowa 1",
            "city": "Warszawa",
            "phone": clinic.phone,
            **more,
        }
    )
    Service.objects.create(calendar=calendar, name="Visit", minutes=30)
    return calendar


def open_daily(calendar: Calendar, *spans: tuple[time, time]) -> None:
    """Open a calendar on every day of the week for these spans of wall time."""
    OpeningHours.objects.bulk_create(
        OpeningHours(calendar=calendar, weekday=weekday, opens=opens, closes=closes)
        for weekday in range(7)
        for opens, closes in spans
    )


def make_patient(clinic: Clinic, name: str = "Alice Kowalska", **more: Any) -> Patient:
    """Return a card with e-mail and phone."""
    first = name.split()[0].lower()
    made = Patient.objects.create(
        **{
            "clinic": clinic,
            "name": name,
            "email": f"{first}@patients.example",
            "phone": "+48512345678",
            "language": "en",
            "created_at": MONDAY,
            **more,
        }
    )
    write_words([made])
    return made


def book_visit(
    *,
    calendar: Calendar | None = None,
    patient: Patient | None = None,
    starts_at: datetime | None = None,
    at: datetime = MONDAY,
    origin: Origin = Origin.STAFF,
    actor: Actor = STAFF,
    **more: Any,
) -> Appointment:
    """Book a visit through the operation: by default ten days ahead, at 11:00 in Warsaw."""
    calendar = calendar or make_calendar()
    return book(
        calendar=calendar,
        patient=patient or make_patient(calendar.clinic),
        service=calendar.services.get(),
        starts_at=starts_at or MONDAY + timedelta(days=10, hours=2),
        origin=origin,
        actor=actor,
        at=at,
        **more,
    )
