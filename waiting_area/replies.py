"""Quick replies: texts that staff often need, in each language (W12)."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext_lazy as _

from clinic.audit.operations import Actor, record
from clinic.lib.text import has_control_characters
from clinic.people.enums import Language
from clinic.people.models import Clinic
from waiting_area import rules
from waiting_area.models import QuickReply


def clean_replies(texts: Sequence[str]) -> list[str]:
    """Return one language's texts as they are kept: single spaces, nothing empty, each once, in their order.

    Raises:
        ValidationError: there are too many, or one is too long or holds what cannot be shown; it names the line.
    """
    cleaned = list(dict.fromkeys(text for line in texts if (text := " ".join(line.split()))))
    errors: list[object] = []
    for text in cleaned:
        named = {"text": f"{text[:30]}…" if len(text) > 30 else text}
        if len(text) > rules.QUICK_REPLY_LENGTH:
            long = {**named, "most": rules.QUICK_REPLY_LENGTH, "length": len(text)}
            errors.append(_("“%(text)s” has %(length)s characters; at most %(most)s are possible.") % long)
        elif has_control_characters(text):
            errors.append(_("This text holds characters that cannot be shown."))
    if len(cleaned) > rules.MOST_QUICK_REPLIES:
        many = {"most": rules.MOST_QUICK_REPLIES, "count": len(cleaned)}
        errors.append(_("These are %(count)s texts; at most %(most)s are possible.") % many)
    if errors:
        raise ValidationError(errors)
    return cleaned


@transaction.atomic
def set_replies(*, clinic: Clinic, replies: Mapping[str, Sequence[str]], actor: Actor, at: datetime) -> None:
    """Make these the clinic's quick replies, in this order (W12); languages not named stay as they are.

    Raises:
        ValidationError: a text cannot be used, by field (`replies_pl` for a language's texts).
    """
    # Two administrators who save at once: the second's texts stand, not both's.
    Clinic.objects.select_for_update().get(pk=clinic.pk)
    wanted: dict[str, list[str]] = {}
    errors = {}
    for language, texts in replies.items():
        try:
            wanted[Language(language).value] = clean_replies(texts)
        except ValidationError as error:
            errors[f"replies_{language}"] = error.messages
    if errors:
        raise ValidationError(errors)
    old: dict[str, list[str]] = {language: [] for language in wanted}
    rows = QuickReply.objects.filter(clinic=clinic, language__in=wanted).order_by("position", "pk")
    for row in rows:
        old[row.language].append(row.text)
    changed = [language for language in wanted if wanted[language] != old[language]]
    if not changed:
        return
    QuickReply.objects.filter(clinic=clinic, language__in=changed).delete()
    QuickReply.objects.bulk_create(
        QuickReply(clinic=clinic, language=language, text=text, position=position)
        for language in changed
        for position, text in enumerate(wanted[language])
    )
    record(
        actor,
        "quick_replies.changed",
        clinic,
        old={language: old[language] for language in changed},
        new={language: wanted[language] for language in changed},
        at=at,
    )
