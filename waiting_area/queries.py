"""Reads of waiting areas for pages."""

from collections import defaultdict
from collections.abc import Callable, Collection
from datetime import datetime, time, timedelta

from django.db.models import F, Q, QuerySet

from clinic.lib.local_time import day_span
from clinic.people.models import Clinic, Membership
from waiting_area import rules
from waiting_area.enums import Status
from waiting_area.models import (
    Caller,
    Notice,
    Participation,
    QuickReply,
    WaitingArea,
    WaitingSettings,
    Watch,
)

# By weekday (Monday 0), the wall times between which new callers are taken.
Week = dict[int, list[tuple[time, time]]]


def takes_guest_notices(clinic: Clinic) -> bool:
    """Return the clinic's own switch for callers' notices (W9)."""
    found = WaitingSettings.objects.filter(clinic=clinic).values_list("guest_notices", flat=True).first()
    return True if found is None else found


def hours_of(area: WaitingArea) -> Week:
    """Return between which wall times an area takes new callers."""
    week: Week = {}
    # Sorted here: where they are read for several areas at once, they are not asked for again.
    for row in sorted(area.hours.all(), key=lambda row: (row.weekday, row.opens)):
        week.setdefault(row.weekday, []).append((row.opens, row.closes))
    return week


def is_taking_callers(area: WaitingArea, at: datetime) -> bool:
    """Return whether somebody may come in now: the area is open, and it is within its hours (E5.9)."""
    wall = at.astimezone(area.clinic.zone)
    return area.is_open and rules.is_within_hours(hours_of(area), wall.weekday(), wall.time())


def next_opening(area: WaitingArea, at: datetime) -> datetime | None:
    """Return when an area that is switched on takes new callers next, in the clinic's zone; None: unknown."""
    return _next(rules.next_opening, area, at)


def next_change(area: WaitingArea, at: datetime) -> datetime | None:
    """Return when the hours of an area that is switched on begin or end next; None: never."""
    return _next(rules.next_change, area, at)


def _next(
    find: Callable[[Week, int, time], tuple[int, time] | None], area: WaitingArea, at: datetime
) -> datetime | None:
    wall = at.astimezone(area.clinic.zone)
    found = find(hours_of(area), wall.weekday(), wall.time()) if area.is_open else None
    if found is None:
        return None
    days, then = found
    return datetime.combine(wall.date() + timedelta(days=days), then, tzinfo=area.clinic.zone)


def default_area(clinic: Clinic) -> WaitingArea | None:
    """Return the clinic's first waiting area; None only for clinics not made through the operation."""
    return WaitingArea.objects.filter(clinic=clinic, is_default=True).first()


def place_of(caller: Caller) -> int | None:
    """Return the caller's place in the queue of those who wait, counted from 1; None if they do not wait."""
    if caller.status != Status.WAITING:
        return None
    before = Q(arrived_at__lt=caller.arrived_at) | Q(arrived_at=caller.arrived_at, pk__lt=caller.pk)
    queue = Caller.objects.present().filter(area_id=caller.area_id, status=Status.WAITING)
    return queue.filter(before).count() + 1


def usual_wait(area: WaitingArea, at: datetime) -> int | None:
    """Return how many minutes the callers waited who were taken last today, or None without a basis (W3)."""
    opens, _closes = day_span(at.astimezone(area.clinic.zone).date(), area.clinic.zone)
    taken = Caller.objects.filter(area=area, taken_at__gte=opens, taken_at__lte=at)
    waits = taken.order_by("-taken_at").annotate(wait=F("taken_at") - F("arrived_at"))
    return rules.estimated_minutes(list(waits.values_list("wait", flat=True)[: rules.MOST_WAITS]))


def list_notices(caller: Caller, *, after: int = 0) -> list[Notice]:
    """Return the caller's notices with a higher number than `after`, in order (W11)."""
    return list(caller.notices.filter(number__gt=after).select_related("user", "clinic").order_by("number"))


def list_withdrawn(caller: Caller, *, upto: int) -> list[int]:
    """Return the numbers of the caller's notices that were taken back, of those up to `upto` (W12)."""
    rows = caller.notices.filter(number__lte=upto, withdrawn_at__isnull=False)
    return list(rows.order_by("number").values_list("number", flat=True))


def is_sent(caller: Caller, key: str) -> bool:
    """Return whether the form with this key has made a notice already."""
    return caller.notices.filter(key=key).exists()


def staff_in(calls: Collection[int]) -> dict[int, list[str]]:
    """Return the names of the clinic's people in each call, in the order in which they joined (W13)."""
    names: dict[int, list[str]] = defaultdict(list)
    if calls:
        there = Participation.objects.filter(call__in=calls, gone_at=None).order_by("joined_at", "pk")
        for call_id, name in there.values_list("call_id", "user__name"):
            names[call_id].append(name)
    return names


def list_areas(clinic: Clinic) -> QuerySet[WaitingArea]:
    """Return the clinic's waiting areas, the first one first; each knows its clinic."""
    return clinic.waiting_areas.order_by("-is_default", "name", "pk")


def list_replies(clinic: Clinic, language: str) -> list[QuickReply]:
    """Return the clinic's quick replies in a language; without any, those in the clinic's own (W12)."""
    rows = QuickReply.objects.filter(clinic=clinic, language__in={language, clinic.language})
    found = list(rows.order_by("position", "pk"))
    return [one for one in found if one.language == language] or found


def watch_of(membership: Membership) -> Watch:
    """Return how a member wants to hear of the waiting area, unsaved defaults if they never said (W10)."""
    return Watch.objects.filter(membership=membership).first() or Watch(membership=membership)
