"""The outbox at work: rounds (X3; R2, R10, R11)."""

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Any

import pytest
from django.db import OperationalError, connection

from messaging import claims, delivery, settling
from messaging.enums import State
from messaging.models import Delivery
from messaging.registry import Skip, Verdict
from messaging.tasks import send_due
from notifications.enums import Channel
from tests.factories.clinic import MONDAY, make_clinic
from tests.factories.outbox import (
    Special,
    expire_leases,
    get,
    plant,
    planted,
    provider,
    states,
    sweep,
    tries,
)
from tests.fakes.lines import Gate, Provider

__all__ = ["planted", "provider"]
pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("planted")]


@pytest.mark.django_db(transaction=True)
def test_a_slow_line_keeps_its_slot_and_the_others_go_on(
    provider: Provider, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.SEND_CONNECTIONS = 2
    monkeypatch.setattr(delivery, "ROUND_SECONDS", 0.05)
    house = make_clinic()
    slow, *others = plant(house, 12)
    gate = Gate()
    provider.script(slow, gate)

    def work() -> None:
        try:
            sweep(MONDAY, "email")
        finally:
            connection.close()

    worker = threading.Thread(target=work)
    worker.start()
    assert gate.reached.wait(10)
    # While one line hangs, everything else is sent and committed, also what falls due meanwhile.
    assert _soon(lambda: Delivery.objects.filter(pk__in=others, state=State.SENT).count() == 11)
    late = plant(house, 3)
    assert _soon(lambda: Delivery.objects.filter(pk__in=late, state=State.SENT).count() == 3)
    assert (get(slow).state, provider.open_lines) == ("sending", 2)
    gate.opened.set()
    worker.join(10)

    assert states() == {"sent": 15}
    assert set(provider.taken.values()) == {1}


@pytest.mark.django_db(transaction=True)
def test_while_one_line_hangs_the_others_keep_looking_for_what_falls_due(
    provider: Provider, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.SEND_CONNECTIONS = 2
    monkeypatch.setattr(delivery, "ROUND_SECONDS", 0.01)
    (slow,) = plant(make_clinic(), 1)
    gate, looks = Gate(), []
    provider.script(slow, gate)
    real = claims.claim_due

    def claim_due(**more: Any) -> list[Delivery]:
        looks.append(get(slow).state)
        if len(looks) == 5:
            gate.opened.set()
        return real(**more)

    monkeypatch.setattr(claims, "claim_due", claim_due)

    tally = sweep(MONDAY, "email")["email"]

    assert (looks[:5], get(slow).state, tally.sent) == (["planned", *["sending"] * 4], "sent", 1)
    assert tries(slow) == [(1, "accepted", "")]


def _soon(holds: Callable[[], bool]) -> bool:
    """Wait for another thread to have done something; seconds at most, milliseconds as a rule."""
    pause = threading.Event()
    for _ in range(1000):
        if holds():
            return True
        pause.wait(0.01)
    return False


def test_sending_is_committed_before_the_provider_is_called(provider: Provider) -> None:
    (pk,) = plant(make_clinic(), 1)
    seen: list[tuple[str, int, list[tuple[int, str, str]]]] = []

    class Watching(ThreadPoolExecutor):
        def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> Any:
            # The main thread of the test is the one that writes: what it sees here is what it committed.
            seen.append((get(pk).state, get(pk).tries, tries(pk)))
            return super().submit(fn, *args, **kwargs)

    lines = [delivery.Line("email")]
    with Watching(1) as pool:
        delivery.Sender(Channel.EMAIL, MONDAY, lambda: MONDAY).run(pool, lines)
    lines[0].close()

    assert seen == [("sending", 1, [(1, "", "")])]


def test_one_sweep_of_a_channel_at_a_time_in_a_process(monkeypatch: pytest.MonkeyPatch) -> None:
    running: list[str] = []

    def slow(*, channel: Channel, at: datetime, now: Callable[[], datetime]) -> None:
        running.append(channel)
        if len(running) == 1:
            send_due(channel="email")  # a ring in the middle: it looks once more afterwards
            assert running == ["email"]

    monkeypatch.setattr(delivery, "send_due", slow)

    send_due(channel="email")

    assert running == ["email", "email"]


# --- The database fails in the middle ----------------------------------------------------------


def test_what_cannot_be_passed_over_harms_no_other(
    provider: Provider, planted: Special, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    poison, skipped, sent = plant(make_clinic(), 3)
    planted.update({poison: lambda: Skip("over"), skipped: lambda: Skip("over")})
    real = delivery.write_passed_over

    def write_passed_over(rows: Sequence[tuple[Delivery, Verdict]], **more: Any) -> None:
        if poison in [row.pk for row, _verdict in rows]:
            raise OperationalError
        real(rows, **more)

    monkeypatch.setattr(delivery, "write_passed_over", write_passed_over)

    tally = sweep(MONDAY, "email")["email"]

    assert (tally.sent, tally.skipped, states()) == (1, 1, {"claimed": 1, "skipped": 1, "sent": 1})
    assert (get(poison).state, provider.ids()) == ("claimed", [sent])
    assert f"delivery {poison} cannot be passed over" in caplog.messages
    expire_leases()
    settling.settle(at=MONDAY)
    assert get(poison).state == "planned"


@pytest.mark.django_db(transaction=True)
def test_a_database_that_is_gone_after_the_sending_leaves_unknowns_never_doubles(
    provider: Provider, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    settings.SEND_CONNECTIONS = 2
    plant(make_clinic(), 4)
    real, calls = delivery.write_round, []

    def write_round(ended: Any, choices: Any, **more: Any) -> set[int]:
        calls.append(len(ended))
        if len(calls) > 1:  # the first round is opened; then nothing can be written any more
            raise OperationalError
        return real(ended, choices, **more)

    monkeypatch.setattr(delivery, "write_round", write_round)
    with pytest.raises(OperationalError):
        sweep(MONDAY, "email")

    # As a whole, each of the two alone, and the next round without them.
    assert calls == [0, 2, 1, 1, 0]
    assert states() == {"sending": 2, "claimed": 2}
    monkeypatch.setattr(delivery, "write_round", real)
    expire_leases()
    settling.settle(at=MONDAY)
    sweep(MONDAY, "email")
    assert states() == {"unknown": 2, "sent": 2}
    assert set(provider.taken.values()) == {1}


@pytest.mark.django_db(transaction=True)
def test_a_sweep_that_breaks_off_writes_down_what_it_knows(
    provider: Provider, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    settings.SEND_CONNECTIONS = 2
    monkeypatch.setattr(delivery, "ROUND_SECONDS", 0.05)
    quick, slow, left = plant(make_clinic(), 3)
    gate = Gate()
    provider.script(slow, gate)
    real, batch = claims.claim_due, [quick, slow]

    def claim_due(**more: Any) -> list[Delivery]:
        if not batch:
            gate.opened.set()
            raise OperationalError
        batch.clear()
        return real(**{**more, "limit": 2})

    monkeypatch.setattr(claims, "claim_due", claim_due)
    with pytest.raises(OperationalError):
        sweep(MONDAY, "email")

    assert [get(pk).state for pk in (quick, slow, left)] == ["sent", "sent", "planned"]


def test_a_claim_grows_while_it_is_soon_sent() -> None:
    sender = delivery.Sender(Channel.EMAIL, MONDAY, lambda: MONDAY)

    assert [sender._next_batch(at) for at in (0.0, 1.9, 3.8, 5.7, 7.7, 8.0)] == [12, 24, 48, 48, 12, 24]
