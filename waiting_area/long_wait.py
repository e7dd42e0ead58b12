"""Telling staff that somebody has waited too long: planned once for each caller of an area (W12)."""

from datetime import datetime, timedelta

from django.db import transaction

from messaging.models import Message
from messaging.operations import Plan, Way, put
from notifications.enums import Channel
from waiting_area import rules
from waiting_area.enums import Status
from waiting_area.models import Caller, WaitingArea

KIND = "long_wait"
# Planned by one sweep; the next, seconds later, goes on.
AT_ONCE = 100


def cause_of(caller_id: int) -> str:
    """Return the cause of all messages about one caller."""
    return f"caller:{caller_id}"


def recipient_of(area_id: int) -> str:
    """Return whom an area's settings name, whoever that is when it is sent."""
    return f"area:{area_id}"


def plan(*, at: datetime) -> int:
    """Plan the messages that are due; return how many callers they are about.

    Where no area asks for them it costs one look at the areas, and a caller is told of once for each area.
    """
    asking = WaitingArea.objects.filter(long_wait_minutes__isnull=False)
    areas = {area.pk: area for area in asking if area.alert_email or area.alert_phone}
    if not areas:
        return 0
    shortest = timedelta(minutes=min(area.long_wait_minutes or 0 for area in areas.values()))
    waiting = Caller.objects.present().filter(
        clinic__in={area.clinic_id for area in areas.values()},
        area__in=areas,
        status=Status.WAITING,
        is_lost=False,  # nobody waits behind a connection that is gone
        status_since__lte=at - shortest,
    )
    rows = waiting.order_by("status_since", "pk").values_list("pk", "area_id", "status_since")
    long = [
        (pk, areas[area_id])
        for pk, area_id, since in rows
        if rules.is_too_long(since, at, minutes=areas[area_id].long_wait_minutes)
    ]
    if not long:
        return 0
    causes = [cause_of(pk) for pk, _area in long]
    known = Message.objects.filter(kind=KIND, cause__in=causes).values_list("cause", "recipient")
    told = set(known)
    new = [one for one in long if (cause_of(one[0]), recipient_of(one[1].pk)) not in told][:AT_ONCE]
    for caller_id, area in new:
        _put(caller_id, area, at=at)
    return len(new)


@transaction.atomic
def _put(caller_id: int, area: WaitingArea, *, at: datetime) -> None:
    ways = ((Channel.EMAIL, area.alert_email), (Channel.SMS, area.alert_phone))
    put(
        Plan(
            clinic_id=area.clinic_id,
            kind=KIND,
            cause=cause_of(caller_id),
            version=1,
            recipient=recipient_of(area.pk),
            reason="waited_long",
            planned_at=at,
            facts={"minutes": area.long_wait_minutes},
            ways=tuple(Way(channel, planned_at=at, due_at=at) for channel, address in ways if address),
        ),
        at=at,
    )
