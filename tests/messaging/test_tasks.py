"""Doorbell and beat: sweeps that never run beside themselves in one process."""

from collections.abc import Callable
from datetime import datetime

import pytest

from clinic.lib import clock
from messaging import delivery, settling, tasks
from notifications.enums import Channel
from tests.factories.clinic import MONDAY


def test_a_sweep_that_fails_lets_the_next_one_in(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[str] = []

    def fail(*, channel: Channel, at: datetime, now: Callable[[], datetime]) -> None:
        seen.append(channel)
        raise OSError

    monkeypatch.setattr(delivery, "send_due", fail)
    for _ in range(2):
        with pytest.raises(OSError):  # noqa: PT011 - any will do
            tasks.send_due(channel="sms")

    assert seen == ["sms", "sms"]


def test_channels_are_swept_side_by_side(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[str] = []

    def sweep(*, channel: Channel, at: datetime, now: Callable[[], datetime]) -> None:
        seen.append(channel)
        if channel == Channel.EMAIL:
            tasks.send_due(channel="sms")

    monkeypatch.setattr(delivery, "send_due", sweep)
    tasks.send_due(channel="email")

    assert seen == ["email", "sms"]


def test_one_settles_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[datetime] = []

    def settle(*, at: datetime) -> None:
        seen.append(at)
        tasks.settle()  # the beat comes again while a provider is silent
        if len(seen) == 1:
            raise OSError

    monkeypatch.setattr(settling, "settle", settle)
    with clock.held_at(MONDAY):
        with pytest.raises(OSError):  # noqa: PT011 - any will do
            tasks.settle()
        assert seen == [MONDAY]
        tasks.settle()

    assert seen == [MONDAY, MONDAY]
