"""Joining, holding, leaving and ending calls: who is with whom, and what pages are told (W13, W14)."""

from typing import Any

import pytest

from clinic.audit.operations import PATIENT, Actor, user_actor
from clinic.models import AuditEntry, AuditValue, LiveRevocation
from tests.factories.house import MINUTES, NOW, House
from tests.factories.soundness import assert_sound
from tests.factories.waiting import SECONDS, Told, area_of, arrive, beat, notify, ping, state
from waiting_area import calls, notices, operations, presence
from waiting_area.announcing import caller_topic
from waiting_area.calls import CallOver, InAnotherCall, NotHeld, NotInCall, Rest
from waiting_area.enums import Left, Status
from waiting_area.models import Call, Caller, Notice, Participation
from waiting_area.notices import MayNotWrite
from waiting_area.states import HasLeft, WrongState

LATER = NOW + 5 * MINUTES


def one(house: House) -> Actor:
    return user_actor(house.assistant)


def two(house: House) -> Actor:
    return user_actor(house.admin)


def join(caller: Caller, actor: Actor, at: Any = NOW, **more: Any) -> Call:
    return calls.join(caller_id=caller.pk, actor=actor, at=at, **more)


def stands(caller: Caller) -> tuple[str, int | None, Any, str]:
    """Return a caller's status, call, since when they are alone, and what staff are alerted of."""
    caller.refresh_from_db()
    return caller.status, caller.call_id, caller.alone_since, caller.alert


def inside(call: Call) -> list[int]:
    return list(call.participations.filter(gone_at=None).order_by("pk").values_list("user_id", flat=True))


def went(call: Call) -> list[tuple[int, str, Any]]:
    return list(call.participations.order_by("pk").values_list("user_id", "how_gone", "gone_at"))


def is_over(call: Call) -> bool:
    call.refresh_from_db()
    return call.is_over


# --- Joining ---------------------------------------------------------------------------------------


def test_joining_who_waits(rynek: House, told: Told) -> None:
    caller = arrive(rynek)
    told.clear()

    call = join(caller, one(rynek), LATER, was=Status.WAITING)

    assert stands(caller) == ("in_call", call.pk, None, "")
    assert (caller.status_since, caller.taken_at, call.started_at, call.ended_at) == (
        LATER,
        LATER,
        LATER,
        None,
    )
    assert (call.clinic_id, len(call.key)) == (rynek.clinic.pk, 22)
    here = call.participations.get()
    assert (here.user, here.clinic, here.joined_at, here.last_seen_at, here.gone_at, here.how_gone) == (
        rynek.assistant, rynek.clinic, LATER, LATER, None, "",
    )  # fmt: skip
    clinic = {f"clinic:{rynek.clinic.pk}": None}
    assert told == [
        ("place", {f"area:{area_of(rynek).pk}": None}, {"left": 1}),
        ("caller", clinic, {"ids": [caller.pk]}),
        ("caller_state", {f"caller:{caller.pk}": None}, {}),
        ("call", clinic, {"ids": [call.pk]}),
        ("caller_state", {f"caller:{caller.pk}": None}, {}),
        ("caller", clinic, {"ids": [caller.pk]}),
        ("call", clinic, {"ids": [call.pk]}),
        ("caller_state", {f"caller:{caller.pk}": None}, {}),
        ("watch", clinic, {}),
    ]
    entry = AuditEntry.objects.get(action="caller.joined")
    assert (entry.actor_user, entry.object_id, entry.clinic_id) == (
        rynek.assistant,
        caller.pk,
        rynek.clinic.pk,
    )
    values = AuditValue.objects.get(entry=entry)
    assert (values.old, values.new) == ({"status": "waiting"}, {"call": call.pk})


def test_several_staff_are_in_one_call(rynek: House) -> None:
    caller = arrive(rynek)
    call = join(caller, one(rynek))

    assert join(caller, two(rynek), LATER) == call
    assert join(caller, two(rynek), LATER) == call

    assert inside(call) == [rynek.assistant.pk, rynek.admin.pk]
    caller.refresh_from_db()
    assert (caller.status_since, caller.taken_at) == (NOW, NOW)


def test_who_is_on_hold_is_taken_off_hold(rynek: House) -> None:
    caller = arrive(rynek)
    call = join(caller, one(rynek))
    calls.hold(caller_id=caller.pk, actor=one(rynek), at=NOW + MINUTES)

    assert join(caller, two(rynek), LATER, was=Status.ON_HOLD) == call

    assert stands(caller) == ("in_call", call.pk, None, "")
    assert (caller.status_since, caller.taken_at) == (LATER, NOW)
    assert inside(call) == [rynek.assistant.pk, rynek.admin.pk]


def test_who_was_left_alone_is_alone_no_more(rynek: House, beating: None) -> None:
    caller, other = arrive(rynek), arrive(rynek)
    call = join(caller, one(rynek))
    join(other, one(rynek), into=call)
    calls.leave_call(call=call, actor=one(rynek), at=NOW, rest=Rest.ALONE)
    calls.alert_alone(caller_id=caller.pk, at=NOW + MINUTES)
    assert [stands(each) for each in (caller, other)] == [
        ("in_call", call.pk, NOW, "alone"), ("in_call", call.pk, NOW, ""),
    ]  # fmt: skip

    assert join(other, two(rynek), LATER) == call

    assert [stands(each) for each in (caller, other)] == [("in_call", call.pk, None, "")] * 2
    assert caller.status_since == NOW
    assert_sound()


def test_screen_that_is_behind_is_told(rynek: House) -> None:
    caller = arrive(rynek)
    join(caller, one(rynek))

    with pytest.raises(WrongState) as refused:
        join(caller, two(rynek), was=Status.WAITING)

    assert refused.value.status == Status.IN_CALL
    assert Participation.objects.count() == 1
    operations.leave(caller_id=caller.pk, actor=PATIENT, at=NOW)
    with pytest.raises(HasLeft):
        join(caller, two(rynek), was=Status.IN_CALL)


def test_nobody_is_in_two_calls(rynek: House) -> None:
    first, second = arrive(rynek), arrive(rynek)
    call = join(first, one(rynek))

    with pytest.raises(InAnotherCall) as refused:
        join(second, one(rynek))

    assert refused.value.call == call
    assert stands(second) == ("waiting", None, None, "")
    assert Call.objects.count() == 1


def test_caller_is_brought_into_ones_own_call(rynek: House, told: Told) -> None:
    first, second = arrive(rynek), arrive(rynek)
    call = join(first, one(rynek))

    assert join(second, one(rynek), LATER, into=call) == call

    assert set(call.callers.values_list("pk", flat=True)) == {first.pk, second.pk}
    assert inside(call) == [rynek.assistant.pk]
    with pytest.raises(NotInCall):
        join(arrive(rynek), two(rynek), into=call)
    # Nobody is taken out of a colleague's call; left alone in it, they are nowhere in between, and their page
    # looks.
    third = arrive(rynek)
    theirs = join(third, two(rynek))
    with pytest.raises(NotInCall):
        join(third, one(rynek), LATER, into=call)
    calls.leave_call(call=theirs, actor=two(rynek), at=LATER, rest=Rest.ALONE)
    told.clear()
    assert join(third, one(rynek), LATER, into=call) == call
    assert (stands(third), is_over(theirs), inside(theirs)) == (("in_call", call.pk, None, ""), True, [])
    assert went(theirs) == [(rynek.admin.pk, "left", LATER)]
    assert ("caller_state", {f"caller:{third.pk}": None}, {}) in told
    with pytest.raises(NotInCall):
        join(third, two(rynek), into=theirs)
    assert_sound()


def test_call_of_another_clinic_is_none_of_ones_own(rynek: House, markt: House) -> None:
    caller, foreign = arrive(rynek), arrive(markt)
    theirs = join(foreign, user_actor(markt.assistant))

    with pytest.raises(NotInCall):
        join(caller, one(rynek), into=theirs)
    with pytest.raises(NotInCall):
        calls.leave_call(call=theirs, actor=one(rynek), at=NOW)
    with pytest.raises(NotInCall):
        calls.hold(caller_id=foreign.pk, actor=one(rynek), at=NOW)
    with pytest.raises(NotInCall):
        calls.end_call(call=theirs, actor=one(rynek), at=NOW)
    assert stands(foreign) == ("in_call", theirs.pk, None, "")
    assert stands(caller) == ("waiting", None, None, "")


# --- Holding ---------------------------------------------------------------------------------------


def test_hold(rynek: House, told: Told) -> None:
    caller = arrive(rynek)
    call = join(caller, one(rynek))
    told.clear()

    calls.hold(caller_id=caller.pk, actor=one(rynek), at=LATER)

    assert stands(caller) == ("on_hold", call.pk, None, "")
    assert caller.status_since == LATER
    clinic = {f"clinic:{rynek.clinic.pk}": None}
    assert told == [
        ("caller", clinic, {"ids": [caller.pk]}),
        ("caller_state", {f"caller:{caller.pk}": None}, {}),
        ("call", clinic, {"ids": [call.pk]}),
        ("caller_state", {f"caller:{caller.pk}": None}, {}),
        ("watch", clinic, {}),
    ]
    assert AuditEntry.objects.get(action="caller.held").actor_user == rynek.assistant
    assert inside(call) == [rynek.assistant.pk]
    with pytest.raises(WrongState) as refused:
        calls.hold(caller_id=caller.pk, actor=one(rynek), at=LATER)
    assert refused.value.status == Status.ON_HOLD


def test_only_who_is_there_holds_unless_nobody_is(rynek: House) -> None:
    caller = arrive(rynek)
    with pytest.raises(WrongState):
        calls.hold(caller_id=caller.pk, actor=one(rynek), at=NOW)
    call = join(caller, one(rynek))

    with pytest.raises(NotInCall):
        calls.hold(caller_id=caller.pk, actor=two(rynek), at=NOW)
    assert stands(caller) == ("in_call", call.pk, None, "")
    calls.leave_call(call=call, actor=one(rynek), at=NOW, rest=Rest.ALONE)
    calls.hold(caller_id=caller.pk, actor=two(rynek), at=LATER)
    assert stands(caller) == ("on_hold", call.pk, None, "")


def test_on_hold_one_may_write_alone_in_a_call_not(rynek: House) -> None:
    caller = arrive(rynek)
    call = join(caller, one(rynek))
    calls.leave_call(call=call, actor=one(rynek), at=NOW, rest=Rest.ALONE)

    with pytest.raises(MayNotWrite):
        notices.write(caller_id=caller.pk, text="Hello?", key="a" * 32, at=NOW)
    notify(rynek, caller)
    calls.hold(caller_id=caller.pk, actor=one(rynek), at=NOW)
    assert notices.write(caller_id=caller.pk, text="Hello?", key="a" * 32, at=NOW).number == 2


# --- Leaving ---------------------------------------------------------------------------------------


def test_leaving_callers_alone_must_be_said(rynek: House) -> None:
    caller, held = arrive(rynek), arrive(rynek)
    call = join(caller, one(rynek))
    join(held, one(rynek), into=call)
    calls.hold(caller_id=held.pk, actor=one(rynek), at=NOW)

    with pytest.raises(NotHeld) as refused:
        calls.leave_call(call=call, actor=one(rynek), at=LATER)

    assert refused.value.callers == [caller]
    assert inside(call) == [rynek.assistant.pk]
    assert not AuditEntry.objects.filter(action="call.left").exists()
    calls.hold(caller_id=caller.pk, actor=one(rynek), at=LATER)
    calls.leave_call(call=call, actor=one(rynek), at=LATER)
    assert went(call) == [(rynek.assistant.pk, "left", LATER)]
    assert not is_over(call)


@pytest.mark.parametrize(
    ("rest", "expected", "since"),
    [(Rest.HOLD, ("on_hold", None), LATER), (Rest.ALONE, ("in_call", LATER), NOW)],
)
def test_hold_and_leave_and_leave_anyway(
    rest: Rest, expected: tuple[str, Any], since: Any, rynek: House, told: Told
) -> None:
    caller = arrive(rynek)
    call = join(caller, one(rynek))
    told.clear()

    calls.leave_call(call=call, actor=one(rynek), at=LATER, rest=rest)

    assert stands(caller) == (expected[0], call.pk, expected[1], "")
    assert caller.status_since == since
    clinic = {f"clinic:{rynek.clinic.pk}": None}
    assert ("caller", clinic, {"ids": [caller.pk]}) in told
    assert told[-3:] == [
        ("call", clinic, {"ids": [call.pk]}),
        ("caller_state", {f"caller:{caller.pk}": None}, {}),
        ("watch", clinic, {}),
    ]
    entry = AuditEntry.objects.get(action="call.left")
    assert AuditValue.objects.get(entry=entry).new == {"rest": rest.value}
    with pytest.raises(NotInCall):
        calls.leave_call(call=call, actor=one(rynek), at=LATER, rest=rest)
    assert_sound()


def test_who_leaves_others_there_leaves_nobody_alone(rynek: House) -> None:
    caller = arrive(rynek)
    call = join(caller, one(rynek))
    join(caller, two(rynek))

    calls.leave_call(call=call, actor=one(rynek), at=LATER, rest=Rest.ALONE)

    assert stands(caller) == ("in_call", call.pk, None, "")
    assert inside(call) == [rynek.admin.pk]
    # Free for another.
    assert join(arrive(rynek), one(rynek)) != call


@pytest.mark.parametrize(("seconds", "alert"), [(59, ""), (60, "alone")])
def test_alone_for_a_minute_is_alerted(
    seconds: int, alert: str, rynek: House, beating: None, told: Told
) -> None:
    caller = arrive(rynek)
    call = join(caller, one(rynek))
    calls.leave_call(call=call, actor=one(rynek), at=NOW, rest=Rest.ALONE)
    at = NOW + seconds * SECONDS
    beat(at)
    ping(caller, at)
    told.clear()

    presence.sweep(at=at)
    presence.sweep(at=at)

    assert stands(caller) == ("in_call", call.pk, NOW, alert)
    clinic = {f"clinic:{rynek.clinic.pk}": None}
    assert told == ([("caller", clinic, {"ids": [caller.pk]}), ("watch", clinic, {})] if alert else [])


# --- Ending ----------------------------------------------------------------------------------------


def test_end_says_goodbye_to_each(rynek: House, told: Told) -> None:
    first, second, held = (arrive(rynek) for _ in range(3))
    call = join(first, one(rynek))
    for caller in (second, held):
        join(caller, one(rynek), into=call)
    join(first, two(rynek))
    calls.hold(caller_id=held.pk, actor=one(rynek), at=NOW)
    told.clear()

    calls.end_call(call=call, actor=two(rynek), at=LATER)

    # Who is on hold stays so, and is found in the same call.
    assert stands(held) == ("on_hold", call.pk, None, "")
    assert not is_over(call)
    assert inside(call) == []
    calls.end_call(call=call, actor=two(rynek), at=LATER)
    for caller in (first, second, held):
        assert stands(caller) == ("left", None, None, "")
        assert (caller.how_left, caller.left_at) == ("ended", LATER)
        assert ("caller_state", {f"caller:{caller.pk}": None}, {}) in told
        assert LiveRevocation.objects.filter(scope=caller_topic(caller.pk)).exists()
        with pytest.raises(operations.CannotResume):
            operations.resume(caller_id=caller.pk, at=LATER)
    call.refresh_from_db()
    assert call.ended_at == LATER
    assert went(call) == [(rynek.assistant.pk, "ended", LATER), (rynek.admin.pk, "ended", LATER)]
    assert set(AuditEntry.objects.filter(action="call.ended").values_list("actor_user", flat=True)) == {
        rynek.admin.pk
    }
    with pytest.raises(CallOver):
        calls.end_call(call=call, actor=two(rynek), at=LATER)


def test_callers_in_one_call_never_see_each_others_notices(rynek: House, told: Told) -> None:
    first, second = arrive(rynek), arrive(rynek)
    call = join(first, one(rynek))
    join(second, one(rynek), into=call)
    told.clear()

    notify(rynek, first, "For you alone")

    assert list(Notice.objects.values_list("caller_id", flat=True)) == [first.pk]
    assert [topics for name, topics, _data in told if name == "notice"] == [{f"caller:{first.pk}": 1}]


def test_who_is_not_there_ends_only_what_nobody_attends(rynek: House) -> None:
    caller = arrive(rynek)
    call = join(caller, one(rynek))

    with pytest.raises(NotInCall):
        calls.end_call(call=call, actor=two(rynek), at=NOW)
    calls.leave_call(call=call, actor=one(rynek), at=NOW, rest=Rest.ALONE)
    calls.end_call(call=call, actor=two(rynek), at=NOW)
    assert (state(caller), is_over(call)) == (("left", "ended", False), True)


@pytest.mark.parametrize("how", [Left.THEMSELVES, Left.REMOVED])
def test_call_that_everybody_left_closes(how: Left, rynek: House) -> None:
    first, second = arrive(rynek), arrive(rynek)
    call = join(first, one(rynek))
    join(second, one(rynek), into=call)

    operations.leave(caller_id=first.pk, how=how, actor=PATIENT, at=NOW)
    assert (is_over(call), stands(second)) == (False, ("in_call", call.pk, None, ""))
    operations.leave(caller_id=second.pk, how=how, actor=PATIENT, at=LATER)

    assert is_over(call)
    assert went(call) == [(rynek.assistant.pk, "ended", LATER)]
    assert state(first) == ("left", how, False)
    with pytest.raises(NotInCall):
        calls.leave_call(call=call, actor=one(rynek), at=LATER)


# --- Absent, moved ---------------------------------------------------------------------------------


def fall_silent(*callers: Caller, at: Any = NOW + 105 * SECONDS) -> None:
    """Let callers, and nobody else, be silent until they are taken for gone."""
    beat(at)
    for caller in Caller.objects.exclude(pk__in=[each.pk for each in callers]):
        ping(caller, at)
    here = Participation.objects.filter(gone_at=None).values_list("pk", flat=True)
    presence.note_participants(dict.fromkeys(here, at), at=at)
    presence.sweep(at=at)


def test_who_was_absent_from_a_call_waits_from_then_on(rynek: House, beating: None) -> None:
    caller = arrive(rynek, at=NOW - MINUTES)
    call = join(caller, one(rynek))
    ping(caller, NOW)
    fall_silent(caller)
    assert (state(caller), is_over(call)) == (("left", "absent", False), True)

    operations.resume(caller_id=caller.pk, at=LATER)

    assert stands(caller) == ("waiting", None, None, "")
    assert (caller.status_since, caller.arrived_at, caller.taken_at) == (LATER, NOW - MINUTES, NOW)
    assert join(caller, one(rynek), LATER) != call


def test_who_was_absent_from_hold_is_on_hold_again(rynek: House, beating: None) -> None:
    caller, other = arrive(rynek), arrive(rynek)
    call = join(caller, one(rynek))
    join(other, one(rynek), into=call)
    calls.hold(caller_id=caller.pk, actor=one(rynek), at=NOW + SECONDS)
    fall_silent(caller)
    assert not is_over(call)

    operations.resume(caller_id=caller.pk, at=LATER)

    # Their call went on without them: whoever joins them now opens another.
    assert stands(caller) == ("on_hold", None, None, "")
    assert caller.status_since == NOW + SECONDS
    assert join(caller, two(rynek), LATER) != call
    assert_sound()


# --- A browser that vanishes -----------------------------------------------------------------------


@pytest.mark.parametrize(("seconds", "gone"), [(59, False), (60, True)])
def test_last_browser_that_vanishes_puts_callers_on_hold(
    seconds: int, gone: bool, rynek: House, beating: None, told: Told
) -> None:
    caller, held = arrive(rynek), arrive(rynek)
    call = join(caller, one(rynek))
    join(held, one(rynek), into=call)
    calls.hold(caller_id=held.pk, actor=one(rynek), at=NOW)
    at = NOW + seconds * SECONDS
    beat(at)
    for each in (caller, held):
        ping(each, at)
    told.clear()

    presence.sweep(at=at)
    presence.sweep(at=at)

    if not gone:
        assert (stands(caller), told) == (("in_call", call.pk, None, ""), [])
        return
    assert stands(caller) == ("on_hold", call.pk, None, "vanished")
    assert caller.status_since == at
    # Who was on hold already misses nobody.
    assert stands(held) == ("on_hold", call.pk, None, "")
    assert went(call) == [(rynek.assistant.pk, "vanished", at)]
    entry = AuditEntry.objects.get(action="call.vanished")
    assert (entry.actor_kind, AuditValue.objects.get(entry=entry).new) == (
        "system",
        {"user": rynek.assistant.pk},
    )
    clinic = {f"clinic:{rynek.clinic.pk}": None}
    assert told[-4:] == [
        ("caller", clinic, {"ids": [caller.pk, held.pk]}),
        ("call", clinic, {"ids": [call.pk]}),
        ("caller_state", {f"caller:{caller.pk}": None, f"caller:{held.pk}": None}, {}),
        ("watch", clinic, {}),
    ]
    assert ("caller_state", {f"caller:{caller.pk}": None}, {}) in told
    # Back again: the alert is over.
    join(caller, one(rynek), at)
    assert stands(caller) == ("in_call", call.pk, None, "")
    assert_sound()


@pytest.mark.parametrize("alert", ["alone", "vanished"])
def test_who_is_sent_elsewhere_calls_for_nobody_any_more(alert: str, rynek: House, told: Told) -> None:
    caller = arrive(rynek)
    call = join(caller, one(rynek))
    if alert == "alone":
        calls.leave_call(call=call, actor=one(rynek), rest=Rest.ALONE, at=NOW)
        calls.alert_alone(caller_id=caller.pk, at=LATER)
    else:
        calls.vanish(participation_id=call.participations.get().pk, at=LATER)
    assert stands(caller)[3] == alert
    told.clear()

    operations.transfer(
        caller_id=caller.pk, area=area_of(rynek), calendar=rynek.calendar, actor=two(rynek), at=LATER
    )

    assert stands(caller) == ("waiting", None, None, "")
    # Every page of the clinic's counts anew who needs somebody.
    assert ("watch", {f"clinic:{rynek.clinic.pk}": None}, {}) in told


def test_one_of_two_who_vanishes_leaves_nobody_alone(rynek: House, beating: None) -> None:
    caller = arrive(rynek)
    call = join(caller, one(rynek))
    join(caller, two(rynek))
    at = NOW + MINUTES
    beat(at)
    ping(caller, at)
    presence.note_participants({call.participations.get(user=rynek.admin).pk: at}, at=at)

    presence.sweep(at=at)

    assert stands(caller) == ("in_call", call.pk, None, "")
    assert inside(call) == [rynek.admin.pk]


def test_nobody_vanishes_while_nobody_takes_pings(rynek: House, beating: None) -> None:
    caller = arrive(rynek)
    call = join(caller, one(rynek))

    presence.sweep(at=LATER)
    assert stands(caller) == ("in_call", call.pk, None, "")
    # The service is back; a minute counts from here.
    presence.note_participants({}, at=LATER)
    for second in (0, 30, 59):
        beat(LATER + second * SECONDS)
        presence.sweep(at=LATER + second * SECONDS)
        assert stands(caller) == ("in_call", call.pk, None, "")
    ping(caller, LATER + 59 * SECONDS)
    beat(LATER + 60 * SECONDS)
    presence.sweep(at=LATER + 60 * SECONDS)
    assert stands(caller) == ("on_hold", call.pk, None, "vanished")


def test_page_that_is_heard_of_again_stays(rynek: House, beating: None) -> None:
    caller = arrive(rynek)
    call = join(caller, one(rynek))
    here = call.participations.get()
    beat(NOW + MINUTES)
    presence.note_participants({here.pk: NOW + SECONDS}, at=NOW + MINUTES)

    presence.sweep(at=NOW + MINUTES)
    assert inside(call) == [rynek.assistant.pk]
    calls.vanish(participation_id=here.pk, at=NOW + 61 * SECONDS)
    assert inside(call) == []
    # Gone is gone: what comes late changes nothing.
    presence.note_participants({here.pk: NOW + 62 * SECONDS}, at=NOW + 62 * SECONDS)
    here.refresh_from_db()
    assert (here.last_seen_at, here.gone_at) == (NOW + SECONDS, NOW + 61 * SECONDS)


# --- By less than a request ------------------------------------------------------------------------


def test_member_who_was_quicker_in_another_window_is_told(
    rynek: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = arrive(rynek), arrive(rynek)
    call = join(first, one(rynek))
    really, asked = calls._own, []

    def not_yet(actor: Actor, clinic_id: int) -> Participation | None:
        asked.append(actor)
        return None if len(asked) == 1 else really(actor, clinic_id)

    monkeypatch.setattr(calls, "_own", not_yet)
    with pytest.raises(InAnotherCall) as refused:
        join(second, one(rynek))

    assert refused.value.call == call
    assert (stands(second), Call.objects.count()) == (("waiting", None, None, ""), 1)


def test_call_that_is_over_is_joined_by_nobody(rynek: House) -> None:
    caller = arrive(rynek)
    call = join(caller, one(rynek))
    Call.objects.update(ended_at=NOW)

    with pytest.raises(CallOver):
        join(caller, two(rynek))
    assert inside(call) == [rynek.assistant.pk]


def test_what_changed_since_the_sweep_looked_is_left_alone(rynek: House, told: Told) -> None:
    caller = arrive(rynek)
    call = join(caller, one(rynek))
    here = call.participations.get().pk
    calls.vanish(participation_id=here, at=NOW + 59 * SECONDS)
    assert inside(call) == [rynek.assistant.pk]
    calls.leave_call(call=call, actor=one(rynek), at=NOW, rest=Rest.ALONE)
    told.clear()

    calls.vanish(participation_id=here, at=LATER)
    calls.alert_alone(caller_id=caller.pk, at=NOW + 59 * SECONDS)
    assert (stands(caller), told) == (("in_call", call.pk, NOW, ""), [])
