"""Arriving, waiting, writing, leaving: every change of a caller and their notices goes through here."""

import secrets
import uuid
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.core.exceptions import ValidationError
from django.db import IntegrityError, connection, transaction
from django.db.models import F
from django.utils.text import slugify
from django.utils.translation import gettext_lazy as _

from clinic.audit.operations import PATIENT, SYSTEM, Actor, record
from clinic.lib.text import has_control_characters
from clinic.live.operations import revoke
from clinic.people.models import Clinic
from clinic.people.queries import folded
from waiting_area import rules
from waiting_area.announcing import (
    announce_notice,
    announce_place_left,
    announce_place_taken,
    announce_rows,
    announce_state,
    caller_topic,
)
from waiting_area.enums import Author, Left, Status
from waiting_area.models import Caller, Notice, Pulse, WaitingArea
from waiting_area.queries import default_area, place_of

# Letters and digits that nobody takes for one another when they type an address from paper.
_READABLE = "23456789abcdefghjkmnpqrstuvwxyz"
_KEY_END = 10


class HasLeft(Exception):
    """The caller is not here any more; nothing was done."""


class CannotResume(Exception):
    """Nobody may come back as this caller: removed, left by themselves, or away for too long."""


class AreaClosed(Exception):
    """The waiting area takes no new callers now."""


# --- Areas -----------------------------------------------------------------------------------------


def readable_key(name: str) -> str:
    """Return an area's public key: the name, and an end that nobody guesses from it (W3)."""
    end = "".join(secrets.choice(_READABLE) for _ in range(_KEY_END))
    return f"{slugify(folded(name))[:50].strip('-') or 'clinic'}-{end}"


@transaction.atomic
def make_area(*, clinic: Clinic, actor: Actor, at: datetime) -> WaitingArea:
    """Return the clinic's waiting area, made if there is none."""
    if (found := default_area(clinic)) is not None:
        return found
    made = WaitingArea.objects.create(
        clinic=clinic, key=readable_key(clinic.name), name=clinic.name, is_default=True
    )
    record(actor, "waiting_area.created", made, new={"name": made.name}, at=at)
    return made


@transaction.atomic
def set_welcome(*, area: WaitingArea, welcome: str, actor: Actor, at: datetime) -> None:
    """Change the text that callers read while they wait.

    Raises:
        ValidationError: it is too long or holds characters that cannot be shown.
    """
    text = clean_text(welcome) if welcome.strip() else ""
    record(actor, "waiting_area.changed", area, old={"welcome": area.welcome}, new={"welcome": text}, at=at)
    area.welcome = text
    area.save(update_fields=["welcome"])


# --- Coming and going ------------------------------------------------------------------------------


def _locked(ids: Collection[int]) -> list[Caller]:
    """Return callers with their rows locked, always in the order of their ids."""
    rows = Caller.objects.select_for_update(of=("self",)).select_related("clinic", "area__clinic")
    return list(rows.filter(pk__in=ids).order_by("pk"))


def _locked_one(caller_id: int) -> Caller:
    (found,) = _locked([caller_id])
    return found


@transaction.atomic
def arrive(
    *, area: WaitingArea, name: str, purpose: str, language: str, key: str, actor: Actor, at: datetime
) -> Caller:
    """Let somebody into the waiting area, with their consent given (W3).

    Args:
        key: of the form that was sent; while its caller is here, a second press returns them.
        language: one of the product's; their page's and their notices'.

    Raises:
        AreaClosed: no new callers now.
        ValidationError: name or purpose are empty, too long or cannot be written, named by field.
    """
    if not area.is_open:
        raise AreaClosed
    told = {"name": " ".join(name.split()), "purpose": " ".join(purpose.split())}
    for field, most in (("name", rules.NAME_LENGTH), ("purpose", rules.PURPOSE_LENGTH)):
        if not 0 < len(told[field]) <= most or has_control_characters(told[field]):
            raise ValidationError({field: _("This text cannot be used.")})
    earlier = Caller.objects.filter(area=area, key=key).first()
    if earlier is not None and earlier.is_present:
        return earlier
    try:
        with transaction.atomic():
            made = Caller.objects.create(
                clinic_id=area.clinic_id,
                area=area,
                key=uuid.uuid4().hex if earlier else key,
                language=language,
                consented_at=at,
                status_since=at,
                arrived_at=at,
                last_seen_at=at,
                **told,
            )
    except IntegrityError:
        # The first press of two was quicker by less than a request.
        return Caller.objects.get(area=area, key=key)
    record(actor, "caller.arrived", made, new=told, at=at)
    announce_rows([made])
    return made


@transaction.atomic
def resume(*, caller_id: int, at: datetime) -> Caller:
    """Let the same browser come back as its caller: arrival time, place and notices are as they were (W4).

    Raises:
        CannotResume: staff removed them, they left by themselves, or it is too long ago.
    """
    caller = _locked_one(caller_id)
    if not caller.is_present and not caller.may_resume(at):
        raise CannotResume
    was_away = not caller.is_present
    if not (was_away or caller.is_lost):
        return caller
    if was_away:
        # Nobody is in a call with somebody who was gone.
        back = Status.ON_HOLD if caller.left_from == Status.ON_HOLD else Status.WAITING
        caller.status, caller.left_at, caller.how_left, caller.left_from = back, None, Left.NOT, ""
    caller.last_seen_at, caller.is_lost = at, False
    caller.save(update_fields=["status", "left_at", "how_left", "left_from", "last_seen_at", "is_lost"])
    if was_away:
        record(PATIENT, "caller.resumed", caller, at=at)
        if (place := place_of(caller)) is not None:
            announce_place_taken(caller.area_id, place)
    announce_rows([caller])
    return caller


def _go(caller: Caller, how: Left, *, actor: Actor, at: datetime) -> None:
    """Let a locked, present caller leave."""
    place = place_of(caller)
    caller.left_from, caller.status = caller.status, Status.LEFT
    caller.left_at, caller.how_left, caller.is_lost = at, how, False
    caller.save(update_fields=["left_from", "status", "left_at", "how_left", "is_lost"])
    _close(caller, how, actor=actor, at=at)
    if place is not None:
        announce_place_left(caller.area_id, place)
    announce_rows([caller])


def _close(caller: Caller, how: Left, *, actor: Actor, at: datetime) -> None:
    """Write down how a caller left, and tell their page; who is only absent keeps their stream."""
    action = "caller.removed" if how == Left.REMOVED else "caller.left"
    record(actor, action, caller, new={"how": str(how)}, at=at)
    announce_state(caller)
    if how != Left.ABSENT:
        revoke([caller_topic(caller.pk)])


@transaction.atomic
def leave(*, caller_id: int, how: Left = Left.THEMSELVES, actor: Actor, at: datetime) -> bool:
    """Let a caller leave for good; return False when they had left already.

    Args:
        how: by themselves, or because their call ended.
    """
    caller = _locked_one(caller_id)
    if caller.is_present:
        _go(caller, how, actor=actor, at=at)
    elif caller.may_resume(at):
        # They are away; from now on they cannot come back as the same caller.
        caller.how_left = how
        caller.save(update_fields=["how_left"])
        _close(caller, how, actor=actor, at=at)
    else:
        return False
    return True


@transaction.atomic
def remove(*, caller_id: int, actor: Actor, at: datetime) -> bool:
    """Remove a caller: their page says so, and they cannot come back as the same one (W4).

    Returns False when they had left already; who is only absent cannot come back then either.
    """
    return leave(caller_id=caller_id, how=Left.REMOVED, actor=actor, at=at)


@transaction.atomic
def take(*, caller_id: int, actor: Actor, at: datetime) -> Caller:
    """Take a caller out of the queue: *in call* from now on (W13).

    Raises:
        HasLeft: they are not here any more.
    """
    caller = _locked_one(caller_id)
    if not caller.is_present:
        raise HasLeft
    place = place_of(caller)
    old, caller.status, caller.status_since = caller.status, Status.IN_CALL, at
    caller.taken_at = caller.taken_at or at
    caller.save(update_fields=["status", "status_since", "taken_at"])
    record(actor, "caller.taken", caller, old={"status": old}, new={"status": caller.status}, at=at)
    if place is not None:
        announce_place_left(caller.area_id, place)
    announce_rows([caller])
    announce_state(caller)
    return caller


# --- Notices ---------------------------------------------------------------------------------------


def clean_text(text: str) -> str:
    """Return a notice's text as it is kept: plain, with its line breaks (W12, E5.10).

    Raises:
        ValidationError: it is empty, too long or holds characters that cannot be shown.
    """
    lines = [line.rstrip() for line in text.replace("\r\n", "\n").replace("\r", "\n").split("\n")]
    cleaned = "\n".join(lines).strip()
    if not cleaned:
        raise ValidationError(_("Please write something."))
    if len(cleaned) > rules.NOTICE_LENGTH:
        raise ValidationError(
            _("This is too long: at most %(most)s characters.") % {"most": rules.NOTICE_LENGTH}
        )
    if any(has_control_characters(line.replace("\t", " ")) for line in lines):
        raise ValidationError(_("This text holds characters that cannot be shown."))
    return cleaned


@transaction.atomic
def notify(*, caller_id: int, text: str, key: str, actor: Actor, at: datetime) -> Notice:
    """Write a caller a notice: stored, numbered, and on their screen as soon as it is committed (W5, W11).

    The caller's row is locked until the commit, so that numbers and commits have one order.

    Args:
        key: of the form that was sent; a second press returns the notice of the first.

    Raises:
        HasLeft: the caller is not here any more.
        ValidationError: the text cannot be sent.
    """
    cleaned = clean_text(text)
    caller = _locked_one(caller_id)
    sent = Notice.objects.filter(caller=caller, key=key).first()
    if sent is not None:
        return sent
    if not caller.is_present:
        raise HasLeft
    caller.last_number += 1
    caller.notice_count += 1
    caller.last_author = Author.CLINIC
    caller.save(update_fields=["last_number", "notice_count", "last_author"])
    made = Notice.objects.create(
        caller=caller,
        clinic=caller.clinic,
        number=caller.last_number,
        author=Author.CLINIC,
        user_id=actor.user_id,
        text=cleaned,
        key=key,
        sent_at=at,
    )
    record(actor, "notice.sent", made, new={"caller": caller.pk, "number": made.number}, at=at)
    announce_notice(made)
    return made


# --- Presence --------------------------------------------------------------------------------------


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
def note_presence(pings: Sequence[Ping], *, at: datetime) -> None:
    """Write down what open pages said of themselves since the last time, all at once (W4).

    Called every few seconds by whoever takes pings, also when none came: that is the pulse by which
    `sweep_presence` knows an absent caller from an absent service.

    Args:
        at: now (UTC).
    """
    if not pings and not Caller.objects.present().exists():
        return
    _beat(at)
    latest = {ping.caller_id: ping for ping in pings}
    callers = [caller for caller in _locked(latest) if caller.is_present]
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


def _beat(at: datetime) -> None:
    """Keep the pulse; after a pause, and when the clock was set back, absences count from now."""
    pulse = Pulse.objects.filter(pk=1).first()
    if pulse is not None and not rules.is_due(pulse.at, at):
        return
    if pulse is not None and pulse.at > at and not rules.is_beating(pulse.at, at):
        _forget_the_future(pulse.at, at)
    since = rules.counted_from(pulse.at if pulse else None, pulse.counting_since if pulse else at, at)
    Pulse.objects.update_or_create(pk=1, defaults={"at": at, "counting_since": since})


def _forget_the_future(clock_was: datetime, at: datetime) -> None:
    """Have everybody been seen now whom the clock, before it was set back, saw later than that.

    Not whom nothing saw: the demonstration's callers are ahead of every clock, so that they stay.
    """
    seen_then = (at, clock_was + rules.AWAY_AFTER)
    ids = Caller.objects.present().filter(last_seen_at__range=seen_then).values_list("pk", flat=True)
    Caller.objects.filter(pk__in=[caller.pk for caller in _locked(list(ids))]).update(last_seen_at=at)


def sweep_presence(*, at: datetime) -> None:
    """Mark whose connection is lost, and let go who has been away for the grace as well (W4).

    Does nothing while nobody takes pings, and counts from when pings were taken again. Safe to run
    several times at once.
    """
    pulse = Pulse.objects.filter(pk=1).first()
    if pulse is None or not rules.is_beating(pulse.at, at):
        return
    if pulse.counting_since <= rules.lost_before(at):
        silent = Caller.objects.present().filter(last_seen_at__lte=rules.lost_before(at))
        ids = list(silent.filter(is_lost=False).values_list("pk", flat=True))
        if ids:
            _mark_lost(ids, at=at)
    if pulse.counting_since <= rules.gone_before(at):
        gone = Caller.objects.present().filter(last_seen_at__lte=rules.gone_before(at))
        for caller_id in gone.order_by("pk").values_list("pk", flat=True):
            _let_go(caller_id, at=at)


@transaction.atomic
def _mark_lost(ids: Collection[int], *, at: datetime) -> None:
    lost = [
        caller
        for caller in _locked(ids)
        if caller.is_present and not caller.is_lost and caller.last_seen_at <= rules.lost_before(at)
    ]
    Caller.objects.filter(pk__in=[caller.pk for caller in lost]).update(is_lost=True)
    announce_rows(lost)


@transaction.atomic
def _let_go(caller_id: int, *, at: datetime) -> None:
    caller = _locked_one(caller_id)
    if caller.is_present and caller.last_seen_at <= rules.gone_before(at):
        _go(caller, Left.ABSENT, actor=SYSTEM, at=at)
