"""The outbox at work: claims become rounds, rounds become outcomes (X3).

A round sends one delivery over each free line. One commit writes the outcomes of the last round and
marks the next deliveries as `sending`, before any provider is called; so a kill leaves at most one
delivery per open line of which nobody knows whether it was taken.
"""

import logging
import random
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ALL_COMPLETED, FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import F

from messaging import claims
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
from messaging.models import Attempt, Delivery, SentText
from messaging.registry import Ready, Skip, get_voice
from messaging.rules import pause_after
from messaging.signals import deliveries_accepted, deliveries_lost
from notifications.enums import Channel
from notifications.registry import get_kind

log = logging.getLogger("anteroom.outbox")

ROUND_SECONDS = 1.0
# A claim holds this many deliveries for each line: few enough to be sent within the lease.
CLAIM_PER_LINE = 12
# Replies that say the mailbox itself does not exist; other refusals may concern the text or us.
NO_SUCH_MAILBOX = frozenset({"smtp-550", "smtp-551", "smtp-553"})
RENDER_FAILED = Skip("render_failed")


@dataclass(slots=True)
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
    _open: dict[Future[Accepted], tuple[Line, Delivery, Ready]] = field(default_factory=dict)
    _ended: list[Ended] = field(default_factory=list)
    _passed_over: list[tuple[Delivery, Skip]] = field(default_factory=list)

    def run(self, pool: ThreadPoolExecutor, lines: Sequence[Line]) -> Tally:
        """Send everything due.

        1. Claim a batch, read the world again, render.
        2. One commit: the last round's outcomes, the next round's `sending`.
        3. Hand the round to the lines; wait a second at most; what is still open keeps its line.
        """
        self._free = list(lines)
        try:
            while True:
                if not self._waiting and self._free and not self._is_dry:
                    self._claim(limit=len(self._free) * CLAIM_PER_LINE)
                if not (self._waiting or self._open or self._ended or self._passed_over):
                    return self.tally
                self._turn_round(pool)
                self._collect()
        finally:
            self._abandon()

    def _claim(self, *, limit: int) -> None:
        rows = claims.claim_due(channel=self.channel, at=self.at, limit=limit)
        self._is_dry = len(rows) < limit
        verdicts = judge(rows, self.at)
        for row in rows:
            verdict = verdicts[row.pk]
            if isinstance(verdict, Skip):
                self._passed_over.append((row, verdict))
            else:
                self._waiting.append((row, verdict))

    def _turn_round(self, pool: ThreadPoolExecutor) -> None:
        ended, self._ended = self._ended, []
        passed_over, self._passed_over = self._passed_over, []
        chosen = [self._waiting.popleft() for _ in range(min(len(self._free), len(self._waiting)))]
        try:
            with transaction.atomic():
                write_outcomes(ended, at=self.at, tally=self.tally)
                write_passed_over(passed_over, at=self.now(), tally=self.tally)
                taken = claims.open_round([row for row, _ready in chosen])
                _begin_attempts([pair for pair in chosen if pair[0].pk in taken], at=self.now())
        except Exception:
            # What providers said must not be lost with the transaction: `_abandon` writes it again.
            self._ended = ended
            raise
        for row, ready in chosen:
            if row.pk in taken:
                line = self._free.pop()
                self._open[pool.submit(line.send, row, ready)] = (line, row, ready)

    def _collect(self) -> None:
        if not self._open:
            return
        done, _still = wait(self._open, timeout=ROUND_SECONDS, return_when=ALL_COMPLETED)
        if not done and not self._free:
            done, _still = wait(self._open, return_when=FIRST_COMPLETED)
        for future in done:
            line, row, ready = self._open.pop(future)
            self._free.append(line)
            self._ended.append(Ended(row, ready, _result(future), self.now()))

    def _abandon(self) -> None:
        """Leave nothing behind that we know: wait for what is open and write it down."""
        if self._open:
            wait(self._open)
            self._collect()
        if self._ended:
            ended, self._ended = self._ended, []
            with transaction.atomic():
                write_outcomes(ended, at=self.at, tally=self.tally)


def _result(future: Future[Accepted]) -> Accepted | SendError:
    try:
        return future.result()
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


def _begin_attempts(pairs: Sequence[tuple[Delivery, Ready]], *, at: datetime) -> None:
    Delivery.objects.filter(pk__in=[row.pk for row, _ready in pairs]).update(tries=F("tries") + 1)
    for row, _ready in pairs:
        row.tries += 1
    Attempt.objects.bulk_create(
        Attempt(delivery=row, number=row.tries, address=ready.address, started_at=at) for row, ready in pairs
    )


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


def write_outcomes(ended: Sequence[Ended], *, at: datetime, tally: Tally) -> None:
    """Write down what became of tries, in the caller's transaction, and tell the floor above."""
    accepted = [one for one in ended if isinstance(one.result, Accepted)]
    if accepted:
        _write_accepted(accepted, at=at)
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


def _write_accepted(accepted: Sequence[Ended], *, at: datetime) -> None:
    by_instant: dict[datetime, list[Ended]] = {}
    for one in accepted:
        by_instant.setdefault(one.at, []).append(one)
        one.delivery.sent_at = one.at
    for instant, group in by_instant.items():
        ids = [one.delivery.pk for one in group]
        # A callback may have been quicker than we: then only the missing instant is filled in.
        Delivery.objects.filter(pk__in=ids, state__in=[State.SENDING, State.UNKNOWN]).update(
            state=State.SENT, claim="", lease_until=None, due_at=None, ended_at=None
        )
        Delivery.objects.filter(pk__in=ids, sent_at=None).update(sent_at=instant)
        Attempt.objects.filter(delivery_id__in=ids, ended_at=None).update(
            ended_at=instant, outcome="accepted"
        )
        for one in group:
            if isinstance(one.result, Accepted) and one.result.provider_id:
                Attempt.objects.filter(delivery=one.delivery, number=one.delivery.tries).update(
                    provider_id=one.result.provider_id
                )
    SentText.objects.bulk_create(
        [kept_text(one.delivery, one.ready) for one in accepted],
        update_conflicts=True,
        unique_fields=["delivery"],
        update_fields=["subject", "text", "html", "has_live_links"],
    )
    deliveries_accepted.send(
        Delivery, deliveries=[one.delivery for one in accepted], at=max(one.at for one in accepted)
    )


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
