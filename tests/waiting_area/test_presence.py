"""Who is still there: pings, the pulse and the sweep."""

import pytest

from clinic.audit.operations import PATIENT
from tests.factories.house import MINUTES, NOW, House
from tests.factories.page import queries_of
from tests.factories.waiting import SECONDS, Told, arrive, beat, notify, ping, state
from waiting_area import demo, operations, presence
from waiting_area.models import Caller, Notice, Pulse


def test_pings_of_many_are_written_at_once(rynek: House, told: Told) -> None:
    callers = [arrive(rynek) for _ in range(5)]
    for caller in callers:
        notify(rynek, caller, "One")
        notify(rynek, caller, "Two")
    told.clear()
    at = NOW + 10 * SECONDS
    pings = [presence.Ping(each.pk, number, number % 2 == 0, at) for number, each in enumerate(callers)]

    few = queries_of(lambda: presence.note(pings[:1], at=at))
    many = queries_of(lambda: presence.note(pings, at=at))

    assert many <= few
    found = list(
        Caller.objects.order_by("pk").values_list("last_seen_at", "is_visible", "seen_number", "is_lost")
    )
    # Nobody has seen more than was written, whatever a page says.
    assert found == [
        (at, True, 0, False), (at, False, 1, False), (at, True, 2, False), (at, False, 2, False), (at, True, 2, False),
    ]  # fmt: skip
    shown = Notice.objects.filter(shown_at=at).order_by("pk").values_list("caller_id", "number")
    assert list(shown) == [
        (callers[1].pk, 1), *((each.pk, number) for each in callers[2:] for number in (1, 2)),
    ]  # fmt: skip
    assert told == [
        ("caller", {f"clinic:{rynek.clinic.pk}": None}, {"ids": [each.pk for each in callers[1:]]})
    ]


def test_seen_never_goes_back_and_left_stays_left(rynek: House) -> None:
    caller = arrive(rynek)
    notify(rynek, caller)
    ping(caller, NOW + 20 * SECONDS, seen=1)
    # Another server's, written later though said before.
    late = presence.Ping(caller.pk, 0, True, NOW + 10 * SECONDS)
    presence.note([late], at=NOW + 21 * SECONDS)

    caller.refresh_from_db()
    assert (caller.seen_number, caller.last_seen_at) == (1, NOW + 20 * SECONDS)
    operations.leave(caller_id=caller.pk, actor=PATIENT, at=NOW + 30 * SECONDS)
    ping(caller, NOW + 40 * SECONDS)
    assert state(caller) == ("left", "themselves", False)


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        (44, ("waiting", "", False)),
        (45, ("waiting", "", True)),
        (104, ("waiting", "", True)),
        (105, ("left", "absent", False)),
    ],
)
def test_silence_is_lost_then_left(
    seconds: int, expected: tuple[str, str, bool], rynek: House, beating: None, told: Told
) -> None:
    caller = arrive(rynek)
    told.clear()
    at = NOW + seconds * SECONDS
    beat(at)

    presence.sweep(at=at)
    presence.sweep(at=at)

    assert state(caller) == expected
    rows = [data for name, _topics, data in told if name == "caller"]
    assert rows == {44: [], 45: [{"ids": [caller.pk]}], 104: [{"ids": [caller.pk]}]}.get(
        seconds, [{"ids": [caller.pk]}] * 2
    )


def test_lost_caller_is_back_with_the_next_ping(rynek: House, beating: None, told: Told) -> None:
    caller = arrive(rynek)
    beat(NOW + MINUTES)
    presence.sweep(at=NOW + MINUTES)
    told.clear()

    ping(caller, NOW + 65 * SECONDS)

    assert state(caller) == ("waiting", "", False)
    assert told == [("caller", {f"clinic:{rynek.clinic.pk}": None}, {"ids": [caller.pk]})]


def test_nobody_is_absent_while_nobody_takes_pings(rynek: House, beating: None) -> None:
    caller = arrive(rynek)

    # The pulse stopped at NOW: the server is away, the sweep is not.
    presence.sweep(at=NOW + 10 * MINUTES)
    assert state(caller) == ("waiting", "", False)
    # It is back: everybody's clock starts anew.
    presence.note([], at=NOW + 10 * MINUTES)
    presence.sweep(at=NOW + 10 * MINUTES + 44 * SECONDS)
    assert state(caller) == ("waiting", "", False)
    for second in range(10, 110, 10):
        presence.note([], at=NOW + 10 * MINUTES + second * SECONDS)
    presence.sweep(at=NOW + 10 * MINUTES + 104 * SECONDS)
    assert state(caller) == ("waiting", "", True)
    presence.sweep(at=NOW + 10 * MINUTES + 105 * SECONDS)
    assert state(caller) == ("left", "absent", False)


def test_pulse_is_written_seldom_and_only_for_somebody(rynek: House) -> None:
    presence.note([], at=NOW)
    assert not Pulse.objects.exists()
    caller = arrive(rynek)
    found = []
    # Forward, and at last back by 9, 10 and 31 seconds.
    for second in (0, 3, 9, 12, 15, 60, 51, 50, 19):
        ping(caller, NOW + second * SECONDS)
        found.append(
            [((row.at - NOW).seconds, (row.counting_since - NOW).seconds) for row in Pulse.objects.all()]
        )

    assert found == [
        [(0, 0)], [(0, 0)], [(0, 0)], [(12, 0)], [(12, 0)], [(60, 60)],
        [(60, 60)], [(50, 60)], [(19, 19)],
    ]  # fmt: skip


def test_clock_set_back_keeps_nobody_waiting_for_it(rynek: House, beating: None) -> None:
    here, silent, actor, unheard = (arrive(rynek) for _ in range(4))
    before, now = NOW + 60 * MINUTES, NOW + MINUTES
    stays = before + demo.STAY
    beat(before)
    ping(here, before)
    presence.note([presence.Ping(actor.pk, 0, True, stays)], at=before)
    ping(silent, before + 9 * SECONDS)

    # A pulse from the future is none: who takes pings may be away.
    presence.sweep(at=now)
    assert state(unheard) == ("waiting", "", False)
    # A page says that it is there, by the clock as it is now.
    ping(here, now)

    assert list(Pulse.objects.values_list("at", "counting_since")) == [(now, now)]
    seen = dict(Caller.objects.values_list("pk", "last_seen_at"))
    assert seen == {here.pk: now, silent.pk: now, actor.pk: stays, unheard.pk: NOW}
    for second in range(10, 110, 10):
        ping(here, now + second * SECONDS)
        presence.sweep(at=now + (second + 4) * SECONDS)
        assert [state(each) for each in (silent, unheard)] == [("waiting", "", second >= 50)] * 2
    presence.sweep(at=now + 105 * SECONDS)
    assert [state(each) for each in (silent, unheard)] == [("left", "absent", False)] * 2
    assert [state(each) for each in (here, actor)] == [("waiting", "", False)] * 2

    # Too little for the pulse: the next ping of each counts all the same.
    ping(here, now + 80 * SECONDS)
    here.refresh_from_db()
    assert here.last_seen_at == now + 80 * SECONDS
