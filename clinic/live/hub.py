"""All open streams of this process, and the handing out of events to them. Lives in the server's event loop."""

import asyncio
import logging
import random
import threading
import time
from collections import defaultdict, deque
from collections.abc import Callable, Iterable
from contextlib import suppress

from clinic.live.events import REVOKE, SYNC, Event, body_of, frame
from clinic.live.stream import Stream
from clinic.live.subjects import Presence, Subject

log = logging.getLogger("anteroom.live")

# Streams of one subject (open tabs); one more closes the oldest (A59).
MOST_PER_SUBJECT = 20
# Frames handed out before the loop has its turn: to send them, so that a burst does not look like a slow
# browser, and to answer pages, which a message to a thousand streams would hold up.
AT_ONCE = 100
# How long this process remembers who lost their rights, in seconds: as long as a token lives.
REMEMBERED = 330
PING_SECONDS = 20
# How long this process knows when something was last said on a topic, in seconds.
SAID_KEPT = 300.0
# How far the clocks of the process that made a page and of this one may be apart, in seconds.
SKEW = 2.0
# "whole": the page lacks nothing that was said since it was made.
SYNC_FRAME, SYNC_WHOLE_FRAME, PING_FRAME = frame("sync"), frame("sync", whole=True), frame("ping")
CROWDED_FRAME = frame("crowded")


class Hub:
    """The streams by what they listen to.

    All methods but those that say otherwise are for the event loop's own thread.
    """

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._by_topic: dict[str, set[Stream]] = defaultdict(set)
        self._by_scope: dict[str, set[Stream]] = defaultdict(set)
        self._by_subject: dict[str, dict[Stream, None]] = defaultdict(dict)  # in order of opening
        self._subjects: dict[str, Subject] = {}
        # Each second one of these is pinged: thousands of pings at once would hold up the event behind them.
        self._by_beat: tuple[set[Stream], ...] = tuple(set() for _ in range(PING_SECONDS))
        self._said: dict[str, float] = {}  # topic: when something was last said on it
        self._hears_since = 0.0  # from when on this process heard everything
        self._opened = 0
        self._left: dict[str, Subject] = {}
        self._revoked: dict[str, float] = {}
        self._presence: dict[str, Presence] = {}
        self._pinging: asyncio.Task[None] | None = None
        self._lock = threading.Lock()
        self._arrived: deque[Event] = deque()
        self._draining: asyncio.Task[None] | None = None
        self._is_draining = False
        self._handed_out = 0
        self.is_open = False

    def start(self, revoked: Iterable[tuple[str, float]] = ()) -> None:
        """Begin to serve from the running event loop.

        Args:
            revoked: scopes whose rights ended lately, each with the instant (seconds since 1970).
        """
        self._loop = asyncio.get_running_loop()
        self._revoked = dict(revoked)
        self._said.clear()
        self._hears_since = time.time()
        self._left.clear()
        self._presence.clear()
        self._arrived.clear()
        self._is_draining = False
        self._pinging = asyncio.create_task(self._ping())
        self.is_open = True

    def stop(self) -> None:
        """End all streams; browsers come back by themselves, not all at once. Any thread may call it."""
        self.is_open = False
        self._soon(self._end_all)

    def __len__(self) -> int:
        return sum(len(streams) for streams in self._by_subject.values())

    # --- streams -------------------------------------------------------------------------------

    def may_open(self, subject: Subject, made_at: float) -> bool:
        """Return whether a token made at an instant (seconds since 1970) still opens a stream (R27)."""
        names = (*subject.scopes, subject.stream_id)
        return self.is_open and not any(self._revoked.get(name, 0.0) >= made_at for name in names)

    def add(self, stream: Stream, *, since: float = 0.0) -> None:
        """Let a stream hear from now on, beginning with `sync`: what was missed, the page asks for.

        Args:
            since: when the page was made (seconds since 1970). One on whose topics nothing was said since
                is told that it need not ask.
        """
        subject = stream.subject
        mine = self._by_subject[subject.stream_id]
        while len(mine) >= MOST_PER_SUBJECT:
            oldest = next(iter(mine))
            del mine[oldest]
            # Cut without a word, it would come back at once and push out the next.
            oldest.put(CROWDED_FRAME)
            oldest.end()
        mine[stream] = None
        self._subjects[subject.stream_id] = subject
        for topic in subject.topics:
            self._by_topic[topic].add(stream)
        for scope in subject.scopes:
            self._by_scope[scope].add(stream)
        stream.beat = self._opened = (self._opened + 1) % PING_SECONDS
        self._by_beat[stream.beat].add(stream)
        # Browsers wait this long before they come back by themselves: not all in one moment.
        sync = SYNC_FRAME if self._may_lack(subject, since - SKEW) else SYNC_WHOLE_FRAME
        stream.put(b"retry: %d\n" % random.randint(1000, 4000) + sync)

    def remove(self, stream: Stream) -> None:
        """Forget a stream that has ended."""
        subject = stream.subject
        self._by_beat[stream.beat].discard(stream)
        mine = self._by_subject.get(subject.stream_id, {})
        mine.pop(stream, None)
        if not mine:
            self._by_subject.pop(subject.stream_id, None)
            self._subjects.pop(subject.stream_id, None)
            self._left[subject.stream_id] = subject
        for names, places in ((subject.topics, self._by_topic), (subject.scopes, self._by_scope)):
            for name in names:
                places[name].discard(stream)
                if not places[name]:
                    del places[name]

    # --- events --------------------------------------------------------------------------------

    def deliver_soon(self, event: Event) -> None:
        """Hand an event over to the event loop; any thread may call it, and events keep their order."""
        with self._lock:
            self._arrived.append(event)
            if self._is_draining:
                return
            self._is_draining = True
        self._soon(self._start_draining)

    def sync_all(self) -> None:
        """Have every page fetch what it may have missed: the bus itself was away."""
        self._hears_since = time.time()
        for stream in self._streams():
            stream.put(SYNC_FRAME)

    def revoke(self, scopes: Iterable[str], at: float) -> None:
        """End the streams of those who lost their rights at an instant, and refuse their older tokens."""
        for scope in scopes:
            self._revoked[scope] = max(at, self._revoked.get(scope, 0.0))
            for stream in (*self._by_scope.get(scope, ()), *self._by_subject.get(scope, ())):
                # Whoever got their rights back since has a newer token.
                if stream.made_at <= at:
                    self._end_revoked(stream)
        horizon = time.time() - REMEMBERED
        for scope in [scope for scope, since in self._revoked.items() if since < horizon]:
            del self._revoked[scope]

    def take_listeners(self) -> list[Subject]:
        """Return everybody who listened since the last call, if only for a moment. Any thread may call it."""
        left, self._left = self._left, {}
        return list({**left, **self._subjects}.values())

    def put_back_listeners(self, listeners: Iterable[Subject]) -> None:
        """Ask after them again the next time. Any thread may call it."""
        self._left = {**{subject.stream_id: subject for subject in listeners}, **self._left}

    def revoke_soon(self, revoked: Iterable[tuple[str, float]]) -> None:
        """Take over revocations read from the database; any thread may call it."""
        for scope, at in revoked:
            self._soon(self.revoke, [scope], at)

    # --- presence ------------------------------------------------------------------------------

    def note(self, presence: Presence) -> None:
        """Keep what a page said of itself until it is written down with the others'. Any thread may call it."""
        known = self._presence.get(presence.subject.stream_id)
        if known is not None and known.seen > presence.seen:
            presence = Presence(presence.subject, known.seen, presence.is_visible, presence.at)
        self._presence[presence.subject.stream_id] = presence

    def put_back(self, presences: Iterable[Presence]) -> None:
        """Keep what could not be written down until the next time, unless a page has said more since."""
        for presence in presences:
            self._presence.setdefault(presence.subject.stream_id, presence)

    def take_presence(self) -> list[Presence]:
        """Return, and forget, what pages said since the last call. Any thread may call it."""
        taken, self._presence = self._presence, {}
        return list(taken.values())

    # --- inside --------------------------------------------------------------------------------

    def _soon(self, act: Callable[..., object], *args: object) -> None:
        """Have the event loop do something, in the order of asking."""
        with suppress(RuntimeError):  # the loop has ended, and the streams with it
            if self._loop is not None:
                self._loop.call_soon_threadsafe(act, *args)

    def _streams(self) -> list[Stream]:
        return [stream for streams in self._by_subject.values() for stream in streams]

    def _start_draining(self) -> None:
        self._draining = asyncio.create_task(self._drain())

    async def _drain(self) -> None:
        """Hand out what has arrived, in its order."""
        while (event := self._next_arrived()) is not None:
            try:
                await self._deliver(event)
            except Exception as error:
                log.error("the bus carried an event that cannot be read: %s", type(error).__name__)

    def _next_arrived(self) -> Event | None:
        with self._lock:
            if self._arrived:
                return self._arrived.popleft()
            self._is_draining = False
            return None

    async def _deliver(self, event: Event) -> None:
        """Give an event to everybody who listens to one of its topics."""
        if event.name == SYNC:
            self.sync_all()
        elif event.name == REVOKE:
            self.revoke(event.data["scopes"], float(event.data["at"]))
        else:
            bodies: dict[str, bytes] = {}
            self._said.update(dict.fromkeys(event.topics, time.time()))
            for topic, number in event.topics.items():
                prefix = b"" if number is None else b"id: %d\n" % number
                for stream in tuple(self._by_topic.get(topic, ())):
                    language = stream.subject.language
                    if language not in bodies:
                        bodies[language] = body_of(event, language)
                    stream.put(prefix + bodies[language])
                    self._handed_out += 1
                    if self._handed_out % AT_ONCE == 0:
                        await asyncio.sleep(0)

    def _may_lack(self, subject: Subject, since: float) -> bool:
        """Return whether something may have been said to a subject since an instant."""
        now = time.time()
        # From the future: a clock was set back since, and the order of things is not known.
        if not max(self._hears_since, now - SAID_KEPT) <= since <= now:
            return True
        return any(self._said.get(topic, 0.0) >= since for topic in subject.topics)

    def _end_revoked(self, stream: Stream) -> None:
        # The page says so at once, and does not try again.
        stream.put(frame("revoked"))
        stream.end()

    def _end_all(self) -> None:
        for task in (self._pinging, self._draining):
            if task is not None:
                task.cancel()
        for stream in self._streams():
            stream.end()

    async def _ping(self) -> None:
        while True:
            horizon = time.time() - SAID_KEPT
            for topic in [topic for topic, at in self._said.items() if at < horizon]:
                del self._said[topic]
            for streams in self._by_beat:
                await asyncio.sleep(1)
                for stream in tuple(streams):
                    stream.put(PING_FRAME)


# This process's own.
hub = Hub()
