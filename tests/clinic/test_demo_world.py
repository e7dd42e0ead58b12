"""One load of the demonstration on a weekday, looked at from all sides."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import transaction

from clinic.appointments.models import Appointment
from clinic.appointments.queries import list_day, list_unreachable
from clinic.audit.models import AuditEntry
from clinic.calendars.models import Absence, Calendar, DayException, OpeningHours, Service
from clinic.demo import days
from clinic.demo.acts import PASSWORD
from clinic.demo.operations import load_demo
from clinic.demo.signals import demo_advanced
from clinic.lib import clock
from clinic.people.merging import find_duplicates
from clinic.people.models import Clinic, Membership, Patient, PatientNote, Practitioner, User

WEDNESDAY = datetime(2027, 5, 5, 9, 15, tzinfo=UTC)  # 11:15 in Wrocław and Berlin
# Says that this file needs the database made; each test then works inside the load's own transaction.
pytestmark = [pytest.mark.django_db, pytest.mark.one_engine]


@dataclass(slots=True)
class World:
    """What the load said of time: each instant, with the clock at that moment."""

    acts: int = 0
    heard: list[tuple[datetime, datetime]] = field(default_factory=list)


@pytest.fixture(scope="module")
def world(django_db_setup: None, django_db_blocker: Any) -> Iterator[World]:
    """Load once for this file, and undo it at its end: a load takes seconds."""
    made = World()

    def receive(at: datetime, **kwargs: Any) -> None:
        made.heard.append((at, clock.now()))

    demo_advanced.connect(receive)
    with django_db_blocker.unblock(), transaction.atomic():
        made.acts = load_demo(seed=7, at=WEDNESDAY)
        demo_advanced.disconnect(receive)
        yield made
        transaction.set_rollback(True)


def test_acts_come_in_order_with_the_clock_at_their_instant(world: World) -> None:
    instants = [at for at, _clock in world.heard]

    assert len(world.heard) == world.acts + 1
    assert instants == sorted(instants)
    assert instants[-1] == WEDNESDAY
    assert all(at == now for at, now in world.heard)


def test_nothing_lies_ahead_of_its_time(world: World) -> None:
    assert not Appointment.objects.filter(booked_at__gt=WEDNESDAY).exists()
    assert not Appointment.objects.filter(status__in=("done", "no_show"), starts_at__gt=WEDNESDAY).exists()
    assert not AuditEntry.objects.filter(at__gt=WEDNESDAY).exists()


def test_day_is_full_around_now(world: World) -> None:
    found = {}
    for clinic in Clinic.objects.all():
        today = list_day(clinic=clinic, day=WEDNESDAY.astimezone(clinic.zone).date())
        found[clinic.slug] = [
            sum(visit.ends_at <= WEDNESDAY for visit in today),
            sum(visit.starts_at <= WEDNESDAY < visit.ends_at for visit in today),
            sum(visit.starts_at > WEDNESDAY for visit in today),
        ]

    assert found == {"rynek": [31, 3, 55], "nadodrze": [18, 3, 34], "am-markt": [21, 4, 44]}
    assert Appointment.objects.filter(starts_at__gt=WEDNESDAY + timedelta(days=7)).count() == 168
    assert Appointment.objects.filter(starts_at__lt=WEDNESDAY - timedelta(days=1)).count() == 122


def test_weekday_shows_everything(world: World) -> None:
    assert list(Clinic.objects.order_by("id").values_list("name", "city", "plan")) == [
        ("Gabinety Rynek", "Wrocław", "premium"),
        ("Przychodnia Nadodrze", "Wrocław", "basic"),
        ("Praxis am Markt", "Berlin", "premium"),
    ]
    assert (Practitioner.objects.count(), Calendar.objects.count(), Service.objects.count()) == (12, 13, 52)
    assert Counter(Patient.objects.values_list("language", flat=True)).keys() == {"pl", "de", "ro", "en"}
    assert Counter(Appointment.objects.values_list("status", flat=True)) == {
        "booked": 510,
        "done": 209,
        "cancelled": 63,
        "no_show": 22,
    }
    assert Appointment.objects.filter(confirmed_at__isnull=False).count() == 162
    assert Appointment.objects.filter(sequence=1, status="booked").count() == 23
    assert Counter(Appointment.objects.values_list("origin", flat=True)) == {"staff": 565, "patient": 239}
    assert Counter(
        Appointment.objects.exclude(cancelled_by="").values_list("cancelled_by", flat=True)
    ).keys() == {
        "patient",
        "clinic",
    }


def test_cards_hold_notes_and_some_patients_have_two(world: World) -> None:
    notes = PatientNote.objects.all()
    assert {note.clinic.slug for note in notes} == {"rynek", "nadodrze", "am-markt"}
    assert all(note.user is not None and note.written_at <= WEDNESDAY for note in notes)
    second = Patient.objects.filter(email="", appointments=None).exclude(phone="")
    assert second.count() >= 5
    assert all(find_duplicates(card) for card in second)


def test_patients_lack_what_patients_lack(world: World) -> None:
    for clinic in Clinic.objects.all():
        mine = Patient.objects.filter(clinic=clinic)
        assert mine.filter(email="", phone="").exists()
        assert mine.filter(phone="").exclude(email="").exists()
        assert mine.filter(email="").exclude(phone="").exists()
        assert mine.filter(name=days.LONG_NAME).count() == 1
    assert len(days.LONG_NAME) > 100
    unreachable = Patient.objects.filter(email="", phone="").values_list("pk", flat=True)
    assert not Appointment.objects.filter(patient__in=list(unreachable), origin="patient").exists()
    assert not Appointment.objects.filter(patient__in=list(unreachable), confirmed_at__isnull=False).exists()
    assert sum(list_unreachable(clinic=clinic, at=WEDNESDAY).count() for clinic in Clinic.objects.all()) > 0


def test_hours_have_breaks_an_exception_and_an_absence(world: World) -> None:
    monday = OpeningHours.objects.filter(calendar__name="lek. Ewa Kruk", weekday=0).order_by("opens")
    assert [str(hours) for hours in monday] == ["0 08:00-13:00", "0 13:30-17:00"]
    exception = DayException.objects.get()
    assert (exception.calendar.name, exception.day.isoformat()) == ("lek. Ewa Kruk", "2027-05-10")
    assert [str(hours) for hours in exception.hours.all()] == ["09:00-12:00"]
    absence = Absence.objects.get()
    assert (absence.practitioner.name, absence.starts_at, absence.ends_at) == (
        "dr Barbara Lis",
        datetime(2027, 5, 8, 22, tzinfo=UTC),
        datetime(2027, 5, 12, 22, tzinfo=UTC),
    )
    away = Appointment.objects.filter(
        calendar__practitioner=absence.practitioner,
        starts_at__gte=absence.starts_at,
        starts_at__lt=absence.ends_at,
    )
    assert not away.exists()
    two = Calendar.objects.filter(practitioner__name="dr Tomasz Wilczek").order_by("name")
    assert [calendar.place for calendar in two] == [
        "ul. Zmyślona 40, Wrocław",
        "ul. Przykładowa 12, Wrocław",
    ]


def test_each_role_can_log_in(world: World) -> None:
    assert all(user.check_password(PASSWORD) for user in User.objects.all())
    roles = Counter(Membership.objects.values_list("clinic__slug", "role"))
    assert roles == {
        ("rynek", "admin"): 1,
        ("rynek", "practitioner"): 1,
        ("rynek", "assistant"): 2,
        ("nadodrze", "admin"): 2,
        ("nadodrze", "practitioner"): 1,
        ("nadodrze", "assistant"): 1,
        ("am-markt", "admin"): 1,
        ("am-markt", "practitioner"): 1,
        ("am-markt", "assistant"): 1,
    }
    assert list(User.objects.filter(is_superuser=True).values_list("email", flat=True)) == [
        "operator@anteroom.example"
    ]
    assert Membership.objects.filter(user__email="kasia@wroclaw.example").count() == 2
    assert Practitioner.objects.filter(user__isnull=False).count() == 3
