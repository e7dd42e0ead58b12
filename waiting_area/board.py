"""What the staff's dashboard lists: callers by a filter, each with what stands in their row (W1, W2)."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from django.db.models import Case, Count, Exists, F, OuterRef, Q, Subquery, TextField, When, Window
from django.db.models.functions import Coalesce
from django.http import QueryDict

from clinic.lib.local_time import day_span
from clinic.lib.prepared import Prepared
from clinic.models import Calendar
from clinic.people.models import Clinic, Membership
from clinic.people.queries import folded
from waiting_area import rules
from waiting_area.enums import Author, Status
from waiting_area.models import (
    Broadcast,
    Caller,
    CallerQuerySet,
    Notice,
    WaitingArea,
    Watch,
)
from waiting_area.queries import staff_in

PRESENT = (Status.WAITING, Status.ON_HOLD, Status.IN_CALL)
# Who left is listed for today, and no more than this many.
MOST_LEFT = 200
# Rows that a page may ask for one by one.
MOST_ROWS = 100
# Callers that one broadcast may be sent to.
MOST_RECIPIENTS = 5000


@dataclass(frozen=True, slots=True)
class Filter:
    """Which callers are listed: by status, calendar and area, all of which stand in the address (W2).

    Args:
        statuses: those chosen; none: everybody who is present.
        calendar, area: ids of the clinic's own; None: all.
    """

    statuses: tuple[Status, ...] = ()
    calendar: int | None = None
    area: int | None = None

    @classmethod
    def read(cls, query: QueryDict, calendars: Iterable[Calendar], areas: Iterable[WaitingArea]) -> "Filter":
        """Return the filter that an address asks for; what it names and is not there is passed by."""
        wanted = set(query.getlist("status"))
        return cls(
            tuple(status for status in Status if status in wanted),
            _one_of(query.get("calendar", ""), {one.pk for one in calendars}),
            _one_of(query.get("area", ""), {one.pk for one in areas}),
        )

    @property
    def shown(self) -> tuple[Status, ...]:
        return self.statuses or PRESENT

    @property
    def is_plain(self) -> bool:
        return self == Filter()

    @property
    def query(self) -> str:
        """The filter as it stands in an address."""
        pairs = [("status", str(status)) for status in self.statuses]
        pairs += [(name, str(value)) for name in ("calendar", "area") if (value := getattr(self, name))]
        return urlencode(pairs)

    def within(self, rows: CallerQuerySet) -> CallerQuerySet:
        """Return those of a calendar and an area."""
        if self.calendar is not None:
            rows = rows.filter(calendar_id=self.calendar)
        return rows if self.area is None else rows.filter(area_id=self.area)


def _one_of(text: str, known: Collection[int]) -> int | None:
    return int(text) if text.isdecimal() and len(text) < 19 and int(text) in known else None


def ids_in(text: str, *, most: int) -> list[int]:
    """Return the ids in a list like `3,5,8`, each once, in order; whatever is no id is passed by."""
    found = (int(one) for one in text.split(",")[:most] if one.strip().isdecimal() and len(one) < 19)
    return list(dict.fromkeys(found))


def list_callers(
    clinic: Clinic, chosen: Filter, *, at: datetime, only: Collection[int] | None = None, text: str = ""
) -> list[Caller]:
    """Return the clinic's callers that a filter lists, in the order of arrival, ready for their rows.

    Args:
        only: of these callers alone; None: all.
        text: what their name or purpose must contain, in any case and without regard to accents.
    """
    rows = chosen.within(Caller.objects.filter(_listed(clinic, chosen, at), clinic=clinic))
    if only is not None:
        rows = rows.filter(pk__in=only)
    words = Notice.objects.filter(caller=OuterRef("pk"), author=Author.CALLER).order_by("-number")
    rows = rows.select_related("area", "calendar__practitioner", "appointment").annotate(
        question=Case(
            When(unanswered_since__isnull=False, then=Subquery(words.values("text")[:1])),
            output_field=TextField(),
        )
    )
    found: list[Caller] = list(rows.order_by("arrived_at", "pk"))
    if text.strip():
        wanted = folded(text.strip())
        found = [one for one in found if wanted in folded(f"{one.name} {one.purpose}")]
    prepare(found, at=at)
    return found


def _listed(clinic: Clinic, chosen: Filter, at: datetime) -> Q:
    present = [status for status in chosen.shown if status != Status.LEFT]
    # The first part as the index of who is present says it.
    listed = ~Q(status=Status.LEFT) & Q(status__in=present)
    if Status.LEFT not in chosen.shown:
        return listed
    left = _left_today(clinic, at).order_by("-left_at").values("pk")[:MOST_LEFT]
    return listed | Q(pk__in=left)


def _left_today(clinic: Clinic, at: datetime) -> CallerQuerySet:
    opens, _closes = day_span(at.astimezone(clinic.zone).date(), clinic.zone)
    return Caller.objects.filter(clinic=clinic, status=Status.LEFT, left_at__gte=opens)


def prepare(callers: Iterable[Caller], *, at: datetime) -> None:
    """Give callers what their rows say besides their own fields: who is with them, and for how long."""
    rows: list[Any] = list(callers)
    with_them = staff_in({row.call_id for row in rows if row.call_id})
    for row in rows:
        row.staff = with_them.get(row.call_id, [])
        row.hours, row.minutes = rules.in_words(at - row.since)
        row.is_long = row.is_present and at - row.since >= rules.LONG
        row.path = f"{row.pk}/"
        row.order = f"{int(row.arrived_at.timestamp() * 1_000_000):020d}-{row.pk:012d}"


def count_by_status(clinic: Clinic, chosen: Filter, *, at: datetime) -> dict[str, int]:
    """Return how many callers each status would list, under the filter's calendar and area."""
    counts = dict.fromkeys(map(str, Status), 0)
    rows = chosen.within(Caller.objects.present().filter(clinic=clinic) | _left_today(clinic, at))
    for status, count in rows.values_list("status").annotate(Count("pk")).order_by():
        counts[status] = min(count, MOST_LEFT) if status == Status.LEFT else count
    return counts


# --- The conversation --------------------------------------------------------------------------------


def list_conversation(caller: Caller, *, user_id: int, at: datetime) -> list[Notice]:
    """Return a caller's notices in order, each with what staff see besides its text.

    Attributes of each:
        recipients: to how many callers it went; 0 for one to this caller alone.
        undo_until: until when this user may take it back; None: not (any more).
    """
    found: list[Any] = list(caller.notices.select_related("user").order_by("number"))
    broadcasts = {one.broadcast_id for one in found if one.broadcast_id}
    rows = Notice.objects.filter(broadcast__in=broadcasts).order_by() if broadcasts else Notice.objects.none()
    reached = dict(rows.values_list("broadcast").annotate(Count("pk")))
    for one in found:
        one.recipients = reached.get(one.broadcast_id, 0)
        until = one.sent_at + rules.UNDO_WITHIN
        is_mine = one.user_id == user_id and not one.withdrawn_at
        one.undo_until = until if is_mine and at <= until else None
    return found


@dataclass(frozen=True, slots=True)
class Reached:
    """What became of a broadcast so far (W8).

    Attributes:
        rows: each caller with a word for what became of theirs, those who have it first.
        missed: who was displayed, but had left before it was sent.
        shown, in_call, pending, left: how many have seen it; are in a call, where it stands beside the call;
            have not looked yet; have left without seeing it.
        undo: the notice by which its sender may take it back, and until when.
    """

    rows: list[tuple[Caller, str]]
    missed: list[Caller]
    shown: int
    in_call: int
    pending: int
    left: int
    undo: Notice | None
    undo_until: datetime | None


def outcome_of(broadcast: Broadcast, *, user_id: int, at: datetime) -> Reached:
    """Return whom a broadcast has reached (W8), by two reads."""
    notices = list(broadcast.notices.select_related("caller").order_by("caller__arrived_at", "caller_id"))
    missed = list(Caller.objects.filter(pk__in=broadcast.missed).order_by("arrived_at", "pk"))
    sorted_in: dict[str, list[Caller]] = {"shown": [], "in_call": [], "pending": [], "left": []}
    for one in notices:
        sorted_in[_became(one)].append(one.caller)
    until = broadcast.sent_at + rules.UNDO_WITHIN
    mine = [one for one in notices if one.user_id == user_id and not one.withdrawn_at]
    may_undo = bool(mine) and at <= until
    return Reached(
        rows=[(caller, word) for word, callers in sorted_in.items() for caller in callers],
        missed=missed,
        undo=mine[0] if may_undo else None,
        undo_until=until if may_undo else None,
        **{word: len(callers) for word, callers in sorted_in.items()},
    )


def _became(notice: Notice) -> str:
    if notice.shown_at:
        return "shown"
    if notice.caller.status == Status.LEFT:
        return "left"
    return "in_call" if notice.caller.status == Status.IN_CALL else "pending"


# --- What calls for somebody on every page (W10) -----------------------------------------------------


@dataclass(frozen=True, slots=True)
class Needs:
    """What waits for the clinic's people, and how one of them hears of it.

    Attributes:
        watch: how this member wants to hear of it.
        watches: whether they do: they are named, or nobody is.
        unanswered: callers whose question nobody has answered.
        alerts: callers whom somebody must look after now.
        gone: callers who left today with a question that nobody has answered.
        news: a name for each thing worth a sound; one that is new is heard once.
    """

    watch: Watch
    watches: bool
    unanswered: int = 0
    alerts: int = 0
    gone: int = 0
    news: tuple[str, ...] = ()


# More than that many news of one kind are as good as that many.
MOST_NEWS = 50
# For how long somebody's coming is news.
ARRIVED_JUST_NOW = timedelta(minutes=2)

_ASKS, _IS_ALERT, _IS_GONE = Q(unanswered_since__isnull=False), ~Q(alert=""), Q(status=Status.LEFT)
_HOW = ("is_named", "sound", "volume", "is_muted", "notifies")


def _has_come(since: datetime) -> Q:
    return Q(status=Status.WAITING, arrived_at__gt=since)


def _pressing(clinic: int, opens: datetime, since: datetime) -> CallerQuerySet:
    # Who asked and is gone still waits for an answer, if only by phone (W6).
    present = Caller.objects.filter(~_IS_GONE | (_ASKS & Q(left_at__gte=opens)), clinic=clinic)
    return present.filter(_ASKS | _IS_ALERT | _has_come(since))


def _watch(*, membership: int, clinic: int, opens: datetime, since: datetime) -> Any:
    # Who may not log in any more watches over nothing, and keeps nobody else from it.
    named = Watch.objects.filter(membership__clinic=clinic, membership__user__is_active=True, is_named=True)
    mine = Membership.objects.filter(pk=membership).annotate(
        somebody_is_named=Exists(named), something_waits=Exists(_pressing(clinic, opens, since))
    )
    return mine.values_list(*(f"watch__{one}" for one in _HOW), "somebody_is_named", "something_waits")


def _news(*, clinic: int, opens: datetime, since: datetime) -> Any:
    # The clinic's own notices are no news, though they have numbers too.
    asked = Notice.objects.filter(caller=OuterRef("pk"), author=Author.CALLER).order_by("-number")
    return (
        _pressing(clinic, opens, since)
        .order_by(F("unanswered_since").desc(nulls_last=True), "-arrived_at")
        .annotate(
            asked=Subquery(asked.values("number")[:1]),
            changed=Coalesce("alone_since", "status_since"),
            has_come=Case(When(_has_come(since), then=True), default=False),
            # Of all, however many are read.
            all_asking=Window(Count("pk", filter=_ASKS)),
            all_alerts=Window(Count("pk", filter=_IS_ALERT)),
            all_gone=Window(Count("pk", filter=_IS_GONE)),
        )
        .values_list(
            "pk", "unanswered_since", "alert", "asked", "changed", "has_come",
            "all_asking", "all_alerts", "all_gone",
        )[:MOST_NEWS]
    )  # fmt: skip


_read_watch, _list_news = Prepared(_watch), Prepared(_news)


def needs_of(membership: Membership, *, at: datetime) -> Needs:
    """Return what waits for a member of a clinic now (W10); nothing for who does not watch.

    It stands on every page: one short read where nothing waits, else a second.
    """
    clinic = membership.clinic
    opens, _closes = day_span(at.astimezone(clinic.zone).date(), clinic.zone)
    since = at - ARRIVED_JUST_NOW
    ((*how, somebody_is_named, something_waits),) = _read_watch(
        membership=membership.pk, clinic=clinic.pk, opens=opens, since=since
    )
    # Who has no row has no volume either.
    known = dict(zip(_HOW, how, strict=True)) if how[0] is not None else {}
    watch = Watch(membership=membership, **known)
    watches = watch.is_named or not somebody_is_named
    if not (watches and something_waits):
        return Needs(watch, watches)
    news: list[str] = []
    unanswered = alerts = gone = 0
    rows = _list_news(clinic=clinic.pk, opens=opens, since=since)
    for pk, asks_since, alert, asked, changed, has_come, *counts in rows:
        unanswered, alerts, gone = counts
        if asks_since:
            news.append(f"q{pk}.{asked}")
        if alert:
            news.append(f"a{pk}.{int(changed.timestamp())}")
        if has_come:
            news.append(f"c{pk}")
    return Needs(watch, watches, unanswered, alerts, gone, tuple(sorted(news)))
