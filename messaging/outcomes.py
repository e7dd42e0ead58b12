"""What becomes of claimed deliveries: judged once more, then written down, all of a round in one commit (X3)."""

import logging
import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings

from messaging import ledger
from messaging.backends.base import Accepted, PassingError, PermanentError, SendError
from messaging.bounces import mark_bounced
from messaging.enums import State
from messaging.envelopes import kept_text
from messaging.ledger import Choice, Statement, Try
from messaging.models import Attempt, Delivery
from messaging.pages import tell_pages
from messaging.registry import Hold, Ready, Skip, Verdict, get_voice
from messaging.rules import pause_after
from messaging.signals import deliveries_accepted, deliveries_lost

log = logging.getLogger("anteroom.outbox")

RENDER_FAILED = Skip("render_failed", is_lost=True)
LONGEST_PROVIDER_ID = 120


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
    tell_pages(row for row, _verdict in rows)


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
    tell_pages(one.delivery for one in ended)
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


def look_up_pause() -> timedelta:
    """Return how long an unknown outcome rests before it is looked into (G3)."""
    return timedelta(seconds=settings.UNKNOWN_RETRY_AFTER_SECONDS)
