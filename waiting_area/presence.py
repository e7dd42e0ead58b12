"""Who is still there: what open pages say of themselves, and what their silence means (W4)."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import connection, transaction
from django.db.models import F

from waiting_area import rules
from waiting_area.announcing import announce_rows
from waiting_area.calls import alert_alone, vanish
from waiting_area.enums import Author
from waiting_area.models import Caller, Notice, Participation, Pulse
from waiting_area.operations import let_go
from waiting_area.states import locked


@dataclass(frozen=True, slots=True)
class Ping:
    """What an open page said of itself.

    Args:
        seen: the number of the last notice shown while the page was visible.
        at: when it said so (UTC).
    """

    caller_id: int
    seen: int
    is_visible: bool
    at: datetime


# One row for each caller who said something; PostgreSQL and SQLite name the columns of VALUES alike.
_NOTE = """
UPDATE waiting_area_caller
SET last_seen_at = said.column2, is_visible = said.column3, seen_number = said.column4, is_lost = said.column5
FROM (VALUES {rows}) AS said
WHERE waiting_area_caller.id = said.column1
"""


@transaction.atomic
def note(pings: Sequence[Ping], *, at: datetime) -> None:
    """Write down what open pages said of themselves since the last time, all at once (W4).

    Called every few seconds by whoever takes pings, also when none came: that is the pulse by which
    `sweep` knows an absent caller from an absent service.

    Args:
        at: now (UTC).
    """
    if not pings and not Caller.objects.present().exists():
        return
    _beat(at)
    latest = {ping.caller_id: ping for ping in pings}
    callers = [caller for caller in locked(latest) if caller.is_present]
    if not callers:
        return
    changed, has_seen, values = [], [], []
    for caller in callers:
        ping = latest[caller.pk]
        # A page may say what it likes; nobody has seen what was not written yet.
        seen = min(max(ping.seen, caller.seen_number), caller.last_number)
        if seen > caller.seen_number:
            has_seen.append(caller.pk)
        if seen > caller.seen_number or caller.is_lost:
            changed.append(caller)
        seen_at = connection.ops.adapt_datetimefield_value(rules.last_seen(caller.last_seen_at, ping.at, at))
        values += [caller.pk, seen_at, ping.is_visible, seen, False]
    rows = ", ".join(["(%s, %s, %s, %s, %s)"] * len(callers))
    with connection.cursor() as cursor:
        cursor.execute(_NOTE.format(rows=rows), values)
    if has_seen:
        unseen = Notice.objects.filter(caller__in=has_seen, shown_at=None, author=Author.CLINIC)
        unseen.filter(number__lte=F("caller__seen_number")).update(shown_at=at)
    announce_rows(changed)


def note_participants(seen: Mapping[int, datetime], *, at: datetime) -> None:
    """Write down when the pages of calls were last heard of (W14).

    Args:
        seen: by participation, when its page said so (UTC).
        at: now (UTC).
    """
    if not seen and not Participation.objects.filter(gone_at=None).exists():
        return
    with transaction.atomic():
        _beat(at)
        rows = Participation.objects.select_for_update().filter(pk__in=seen, gone_at=None).order_by("pk")
        for row in rows:
            row.last_seen_at = rules.last_seen(row.last_seen_at, seen[row.pk], at)
            row.save(update_fields=["last_seen_at"])


def _beat(at: datetime) -> None:
    """Keep the pulse; after a pause, and when the clock was set back, absences count from now."""
    pulse = Pulse.objects.filter(pk=1).first()
    if pulse is not None and not rules.is_due(pulse.at, at):
        return
    since = rules.counted_from(pulse.at if pulse else None, pulse.counting_since if pulse else at, at)
    # The pulse is locked before callers, as it is wherever their pings are written.
    Pulse.objects.update_or_create(pk=1, defaults={"at": at, "counting_since": since})
    if pulse is not None and pulse.at > at and not rules.is_beating(pulse.at, at):
        _forget_the_future(pulse.at, at)


def _forget_the_future(clock_was: datetime, at: datetime) -> None:
    """Have everybody been seen now whom the clock, before it was set back, saw later than that.

    Not whom nothing saw: the demonstration's callers are ahead of every clock, so that they stay.
    """
    seen_then = (at, clock_was + rules.AWAY_AFTER)
    ids = Caller.objects.present().filter(last_seen_at__range=seen_then).values_list("pk", flat=True)
    Caller.objects.filter(pk__in=[caller.pk for caller in locked(list(ids))]).update(last_seen_at=at)


def sweep(*, at: datetime) -> bool:
    """Mark whose connection is lost, let go who is away for longer than their area waits, and look after calls.

    Who of the clinic vanished from a call is gone from it, and who was left alone in one is alerted (W14).

    Does nothing while nobody takes pings, and counts from when pings were taken again. Safe to run
    several times at once.

    Returns:
        Whether it is known by now who is here: pings have been taken long enough for the absent to be lost.
    """
    pulse = Pulse.objects.filter(pk=1).first()
    if pulse is None or not rules.is_beating(pulse.at, at):
        return False
    if pulse.counting_since <= rules.lost_before(at):
        silent = Caller.objects.present().filter(last_seen_at__lte=rules.lost_before(at))
        ids = list(silent.filter(is_lost=False).values_list("pk", flat=True))
        if ids:
            _mark_lost(ids, at=at)
    gone = Caller.objects.present().filter(last_seen_at__lte=rules.lost_before(at)).select_related("area")
    for caller in gone.order_by("pk"):
        gone_before = rules.gone_before(at, caller.area.grace)
        if caller.last_seen_at <= gone_before and pulse.counting_since <= gone_before:
            let_go(caller_id=caller.pk, at=at)
    alone = Caller.objects.present().filter(alone_since__lte=at - rules.ALONE_AFTER, alert="")
    for caller_id in alone.order_by("pk").values_list("pk", flat=True):
        alert_alone(caller_id=caller_id, at=at)
    silent_since = at - rules.VANISHED_AFTER
    if pulse.counting_since <= silent_since:
        quiet = Participation.objects.filter(gone_at=None, last_seen_at__lte=silent_since)
        for participation_id in quiet.order_by("pk").values_list("pk", flat=True):
            vanish(participation_id=participation_id, at=at)
    return pulse.counting_since <= rules.lost_before(at)


@transaction.atomic
def _mark_lost(ids: Collection[int], *, at: datetime) -> None:
    lost = [
        caller
        for caller in locked(ids)
        if caller.is_present and not caller.is_lost and caller.last_seen_at <= rules.lost_before(at)
    ]
    Caller.objects.filter(pk__in=[caller.pk for caller in lost]).update(is_lost=True)
    announce_rows(lost)
