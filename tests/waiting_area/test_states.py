"""The one writer of a status, and the locks it is written under."""

import pytest
from django.db import transaction

from tests.factories.house import MINUTES, NOW, House
from tests.factories.page import queries_of
from tests.factories.waiting import Told, arrive
from waiting_area.enums import TRANSITIONS, Status
from waiting_area.models import Call, Caller
from waiting_area.states import WrongState, change, locked, locked_in, locked_with

POSSIBLE = {
    ("waiting", "in_call"), ("waiting", "left"),
    ("in_call", "on_hold"), ("in_call", "waiting"), ("in_call", "left"),
    ("on_hold", "in_call"), ("on_hold", "waiting"), ("on_hold", "left"),
    ("left", "waiting"), ("left", "on_hold"),
}  # fmt: skip


@pytest.mark.parametrize("after", Status)
@pytest.mark.parametrize("before", Status)
def test_what_may_follow_what(before: Status, after: Status, rynek: House, told: Told) -> None:
    caller = arrive(rynek)
    Caller.objects.update(status=before)
    caller.refresh_from_db()
    told.clear()

    with transaction.atomic():
        if (before, after) in POSSIBLE:
            change(caller, after, at=NOW + MINUTES)
        else:
            with pytest.raises(WrongState) as refused:
                change(caller, after, at=NOW + MINUTES)
            assert refused.value.status == before
            assert told == []

    caller.refresh_from_db()
    is_changed = (before, after) in POSSIBLE
    assert caller.status == (after if is_changed else before)
    assert caller.status_since == (NOW + MINUTES if is_changed else NOW)
    assert (after in TRANSITIONS[before]) == is_changed


def test_callers_are_locked_in_the_order_of_their_ids(rynek: House, markt: House) -> None:
    callers = [arrive(rynek), arrive(markt), arrive(rynek)]
    ids = [caller.pk for caller in callers]

    with transaction.atomic():
        rows = locked([*ids[::-1], 10**6])
        # Their areas and clinics are at hand.
        assert (
            queries_of(lambda: [(row.area.grace, row.area.clinic.zone, row.clinic.name) for row in rows]) == 0
        )
        assert [row.pk for row in rows] == ids
        assert [row.clinic_id for row in rows] == [rynek.clinic.pk, markt.clinic.pk, rynek.clinic.pk]
        assert locked([]) == locked_in(10**6) == []
        with pytest.raises(Caller.DoesNotExist):
            locked_with(10**6)


def test_who_is_in_one_call_is_locked_together(rynek: House) -> None:
    first, second, alone = (arrive(rynek) for _ in range(3))
    call = Call.objects.create(clinic=rynek.clinic, key="k", started_at=NOW)
    Caller.objects.filter(pk__in=[first.pk, second.pk]).update(call=call)

    with transaction.atomic():
        assert locked_with(second.pk) == (second, [first, second])
        assert locked_with(alone.pk) == (alone, [alone])
        assert locked_with(alone.pk, call.pk) == (alone, [first, second, alone])
        assert locked_in(call.pk) == [first, second]


def test_whoever_comes_into_the_call_meanwhile_is_locked_too(
    rynek: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    late, first = arrive(rynek), arrive(rynek)
    call = Call.objects.create(clinic=rynek.clinic, key="k", started_at=NOW)
    Caller.objects.filter(pk=first.pk).update(call=call)
    tries = []

    def slowly(ids: set[int]) -> list[Caller]:
        rows = locked(ids)
        tries.append(sorted(ids))
        if len(tries) == 1:
            Caller.objects.filter(pk=late.pk).update(call=call)
        return rows

    monkeypatch.setattr("waiting_area.states.locked", slowly)
    with transaction.atomic():
        # On one connection the savepoint takes back what came meanwhile; from another it stays.
        assert locked_in(call.pk) == [first]
    assert tries == [[first.pk], [first.pk]]


def test_locking_gives_up_at_last(rynek: House, monkeypatch: pytest.MonkeyPatch) -> None:
    caller = arrive(rynek)
    monkeypatch.setattr("waiting_area.states.locked", lambda _ids: [])

    with transaction.atomic(), pytest.raises(RuntimeError):
        locked_with(caller.pk)
