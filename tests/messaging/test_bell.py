"""The doorbell: rung once a commit, never in the way of anybody (K13)."""

import logging
from typing import Any

import pytest
from celery import current_app
from django.db import transaction

from messaging import bell

BOTH = [("messaging.send_due", {"channel": "email"}), ("messaging.send_due", {"channel": "sms"})]


@pytest.fixture
def rung(monkeypatch: pytest.MonkeyPatch, settings: Any) -> list[tuple[str, dict[str, str]]]:
    """Collect what is asked of the workers; the bell has been quiet for long."""
    asked: list[tuple[str, dict[str, str]]] = []

    def send_task(name: str, *, kwargs: dict[str, str], retry: bool, expires: int, **_more: object) -> None:
        assert (retry, expires) == (False, 30)
        asked.append((name, kwargs))

    settings.OUTBOX_BELL = True
    monkeypatch.setattr(current_app, "send_task", send_task)
    monkeypatch.setattr(bell, "_rung_at", -bell.QUIET_SECONDS)
    return asked


def test_a_ring_asks_for_a_sweep_of_both_channels(rung: list[Any]) -> None:
    bell.ring()

    assert rung == BOTH


def test_many_rings_at_once_are_one(rung: list[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    for _ in range(3):
        bell.ring()
    assert rung == BOTH

    monkeypatch.setattr(bell, "_rung_at", bell._rung_at - bell.QUIET_SECONDS)
    bell.ring()
    assert rung == [*BOTH, *BOTH]


def test_a_broker_that_is_gone_is_only_noted(
    rung: list[Any], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def gone(**_options: object) -> None:
        raise ConnectionError("redis://:secret@queue.example")

    monkeypatch.setattr(current_app, "connection_for_write", gone)
    with caplog.at_level(logging.WARNING, "anteroom.bell"):
        bell.ring()

    assert rung == []
    assert caplog.messages == ["the bell could not be rung: ConnectionError"]


@pytest.mark.django_db(transaction=True)
def test_only_a_commit_rings(rung: list[Any], settings: Any) -> None:
    with transaction.atomic():
        bell.ring_on_commit()
        transaction.set_rollback(True)
    assert rung == []

    with transaction.atomic():
        bell.ring_on_commit()
        assert rung == []
    assert rung == BOTH


@pytest.mark.django_db(transaction=True)
def test_a_replay_asks_by_itself(rung: list[Any], settings: Any) -> None:
    settings.OUTBOX_BELL = False

    bell.ring_on_commit()

    assert rung == []
