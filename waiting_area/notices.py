"""What the clinic writes to its callers: notices, numbered one by one (W5, W11)."""

from datetime import datetime

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext_lazy as _

from clinic.audit.operations import Actor, record
from clinic.lib.text import has_control_characters
from waiting_area import rules
from waiting_area.announcing import announce_notice
from waiting_area.enums import Author
from waiting_area.models import Notice
from waiting_area.operations import HasLeft, locked_one


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
    caller = locked_one(caller_id)
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
