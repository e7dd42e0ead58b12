"""Taking the right to listen away."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from django.db import transaction
from django.utils import timezone

from clinic.live.bus import publish_event
from clinic.live.events import REVOKE, Event
from clinic.live.hub import REMEMBERED
from clinic.live.models import LiveRevocation


@transaction.atomic
def revoke(scopes: Iterable[str], *, at: datetime | None = None) -> None:
    """End all streams with one of the scopes, and refuse tokens made before (R27).

    Args:
        scopes: as in `Subject.scopes`, or a subject's `stream_id`.
        at: when the rights ended, by default now, by the machine's own clock and not the product's: tokens
            are made and read by it.
    """
    names, now = list(scopes), timezone.now()
    at = at or now
    LiveRevocation.objects.filter(at__lt=now - timedelta(seconds=REMEMBERED)).delete()
    LiveRevocation.objects.bulk_create(LiveRevocation(scope=scope, at=at) for scope in names)
    publish_event(Event(REVOKE, {}, {"scopes": names, "at": at.timestamp()}))
