"""Waiting areas: made with their clinic, found by a public address, with one text for everybody in them."""

import secrets
from datetime import datetime

from django.db import transaction
from django.utils.text import slugify

from clinic.audit.operations import Actor, record
from clinic.people.models import Clinic
from clinic.people.queries import folded
from waiting_area.models import WaitingArea
from waiting_area.notices import clean_text
from waiting_area.queries import default_area

# Letters and digits that nobody takes for one another when they type an address from paper.
_READABLE = "23456789abcdefghjkmnpqrstuvwxyz"
_KEY_END = 10


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
