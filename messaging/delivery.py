"""The outbox at work: claims become rounds (X3).

A round sends one delivery over each free line. One commit writes the outcomes of the last round and
marks the next deliveries as `sending`, before any provider is called; so a kill leaves at most one
delivery per open line of which nobody knows whether it was taken.
"""

import logging
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import datetime
from queue import Empty, SimpleQueue
from time import monotonic

from django.conf import settings
from django.db import transaction

from messaging import claims
from messaging.backends import open_backend
from messaging.backends.base import Accepted, AmbiguousError, Backend, SendError
from messaging.envelopes import outgoing
from messaging.ledger import Choice
from messaging.models import Delivery
from messaging.outcomes import Ended, Tally, judge, write_passed_over, write_round
from messaging.registry import Ready, Verdict
from notifications.enums import Channel

log = logging.getLogger("anteroom.outbox")

ROUND_SECONDS = 1.0
# Half of a round's lines are back: the others get so much longer before the next round leaves without them.
STRAGGLER_SECONDS = 0.005
# A claim holds this many deliveries for each line: few enough to be sent within the lease. Where they are
# sent quickly the next claim is larger, up to what costs little next to the sending.
CLAIM_PER_LINE = 12
LONGEST_CLAIM_PER_LINE = 48


@dataclass(slots=True, eq=False)
class Line:
    """One connection to a provider, opened when first needed."""

    channel: str
    backend: Backend | None = None

    def send(self, delivery: Delivery, ready: Ready) -> Accepted:
        if self.backend is None:
            self.backend = open_backend(self.channel)
        return self.backend.send(outgoing(delivery, ready))

    def close(self) -> None:
        if self.backend is not None:
            self.backend.close()
            self.backend = None


@dataclass(slots=True)
class Sender:
    """Sends one channel's due deliveries until nothing is due.

    Args:
        at: what is due at this instant is sent, and what falls due while the sending goes on.
        now: reads the clock; in a replay it stands still.
    """

    channel: Channel
    at: datetime
    now: Callable[[], datetime]
    tally: Tally = field(default_factory=Tally)
    _free: list[Line] = field(default_factory=list)
    _waiting: deque[tuple[Delivery, Ready]] = field(default_factory=deque)
    _open: dict[Line, tuple[Delivery, Ready]] = field(default_factory=dict)
    _returned: SimpleQueue[tuple[Line, Accepted | SendError]] = field(default_factory=SimpleQueue)
    _batch: int = CLAIM_PER_LINE
    _claimed_at: float | None = None  # when the last claim was made, by the monotonic clock
    _ended: list[Ended] = field(default_factory=list)
    _passed_over: list[tuple[Delivery, Verdict]] = field(default_factory=list)

    def run(self, pool: ThreadPoolExecutor, lines: Sequence[Line]) -> Tally:
        """Send everything due.

        1. Claim a batch, read the world again, render.
        2. One commit: the last round's outcomes, the next round's `sending`.
        3. Hand the round to the lines; wait a second at most. What is still open keeps its line, and the
           other lines go on without waiting for it.
        """
        self._free = list(lines)
        try:
            while True:
                if not self._waiting and self._free:
                    self._claim(limit=len(self._free) * self._next_batch(monotonic()))
                if not (self._waiting or self._open or self._ended or self._passed_over):
                    return self.tally
                self._collect(self._turn_round(pool))
        finally:
            self._abandon()

    def _next_batch(self, at: float) -> int:
        """Return how much the next claim holds for each line: more while a claim is soon sent."""
        was, self._claimed_at = self._claimed_at, at
        is_soon = was is not None and at - was < 2 * ROUND_SECONDS
        self._batch = min(self._batch * 2, LONGEST_CLAIM_PER_LINE) if is_soon else CLAIM_PER_LINE
        return self._batch

    def _claim(self, *, limit: int) -> None:
        at = max(self.at, self.now())
        rows = claims.claim_due(channel=self.channel, at=at, limit=limit)
        verdicts = judge(rows, at)
        for row in rows:
            verdict = verdicts[row.pk]
            if isinstance(verdict, Ready):
                self._waiting.append((row, verdict))
            else:
                self._passed_over.append((row, verdict))

    def _turn_round(self, pool: ThreadPoolExecutor) -> set[Line]:
        """Write the last round down, open the next one; return the lines that speak now."""
        ended, self._ended = self._ended, []
        passed_over, self._passed_over = self._passed_over, []
        chosen = [self._waiting.popleft() for _ in range(min(len(self._free), len(self._waiting)))]
        if not (ended or passed_over or chosen):
            return set()
        before = replace(self.tally)
        choices = [Choice(row.pk, row.clinic_id, row.claim, ready.address) for row, ready in chosen]
        try:
            with transaction.atomic():
                taken = write_round(ended, choices, at=self.now(), tally=self.tally)
                write_passed_over(passed_over, at=self.now(), tally=self.tally)
        except Exception:
            log.exception("a round cannot be written as a whole; row by row instead")
            self.tally = before
            self._write_singly(ended, passed_over)
            with transaction.atomic():
                taken = write_round([], choices, at=self.now(), tally=self.tally)
        fresh = set()
        for row, ready in chosen:
            if row.pk in taken:
                row.tries += 1  # as the round has written it
                line = self._free.pop()
                self._open[line] = (row, ready)
                fresh.add(line)
                pool.submit(self._speak, line, row, ready)
        return fresh

    def _speak(self, line: Line, row: Delivery, ready: Ready) -> None:
        """Send one delivery, in a thread of the pool."""
        self._returned.put((line, _result(line, row, ready)))

    def _collect(self, fresh: set[Line]) -> None:
        """Take in what has ended: this round's tries, a second at most, and any straggler of earlier ones.

        Once half of the round's lines are back, the others are not waited for much longer. Without fresh
        tries there are only stragglers: look in between for what has fallen due.
        """
        ends = monotonic() + ROUND_SECONDS
        half, missing = len(fresh) / 2, len(fresh)
        returned: list[tuple[Delivery, Ready, Accepted | SendError]] = []
        while self._open and (missing or not (fresh or returned)):
            try:
                line, result = self._returned.get(timeout=max(ends - monotonic(), 0.0))
            except Empty:
                break
            returned.append((*self._open.pop(line), result))
            self._free.append(line)
            missing -= line in fresh
            if missing <= half:
                ends = min(ends, monotonic() + STRAGGLER_SECONDS)
        at = self.now()  # one instant for all of them: one statement writes it
        self._ended += [Ended(row, ready, result, at) for row, ready, result in returned]

    def _write_singly(self, ended: Sequence[Ended], passed_over: Sequence[tuple[Delivery, Verdict]]) -> None:
        """Write each row in a transaction of its own; one that cannot be written harms no other (R11)."""
        for one in ended:
            try:
                with transaction.atomic():
                    write_round([one], (), at=one.at, tally=self.tally)
            except Exception:
                log.exception("the outcome of delivery %s cannot be written", one.delivery.pk)
        for pair in passed_over:
            try:
                with transaction.atomic():
                    write_passed_over([pair], at=self.now(), tally=self.tally)
            except Exception:
                log.exception("delivery %s cannot be passed over", pair[0].pk)

    def _abandon(self) -> None:
        """Leave nothing behind that we know: wait for what is open and write it down."""
        while self._open:
            self._collect(set())
        if self._ended:
            ended, self._ended = self._ended, []
            self._write_singly(ended, [])


def _result(line: Line, row: Delivery, ready: Ready) -> Accepted | SendError:
    try:
        return line.send(row, ready)
    except SendError as error:
        return error
    except Exception as error:  # a sender's own fault: nobody knows what the provider has
        log.exception("a sender broke")
        return AmbiguousError(type(error).__name__)


class Outlet:
    """A channel's lines to its provider and the threads that speak on them; close it, or use `with`."""

    def __init__(self, channel: Channel) -> None:
        self.channel = channel
        self._lines = [Line(channel) for _ in range(settings.SEND_CONNECTIONS)]
        self._pool = ThreadPoolExecutor(len(self._lines), thread_name_prefix=f"send-{channel}")

    def send_due(self, *, at: datetime, now: Callable[[], datetime]) -> Tally:
        """Send the channel's deliveries due at `at` and return what became of them."""
        return Sender(self.channel, at, now).run(self._pool, self._lines)

    def close(self) -> None:
        """Give the lines back."""
        self._pool.shutdown()
        for line in self._lines:
            line.close()

    def __enter__(self) -> "Outlet":
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()


def send_due(*, channel: Channel, at: datetime, now: Callable[[], datetime]) -> Tally:
    """Send a channel's deliveries due at `at`; lines are opened only if there are any."""
    if not claims.due_clinics(channel=channel, at=at):
        return Tally()
    with Outlet(channel) as outlet:
        return outlet.send_due(at=at, now=now)
