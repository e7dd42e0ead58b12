"""Arriving, leaving and coming back: what is stored, and what open pages are told."""

from typing import Any, cast

import pytest
from django.core.exceptions import ValidationError

from clinic.audit.operations import PATIENT, SYSTEM, user_actor
from clinic.models import AuditEntry, AuditValue, Calendar, LiveRevocation
from tests.factories.house import MINUTES, NOW, House
from tests.factories.waiting import SECONDS, Told, absent, area_of, arrive, beat, notify, state, take
from waiting_area import areas, calls, operations, presence
from waiting_area.announcing import caller_topic
from waiting_area.models import Caller, WaitingArea
from waiting_area.operations import AreaClosed, CannotResume, HasLeft
from waiting_area.queries import place_of, usual_wait

# --- Arriving --------------------------------------------------------------------------------------


def test_caller_arrives(rynek: House, told: Told) -> None:
    caller = arrive(rynek, "  Ewa   Siwa ", purpose=" Results ", language="pl")

    caller.refresh_from_db()
    assert (caller.name, caller.purpose, caller.language, caller.status) == (
        "Ewa Siwa",
        "Results",
        "pl",
        "waiting",
    )
    assert caller.arrived_at == caller.status_since == caller.last_seen_at == caller.consented_at == NOW
    assert (caller.notice_count, caller.last_author, place_of(caller)) == (0, "", 1)
    assert told == [
        ("caller", {f"clinic:{rynek.clinic.pk}": None}, {"ids": [caller.pk]}),
        ("watch", {f"clinic:{rynek.clinic.pk}": None}, {}),
    ]
    entry = AuditEntry.objects.get(action="caller.arrived")
    assert (entry.clinic_id, entry.actor_kind, entry.object_id) == (rynek.clinic.pk, "patient", caller.pk)


def test_second_press_is_the_same_caller_until_they_left(rynek: House) -> None:
    first = arrive(rynek, key="a" * 32)

    assert arrive(rynek, key="a" * 32).pk == first.pk
    operations.leave(caller_id=first.pk, actor=PATIENT, at=NOW)
    second = arrive(rynek, key="a" * 32)
    assert second.pk != first.pk
    # Coming anew, they press twice as well.
    assert arrive(rynek, key="a" * 32) == second
    operations.leave(caller_id=second.pk, actor=PATIENT, at=NOW)
    assert arrive(rynek, key="a" * 32).pk not in {first.pk, second.pk}
    assert Caller.objects.count() == 3


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", ""), ("name", "x" * 121), ("name", "a\x00b"), ("name", "\u202eabc"),
        ("purpose", " "), ("purpose", "x" * 201), ("purpose", "a\x07b"),
    ],
)  # fmt: skip
def test_what_cannot_be_written_does_not_arrive(field: str, value: str, rynek: House) -> None:
    with pytest.raises(ValidationError) as refused:
        arrive(rynek, **cast(Any, {"name": "Ewa Siwa", field: value}))

    assert list(refused.value.message_dict) == [field]
    assert not Caller.objects.exists()


def test_closed_area_lets_nobody_in(rynek: House) -> None:
    WaitingArea.objects.update(is_open=False)

    with pytest.raises(AreaClosed):
        arrive(rynek)


def test_places_follow_arrival_and_area(rynek: House, markt: House) -> None:
    callers = [arrive(rynek, at=NOW + number * MINUTES) for number in (2, 0, 1)]
    arrive(markt)
    take(callers[1], at=NOW + 3 * MINUTES)
    callers[1].refresh_from_db()

    assert [place_of(each) for each in callers] == [2, None, 1]


# --- Leaving ---------------------------------------------------------------------------------------


def test_caller_leaves_and_the_others_move_up(rynek: House, told: Told) -> None:
    first, second = arrive(rynek), arrive(rynek, "Jan Szary", at=NOW + MINUTES)
    told.clear()

    assert operations.leave(caller_id=first.pk, actor=PATIENT, at=NOW + 5 * MINUTES)

    first.refresh_from_db()
    assert (first.status, first.how_left, first.left_at, first.since) == (
        "left", "themselves", NOW + 5 * MINUTES, NOW + 5 * MINUTES,
    )  # fmt: skip
    assert told == [
        ("place", {f"area:{area_of(rynek).pk}": None}, {"left": 1}),
        ("caller", {f"clinic:{rynek.clinic.pk}": None}, {"ids": [first.pk]}),
        ("caller_state", {f"caller:{first.pk}": None}, {}),
        ("watch", {f"clinic:{rynek.clinic.pk}": None}, {}),
    ]
    assert LiveRevocation.objects.filter(scope=caller_topic(first.pk)).exists()
    assert place_of(second) == 1
    assert not operations.leave(caller_id=first.pk, actor=PATIENT, at=NOW + 6 * MINUTES)


def test_removed_caller_cannot_come_back(rynek: House) -> None:
    caller = arrive(rynek)

    assert operations.remove(caller_id=caller.pk, actor=user_actor(rynek.assistant), at=NOW)

    assert state(caller) == ("left", "removed", False)
    with pytest.raises(CannotResume):
        operations.resume(caller_id=caller.pk, at=NOW)
    assert AuditEntry.objects.get(action="caller.removed").actor_user == rynek.assistant
    assert LiveRevocation.objects.filter(scope=caller_topic(caller.pk)).exists()
    assert not operations.remove(caller_id=caller.pk, actor=SYSTEM, at=NOW)


def test_absent_caller_can_be_removed_for_good(rynek: House, beating: None, told: Told) -> None:
    caller = arrive(rynek)
    beat(NOW + 2 * MINUTES)
    presence.sweep(at=NOW + 2 * MINUTES)
    assert state(caller) == ("left", "absent", False)

    told.clear()
    assert operations.remove(caller_id=caller.pk, actor=SYSTEM, at=NOW + 3 * MINUTES)

    assert state(caller) == ("left", "removed", False)
    assert [name for name, _topics, _data in told] == ["caller", "caller_state", "watch"]
    with pytest.raises(CannotResume):
        operations.resume(caller_id=caller.pk, at=NOW + 3 * MINUTES)


def test_taken_caller_leaves_the_queue(rynek: House, told: Told) -> None:
    first, second = arrive(rynek), arrive(rynek, at=NOW + MINUTES)
    told.clear()

    take(second, at=NOW + 5 * MINUTES)

    second.refresh_from_db()
    assert (second.status, second.status_since, second.taken_at) == (
        "in_call",
        NOW + 5 * MINUTES,
        NOW + 5 * MINUTES,
    )
    assert [name for name, _topics, _data in told] == ["place", "caller", "caller_state"]
    assert told[0][2] == {"left": 2}
    operations.leave(caller_id=first.pk, actor=PATIENT, at=NOW + 5 * MINUTES)
    with pytest.raises(HasLeft):
        calls.join(caller_id=first.pk, actor=user_actor(rynek.assistant), at=NOW + 5 * MINUTES)


def test_usual_wait_has_todays_takings_for_its_basis(rynek: House) -> None:
    area = area_of(rynek)
    # Yesterday in Warsaw, though less than a day ago.
    early = arrive(rynek, at=NOW - 600 * MINUTES)
    take(early, at=NOW - 599 * MINUTES)
    for minutes in (6, 8):
        taken = arrive(rynek, at=NOW)
        take(taken, at=NOW + minutes * MINUTES)
    assert usual_wait(area, NOW + 30 * MINUTES) is None
    taken = arrive(rynek, at=NOW)
    take(taken, at=NOW + 12 * MINUTES)

    assert usual_wait(area, NOW + 30 * MINUTES) == 8


# --- Coming back -----------------------------------------------------------------------------------


def test_same_caller_comes_back_to_their_place(rynek: House, beating: None, told: Told) -> None:
    caller = absent(rynek, told)
    at = NOW + 32 * MINUTES

    operations.resume(caller_id=caller.pk, at=at)

    caller.refresh_from_db()
    assert (caller.status, caller.arrived_at, caller.status_since, caller.left_at) == (
        "waiting",
        NOW,
        NOW,
        None,
    )
    assert (place_of(caller), caller.notice_count, caller.last_seen_at) == (1, 1, at)
    assert told == [
        ("place", {f"area:{area_of(rynek).pk}": None}, {"taken": 1}),
        ("caller", {f"clinic:{rynek.clinic.pk}": None}, {"ids": [caller.pk]}),
        ("caller_state", {f"caller:{caller.pk}": None}, {}),
        ("watch", {f"clinic:{rynek.clinic.pk}": None}, {}),
    ]
    assert AuditEntry.objects.filter(action="caller.resumed").count() == 1


def test_after_half_an_hour_it_is_too_late(rynek: House, beating: None, told: Told) -> None:
    caller = absent(rynek, told)

    with pytest.raises(CannotResume):
        operations.resume(caller_id=caller.pk, at=NOW + 32 * MINUTES + SECONDS)

    assert state(caller) == ("left", "absent", False)


def test_who_is_here_resumes_without_a_word(rynek: House, told: Told) -> None:
    caller = arrive(rynek)
    told.clear()

    assert operations.resume(caller_id=caller.pk, at=NOW + MINUTES) == caller
    assert told == []


# --- To another area or practitioner ---------------------------------------------------------------


def transfer(
    caller: Caller, area: WaitingArea, house: House, *, to: Calendar | None = None, at: Any = NOW
) -> None:
    operations.transfer(caller_id=caller.pk, area=area, calendar=to, actor=user_actor(house.assistant), at=at)


def test_who_waits_goes_on_waiting_elsewhere(rynek: House, told: Told) -> None:
    upstairs = areas.add_area(clinic=rynek.clinic, name="Upstairs", actor=SYSTEM, at=NOW)
    here, caller = arrive(rynek), arrive(rynek, at=NOW + MINUTES)
    notify(rynek, caller)
    told.clear()

    transfer(caller, upstairs, rynek, to=rynek.calendar, at=NOW + 2 * MINUTES)

    caller.refresh_from_db()
    assert (caller.area, caller.calendar, caller.status, caller.notice_count) == (
        upstairs, rynek.calendar, "waiting", 1,
    )  # fmt: skip
    assert caller.status_since == caller.arrived_at == NOW + MINUTES
    assert (place_of(here), place_of(caller)) == (1, 1)
    assert told == [
        ("place", {f"area:{here.area_id}": None}, {"left": 2}),
        ("place", {f"area:{upstairs.pk}": None}, {"taken": 1}),
        ("caller", {f"clinic:{rynek.clinic.pk}": None}, {"ids": [caller.pk]}),
        ("caller_state", {f"caller:{caller.pk}": None}, {}),
    ]
    entry = AuditEntry.objects.get(action="caller.transferred")
    values = AuditValue.objects.get(entry=entry)
    assert values.old == {"area": here.area_id, "calendar": None, "status": "waiting"}
    assert values.new == {"area": upstairs.pk, "calendar": rynek.calendar.pk, "status": "waiting"}
    # Only to another practitioner: nobody in the queue moves.
    told.clear()
    transfer(caller, upstairs, rynek)
    assert [name for name, _topics, _data in told] == ["caller", "caller_state"]


@pytest.mark.parametrize("is_held", [False, True])
def test_who_is_in_a_call_waits_elsewhere_by_their_arrival(is_held: bool, rynek: House, told: Told) -> None:
    upstairs = areas.add_area(clinic=rynek.clinic, name="Upstairs", actor=SYSTEM, at=NOW)
    caller, other = arrive(rynek), arrive(rynek, at=NOW + MINUTES)
    transfer(other, upstairs, rynek)
    actor = user_actor(rynek.assistant)
    call = calls.join(caller_id=caller.pk, actor=actor, at=NOW + MINUTES)
    if is_held:
        calls.hold(caller_id=caller.pk, actor=actor, at=NOW + MINUTES)
    told.clear()

    transfer(caller, upstairs, rynek, at=NOW + 5 * MINUTES)

    caller.refresh_from_db()
    other.refresh_from_db()
    assert (caller.status, caller.call, caller.status_since, caller.taken_at) == (
        "waiting", None, NOW + 5 * MINUTES, NOW + MINUTES,
    )  # fmt: skip
    assert [place_of(each) for each in (caller, other)] == [1, 2]
    assert ("place", {f"area:{upstairs.pk}": None}, {"taken": 1}) in told
    # How long they waited is no part of the first area's usual wait any more: its pages ask for that anew.
    topics = {f"area:{area_of(rynek).pk}": None, f"clinic:{rynek.clinic.pk}": None}
    assert ("area", topics, {}) in told
    # Nobody is left in their call, and whoever was with them is free.
    call.refresh_from_db()
    assert call.ended_at == NOW + 5 * MINUTES
    assert not call.participations.filter(gone_at=None).exists()


def test_nobody_is_sent_to_another_clinic(rynek: House, markt: House) -> None:
    caller = arrive(rynek)

    with pytest.raises(ValueError, match="within one clinic"):
        transfer(caller, area_of(markt), rynek)
    with pytest.raises(ValueError, match="within one clinic"):
        transfer(caller, area_of(rynek), rynek, to=markt.calendar)
    operations.leave(caller_id=caller.pk, actor=PATIENT, at=NOW)
    with pytest.raises(HasLeft):
        transfer(caller, area_of(rynek), rynek)
    caller.refresh_from_db()
    assert (caller.area, caller.calendar) == (area_of(rynek), None)


def test_second_press_after_a_transfer_is_the_same_caller(rynek: House) -> None:
    upstairs = areas.add_area(clinic=rynek.clinic, name="Upstairs", actor=SYSTEM, at=NOW)
    caller = arrive(rynek, key="a" * 32)
    transfer(caller, upstairs, rynek)

    assert arrive(rynek, key="a" * 32) == caller
    operations.leave(caller_id=caller.pk, actor=PATIENT, at=NOW)
    again = arrive(rynek, key="a" * 32)
    transfer(again, upstairs, rynek)
    assert Caller.objects.filter(area=upstairs).count() == 2


# --- Beside an appointment -------------------------------------------------------------------------


def test_one_caller_for_an_appointment(rynek: House, told: Told) -> None:
    caller = arrive(rynek, appointment=rynek.appointment)

    assert arrive(rynek, "Somebody Else", appointment=rynek.appointment) == caller
    Caller.objects.filter(pk=caller.pk).update(
        status="left", how_left="absent", left_from="waiting", left_at=NOW
    )
    assert arrive(rynek, appointment=rynek.appointment, at=NOW + 30 * MINUTES) == caller
    assert state(caller) == ("waiting", "", False)
    operations.remove(caller_id=caller.pk, actor=SYSTEM, at=NOW)
    assert arrive(rynek, appointment=rynek.appointment) != caller


def test_entry_asks_what_the_area_wants_to_know(rynek: House, markt: House) -> None:
    areas.change_area(
        area=area_of(rynek), asks_purpose="no", asks_phone="required", asks_calendar="required",
        actor=SYSTEM, at=NOW,
    )  # fmt: skip

    with pytest.raises(ValidationError) as refused:
        arrive(rynek, phone="", calendar=None)
    assert set(refused.value.message_dict) == {"phone", "calendar"}
    with pytest.raises(ValidationError) as refused:
        arrive(rynek, phone="+48 512 345 678", calendar=markt.calendar)
    assert set(refused.value.message_dict) == {"calendar"}
    with pytest.raises(ValidationError) as refused:
        arrive(rynek, phone="12", calendar=rynek.calendar)
    assert set(refused.value.message_dict) == {"phone"}
    caller = arrive(rynek, purpose="", phone="512 345 678", calendar=rynek.calendar)
    caller.refresh_from_db()
    assert (caller.phone, caller.calendar) == ("+48512345678", rynek.calendar)


def test_caller_who_came_in_meanwhile_is_returned(rynek: House, monkeypatch: pytest.MonkeyPatch) -> None:
    really, found = operations._told, []

    def after_the_first(*args: Any, **more: Any) -> Any:
        monkeypatch.setattr(operations, "_told", really)
        told = really(*args, **more)
        monkeypatch.setattr(operations.Caller.objects, "filter", nothing)
        return told

    def nothing(**_wanted: Any) -> Any:
        monkeypatch.undo()
        found.append(arrive(rynek, key="a" * 32))
        return Caller.objects.none()

    monkeypatch.setattr(operations, "_told", after_the_first)
    assert arrive(rynek, key="a" * 32) == found[0]
    assert Caller.objects.count() == 1


def test_lost_caller_who_reloads_is_here_again(rynek: House, beating: None, told: Told) -> None:
    caller = arrive(rynek)
    beat(NOW + MINUTES)
    presence.sweep(at=NOW + MINUTES)
    told.clear()

    operations.resume(caller_id=caller.pk, at=NOW + 61 * SECONDS)

    assert state(caller) == ("waiting", "", False)
    assert told == [("caller", {f"clinic:{rynek.clinic.pk}": None}, {"ids": [caller.pk]})]
