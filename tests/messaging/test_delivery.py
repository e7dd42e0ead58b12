"""The outbox at work: rounds (X3; R2, R10, R11)."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Any

import pytest
from django.db import connection

from messaging import delivery
from messaging.enums import State
from messaging.models import Delivery
from messaging.tasks import send_due
from notifications.enums import Channel
from tests.factories.clinic import MONDAY, make_clinic
from tests.factories.outbox import (
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
