"""Who left long ago is deleted with everything they wrote; what stays says only how many they were (X4)."""

from datetime import timedelta

import pytest

from clinic.audit.models import AuditValue
from clinic.audit.operations import SYSTEM, user_actor
from clinic.lib import clock
from clinic.models import AuditEntry
from tests.factories.house import DAYS, NOW, House
from tests.factories.page import queries_of
from tests.factories.waiting import area_of, arrive, notify
from waiting_area import areas, calls, notices, operations, retention, tasks
from waiting_area.models import Broadcast, Call, Caller, Notice, Participation, WaitingArea

SECOND = timedelta(seconds=1)
WEEK = 7 * DAYS


def keep(house: House, days: int, area: WaitingArea | None = None) -> None:
    areas.change_area(area=area or area_of(house), keep_days=days, actor=SYSTEM, at=NOW)


def gone(house: House, name: str = "Ewa Siwa") -> Caller:
    """Return a caller who has just left, with one notice."""
    caller = arrive(house, name)
    notify(house, caller)
    operations.leave(caller_id=caller.pk, actor=SYSTEM, at=NOW)
    return caller


def forgotten() -> list[tuple[str, int, int]]:
    """Return what the log says was deleted: what, whose, how many."""
    rows = AuditEntry.objects.filter(action__endswith=".forgotten").order_by("pk")
    return [(row.action, row.clinic_id or 0, AuditValue.objects.get(entry=row).new["count"]) for row in rows]


def test_callers_are_kept_exactly_as_long_as_their_area_says(rynek: House) -> None:
    keep(rynek, 7)
    gone(rynek)

    retention.forget(at=NOW + WEEK)
    assert (Caller.objects.count(), Notice.objects.count(), forgotten()) == (1, 1, [])

    retention.forget(at=NOW + WEEK + SECOND)
    assert (Caller.objects.count(), Notice.objects.count()) == (0, 0)
    assert forgotten() == [("callers.forgotten", rynek.clinic.pk, 1)]
    retention.forget(at=NOW + WEEK + SECOND)
    assert len(forgotten()) == 1


def test_who_is_here_stays_however_long(rynek: House) -> None:
    keep(rynek, 1)
    caller = arrive(rynek)

    retention.forget(at=NOW + 400 * DAYS)

    assert Caller.objects.get() == caller


def test_each_area_and_clinic_keeps_its_own_days(rynek: House, markt: House) -> None:
    keep(rynek, 7)
    keep(markt, 8)
    upstairs = areas.add_area(clinic=rynek.clinic, name="Upstairs", actor=SYSTEM, at=NOW)
    keep(rynek, 9, upstairs)
    for name in ("One", "Two"):
        gone(rynek, name)
    theirs, above = gone(markt), gone(rynek, "Above")
    Caller.objects.filter(pk=above.pk).update(area=upstairs)

    retention.forget(at=NOW + WEEK + SECOND)
    assert set(Caller.objects.all()) == {theirs, above}
    retention.forget(at=NOW + 8 * DAYS + SECOND)
    assert set(Caller.objects.all()) == {above}

    assert forgotten() == [
        ("callers.forgotten", rynek.clinic.pk, 2), ("callers.forgotten", markt.clinic.pk, 1),
    ]  # fmt: skip


def test_log_keeps_who_did_what_but_not_what_they_said(rynek: House) -> None:
    keep(rynek, 1)
    caller, other = gone(rynek, "Ewa Tajna"), gone(rynek, "Jan Obecny")
    Caller.objects.filter(pk=other.pk).update(left_at=NOW + 2 * DAYS)
    before = list(AuditEntry.objects.filter(object_type="caller").values_list("action", flat=True))

    retention.forget(at=NOW + 2 * DAYS)

    assert list(AuditEntry.objects.filter(object_type="caller").values_list("action", flat=True)) == before
    values = AuditValue.objects.filter(entry__object_type="caller")
    assert {(one.entry.object_id, bool(one.new)) for one in values.select_related("entry")} == {
        (caller.pk, False), (other.pk, True),
    }  # fmt: skip
    assert "Ewa Tajna" not in str(list(AuditValue.objects.values()))


def test_many_go_in_batches(rynek: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "AT_ONCE", 2)
    keep(rynek, 1)
    for number in range(5):
        gone(rynek, f"Caller {number}")

    retention.forget(at=NOW + 2 * DAYS)

    assert not Caller.objects.exists()
    assert [count for _what, _clinic, count in forgotten()] == [2, 2, 1]


def test_broadcast_goes_when_the_last_of_its_notices_went(rynek: House) -> None:
    keep(rynek, 7)
    upstairs = areas.add_area(clinic=rynek.clinic, name="Upstairs", actor=SYSTEM, at=NOW)
    keep(rynek, 30, upstairs)
    one, two = arrive(rynek, "One"), arrive(rynek, "Two")
    Caller.objects.filter(pk=two.pk).update(area=upstairs)
    actor = user_actor(rynek.assistant)
    for key, ids in (("a" * 32, [one.pk]), ("b" * 32, [one.pk, two.pk])):
        notices.broadcast(clinic=rynek.clinic, caller_ids=ids, text="Late", key=key, actor=actor, at=NOW)
    for caller in (one, two):
        operations.leave(caller_id=caller.pk, actor=SYSTEM, at=NOW)

    retention.forget(at=NOW + 8 * DAYS)

    assert [row.key for row in Broadcast.objects.all()] == ["b" * 32]
    retention.forget(at=NOW + 31 * DAYS)
    assert not Broadcast.objects.exists()
    assert [what for what, _clinic, _count in forgotten()] == [
        "callers.forgotten", "broadcasts.forgotten", "callers.forgotten", "broadcasts.forgotten",
    ]  # fmt: skip


def test_broadcast_without_notices_is_there_for_a_day(rynek: House) -> None:
    Broadcast.objects.create(clinic=rynek.clinic, user=rynek.assistant, key="a" * 32, sent_at=NOW)

    retention.forget(at=NOW + DAYS)
    assert Broadcast.objects.exists()
    retention.forget(at=NOW + DAYS + SECOND)
    assert not Broadcast.objects.exists()


def test_calls_go_with_the_clinics_longest_kept_callers(rynek: House) -> None:
    keep(rynek, 7)
    actor = user_actor(rynek.assistant)
    over = calls.join(caller_id=arrive(rynek).pk, actor=actor, at=NOW)
    calls.end_call(call=over, actor=actor, at=NOW)
    going = calls.join(caller_id=arrive(rynek, "Still here").pk, actor=actor, at=NOW)

    retention.forget(at=NOW + WEEK)
    assert Call.objects.count() == 2
    retention.forget(at=NOW + WEEK + SECOND)

    assert list(Call.objects.all()) == [going]
    assert list(Participation.objects.values_list("call", flat=True)) == [going.pk]


def test_beat_forgets_every_hour_and_asks_little_when_nothing_is_old(
    rynek: House, markt: House, settings: object
) -> None:
    gone(rynek)
    with clock.held_at(NOW):
        assert queries_of(tasks.forget) == 8  # two looks, and three for each clinic
    with clock.held_at(NOW + 4000 * DAYS):
        tasks.forget()

    assert not Caller.objects.exists()
    schedule = settings.CELERY_BEAT_SCHEDULE["forget who left long ago"]  # type: ignore[attr-defined]
    assert (schedule["task"], schedule["schedule"]) == (tasks.forget.name, 3600)
