"""Waiting areas and their settings."""

from datetime import datetime, time, timedelta
from typing import Any

import pytest
from django.core.exceptions import ValidationError

from clinic.audit.operations import SYSTEM, user_actor
from clinic.models import AuditEntry, AuditValue
from clinic.people.operations import create_clinic
from tests.factories.house import NOW, House
from tests.factories.waiting import Told, area_of
from waiting_area import areas
from waiting_area.models import WaitingArea
from waiting_area.queries import hours_of, is_taking_callers, takes_guest_notices


def test_clinic_is_made_with_its_area(rynek: House, markt: House) -> None:
    area = WaitingArea.objects.get(clinic=rynek.clinic)

    assert (area.name, area.is_default, area.guest_notices, area.is_open) == (
        "Gabinety Rynek",
        True,
        True,
        True,
    )
    assert area.key.startswith("gabinety-rynek-")
    assert len(area.key) == len("gabinety-rynek-") + 10
    assert areas.make_area(clinic=rynek.clinic, actor=SYSTEM, at=NOW) == area
    assert WaitingArea.objects.count() == 2
    assert AuditEntry.objects.filter(action="waiting_area.created").count() == 2


@pytest.mark.django_db
def test_keys_of_one_name_differ() -> None:
    for number in range(3):
        create_clinic(
            name="Żółw", country="PL", language="pl", time_zone="Europe/Warsaw", slug=f"c{number}",
            actor=SYSTEM, at=NOW,
        )  # fmt: skip

    keys = set(WaitingArea.objects.values_list("key", flat=True))
    assert len(keys) == 3
    assert all(key.startswith("zolw-") for key in keys)


def test_welcome_is_kept_and_recorded(rynek: House) -> None:
    area = area_of(rynek)

    areas.change_area(area=area, welcomes={"pl": " Hello\r\nyou "}, actor=SYSTEM, at=NOW)
    area.refresh_from_db()

    assert area.welcome == "Hello\nyou"
    with pytest.raises(ValidationError):
        areas.change_area(area=area, welcomes={"pl": "x" * 1001}, actor=SYSTEM, at=NOW)
    areas.change_area(area=area, welcomes={"pl": " "}, actor=SYSTEM, at=NOW)
    area.refresh_from_db()
    assert area.welcome == ""


# --- Settings --------------------------------------------------------------------------------------


def change(house: House, **wanted: Any) -> WaitingArea:
    areas.change_area(area=area_of(house), actor=user_actor(house.admin), at=NOW, **wanted)
    return area_of(house)


def test_second_area_has_its_own_name_and_key(rynek: House, markt: House) -> None:
    made = areas.add_area(clinic=rynek.clinic, name="  Up  stairs ", actor=SYSTEM, at=NOW)

    assert (made.name, made.is_default, made.guest_notices) == ("Up stairs", False, True)
    assert made.key.startswith("gabinety-rynek-up-stairs-")
    for name in ("Up stairs", " ", "x" * 121, "a\x00b"):
        with pytest.raises(ValidationError) as refused:
            areas.add_area(clinic=rynek.clinic, name=name, actor=SYSTEM, at=NOW)
        assert list(refused.value.message_dict) == ["name"]
    assert areas.add_area(clinic=markt.clinic, name="Up stairs", actor=SYSTEM, at=NOW).name == "Up stairs"
    # Its own name is no other's.
    areas.change_area(area=made, name="Up stairs", grace_seconds=30, actor=SYSTEM, at=NOW)


def test_change_is_recorded_and_told_once(rynek: House, told: Told) -> None:
    hours = {0: [(time(13), time(16)), (time(8), time(12))], 5: []}

    area = change(rynek, name="Ground floor", grace_seconds=30, hours=hours)

    assert (area.name, area.grace) == ("Ground floor", timedelta(seconds=30))
    assert hours_of(area) == {0: [(time(8), time(12)), (time(13), time(16))]}
    assert told == [("area", {f"area:{area.pk}": None, f"clinic:{rynek.clinic.pk}": None}, {})]
    entry = AuditEntry.objects.get(action="waiting_area.changed")
    values = AuditValue.objects.get(entry=entry)
    assert values.old == {"name": "Gabinety Rynek", "grace_seconds": 60, "hours": {}}
    assert values.new == {
        "name": "Ground floor",
        "grace_seconds": 30,
        "hours": {"0": "08:00–12:00, 13:00–16:00"},
    }
    # As it is: nothing to record, nobody to tell.
    change(rynek, name="Ground floor", grace_seconds=30, hours=hours)
    assert (len(told), AuditEntry.objects.filter(action="waiting_area.changed").count()) == (1, 1)
    assert hours_of(change(rynek, hours={})) == {}
    assert len(told) == 2


@pytest.mark.parametrize(
    ("wall", "takes"),
    [((7, 59), False), ((8, 0), True), ((11, 59), True), ((12, 0), False), ((13, 0), True), ((16, 0), False)],
)
def test_callers_are_taken_within_the_hours_of_the_clinics_wall(
    wall: tuple[int, int], takes: bool, rynek: House
) -> None:
    area = change(rynek, hours={0: [(time(8), time(12)), (time(13), time(16))]})
    at = datetime(2027, 5, 3, *wall, tzinfo=rynek.clinic.zone)

    assert is_taking_callers(area, at) == takes
    assert not is_taking_callers(area, at + timedelta(days=1))
    assert not is_taking_callers(change(rynek, is_open=False), at)


def test_switch_of_the_clinic_and_of_an_area(rynek: House, markt: House, told: Told) -> None:
    own = areas.add_area(clinic=rynek.clinic, name="Own", actor=SYSTEM, at=NOW)
    areas.change_area(area=own, own_guest_notices=True, actor=SYSTEM, at=NOW)
    told.clear()

    def switches() -> list[bool]:
        rows = WaitingArea.objects.filter(clinic=rynek.clinic).order_by("pk")
        return list(rows.values_list("guest_notices", flat=True))

    def turn(takes: bool) -> None:
        areas.set_guest_notices(clinic=rynek.clinic, takes=takes, actor=user_actor(rynek.admin), at=NOW)

    turn(True)
    assert (switches(), told) == ([True, True], [])
    turn(False)
    assert switches() == [False, True]
    topics = {f"area:{area_of(rynek).pk}": None, f"clinic:{rynek.clinic.pk}": None}
    assert told == [("area", topics, {})]
    assert (takes_guest_notices(rynek.clinic), takes_guest_notices(markt.clinic)) == (False, True)
    assert area_of(markt).guest_notices
    entry = AuditEntry.objects.get(action="waiting_settings.changed")
    assert (entry.actor_user, entry.clinic_id) == (rynek.admin, rynek.clinic.pk)
    # An area made later, and one that gives up its own switch, follow the clinic.
    assert not areas.add_area(clinic=rynek.clinic, name="Late", actor=SYSTEM, at=NOW).guest_notices
    areas.change_area(area=own, own_guest_notices=None, actor=SYSTEM, at=NOW)
    assert switches() == [False, False, False]
    turn(True)
    assert switches() == [True, True, True]
