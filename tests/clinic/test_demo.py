"""The demonstration: what it makes at any hour, and when it refuses."""

import io
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.core.management import CommandError, call_command

from clinic.appointments.models import Appointment
from clinic.appointments.queries import list_day
from clinic.demo import days, operations
from clinic.demo.acts import acts
from clinic.demo.house import CLINICS, USERS
from clinic.demo.operations import load_demo, logins_text
from clinic.lib import clock
from clinic.people.models import Clinic

WEDNESDAY = datetime(2027, 5, 5, 9, 15, tzinfo=UTC)  # 11:15 in Wrocław and Berlin
ODD_HOURS = [
    pytest.param(datetime(2027, 5, 8, 14, 0, tzinfo=UTC), id="saturday"),
    pytest.param(datetime(2027, 5, 9, 1, 5, tzinfo=UTC), id="sunday-night"),
    pytest.param(datetime(2027, 3, 28, 0, 30, tzinfo=UTC), id="dst-spring"),
    pytest.param(datetime(2027, 10, 31, 1, 10, tzinfo=UTC), id="dst-autumn"),
]


@pytest.fixture
def data_dir(settings: Any, tmp_path: Path) -> Path:
    settings.DATA_DIR = tmp_path
    return tmp_path


# A whole demonstration takes long to make: test_demo_world.py makes one in every run.
@pytest.mark.faults
@pytest.mark.django_db
@pytest.mark.parametrize("now", ODD_HOURS)
def test_every_clinic_has_somebody_with_a_doctor_at_odd_hours(now: datetime) -> None:
    load_demo(seed=7, at=now)

    for clinic in Clinic.objects.all():
        today = list_day(clinic=clinic, day=now.astimezone(clinic.zone).date())
        assert len(today) >= 10
        assert any(visit.is_active and visit.starts_at <= now < visit.ends_at for visit in today)
    assert not Appointment.objects.filter(booked_at__gt=now).exists()


@pytest.mark.one_engine
@pytest.mark.parametrize("now", ODD_HOURS)
def test_day_is_planned_full_at_odd_hours(now: datetime) -> None:
    found = list(days.visits(7, now))

    for clinic in CLINICS:
        zone = ZoneInfo(clinic.time_zone)
        mine = [visit for visit in found if visit.clinic is clinic and visit.booked_at <= now]
        today = [
            visit for visit in mine if visit.starts_at.astimezone(zone).date() == now.astimezone(zone).date()
        ]
        assert len(today) >= 10
        assert any(visit.is_running(now) for visit in mine)


@pytest.mark.one_engine
@pytest.mark.parametrize("hour", range(22))
@pytest.mark.parametrize("day", [date(2027, 5, 5), date(2027, 5, 9), date(2026, 12, 31)])
def test_somebody_is_with_a_doctor_at_every_hour(day: date, hour: int) -> None:
    now = datetime.combine(day, time(hour, 10), tzinfo=UTC)

    found = list(days.visits(7, now))

    running = {visit.clinic.slug for visit in found if visit.is_running(now) and visit.booked_at <= now}
    assert running == {"rynek", "nadodrze", "am-markt"}
    assert len({visit.key for visit in found}) == len(found)


def test_same_seed_and_instant_make_the_same_plan() -> None:
    plan = list(days.visits(7, WEDNESDAY))

    assert list(days.visits(7, WEDNESDAY)) == plan
    assert list(days.visits(8, WEDNESDAY)) != plan


def test_command_prints_and_keeps_the_log_ins(
    data_dir: Path, db: None, django_capture_on_commit_callbacks: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(operations, "acts", lambda seed, now: [])
    out = io.StringIO()

    with clock.held_at(WEDNESDAY), django_capture_on_commit_callbacks(execute=True):
        call_command("demo", stdout=out)

    assert (data_dir / "demo-logins.txt").read_text(encoding="utf-8") == logins_text()
    assert out.getvalue() == logins_text()
    assert [path.name for path in data_dir.iterdir()] == ["demo-logins.txt"]


def test_later_on_the_same_day_the_past_is_the_same() -> None:
    before = [act.at for act in acts(7, WEDNESDAY)]
    after = [act.at for act in acts(7, WEDNESDAY + timedelta(minutes=45))]

    assert after[: len(before)] == before
    assert len(after) > len(before)
    assert acts(8, WEDNESDAY)[10].at != acts(7, WEDNESDAY)[10].at


def test_log_ins_name_roles_and_password() -> None:
    lines = logins_text().splitlines()

    assert lines[0] == "Log-ins of the demonstration; the password is always anteroom-demo"
    assert lines[2] == "  anna@rynek.example         administrator of Gabinety Rynek"
    assert lines[-1] == "  operator@anteroom.example  operator"
    assert len(lines) == 2 + len(USERS)


@pytest.mark.django_db
def test_installation_with_clinics_is_left_alone(data_dir: Path) -> None:
    Clinic.objects.create(slug="mine", name="Mine", created_at=WEDNESDAY)

    with pytest.raises(CommandError, match=r"^There are clinics already"):
        call_command("demo")

    assert list(Clinic.objects.values_list("slug", flat=True)) == ["mine"]
    assert not (data_dir / "demo-logins.txt").exists()


@pytest.mark.django_db
def test_production_is_left_alone(data_dir: Path, settings: Any) -> None:
    settings.PRODUCTION = True

    with pytest.raises(CommandError, match=r"^This is a production installation"):
        call_command("demo")

    assert not Clinic.objects.exists()


def test_house_is_open_around_any_hour() -> None:
    """On duty, the day's hours hold now; the others keep theirs."""
    for hour in range(22):
        now = datetime(2027, 5, 9, hour, 40, tzinfo=UTC)  # a Sunday
        for clinic in CLINICS:
            for calendar in clinic.calendars:
                zone = Clinic(time_zone=clinic.time_zone).zone
                hours = days.today_hours(calendar, now=now, zone=zone)
                local = now.astimezone(zone).time()
                if not calendar.is_on_duty:
                    assert hours == ()
                else:
                    assert any(opens <= local < closes for opens, closes in hours)


def test_hours_on_duty_are_the_usual_ones_in_the_middle_of_a_weekday() -> None:
    calendar = CLINICS[0].calendars[0]
    zone = Clinic(time_zone="Europe/Warsaw").zone

    assert days.today_hours(calendar, now=WEDNESDAY, zone=zone) == calendar.hours
    assert days.today_hours(calendar, now=WEDNESDAY.replace(hour=20), zone=zone) == (
        (time(8), time(13)),
        (time(13, 30), days.LAST_MINUTE),
    )


@pytest.mark.parametrize("today", [date(2027, 5, 3) + timedelta(days=number) for number in range(7)])
def test_day_of_shorter_hours_is_a_working_day_ahead(today: date) -> None:
    found = days.away(today).short_day

    assert found.weekday() < 5
    assert timedelta(days=5) <= found - today <= timedelta(days=7)
