"""Taking the right to listen away."""

from collections.abc import Iterable
from datetime import timedelta

from django.db import transaction
from django.utils import timezone

from clinic.live.bus import publish_event
from clinic.live.events import REVOKE, Event
from clinic.live.hub import REMEMBERED
from clinic.live.models import LiveRevocation


@transaction.atomic
def revoke(scopes: Iterable[str]) -> None:
    """End all streams with one of the scopes, and refuse tokens made before now (R27).

    Now is the machine's own, not the product's clock: tokens are made and read by it.

    Args:
        scopes: as in `Subject.scopes`.
    """
    names, at = list(scopes), timezone.now()
    LiveRevocation.objects.filter(at__lt=at - timedelta(seconds=REMEMBERED)).delete()
    LiveRevocation.objects.bulk_create(LiveRevocation(scope=scope, at=at) for scope in names)
    publish_event(Event(REVOKE, {}, {"scopes": names, "at": at.timestamp()}))
