"""The outbox at work: claims become rounds, rounds become outcomes (X3).

A round sends one delivery over each free line. One commit writes the outcomes of the last round and
marks the next deliveries as `sending`, before any provider is called; so a kill leaves at most one
delivery per open line of which nobody knows whether it was taken.
"""

import logging
import random
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from queue import Empty, SimpleQueue
from time import monotonic

from django.conf import settings
from django.db import transaction

from messaging import claims, ledger
from messaging.backends import open_backend
from messaging.backends.base import (
    Accepted,
    AmbiguousError,
    Backend,
    PassingError,
    PermanentError,
    SendError,
)
from messaging.bounces import mark_bounced
from messaging.enums import State
from messaging.envelopes import kept_text, outgoing
from messaging.ledger import Choice, Statement, Try
from messaging.models import Attempt, Delivery
from messaging.registry import Ready, Skip, get_voice
from messaging.rules import pause_after
from messaging.signals import deliveries_accepted, deliveries_lost
from notifications.enums import Channel
from notifications.registry import get_kind

log = logging.getLogger("anteroom.outbox")

ROUND_SECONDS = 1.0
# Half of a round's lines are back: the others get so much longer before the next round leaves without them.
STRAGGLER_SECONDS = 0.005
# A claim holds this many deliveries for each line: few enough to be sent within the lease. Where they are
# sent quickly the next claim is larger, up to what costs little next to the sending.
CLAIM_PER_LINE = 12
LONGEST_CLAIM_PER_LINE = 48
# Replies that say the mailbox itself does not exist; other refusals may concern the text or us.
NO_SUCH_MAILBOX = frozenset({"smtp-550", "smtp-551", "smtp-553"})
RENDER_FAILED = Skip("render_failed")


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


@dataclass(frozen=True, slots=True)
class Ended:
    """A try that came back: with what the provider said, or with the failure."""

    delivery: Delivery
    ready: Ready
    result: Accepted | SendError
    at: datetime


@dataclass(slots=True)
class Tally:
    """How many deliveries a sweep brought to which end."""

    sent: int = 0
    skipped: int = 0
    failed: int = 0
    unknown: int = 0
    later: int = 0

    @property
    def total(self) -> int:
        return self.sent + self.skipped + self.failed + self.unknown + self.later


@dataclass(slots=True)
class Sender:
    """Sends one channel's due deliveries until nothing is due.

    Args:
        at: the instant that "due" is measured by.
        now: reads the clock for the outcome of each try; in a replay it stands still.
    """

    channel: Channel
    at: datetime
    now: Callable[[], datetime]
    tally: Tally = field(default_factory=Tally)
    _is_dry: bool = False  # the last claim found less than it asked for
    _free: list[Line] = field(default_factory=list)
    _waiting: deque[tuple[Delivery, Ready]] = field(default_factory=deque)
    _open: dict[Line, tuple[Delivery, Ready]] = field(default_factory=dict)
    _returned: SimpleQueue[tuple[Line, Accepted | SendError]] = field(default_factory=SimpleQueue)
    _batch: int = CLAIM_PER_LINE
    _claimed_at: float | None = None  # when the last claim was made, by the monotonic clock
    _ended: list[Ended] = field(default_factory=list)
    _passed_over: list[tuple[Delivery, Skip]] = field(default_factory=list)

    def run(self, pool: ThreadPoolExecutor, lines: Sequence[Line]) -> Tally:
        """Send everything due.

        1. Claim a batch, read the world again, render.
        2. One commit: the last round's outcomes, the next round's `sending`.
        3. Hand the round to the lines; wait a second at most; what is still open keeps its line.

        At most one delivery is open on a line; none is offered before its `sending` is committed.
        """
        self._free = list(lines)
        try:
            while True:
                if len(self._waiting) < len(self._free) and not self._is_dry:
                    self._claim(lines=len(lines))
                if not (self._waiting or self._open or self._ended or self._passed_over):
                    return self.tally
                self._turn_round(pool)
                self._collect()
        finally:
            self._abandon()

    def _claim(self, *, lines: int) -> None:
        """Claim what the lines send in a second or two, and render it."""
        limit = lines * self._batch
        began = monotonic()
        rows = claims.claim_due(channel=self.channel, at=self.at, limit=limit)
        self._is_dry = len(rows) < limit
        verdicts = judge(rows, self.at)
        for row in rows:
            verdict = verdicts[row.pk]
            if isinstance(verdict, Skip):
                self._passed_over.append((row, verdict))
            else:
                self._waiting.append((row, verdict))
        self._batch = self._next_batch(began)

    def _next_batch(self, at: float) -> int:
        """Return how much the next claim holds for each line: more while a claim is soon sent."""
        was, self._claimed_at = self._claimed_at, at
        if was is None or at - was > 2 * ROUND_SECONDS:
            return CLAIM_PER_LINE
        return min(self._batch * 2, LONGEST_CLAIM_PER_LINE)

    def _turn_round(self, pool: ThreadPoolExecutor) -> None:
        ended, self._ended = self._ended, []
        passed_over, self._passed_over = self._passed_over, []
        chosen = [self._waiting.popleft() for _ in range(min(len(self._free), len(self._waiting)))]
        choices = [Choice(row.pk, row.claim, ready.address) for row, ready in chosen]
        try:
            with transaction.atomic():
                write_passed_over(passed_over, at=self.now(), tally=self.tally)
                taken = write_round(ended, choices, at=self.now(), tally=self.tally)
        except Exception:
            # What providers said must not be lost with the transaction: `_abandon` writes it again.
            self._ended = ended
            raise
        for row, ready in chosen:
            if row.pk in taken:
                row.tries += 1  # as the round has written it
                line = self._free.pop()
                self._open[line] = (row, ready)
                pool.submit(self._speak, line, row, ready)

    def _speak(self, line: Line, row: Delivery, ready: Ready) -> None:
        """Send one delivery, in a thread of the pool."""
        self._returned.put((line, _result(line, row, ready)))

    def _collect(self) -> None:
        """Take back the lines that are done; what is still open keeps its line.

        Waits for all of them, a second at most, and once half are back not for stragglers. With every line
        in use it waits for the first: there is nothing else to do.
        """
        ends = monotonic() + ROUND_SECONDS
        returned = []
        while self._open:
            left = max(ends - monotonic(), 0.0)
            try:
                returned.append(self._take_back(*self._returned.get(timeout=left if self._free else None)))
            except Empty:
                break
            if len(self._free) >= len(self._open):
                ends = min(ends, monotonic() + STRAGGLER_SECONDS)
        at = self.now()  # one instant for all of them: one statement writes it
        self._ended += [Ended(row, ready, result, at) for row, ready, result in returned]

    def _take_back(
        self, line: Line, result: Accepted | SendError
    ) -> tuple[Delivery, Ready, Accepted | SendError]:
        row, ready = self._open.pop(line)
        self._free.append(line)
        return row, ready, result

    def _abandon(self) -> None:
        """Leave nothing behind that we know: wait for what is open and write it down."""
        while self._open:
            self._collect()
        if self._ended:
            ended, self._ended = self._ended, []
            with transaction.atomic():
                write_round(ended, (), at=self.now(), tally=self.tally)


def _result(line: Line, row: Delivery, ready: Ready) -> Accepted | SendError:
    try:
        return line.send(row, ready)
    except SendError as error:
        return error
    except Exception as error:  # a sender's own fault: nobody knows what the provider has
        log.exception("a sender broke")
        return AmbiguousError(type(error).__name__)


def judge(rows: Sequence[Delivery], at: datetime) -> dict[int, Ready | Skip]:
    """Read the world again for claimed deliveries and render those that are still right.

    A row that cannot be rendered fails alone; the others go on (R11).
    """
    by_kind: dict[str, list[Delivery]] = {}
    for row in rows:
        by_kind.setdefault(row.message.kind, []).append(row)
    verdicts: dict[int, Ready | Skip] = {}
    for kind, group in by_kind.items():
        try:
            verdicts.update(get_voice(kind)(group, at))
        except Exception:  # one bad row must not stop the others: find out which it is
            for row in group:
                try:
                    verdicts.update(get_voice(kind)([row], at))
                except Exception:
                    log.exception("delivery %s cannot be rendered", row.pk)
                    verdicts[row.pk] = RENDER_FAILED
    return verdicts


def write_passed_over(rows: Sequence[tuple[Delivery, Skip]], *, at: datetime, tally: Tally) -> None:
    """Write down deliveries that the claim's second look left out, with the reason."""
    for row, skip in rows:
        failed = skip is RENDER_FAILED
        changed = Delivery.objects.filter(pk=row.pk, state=State.CLAIMED, claim=row.claim).update(
            state=State.FAILED if failed else State.SKIPPED,
            reason=skip.reason,
            facts=dict(skip.facts),
            ended_at=at,
            due_at=None,
            claim="",
            lease_until=None,
        )
        if failed:
            tally.failed += changed
        else:
            tally.skipped += changed
    lost = [row for row, skip in rows if skip is RENDER_FAILED]
    if lost:
        deliveries_lost.send(Delivery, deliveries=lost, at=at)


def write_round(ended: Sequence[Ended], choices: Sequence[Choice], *, at: datetime, tally: Tally) -> set[int]:
    """Write down what became of tries and open the next, in the caller's transaction; tell the floor above.

    Returns:
        The ids of `choices` that may now be offered to a provider.
    """
    accepted = [one for one in ended if isinstance(one.result, Accepted)]
    taken = ledger.write([*_closing(accepted), *ledger.open_next(choices, at=at)])
    if accepted:
        deliveries = [one.delivery for one in accepted]
        deliveries_accepted.send(Delivery, deliveries=deliveries, at=max(one.at for one in accepted))
        tally.sent += len(accepted)
    lost = []
    for one in ended:
        if not isinstance(one.result, SendError):
            continue
        if _write_failed(one, tally=tally) == State.FAILED:
            lost.append(one.delivery)
            if one.result.code in NO_SUCH_MAILBOX:
                mark_bounced([one.delivery], at=one.at)
    if lost:
        deliveries_lost.send(Delivery, deliveries=lost, at=max(one.at for one in ended))
    return taken


def _closing(accepted: Sequence[Ended]) -> list[Statement]:
    by_instant: dict[datetime, list[Ended]] = {}
    for one in accepted:
        by_instant.setdefault(one.at, []).append(one)
        one.delivery.sent_at = one.at
    statements: list[Statement] = []
    for instant, group in by_instant.items():
        tries = [Try(one.delivery.pk, one.delivery.tries, _provider_id(one.result)) for one in group]
        statements += ledger.close(tries, [kept_text(one.delivery, one.ready) for one in group], at=instant)
    return statements


def _provider_id(result: Accepted | SendError) -> str:
    return result.provider_id if isinstance(result, Accepted) else ""


def _write_failed(one: Ended, *, tally: Tally) -> State:
    error = one.result
    if not isinstance(error, SendError):
        raise TypeError
    values: dict[str, object] = {"claim": "", "lease_until": None, "facts": {"code": error.code}}
    if isinstance(error, PassingError):
        pause = pause_after(
            tries=one.delivery.tries,
            retry_after=error.retry_after,
            jitter=random.random(),
        )
        state, outcome = State.PLANNED, "passing"
        values |= {"due_at": one.at + pause, "reason": "trying_again"}
        tally.later += 1
    elif isinstance(error, PermanentError):
        state, outcome = State.FAILED, "permanent"
        values |= {"due_at": None, "ended_at": one.at, "reason": "refused"}
        tally.failed += 1
    else:
        state, outcome = State.UNKNOWN, "unknown"
        values |= {"due_at": None, "ended_at": one.at, "reason": "line_lost"}
        tally.unknown += 1
    Delivery.objects.filter(pk=one.delivery.pk, state=State.SENDING).update(state=state, **values)
    Attempt.objects.filter(delivery=one.delivery, number=one.delivery.tries).update(
        ended_at=one.at, outcome=outcome, code=error.code
    )
    return state


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


def settle(*, at: datetime) -> None:
    """Resolve what a dead worker left behind (G3).

    1. Claims whose lease is over go back to `planned`.
    2. `sending` whose lease is over becomes `unknown`: nobody knows whether the provider took it.
    3. An `unknown` old enough is looked up at the provider; not found, it is planned once more if the
       kind's policy says so for its channel, else it is given up.
    """
    claims.return_expired_claims()
    with transaction.atomic():
        ids = [row.pk for row in claims.find_expired_sending(limit=500)]
        Delivery.objects.filter(pk__in=ids, state=State.SENDING).update(
            state=State.UNKNOWN, reason="line_lost", ended_at=at, due_at=None, claim="", lease_until=None
        )
        Attempt.objects.filter(delivery_id__in=ids, ended_at=None).update(ended_at=at, outcome="unknown")
    old = at - timedelta(seconds=settings.UNKNOWN_RETRY_AFTER_SECONDS)
    for row in claims.list_unresolved(before=old, limit=100):
        _resolve(row, at=at)


def _resolve(row: Delivery, *, at: datetime) -> None:
    """Bring one unknown delivery to its end, or to its one second try."""
    verdict = judge([row], at)[row.pk]
    try:
        found = _look_up(row, verdict) if isinstance(verdict, Ready) else None
    except SendError:
        # The provider cannot be asked now, which is not the same as "it does not know": ask again.
        return
    retry = isinstance(verdict, Ready) and row.channel in get_kind(row.message.kind).retry_unknown
    with transaction.atomic():
        unknown = Delivery.objects.filter(pk=row.pk, state=State.UNKNOWN, was_retried=False)
        if found:
            if unknown.update(state=State.SENT, sent_at=row.ended_at, ended_at=None, was_retried=True):
                row.sent_at = row.ended_at
                deliveries_accepted.send(Delivery, deliveries=[row], at=at)
        elif retry:
            unknown.update(
                state=State.PLANNED, due_at=at, reason="second_try", ended_at=None, was_retried=True
            )
        elif unknown.update(was_retried=True):
            deliveries_lost.send(Delivery, deliveries=[row], at=at)


def _look_up(row: Delivery, ready: Ready) -> Accepted | None:
    line = Line(row.channel, open_backend(row.channel))
    try:
        attempt = row.attempts.order_by("-number").first()
        if attempt is None or line.backend is None:
            return None
        return line.backend.find(outgoing(row, ready), since=attempt.started_at)
    finally:
        line.close()
