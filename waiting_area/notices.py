"""What clinic and callers write to each other: notices, numbered one by one for each caller (W5 to W12)."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.db.models import BigIntegerField, F
from django.utils.translation import gettext_lazy as _

from clinic.audit.operations import PATIENT, SYSTEM, Actor, record, record_refused
from clinic.lib.text import has_control_characters, has_visible_characters
from clinic.models import Clinic
from waiting_area import rules
from waiting_area.announcing import (
    announce_broadcast,
    announce_notice,
    announce_rows,
    announce_watch,
    announce_withdrawn,
)
from waiting_area.enums import Alert, Author
from waiting_area.models import Broadcast, Caller, Notice
from waiting_area.states import HasLeft, locked, locked_one

# Rows of one INSERT.
AT_ONCE = 500


class MayNotWrite(Exception):
    """The clinic takes no notices from this caller now; nothing was written (W9)."""


class NobodyHere(Exception):
    """Not one of those whom a screen displayed is here any more; nothing was sent (W7).

    Attributes:
        foreign: as in `Sent`; that they were asked for is not written down yet.
    """

    def __init__(self, foreign: frozenset[int]) -> None:
        super().__init__(len(foreign))
        self.foreign = foreign


class TooLate(Exception):
    """A notice cannot be taken back any more (W12)."""


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
    if not has_visible_characters(cleaned):
        raise ValidationError(_("Please write something."))
    return cleaned


@transaction.atomic
def notify(*, caller_id: int, text: str, key: str, actor: Actor, at: datetime) -> Notice:
    """Write a caller a notice: stored, numbered, and on their screen as soon as it is committed (W5, W11).

    The caller's row is locked until the commit, so that numbers and commits have one order. Whatever they
    asked before counts as answered.

    Args:
        key: of the form that was sent; a second press returns the notice of the first.

    Raises:
        HasLeft: the caller is not here any more.
        ValidationError: the text cannot be sent.
    """
    cleaned = clean_text(text)
    caller = locked_one(caller_id)
    key, sent = _sent_before(caller, key, cleaned)
    if sent is not None:
        return sent
    if not caller.is_present:
        raise HasLeft
    return _add(caller, Author.CLINIC, cleaned, key=key, actor=actor, at=at)


@transaction.atomic
def write(*, caller_id: int, text: str, key: str, at: datetime) -> Notice:
    """Write the clinic a notice from its caller, in answer or unasked (W9).

    Args:
        key: of the form that was sent; a second press returns the notice of the first.

    Raises:
        MayNotWrite: the clinic takes none, or the caller is neither waiting nor on hold (A48, A49).
        ValidationError: the text cannot be sent.
    """
    cleaned = clean_text(text)
    caller = locked_one(caller_id)
    key, sent = _sent_before(caller, key, cleaned)
    if sent is not None:
        return sent
    if not caller.may_write:
        raise MayNotWrite
    return _add(caller, Author.CALLER, cleaned, key=key, actor=PATIENT, at=at)


def _sent_before(caller: Caller, key: str, text: str) -> tuple[str, Notice | None]:
    """Return the notice of a form's first press, and the key under which another text of it is kept.

    Whose first answer was lost on the way may have changed the text since: that is not the same again.
    """
    sent = Notice.objects.filter(caller=caller, key=key).first()
    if sent is None or sent.text == text:
        return key, sent
    other = another_key(key, text)
    return other, Notice.objects.filter(caller=caller, key=other).first()


def another_key(key: str, text: str) -> str:
    """Return the key under which a form's changed text is kept, the same for each press of it."""
    return sha256(f"{key}|{text}".encode()).hexdigest()[:32]


def say(caller: Caller, text: str, *, key: str, at: datetime) -> Notice:
    """Let the product itself tell a locked caller something; it answers no question of theirs."""
    return _add(caller, Author.CLINIC, clean_text(text), key=key, actor=SYSTEM, at=at)


def _add(caller: Caller, author: Author, text: str, *, key: str, actor: Actor, at: datetime) -> Notice:
    """Number and store a notice of a locked caller, and tell whom it concerns."""
    had_question = caller.unanswered_since is not None
    caller.last_number += 1
    caller.notice_count += 1
    caller.last_author = author
    if author == Author.CALLER:
        caller.unanswered_since = caller.unanswered_since or at
    elif actor.kind == "user":
        caller.unanswered_since = None
        if caller.alert == Alert.VANISHED:
            # Somebody has looked after them.
            had_question, caller.alert = True, Alert.NONE
    changed = ["last_number", "notice_count", "last_author", "unanswered_since", "alert"]
    caller.save(update_fields=changed)
    made = Notice.objects.create(
        caller=caller,
        clinic=caller.clinic,
        number=caller.last_number,
        author=author,
        user_id=actor.user_id,
        text=text,
        key=key,
        sent_at=at,
    )
    action = "notice.written" if author == Author.CALLER else "notice.sent"
    record(actor, action, made, new={"caller": caller.pk, "number": made.number}, at=at)
    announce_notice(made)
    if author == Author.CALLER or had_question:
        announce_watch(caller.clinic_id)
    return made


@dataclass(frozen=True, slots=True)
class Sent:
    """What became of a broadcast.

    Attributes:
        foreign: ids that were asked for and are no callers of the clinic (A71).
    """

    broadcast: Broadcast
    foreign: frozenset[int] = frozenset()


@transaction.atomic
def broadcast(
    *, clinic: Clinic, caller_ids: Collection[int], text: str, key: str, actor: Actor, at: datetime
) -> Sent:
    """Send one text to the callers that the sender's screen listed, each as a notice of their own (W7).

    Who has left meanwhile is written down as missed. What is not the clinic's is passed by and logged.

    Args:
        key: of the form that was sent; a second press returns the broadcast of the first.

    Raises:
        NobodyHere: not one of them is here any more; nothing was sent.
        ValidationError: the text cannot be sent.
    """
    cleaned = clean_text(text)
    found = Broadcast.objects.filter(clinic=clinic, key=key).first()
    if found is not None and not found.notices.filter(text=cleaned).exists():
        key = another_key(key, cleaned)
        found = Broadcast.objects.filter(clinic=clinic, key=key).first()
    if found is not None:
        return Sent(found)
    # Nobody else's rows are locked, whatever ids were sent; what no row can have is not even asked for.
    possible = [pk for pk in caller_ids if 0 < pk <= BigIntegerField.MAX_BIGINT]
    own = Caller.objects.filter(clinic=clinic, pk__in=possible).values_list("pk", flat=True)
    callers = locked(list(own))
    present = [one for one in callers if one.is_present]
    missed = sorted(one.pk for one in callers if not one.is_present)
    foreign = frozenset(caller_ids) - {one.pk for one in callers}
    if not present:
        raise NobodyHere(foreign)
    if foreign:
        record_refused(actor, "notice.broadcast", clinic, at=at)
    try:
        with transaction.atomic():
            made = Broadcast.objects.create(
                clinic=clinic, user_id=actor.member_id, key=key, sent_at=at, missed=missed
            )
    except IntegrityError:
        # The first press of two was quicker by less than a request.
        return Sent(Broadcast.objects.get(clinic=clinic, key=key), foreign)
    for one in present:
        one.last_number += 1
        one.notice_count += 1
        one.last_author = Author.CLINIC
    Caller.objects.filter(pk__in=[one.pk for one in present]).update(
        last_number=F("last_number") + 1, notice_count=F("notice_count") + 1, last_author=Author.CLINIC
    )
    notices = Notice.objects.bulk_create(
        [
            Notice(
                caller=one, clinic=clinic, number=one.last_number, author=Author.CLINIC,
                user_id=actor.user_id, text=cleaned, key=key, broadcast=made, sent_at=at,
            )
            for one in present
        ],
        batch_size=AT_ONCE,
    )  # fmt: skip
    new = {"callers": [one.pk for one in present], "missed": missed}
    record(actor, "notice.broadcast", made, new=new, at=at)
    announce_broadcast(notices)
    return Sent(made, foreign)


@transaction.atomic
def tick_off(*, caller_id: int, actor: Actor, at: datetime) -> bool:
    """Mark a caller as looked after without a word to them; return False when nothing was open (W6, W14).

    Their questions count as answered, and that somebody's connection was lost as seen.
    """
    caller = locked_one(caller_id)
    has_vanished = caller.alert == Alert.VANISHED
    if caller.unanswered_since is None and not has_vanished:
        return False
    caller.answered_number, caller.unanswered_since = caller.last_number, None
    caller.alert = Alert.NONE if has_vanished else caller.alert
    caller.save(update_fields=["answered_number", "unanswered_since", "alert"])
    record(actor, "caller.ticked_off", caller, new={"number": caller.answered_number}, at=at)
    announce_rows([caller])
    announce_watch(caller.clinic_id)
    return True


@transaction.atomic
def withdraw(*, notice_id: int, actor: Actor, at: datetime) -> list[Notice]:
    """Take back what a member has just sent: from this caller, or with a broadcast from all (W12).

    Its number stays, so that every page agrees on the numbers; badge and marks are as if it had not been.

    Raises:
        TooLate: it was sent more than ten seconds ago, by somebody else, or not by the clinic.
    """
    asked = Notice.objects.get(pk=notice_id)
    if asked.user_id is None or asked.user_id != actor.user_id or at - asked.sent_at > rules.UNDO_WITHIN:
        raise TooLate
    together = Notice.objects.filter(broadcast=asked.broadcast_id) if asked.broadcast_id else None
    ids = list(together.values_list("caller_id", flat=True)) if together is not None else [asked.caller_id]
    callers = {one.pk: one for one in locked(ids)}
    rows = together if together is not None else Notice.objects.filter(pk=asked.pk)
    notices = list(rows.filter(withdrawn_at=None).order_by("caller_id"))
    rows.filter(pk__in=[one.pk for one in notices]).update(withdrawn_at=at)
    restand(list(callers.values()))
    for one in notices:
        one.caller = callers[one.caller_id]
    if notices:
        of = {"broadcast": asked.broadcast_id, "number": asked.number, "caller": asked.caller_id}
        record(actor, "notice.withdrawn", asked, new=of, at=at)
        announce_withdrawn(notices)
        announce_watch(asked.clinic_id)
    return notices


def restand(callers: Sequence[Caller]) -> None:
    """Make locked callers' badges anew from their notices (R29)."""
    said: dict[int, list[rules.Said]] = {one.pk: [] for one in callers}
    rows = Notice.objects.filter(caller__in=said, withdrawn_at=None).order_by("number")
    columns = ("caller_id", "number", "author", "user_id", "broadcast_id", "sent_at")
    for caller_id, number, author, user_id, broadcast_id, sent_at in rows.values_list(*columns):
        by_caller = author == Author.CALLER
        is_private = by_caller or (user_id is not None and broadcast_id is None)
        said[caller_id].append(rules.Said(number, by_caller, is_private, sent_at))
    # Many have the same badge, and few another mark than before: one statement for each badge.
    by_badge: dict[tuple[int, Author], list[int]] = {}
    for one in callers:
        found = rules.standing(said[one.pk], answered_number=one.answered_number)
        one.notice_count, one.last_author = badge = found.count, _AUTHORS[found.last_by_caller]
        by_badge.setdefault(badge, []).append(one.pk)
        if one.unanswered_since != found.unanswered_since:
            one.unanswered_since = found.unanswered_since
            one.save(update_fields=["unanswered_since"])
    for (count, author), ids in by_badge.items():
        Caller.objects.filter(pk__in=ids).update(notice_count=count, last_author=author)


_AUTHORS = {None: Author.NOBODY, True: Author.CALLER, False: Author.CLINIC}
