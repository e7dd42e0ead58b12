"""Taking deliveries for one worker: conditional UPDATEs with a lease on the database's clock.

`FOR UPDATE SKIP LOCKED` keeps PostgreSQL's workers out of each other's way; on SQLite the immediate
transaction does. Either way only the UPDATE's own condition decides who has a row (K2).
"""

import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import count

from django.conf import settings
from django.db import connection, transaction
from django.db.models import Exists, OuterRef, QuerySet
from django.db.models.functions import Now

from clinic.models import Clinic
from messaging.enums import State
from messaging.models import Delivery
from notifications.enums import Channel
from notifications.models import ClinicPause

_turn = count()
# What a voice reads of the world, in the claim's own query.
_WORLD = (
    "message",
    "message__patient",
    "message__appointment__clinic",
    "message__appointment__service",
    "message__appointment__calendar__practitioner",
)


def due_clinics(*, channel: Channel, at: datetime) -> list[int]:
    """Return the clinics for which something is due: one look into the partial index for each."""
    due = Delivery.objects.filter(clinic=OuterRef("pk"), channel=channel, state=State.PLANNED, due_at__lte=at)
    paused = ClinicPause.objects.filter(clinic=OuterRef("pk"))
    return list(
        Clinic.objects.filter(Exists(due)).exclude(Exists(paused)).order_by("pk").values_list("pk", flat=True)
    )


def _lockable(rows: QuerySet[Delivery]) -> QuerySet[Delivery]:
    if connection.features.has_select_for_update_skip_locked:
        return rows.select_for_update(skip_locked=True, of=("self",))
    return rows


@transaction.atomic
def claim_due(*, channel: Channel, at: datetime, limit: int) -> list[Delivery]:
    """Claim up to `limit` of a channel's due deliveries, each clinic its share in turn, as `claimed`.

    One clinic's 20,000 take no more of a batch than their share while others have something due.
    """
    clinics = due_clinics(channel=channel, at=at)
    if not clinics:
        return []
    start = next(_turn) % len(clinics)
    in_turn = [*clinics[start:], *clinics[:start]][:limit]
    share = -(-limit // len(in_turn))
    ids: list[int] = []
    for clinic_id in in_turn:
        wanted = min(share, limit - len(ids))
        if wanted <= 0:
            break
        rows = Delivery.objects.filter(
            clinic_id=clinic_id, channel=channel, state=State.PLANNED, due_at__lte=at
        )
        ids += _lockable(rows).order_by("due_at").values_list("pk", flat=True)[:wanted]
    return _claim(ids)


def _claim(ids: Sequence[int]) -> list[Delivery]:
    claim = secrets.token_hex(8)
    lease = timedelta(seconds=settings.SEND_LEASE_SECONDS)
    Delivery.objects.filter(pk__in=ids, state=State.PLANNED).update(
        state=State.CLAIMED, claim=claim, lease_until=Now() + lease
    )
    return list(
        Delivery.objects.filter(pk__in=ids, claim=claim, state=State.CLAIMED)
        .select_related(*_WORLD)
        .order_by("due_at", "pk")
    )


def open_round(deliveries: Sequence[Delivery]) -> set[int]:
    """Mark claimed deliveries as `sending`, in the caller's transaction; return the ids really taken.

    A row whose claim was dropped meanwhile (cancelled, replanned, lease over) is not among them.
    """
    lease = timedelta(seconds=settings.SEND_LEASE_SECONDS)
    taken: set[int] = set()
    by_claim: dict[str, list[int]] = {}
    for row in deliveries:
        by_claim.setdefault(row.claim, []).append(row.pk)
    for claim, ids in by_claim.items():
        rows = Delivery.objects.filter(pk__in=ids, claim=claim, state=State.CLAIMED)
        if rows.update(state=State.SENDING, lease_until=Now() + lease) == len(ids):
            taken.update(ids)
        else:
            taken.update(
                Delivery.objects.filter(pk__in=ids, claim=claim, state=State.SENDING).values_list(
                    "pk", flat=True
                )
            )
    return taken


def return_expired_claims() -> int:
    """Give back what a worker claimed and never offered to a provider: its lease is over."""
    rows = Delivery.objects.filter(state=State.CLAIMED, lease_until__lt=Now())
    # A look first: on SQLite an UPDATE locks the file even where it changes nothing.
    if not rows.exists():
        return 0
    return rows.update(state=State.PLANNED, claim="", lease_until=None)


def has_expired_sending() -> bool:
    """Return whether some worker died, or lost its database, while the provider had the word."""
    return Delivery.objects.filter(state=State.SENDING, lease_until__lt=Now()).exists()


def find_expired_sending(*, limit: int) -> list[Delivery]:
    """Return deliveries whose worker died, or lost its database, while the provider had the word."""
    rows = Delivery.objects.filter(state=State.SENDING, lease_until__lt=Now())
    return list(_lockable(rows).order_by("pk")[:limit])


def list_unresolved(*, at: datetime, limit: int) -> list[Delivery]:
    """Return deliveries of unknown outcome that have rested long enough to be looked into."""
    paused = ClinicPause.objects.filter(clinic=OuterRef("clinic"))
    return list(
        Delivery.objects.filter(state=State.UNKNOWN, due_at__lte=at)
        .exclude(Exists(paused))
        .select_related(*_WORLD)
        .order_by("due_at", "pk")[:limit]
    )
