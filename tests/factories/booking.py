"""Online booking as a patient goes through it, and as tests look at it."""

from datetime import datetime, timedelta
from typing import Any

from django.test import Client

from clinic.appointments.models import Occupancy
from clinic.directory.booking_form import new_stamp
from clinic.directory.slot_picker import code_of
from clinic.models import Appointment, Calendar, Service
from tests.factories.house import NOW, House
from tests.factories.page import Answer

# Thursday 20 May 2027, 10:00 in Warsaw: free in every house.
START = datetime(2027, 5, 20, 8, 0, tzinfo=NOW.tzinfo)


def open_for_booking(
    house: House, calendar: Calendar | None = None, *, notice: int = 2, horizon: int = 90
) -> str:
    """Let patients book in a calendar, the house's own by default; return the first page's address."""
    calendar = calendar or house.calendar
    Calendar.objects.filter(pk=calendar.pk).update(
        books_online=True, online_notice_hours=notice, online_horizon_days=horizon
    )
    return f"/p/{calendar.practitioner.slug}/book/"


def booking_url(house: House, start: datetime | None = None, service: Service | None = None) -> str:
    """Return the address of the second screen, or of the third for a start."""
    service = service or house.service
    url = f"/p/{house.calendar.practitioner.slug}/book/{service.pk}/"
    return f"{url}{code_of(start)}/" if start else url


def stamp(at: datetime = NOW, *, typed: timedelta = timedelta(minutes=1)) -> str:
    """Return the stamp of a form that was shown so long before `at`."""
    return new_stamp(at - typed)


def booking_form(**more: Any) -> dict[str, str]:
    """Return what a patient sends on the third screen; each call is another form."""
    return {
        "name": "Adam Nowy", "email": "adam@patients.example", "phone": "", "consent": "on", "website": "",
        "stamp": stamp(), **more,
    }  # fmt: skip


def book_online(client: Client, house: House, start: datetime = START, **more: Any) -> Answer:
    """Press Book."""
    return client.post(booking_url(house, start), booking_form(**more))


def choose(client: Client, house: House, start: datetime = START) -> Answer:
    """Press a time on the second screen."""
    return client.post(booking_url(house), {"start": code_of(start)})


def booked(house: House) -> list[Appointment]:
    """Return what patients booked in the house, by its start."""
    rows = Appointment.objects.whole().filter(clinic=house.clinic, origin="patient")
    return list(rows.order_by("starts_at"))


def holds() -> list[tuple[datetime, datetime, datetime | None]]:
    """Return (start, end, until when) of every hold."""
    rows = Occupancy.objects.exclude(hold=None).order_by("starts_at")
    return list(rows.values_list("starts_at", "ends_at", "expires_at"))
