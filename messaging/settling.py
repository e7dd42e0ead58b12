"""What dead workers and lost answers leave behind, brought to an end (G3, decision 2)."""

from datetime import datetime, timedelta

from django.db import transaction

from messaging import claims
from messaging.backends import open_backend
from messaging.backends.base import Accepted, SendError
from messaging.enums import State
from messaging.envelopes import outgoing
from messaging.models import Attempt, Delivery
from messaging.outcomes import judge, look_up_pause
from messaging.registry import Hold, Ready
from messaging.signals import deliveries_accepted, deliveries_lost
from notifications.registry import get_kind

# How soon a provider that could not be asked about an unknown outcome is asked again.
ASK_AGAIN_AFTER = timedelta(minutes=1)


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
    backend = open_backend(row.channel)
    try:
        return backend.find(outgoing(row, ready), since=attempt.started_at)
    finally:
        backend.close()
