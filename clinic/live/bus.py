"""Publishing: an event reaches the browsers once its transaction is committed, or not at all.

Three ways, chosen by what this process is. With Redis: one channel that every server process hears.
Embedded, in the server itself: straight into the event loop. Embedded, beside the server (an import, a
shell): a row in the transaction, which the server takes within a second.
"""

import hashlib
import logging
import threading
import time
from collections.abc import Mapping
from functools import cache, partial
from typing import Any
from urllib.parse import urlsplit

import redis
from django.conf import settings
from django.db import transaction

from clinic.live.events import SYNC, Event, pack
from clinic.live.hub import hub
from clinic.live.models import LiveEvent

log = logging.getLogger("anteroom.live")

# After a failure Redis is left alone this long, in seconds: one request waits for it, not all of them.
LEFT_ALONE = 2.0


def publish(
    name: str,
    topics: Mapping[str, int | None],
    data: Mapping[str, Any] | None = None,
    *,
    by_language: Mapping[str, Mapping[str, Any]] | None = None,
) -> None:
    """Tell open pages that something happened, once the present transaction is committed (W1, W5).

    Args:
        name: what the page's script knows it by.
        topics: who hears it; the number, where there is one, is the event's own on that topic.
        data: what is said to everybody.
        by_language: what is said instead in each language.
    """
    publish_event(Event(name, topics, data or {}, by_language or {}))


def publish_event(event: Event) -> None:
    """Publish an event that is already made; see `publish`."""
    if not settings.LIVE_BUS:
        return
    if settings.REDIS_URL or hub.is_open:
        transaction.on_commit(partial(_send, event), robust=True)
    else:
        LiveEvent.objects.create(packed=pack(event))


def _send(event: Event) -> None:
    if settings.REDIS_URL:
        line.send(event)
    else:
        hub.deliver_soon(event)


@cache
def channel() -> str:
    """Return the name all processes of this installation meet under, and nobody else who uses the same Redis."""
    # Redis tells no channels apart by its database's number, which is how installations often share one.
    database = urlsplit(settings.REDIS_URL).path.strip("/")
    own = hashlib.sha256(f"{database}|{settings.SECRET_KEY}".encode()).hexdigest()
    return f"anteroom:live:{own[:16]}"


@cache
def connection() -> "redis.Redis":
    """Return this process's connections for publishing: half a second, no second try (K13)."""
    return redis.Redis.from_url(
        settings.REDIS_URL, socket_timeout=0.5, socket_connect_timeout=0.5, retry=None, retry_on_timeout=False
    )


class Line:
    """The way to Redis, which may be lost. What could not be said is owed: a `sync` for everybody later."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._rest_until = 0.0
        self._owes_sync = False
        self._paying: threading.Thread | None = None

    def send(self, event: Event) -> None:
        """Publish, or remember that something was not. Never raises."""
        if time.monotonic() < self._rest_until or not self._try(pack(event)):
            self._owe()

    def settle(self) -> None:
        """Pay what is owed as soon as Redis answers again: pages then fetch what they missed."""
        with self._lock:
            if self._owes_sync and time.monotonic() >= self._rest_until:
                self._owes_sync = False
                if not self._try(pack(Event(SYNC, {}))):
                    self._owe()

    def _owe(self) -> None:
        """Remember the debt, and try to pay it soon: a worker may have nothing more to say for hours."""
        self._owes_sync = True
        if self._paying is None or not self._paying.is_alive():
            self._paying = threading.Thread(target=self._pay, name="bus debt", daemon=True)
            self._paying.start()

    def _pay(self) -> None:
        while self._owes_sync and settings.REDIS_URL:
            time.sleep(LEFT_ALONE + 0.1)
            self.settle()

    def _try(self, text: str) -> bool:
        try:
            connection().publish(channel(), text)
        except redis.RedisError as error:
            self._rest_until = time.monotonic() + LEFT_ALONE
            log.warning("the bus could not be reached: %s", type(error).__name__)
            return False
        return True


line = Line()
