"""Doorbell and beat: each task is a sweep; its arguments say where to look, never what to send."""

import threading
from typing import Any

from celery import shared_task

from clinic.lib import clock
from messaging import delivery, settling
from notifications.enums import Channel

# One sender per channel in a process: two would only compete for the same rows and lines.
_busy = {channel: threading.Lock() for channel in Channel}
_again = {channel: threading.Event() for channel in Channel}
_settling = threading.Lock()


@shared_task(name="messaging.send_due")
def send_due(*, channel: str, **_kwargs: Any) -> None:
    """Send what is due over a channel; a ring during a sweep makes that sweep look once more."""
    which = Channel(channel)
    _again[which].set()
    while _again[which].is_set() and _busy[which].acquire(blocking=False):
        try:
            _again[which].clear()
            delivery.send_due(channel=which, at=clock.now(), now=clock.now)
        finally:
            _busy[which].release()


@shared_task(name="messaging.settle")
def settle(**_kwargs: Any) -> None:
    """Resolve what dead workers left behind; one at a time, so that a silent provider blocks one thread only."""
    if _settling.acquire(blocking=False):
        try:
            settling.settle(at=clock.now())
        finally:
            _settling.release()
