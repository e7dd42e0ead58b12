"""All open streams of this process, and the handing out of events to them. Lives in the server's event loop."""

import asyncio
import random
import threading
import time
from collections import defaultdict, deque
from collections.abc import Callable, Iterable
from contextlib import suppress

from clinic.live.events import REVOKE, SYNC, Event, body_of, frame
from clinic.live.subjects import Presence, Subject

# Frames a stream may be behind before it is cut; it comes back and asks for what it lacks.
MOST_BEHIND = 256
# Streams of one subject (open tabs); one more closes the oldest (A59).
MOST_PER_SUBJECT = 20
# Events handed out before the streams get their turn to send: a burst must not look like a slow browser.
AT_ONCE = 32
# How long this process remembers who lost their rights, in seconds: as long as a token lives.
REMEMBERED = 330
PING_SECONDS = 20


class Stream:
    """One open connection: what it still has to be sent, and how to wake or cut it.

    Args:
        subject: whose it is.
        wake: called when there is something to send, or when the stream ends.
        cut: called to end it even in the middle of a send that does not return.
    """

    __slots__ = ("_cut", "_wake", "frames", "is_over", "subject")

    def __init__(self, subject: Subject, *, wake: Callable[[], object], cut: Callable[[], object]) -> None:
        self.subject = subject
        self.frames: deque[bytes] = deque()
        self.is_over = False
        self._wake = wake
        self._cut = cut

    def put(self, data: bytes) -> None:
        """Have something sent; a stream too far behind is cut instead: it would only fall further back."""
        if self.is_over:
            return
        if len(self.frames) >= MOST_BEHIND:
            self.end(at_once=True)
            return
        self.frames.append(data)
        self._wake()

    def end(self, *, at_once: bool = False) -> None:
        """End the stream: after what it still has to be sent, or at once."""
        if self.is_over:
            return
        self.is_over = True
        if at_once:
            self.frames.clear()
            self._cut()
        self._wake()


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
        self._revoked: dict[str, float] = {}
        self._presence: dict[str, Presence] = {}
        self._pinging: asyncio.Task[None] | None = None
        self._lock = threading.Lock()
        self._arrived: deque[Event] = deque()
        self._is_draining = False
        self.is_open = False

    def start(self, revoked: Iterable[tuple[str, float]] = ()) -> None:
        """Begin to serve from the running event loop.

        Args:
            revoked: scopes whose rights ended lately, each with the instant (seconds since 1970).
        """
        self._loop = asyncio.get_running_loop()
        self._revoked.update(revoked)
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

    def subjects(self) -> list[Subject]:
        """Return everybody who listens now. A copy; any thread may call it."""
        return list(self._subjects.values())

    # --- streams -------------------------------------------------------------------------------

    def may_open(self, subject: Subject, made_at: float) -> bool:
        """Return whether a token made at an instant (seconds since 1970) still opens a stream (R27)."""
        names = (*subject.scopes, subject.stream_id)
        return self.is_open and not any(self._revoked.get(name, 0.0) >= made_at for name in names)

    def add(self, stream: Stream) -> None:
        """Let a stream hear from now on, beginning with `sync`: what was missed, the page asks for."""
        subject = stream.subject
        mine = self._by_subject[subject.stream_id]
        while len(mine) >= MOST_PER_SUBJECT:
            next(iter(mine)).end(at_once=True)
            del mine[next(iter(mine))]
        mine[stream] = None
        self._subjects[subject.stream_id] = subject
        for topic in subject.topics:
            self._by_topic[topic].add(stream)
        for scope in subject.scopes:
            self._by_scope[scope].add(stream)
        # Browsers wait this long before they come back by themselves: not all in one moment.
        stream.put(f"retry: {random.randint(1000, 4000)}\n".encode() + frame("sync"))

    def remove(self, stream: Stream) -> None:
        """Forget a stream that has ended."""
        subject = stream.subject
        mine = self._by_subject.get(subject.stream_id, {})
        mine.pop(stream, None)
        if not mine:
            self._by_subject.pop(subject.stream_id, None)
            self._subjects.pop(subject.stream_id, None)
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
        self._soon(self._drain)

    def deliver(self, event: Event) -> None:
        """Give an event to everybody who listens to one of its topics."""
        if event.name == SYNC:
            self.sync_all()
        elif event.name == REVOKE:
            self.revoke(event.data["scopes"], float(event.data["at"]))
        else:
            bodies: dict[str, bytes] = {}
            for topic, number in event.topics.items():
                prefix = b"" if number is None else b"id: %d\n" % number
                for stream in tuple(self._by_topic.get(topic, ())):
                    language = stream.subject.language
                    if language not in bodies:
                        bodies[language] = body_of(event, language)
                    stream.put(prefix + bodies[language])

    def sync_all(self) -> None:
        """Have every page fetch what it may have missed: the bus itself was away."""
        data = frame("sync")
        for stream in self._streams():
            stream.put(data)

    def revoke(self, scopes: Iterable[str], at: float) -> None:
        """End the streams of those who lost their rights at an instant, and refuse their older tokens."""
        for scope in scopes:
            self._revoked[scope] = max(at, self._revoked.get(scope, 0.0))
            for stream in tuple(self._by_scope.get(scope, ())):
                self._end_revoked(stream)
        horizon = time.time() - REMEMBERED
        for scope in [scope for scope, since in self._revoked.items() if since < horizon]:
            del self._revoked[scope]

    def keep_only(self, asked: Iterable[Subject], allowed: Iterable[Subject]) -> None:
        """End the streams of those subjects who were asked about and are allowed no longer."""
        keep = {subject.stream_id for subject in allowed}
        for subject in asked:
            if subject.stream_id not in keep:
                self._revoked[subject.stream_id] = time.time()
                for stream in tuple(self._by_subject.get(subject.stream_id, ())):
                    self._end_revoked(stream)

    def revoke_soon(self, revoked: Iterable[tuple[str, float]]) -> None:
        """Take over revocations read from the database; any thread may call it."""
        for scope, at in revoked:
            self._soon(self.revoke, [scope], at)

    def keep_only_soon(self, asked: list[Subject], allowed: list[Subject]) -> None:
        """As `keep_only`; any thread may call it."""
        self._soon(self.keep_only, asked, allowed)

    # --- presence ------------------------------------------------------------------------------

    def note(self, presence: Presence) -> None:
        """Keep what a page said of itself until it is written down with the others'."""
        known = self._presence.get(presence.subject.stream_id)
        if known is not None and known.seen > presence.seen:
            presence = Presence(presence.subject, known.seen, presence.is_visible, presence.at)
        self._presence[presence.subject.stream_id] = presence

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

    def _drain(self) -> None:
        """Hand out what has arrived, a few at a time: the streams send in between."""
        for _ in range(AT_ONCE):
            with self._lock:
                if not self._arrived:
                    self._is_draining = False
                    return
                event = self._arrived.popleft()
            self.deliver(event)
        if self._loop is not None:
            self._loop.call_soon(self._drain)

    def _end_revoked(self, stream: Stream) -> None:
        # The page says so at once, and does not try again.
        stream.put(frame("revoked"))
        stream.end()

    def _end_all(self) -> None:
        if self._pinging is not None:
            self._pinging.cancel()
        for stream in self._streams():
            stream.end()

    async def _ping(self) -> None:
        data = frame("ping")
        while True:
            await asyncio.sleep(PING_SECONDS)
            for stream in self._streams():
                stream.put(data)


# This process's own.
hub = Hub()
