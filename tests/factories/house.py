"""Two clinics with people in every role, built through the operations, on one Monday morning.

Rynek is the clinic that tests look at; Markt, in another zone and language, is everybody else.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import pytest
from django.test import Client

from clinic.appointments import operations as appointments
from clinic.appointments.enums import Origin
from clinic.audit.operations import SYSTEM, Actor
from clinic.calendars.operations import create_calendar, create_service, set_opening_hours
from clinic.lib import clock
from clinic.models import Appointment, Calendar, Clinic, Patient, Service, User
from clinic.people.enums import Role
from clinic.people.operations import add_member, create_clinic, create_patient, create_practitioner
from messaging.links import token_of
from messaging.models import PersonalLink
from reminders.planning import link_for
from tests.measuring import unmeasured

# Monday, 09:00 in Warsaw and Berlin: no zone here is UTC, and the next change of clocks is far.
NOW = datetime(2027, 5, 3, 7, 0, tzinfo=UTC)
TODAY = date(2027, 5, 3)
HOURS, MINUTES, DAYS = timedelta(hours=1), timedelta(minutes=1), timedelta(days=1)
PASSWORD = "a-long-way-round"
WORKDAYS = {weekday: [(time(8), time(12)), (time(13), time(16))] for weekday in range(5)}


@dataclass(frozen=True, slots=True)
class House:
    """A clinic and who belongs to it."""

    clinic: Clinic
    admin: User
    practitioner: User
    assistant: User
    calendar: Calendar
    service: Service
    patient: Patient
    appointment: Appointment  # the patient's, ten days ahead, at 11:00
    link: PersonalLink

    @property
    def slug(self) -> str:
        return self.clinic.slug

    def url(self, path: str = "") -> str:
        """Return an address below this clinic."""
        return f"/c/{self.slug}/{path}"


def make_user(email: str, name: str, *, language: str = "en") -> User:
    """Return somebody who can log in with `PASSWORD`."""
    return User.objects.create_user(email, name, PASSWORD, language=language)


def make_calendar(clinic: Clinic, name: str, *, address: str = "", at: datetime = NOW) -> Calendar:
    """Return a practitioner's calendar, open on workdays from 8 to 12 and 13 to 16, with one service."""
    practitioner = create_practitioner(clinic=clinic, name=name, actor=SYSTEM, at=at)
    calendar = create_calendar(practitioner=practitioner, name=name, address=address, actor=SYSTEM, at=at)
    create_service(calendar=calendar, name="Consultation", minutes=30, actor=SYSTEM, at=at)
    set_opening_hours(calendar=calendar, week=WORKDAYS, actor=SYSTEM, at=at)
    return calendar


def make_patient(clinic: Clinic, name: str, *, at: datetime = NOW, **more: Any) -> Patient:
    """Return a card with e-mail and phone, unless told otherwise."""
    first = "".join(letter for letter in name.split()[0].lower() if letter.isascii() and letter.isalnum())
    contact = {
        "email": f"{first or 'somebody'}@patients.example",
        "phone_number": "+48 512 345 678",
        "language": "en",
    }
    return create_patient(clinic=clinic, name=name, **{**contact, **more}, actor=SYSTEM, at=at)


def book(
    patient: Patient,
    calendar: Calendar,
    starts_at: datetime,
    *,
    actor: Actor = SYSTEM,
    at: datetime = NOW,
    **more: Any,
) -> Appointment:
    """Book the calendar's one service."""
    return appointments.book(
        calendar=calendar, patient=patient, service=calendar.services.get(), starts_at=starts_at,
        **{"origin": Origin.STAFF, **more}, actor=actor, at=at,
    )  # fmt: skip


def link_of(appointment: Appointment) -> PersonalLink:
    """Return the link that the appointment's messages carry."""
    return link_for(appointment, at=NOW)


def open_house(
    slug: str, name: str, country: str, language: str, zone: str, *, people: dict[Role, str], doctor: str,
    patient: str, phone: str,
) -> House:  # fmt: skip
    """Open a clinic with a member in every role, one calendar, one patient and their appointment."""
    clinic = create_clinic(
        slug=slug, name=name, country=country, language=language, time_zone=zone, actor=SYSTEM, at=NOW,
        details={"address": "1 Square", "city": "Town", "email": f"desk@{slug}.example", "phone": phone},
    )  # fmt: skip
    users = {}
    for role, person in people.items():
        users[role] = make_user(f"{person.split()[0].lower()}@{slug}.example", person)
        add_member(clinic=clinic, user=users[role], role=role, actor=SYSTEM, at=NOW)
    calendar = make_calendar(clinic, doctor)
    card = make_patient(clinic, patient)
    visit = book(card, calendar, NOW + 10 * DAYS + 2 * HOURS)
    return House(
        clinic, users[Role.ADMIN], users[Role.PRACTITIONER], users[Role.ASSISTANT],
        calendar, calendar.services.get(), card, visit, link_of(visit),
    )  # fmt: skip


@pytest.fixture
def morning() -> Iterator[datetime]:
    """Hold the product's clock at `NOW`."""
    with clock.held_at(NOW):
        yield NOW


@pytest.fixture
def rynek(db: None, morning: datetime, request: pytest.FixtureRequest) -> House:
    """The clinic that tests look at."""
    with unmeasured(request.config):
        return open_house(
            "rynek", "Gabinety Rynek", "PL", "pl", "Europe/Warsaw", doctor="dr Tomasz Wilczek",
            patient="Zofia Pawłowska-Gąsior", phone="+48710001230",
            people={
                Role.ADMIN: "Anna Maj", Role.PRACTITIONER: "Tomasz Wilczek", Role.ASSISTANT: "Ola Grudzien",
            },
        )  # fmt: skip


@pytest.fixture
def markt(db: None, morning: datetime, request: pytest.FixtureRequest) -> House:
    """The other clinic, whose data nobody of Rynek may see."""
    with unmeasured(request.config):
        return open_house(
            "am-markt", "Praxis am Markt", "DE", "de", "Europe/Berlin", doctor="Dr. Greta Storch",
            patient="Ottilie Kanarienvogel", phone="+493023125700",
            people={
                Role.ADMIN: "Jonas Maerz", Role.PRACTITIONER: "Greta Storch", Role.ASSISTANT: "Lena Juli",
            },
        )  # fmt: skip


@pytest.fixture
def operator(db: None) -> User:
    """Somebody who looks after the installation and is a member of no clinic."""
    return User.objects.create_superuser("operator@anteroom.example", "Operator", PASSWORD)


def logged_in(user: User, **options: Any) -> Client:
    """Return a browser in which this user is logged in."""
    client = Client(**options)
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    return client


def by_link(link: PersonalLink, **options: Any) -> Client:
    """Return a browser that came by a message's link."""
    client = Client(**options)
    assert client.get(f"/a/{token_of(link)}/").status_code == 302
    return client


@pytest.fixture
def desk(rynek: House) -> Client:
    """Rynek's assistant at their browser."""
    return logged_in(rynek.assistant)


@pytest.fixture
def office(rynek: House) -> Client:
    """Rynek's administrator at their browser."""
    return logged_in(rynek.admin)


HTMX = {"HX-Request": "true"}
