"""Many hands on the same callers at one moment: one order of locks, one outcome, nobody hangs (W13, W14, R29)."""

import threading
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial
from random import Random
from typing import Any

import pytest
from django.db import connection

from clinic.audit.operations import PATIENT, SYSTEM, Actor, user_actor
from clinic.models import AuditEntry
from tests.factories.house import MINUTES, NOW, House
from tests.factories.soundness import assert_sound
from tests.factories.waiting import SECONDS, arrive
from waiting_area import areas, calls, notices, operations
from waiting_area.models import Call, Caller, Notice, Participation

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.faults]

ROUNDS = 25
Act = Callable[[], object]


def meet(*acts: Act) -> list[str]:
    """Let all act at one moment; return each one's outcome: `done`, or the name of what was raised."""
    ready = threading.Barrier(len(acts))

    def run(act: Act) -> str:
        try:
            connection.ensure_connection()
            ready.wait(10)
            act()
        except Exception as error:
            return type(error).__name__
        else:
            return "done"
        finally:
            connection.close()

    with ThreadPoolExecutor(len(acts)) as pool:
        return list(pool.map(run, acts))


def staff(house: House) -> list[Actor]:
    return [user_actor(user) for user in (house.assistant, house.admin, house.practitioner)]


def key() -> str:
    return uuid.uuid4().hex


def joins(caller: Caller, actor: Actor, **more: object) -> Act:
    return partial(calls.join, caller_id=caller.pk, actor=actor, at=NOW, **more)  # type: ignore[arg-type]


def call_with(caller: Caller, *actors: Actor) -> Call:
    for actor in actors:
        call = calls.join(caller_id=caller.pk, actor=actor, at=NOW)
    return call


def fresh(*callers: Caller) -> None:
    for one in callers:
        one.refresh_from_db()


def test_two_join_one_caller(rynek: House) -> None:
    one, two, three = staff(rynek)
    for number in range(ROUNDS):
        caller = arrive(rynek)
        # Whoever saw them waiting and comes second is told; whoever does not mind is in the same call.
        was = {"was": "waiting"} if number % 2 else {}

        outcomes = meet(joins(caller, one, **was), joins(caller, two, **was), joins(caller, three, **was))

        assert sorted(outcomes) == (["WrongState", "WrongState", "done"] if was else ["done"] * 3)
        (call,) = Call.objects.filter(ended_at=None)
        assert Participation.objects.filter(call=call, gone_at=None).count() == outcomes.count("done")
        assert_sound()
        operations.leave(caller_id=caller.pk, actor=PATIENT, at=NOW)
    assert Call.objects.count() == ROUNDS


def test_one_joins_two_callers(rynek: House) -> None:
    one = staff(rynek)[0]
    for _round in range(ROUNDS):
        first, second = arrive(rynek), arrive(rynek)

        outcomes = meet(joins(first, one), joins(second, one))

        assert sorted(outcomes) == ["InAnotherCall", "done"]
        assert Participation.objects.filter(gone_at=None).count() == 1
        assert_sound()
        for caller in (first, second):
            operations.leave(caller_id=caller.pk, actor=PATIENT, at=NOW)


def test_hold_and_end(rynek: House) -> None:
    one, two, _three = staff(rynek)
    for _round in range(ROUNDS):
        caller = arrive(rynek)
        call = call_with(caller, one, two)

        held, ended = meet(
            partial(calls.hold, caller_id=caller.pk, actor=one, at=NOW),
            partial(calls.end_call, call=call, actor=two, at=NOW),
        )

        assert (held in {"done", "WrongState"}, ended) == (True, "done")
        fresh(caller)
        assert (caller.status, caller.how_left) == ("left", "ended")
        assert_sound()


@pytest.mark.parametrize("rest", [None, calls.Rest.HOLD, calls.Rest.ALONE])
def test_two_leave_a_call(rest: calls.Rest | None, rynek: House) -> None:
    one, two, three = staff(rynek)
    for _round in range(ROUNDS):
        caller, other = arrive(rynek), arrive(rynek)
        call = call_with(caller, one, two)
        calls.join(caller_id=other.pk, actor=one, at=NOW, into=call)

        outcomes = meet(
            *(partial(calls.leave_call, call=call, actor=who, at=NOW, rest=rest) for who in (one, two))
        )

        assert sorted(outcomes) == (["NotHeld", "done"] if rest is None else ["done", "done"])
        assert_sound()
        fresh(caller, other)
        expected = ("on_hold", None) if rest == calls.Rest.HOLD else ("in_call", NOW if rest else None)
        assert [(each.status, each.alone_since) for each in (caller, other)] == [expected] * 2
        calls.end_call(call=call, actor=three if rest else (one if outcomes[0] != "done" else two), at=NOW)
        assert_sound()


def test_broadcasts_notices_and_callers_words(rynek: House) -> None:
    random = Random(7)
    callers = [arrive(rynek, f"Ewa {number}") for number in range(200)]
    ids = [caller.pk for caller in callers]
    actors = staff(rynek)

    for number in range(50):
        at = NOW + number * SECONDS
        acts: list[Act] = [
            partial(
                notices.broadcast, clinic=rynek.clinic, caller_ids=random.sample(ids, 200 - 60 * part),
                text=f"All {number}", key=key(), actor=actors[part], at=at,
            )
            for part in range(2)
        ]  # fmt: skip
        acts += [
            partial(notices.notify, caller_id=pk, text=f"You {number}", key=key(), actor=actors[2], at=at)
            for pk in random.sample(ids[:20], 3)
        ]
        acts += [
            partial(notices.write, caller_id=pk, text=f"I {number}", key=key(), at=at)
            for pk in random.sample(ids[:20], 3)
        ]
        random.shuffle(acts)
        assert meet(*acts) == ["done"] * 8

    assert_sound()
    assert Notice.objects.count() == 50 * (200 + 140 + 3 + 3)
    assert Caller.objects.filter(last_number__lt=50).count() == 0


def test_broadcast_and_its_withdrawal(rynek: House) -> None:
    callers = [arrive(rynek) for _ in range(20)]
    ids = [caller.pk for caller in callers]
    one, two, _three = staff(rynek)
    more: dict[str, Any] = {"clinic": rynek.clinic, "text": "And", "actor": two, "at": NOW}
    for _round in range(ROUNDS):
        sent = notices.broadcast(
            clinic=rynek.clinic, caller_ids=ids, text="All", key=key(), actor=one, at=NOW
        ).broadcast
        notice = sent.notices.order_by("?").first()
        assert notice is not None
        withdrawn = partial(notices.withdraw, notice_id=notice.pk, actor=one, at=NOW)
        outcomes = meet(
            withdrawn,
            withdrawn,
            partial(notices.broadcast, caller_ids=ids[::-1], key=key(), **more),
            partial(notices.write, caller_id=ids[3], text="What?", key=key(), at=NOW),
            partial(notices.tick_off, caller_id=ids[3], actor=two, at=NOW),
        )  # fmt: skip

        assert outcomes == ["done"] * 5
        assert_sound()
    assert AuditEntry.objects.filter(action="notice.withdrawn").count() == ROUNDS


def test_join_and_the_caller_leaves(rynek: House) -> None:
    one, two, _three = staff(rynek)
    for number in range(ROUNDS):
        caller = arrive(rynek)
        if number % 2:
            calls.hold(caller_id=call_with(caller, two).callers.get().pk, actor=two, at=NOW)

        joined, left = meet(
            joins(caller, one), partial(operations.leave, caller_id=caller.pk, actor=PATIENT, at=NOW)
        )

        assert (joined in {"done", "HasLeft"}, left) == (True, "done")
        fresh(caller)
        assert (caller.status, caller.how_left) == ("left", "themselves")
        assert not Participation.objects.filter(gone_at=None).exists()
        assert_sound()


def test_transfer_and_broadcast(rynek: House) -> None:
    one, two, _three = staff(rynek)
    first = arrive(rynek)
    away = areas.add_area(clinic=rynek.clinic, name="Upstairs", actor=SYSTEM, at=NOW)
    callers = [first, *(arrive(rynek) for _ in range(9))]
    ids = [caller.pk for caller in callers]
    for number in range(ROUNDS):
        area = away if number % 2 == 0 else first.area
        outcomes = meet(
            *(
                partial(operations.transfer, caller_id=pk, area=area, calendar=None, actor=one, at=NOW)
                for pk in ids[:5]
            ),
            partial(notices.broadcast, clinic=rynek.clinic, caller_ids=ids, text="All", key=key(), actor=two, at=NOW),
            partial(notices.notify, caller_id=ids[4], text="You", key=key(), actor=two, at=NOW),
        )  # fmt: skip

        assert outcomes == ["done"] * 7
    assert_sound()
    assert [caller.last_number for caller in Caller.objects.order_by("pk")] == [
        ROUNDS + ROUNDS * (pk == ids[4]) for pk in ids
    ]
    # Nobody was taken for a stranger only because they were just moving.
    assert not AuditEntry.objects.filter(action__endswith="refused").exists()


def test_vanishing_and_rejoining(rynek: House) -> None:
    one, two, _three = staff(rynek)
    at = NOW + MINUTES
    for _round in range(ROUNDS):
        caller = arrive(rynek)
        call = call_with(caller, one)
        gone = call.participations.get().pk

        outcomes = meet(
            partial(calls.vanish, participation_id=gone, at=at),
            partial(calls.join, caller_id=caller.pk, actor=two, at=at),
            partial(calls.vanish, participation_id=gone, at=at),
            partial(calls.join, caller_id=caller.pk, actor=one, at=at),
        )

        assert outcomes == ["done"] * 4
        fresh(caller)
        assert (caller.status, caller.call_id, caller.alone_since, caller.alert) == (
            "in_call",
            call.pk,
            None,
            "",
        )
        assert_sound()
        operations.leave(caller_id=caller.pk, actor=PATIENT, at=at)
    assert AuditEntry.objects.filter(action="call.vanished").count() == ROUNDS


def test_many_come_into_one_call_while_all_are_written_to(rynek: House) -> None:
    """Who comes in has a lower id than who is there: locks taken one after another would cross."""
    one, two, _three = staff(rynek)
    for _round in range(ROUNDS):
        callers = [arrive(rynek) for _ in range(6)]
        ids = [caller.pk for caller in callers]
        call = call_with(callers[-1], one)

        outcomes = meet(
            *(joins(caller, one, into=call) for caller in callers[:-1]),
            partial(notices.broadcast, clinic=rynek.clinic, caller_ids=ids, text="All", key=key(), actor=two, at=NOW),
            partial(notices.broadcast, clinic=rynek.clinic, caller_ids=ids, text="And", key=key(), actor=two, at=NOW),
        )  # fmt: skip

        assert outcomes == ["done"] * 7
        assert_sound()
        assert call.callers.count() == 6
        calls.end_call(call=call, actor=one, at=NOW)
        assert_sound()


def test_switch_given_up_while_the_clinic_turns_its_own(rynek: House) -> None:
    area = areas.make_area(clinic=rynek.clinic, actor=SYSTEM, at=NOW)
    for number in range(ROUNDS):
        takes = number % 2 == 1
        areas.change_area(area=area, own_guest_notices=not takes, actor=SYSTEM, at=NOW)

        outcomes = meet(
            partial(areas.change_area, area=area, own_guest_notices=None, actor=SYSTEM, at=NOW),
            partial(areas.set_guest_notices, clinic=rynek.clinic, takes=takes, actor=SYSTEM, at=NOW),
        )

        assert outcomes == ["done", "done"]
        area.refresh_from_db()
        assert (area.own_guest_notices, area.guest_notices) == (None, takes)


def test_two_come_with_one_link(rynek: House) -> None:
    for number in range(ROUNDS):
        outcomes = meet(
            *(
                partial(arrive, rynek, appointment=rynek.appointment, at=NOW + number * MINUTES)
                for _ in range(3)
            )
        )
        assert outcomes == ["done"] * 3
        (caller,) = Caller.objects.present()
        operations.leave(caller_id=caller.pk, actor=PATIENT, at=NOW + number * MINUTES + timedelta(seconds=1))
    assert_sound()
