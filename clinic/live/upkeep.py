"""The streams' one thread with a database connection: rights, presence, and rows other processes left."""

import logging
import threading
import time
from collections import defaultdict
from collections.abc import Iterable
from datetime import timedelta

from django.conf import settings
from django.db import close_old_connections, connection
from django.db.utils import Error
from django.utils import timezone

from clinic.live import subjects
from clinic.live.events import SYNC, Event, unpack
from clinic.live.hub import REMEMBERED, Hub
from clinic.live.models import LiveEvent, LiveRevocation
from clinic.live.operations import revoke
from clinic.live.subjects import Presence, Subject

log = logging.getLogger("anteroom.live")

TICK = 0.5
PRESENCE_SECONDS = 3.0
RECHECK_SECONDS = 15.0
MOST_EVENTS = 500


def recent_revocations() -> list[tuple[str, float]]:
    """Return the scopes revoked while tokens made before may still live, each with its instant."""
    since = timezone.now() - timedelta(seconds=REMEMBERED)
    rows = LiveRevocation.objects.filter(at__gte=since).values_list("scope", "at")
    return [(scope, at.timestamp()) for scope, at in rows]


def take_stock() -> list[tuple[str, float]]:
    """Return the recent revocations before the first stream opens, and leave no connection behind.

    What other processes said while no server ran is forgotten: no page was open then.
    """
    try:
        if not settings.REDIS_URL:
            LiveEvent.objects.all().delete()
        return recent_revocations()
    finally:
        connection.close()


class Upkeep:
    """What a server process does for its streams beside sending.

    Args:
        hub: the streams.
    """

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._run, name="live", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def stop(self) -> None:
        """Ask the thread to end; does not wait."""
        self._end.set()

    def _run(self) -> None:
        presence_at = recheck_at = time.monotonic()
        while not self._end.wait(TICK):
            now = time.monotonic()
            try:
                close_old_connections()
                if not settings.REDIS_URL:
                    self.take_events()
                if now >= presence_at:
                    presence_at = now + PRESENCE_SECONDS
                    self.write_presence()
                if now >= recheck_at:
                    recheck_at = now + RECHECK_SECONDS
                    self.recheck()
            except Error as error:
                # The database is away; the next tick tries again.
                log.warning("the streams' upkeep had to wait: %s", type(error).__name__)
                connection.close()
            except Exception:
                log.exception("the streams' upkeep failed")
        connection.close()

    def take_events(self) -> None:
        """Deliver what processes beside this server published."""
        rows = list(LiveEvent.objects.order_by("pk")[:MOST_EVENTS])
        if rows:
            LiveEvent.objects.filter(pk__in=[row.pk for row in rows]).delete()
            for row in rows:
                try:
                    event = unpack(row.packed)
                except (ValueError, KeyError, TypeError):
                    log.error("live event %s is none", row.pk)
                    event = Event(SYNC, {})
                self._hub.deliver_soon(event)

    def write_presence(self) -> None:
        """Hand what pages said of themselves to the apps that own them, all of a kind at once.

        Every kind is called each time, also with nothing: it sees from that that pings are being taken.
        """
        by_kind: dict[str, list[Presence]] = defaultdict(list)
        for presence in self._hub.take_presence():
            by_kind[presence.subject.kind].append(presence)
        for kind in subjects.list_kinds():
            try:
                kind.note_presence(by_kind[kind.name])
            except Error:
                self._hub.put_back(by_kind[kind.name])
                raise

    def recheck(self) -> None:
        """End the streams of those whose rights are gone, however they went (A57, R27).

        What is found is kept for the other processes, and for those who were away when it was looked for.
        """
        at = timezone.now()
        self._hub.revoke_soon(recent_revocations())
        listeners = self._hub.take_listeners()
        try:
            if gone := _gone(listeners):
                revoke(gone, at=at)
                # Here at once, whether or not the bus is there.
                self._hub.revoke_soon([(one, at.timestamp()) for one in gone])
        except Error:
            self._hub.put_back_listeners(listeners)
            raise


def _gone(listeners: Iterable[Subject]) -> list[str]:
    """Return the stream ids of those who may not listen any more."""
    by_kind: dict[str, list[Subject]] = defaultdict(list)
    for subject in listeners:
        by_kind[subject.kind].append(subject)
    gone: list[str] = []
    for name, asked in by_kind.items():
        allowed = {subject.stream_id for subject in subjects.get_kind(name).still_allowed(asked)}
        gone += [subject.stream_id for subject in asked if subject.stream_id not in allowed]
    return gone
