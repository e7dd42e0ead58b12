"""Taking the right to listen away."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from django.db import transaction

from clinic.live.bus import publish_event
from clinic.live.events import REVOKE, Event
from clinic.live.hub import REMEMBERED
from clinic.live.models import LiveRevocation


@transaction.atomic
def revoke(scopes: Iterable[str], *, at: datetime) -> None:
    """End all streams with one of the scopes, and refuse tokens made before now (R27).

    Args:
        scopes: as in `Subject.scopes`.
        at: now (UTC).
    """
    names = list(scopes)
    LiveRevocation.objects.filter(at__lt=at - timedelta(seconds=REMEMBERED)).delete()
    LiveRevocation.objects.bulk_create(LiveRevocation(scope=scope, at=at) for scope in names)
    publish_event(Event(REVOKE, {}, {"scopes": names, "at": at.timestamp()}))
