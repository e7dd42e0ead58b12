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
from dataclasses import dataclass, field, replace
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
from messaging.registry import Hold, Ready, Skip, Verdict, get_voice
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
RENDER_FAILED = Skip("render_failed", is_lost=True)
LONGEST_PROVIDER_ID = 120
# How soon a provider that could not be asked about an unknown outcome is asked again.
ASK_AGAIN_AFTER = timedelta(minutes=1)


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


def judge(rows: Sequence[Delivery], at: datetime) -> dict[int, Verdict]:
    """Read the world again for claimed deliveries and render those that are still right.

    A row that cannot be rendered fails alone; the others go on (R11).
    """
    by_kind: dict[str, list[Delivery]] = {}
    for row in rows:
        by_kind.setdefault(row.message.kind, []).append(row)
    verdicts: dict[int, Verdict] = {}
    for kind, group in by_kind.items():
        try:
            verdicts.update(get_voice(kind)(group, at))
        except Exception:  # one bad row must not stop the others: find out which it is
            for row in group:
                try:
                    verdicts.update(get_voice(kind)([row], at))
                except Exception:
                    log.exception("delivery %s cannot be rendered", row.pk)
    return {row.pk: verdicts.get(row.pk, RENDER_FAILED) for row in rows}


def write_passed_over(rows: Sequence[tuple[Delivery, Verdict]], *, at: datetime, tally: Tally) -> None:
    """Write down deliveries that the claim's second look left out or put off, with the reason."""
    lost = []
    for row, verdict in rows:
        claimed = Delivery.objects.filter(pk=row.pk, state=State.CLAIMED, claim=row.claim)
        if isinstance(verdict, Hold):
            tally.later += claimed.update(
                state=State.PLANNED, due_at=verdict.until, claim="", lease_until=None
            )
        elif isinstance(verdict, Skip):
            failed = verdict is RENDER_FAILED
            changed = claimed.update(
                state=State.FAILED if failed else State.SKIPPED,
                reason=verdict.reason,
                facts=dict(verdict.facts),
                ended_at=at,
                due_at=None,
                claim="",
                lease_until=None,
            )
            if failed:
                tally.failed += changed
            else:
                tally.skipped += changed
            if changed and verdict.is_lost:
                lost.append(row)
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
        if isinstance(one.result, SendError) and _write_failed(one, one.result, tally=tally):
            lost.append(one.delivery)
            if isinstance(one.result, PermanentError) and one.result.no_such_address:
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
    return result.provider_id[:LONGEST_PROVIDER_ID] if isinstance(result, Accepted) else ""


def _write_failed(one: Ended, error: SendError, *, tally: Tally) -> bool:
    """Write down a failure; return whether the delivery is lost by it.

    Only the latest try decides. One that comes back after its lease says for certain that nothing was
    taken, or leaves the delivery as unknown as it was.
    """
    values: dict[str, object] = {"claim": "", "lease_until": None, "facts": {"code": error.code}}
    undecided = [State.SENDING, State.UNKNOWN]
    if isinstance(error, PassingError):
        pause = pause_after(
            tries=one.delivery.tries,
            retry_after=error.retry_after,
            jitter=random.random(),
        )
        state, outcome = State.PLANNED, "passing"
        values |= {"due_at": one.at + pause, "ended_at": None, "reason": "trying_again"}
    elif isinstance(error, PermanentError):
        state, outcome = State.FAILED, "permanent"
        values |= {"due_at": None, "ended_at": one.at, "reason": "refused"}
    else:
        state, outcome = State.UNKNOWN, "unknown"
        undecided = [State.SENDING]
        values |= {"due_at": one.at + look_up_pause(), "ended_at": one.at, "reason": "line_lost"}
    rows = Delivery.objects.filter(pk=one.delivery.pk, state__in=undecided, tries=one.delivery.tries)
    changed = rows.update(state=state, **values)
    Attempt.objects.filter(delivery=one.delivery, number=one.delivery.tries).update(
        ended_at=one.at, outcome=outcome, code=error.code
    )
    tally.later += changed * (state == State.PLANNED)
    tally.failed += changed * (state == State.FAILED)
    tally.unknown += changed * (state == State.UNKNOWN)
    return bool(changed) and state == State.FAILED


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


def look_up_pause() -> timedelta:
    """Return how long an unknown outcome rests before it is looked into (G3)."""
    return timedelta(seconds=settings.UNKNOWN_RETRY_AFTER_SECONDS)


def settle(*, at: datetime) -> None:
    """Resolve what a dead worker left behind (G3).

    1. Claims whose lease is over go back to `planned`.
    2. `sending` whose lease is over becomes `unknown`: nobody knows whether the provider took it.
    3. An `unknown` old enough is looked up at the provider; not found, it is planned once more if the
       kind's policy says so for its channel, else it is given up.
    """
    claims.return_expired_claims()
    if claims.has_expired_sending():
        _give_up_expired_sending(at=at)
    silent: set[str] = set()
    for row in claims.list_unresolved(at=at, limit=100):
        if row.channel not in silent and not _resolve(row, at=at):
            # One silent provider costs one timeout, and does not hold up the other channel's rows.
            silent.add(row.channel)


@transaction.atomic
def _give_up_expired_sending(*, at: datetime) -> None:
    ids = [row.pk for row in claims.find_expired_sending(limit=500)]
    Delivery.objects.filter(pk__in=ids, state=State.SENDING).update(
        state=State.UNKNOWN,
        reason="line_lost",
        ended_at=at,
        due_at=at + look_up_pause(),
        claim="",
        lease_until=None,
    )
    Attempt.objects.filter(delivery_id__in=ids, ended_at=None).update(ended_at=at, outcome="unknown")


def _resolve(row: Delivery, *, at: datetime) -> bool:
    """Bring one unknown delivery to its end, or to its one second try; False: the provider cannot be asked."""
    verdict = judge([row], at)[row.pk]
    unknown = Delivery.objects.filter(pk=row.pk, state=State.UNKNOWN, due_at=row.due_at)
    if isinstance(verdict, Hold):
        unknown.update(due_at=verdict.until)
        return True
    try:
        found = _look_up(row, verdict) if isinstance(verdict, Ready) else None
    except SendError:
        # That it cannot be asked now is not the same as "it does not know": ask again.
        unknown.update(due_at=at + ASK_AGAIN_AFTER)
        return False
    may_retry = (
        isinstance(verdict, Ready)
        and not row.was_retried
        and row.channel in get_kind(row.message.kind).retry_unknown
    )
    with transaction.atomic():
        if found:
            if unknown.update(state=State.SENT, reason="", sent_at=row.ended_at, ended_at=None, due_at=None):
                row.sent_at = row.ended_at
                deliveries_accepted.send(Delivery, deliveries=[row], at=at)
        elif may_retry:
            unknown.update(
                state=State.PLANNED, due_at=at, reason="second_try", ended_at=None, was_retried=True
            )
        elif unknown.update(due_at=None):
            deliveries_lost.send(Delivery, deliveries=[row], at=at)
    return True


def _look_up(row: Delivery, ready: Ready) -> Accepted | None:
    attempt = row.attempts.order_by("-number").first()
    if attempt is None:
        return None
    line = Line(row.channel, open_backend(row.channel))
    try:
        return line.backend.find(outgoing(row, ready), since=attempt.started_at) if line.backend else None
    finally:
        line.close()
