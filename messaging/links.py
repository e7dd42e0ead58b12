"""Personal links: rows, with a token derived from id and version (A21 to A24, A36)."""

import base64
import hmac
from collections.abc import Collection
from datetime import datetime
from hashlib import sha256

from django.conf import settings
from django.utils.crypto import salted_hmac

from messaging.enums import Purpose
from messaging.models import PersonalLink

_DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_SALT = "anteroom.personal-link"


class LinkGone(Exception):
    """The link was good once: expired, or revoked (410)."""


def to_base62(number: int) -> str:
    """Return a non-negative number in few characters."""
    digits = ""
    while True:
        number, rest = divmod(number, 62)
        digits = _DIGITS[rest] + digits
        if not number:
            return digits


def from_base62(text: str) -> int | None:
    """Return the number that `to_base62` wrote, or None for anything it would not have written."""
    if not text or len(text) > 11 or (len(text) > 1 and text[0] == "0"):
        return None
    number = 0
    for character in text:
        value = _DIGITS.find(character)
        if value < 0:
            return None
        number = number * 62 + value
    return number


def _mac(link_id: int, version: int, key: str | bytes) -> str:
    digest = salted_hmac(_SALT, f"{link_id}.{version}", secret=key, algorithm=sha256().name).digest()
    return base64.urlsafe_b64encode(digest[:16]).rstrip(b"=").decode()


def token_of(link: PersonalLink) -> str:
    """Return the link's token: the same each time, until its version is raised."""
    return f"{to_base62(link.pk)}-{_mac(link.pk, link.version, settings.SECRET_KEY)}"


def link_key(link: PersonalLink) -> str:
    """Return the short, harmless name of a link that stands in addresses after the token was taken out."""
    return to_base62(link.pk)


def get_or_make(
    *, clinic_id: int, purpose: Purpose, object_id: int, expires_at: datetime, at: datetime
) -> PersonalLink:
    """Return the one link for an object and purpose; an existing one lives at least as long as asked."""
    link, created = PersonalLink.objects.get_or_create(
        purpose=purpose,
        object_id=object_id,
        defaults={"clinic_id": clinic_id, "created_at": at, "expires_at": expires_at},
    )
    if not created and link.expires_at < expires_at:
        link.expires_at = expires_at
        link.save(update_fields=["expires_at"])
    return link


def list_for(*, purpose: Purpose, object_ids: Collection[int]) -> dict[int, PersonalLink]:
    """Return the links of one purpose by the objects they are for."""
    if not object_ids:
        return {}
    marks = ", ".join(["%s"] * len(object_ids))
    rows = PersonalLink.objects.raw(
        f"SELECT * FROM messaging_personallink WHERE purpose = %s AND object_id IN ({marks})",
        [purpose, *object_ids],
    )
    return {link.object_id: link for link in rows}


def find_by_token(token: str, *, purpose: Purpose, at: datetime) -> PersonalLink | None:
    """Return the link a token belongs to, or None when it is forged, altered or for another purpose.

    Raises:
        LinkGone: it was good once (A24): expired or revoked.
    """
    name, dash, mac = token.partition("-")
    number = from_base62(name)
    if not dash or number is None:
        return None
    link = PersonalLink.objects.filter(pk=number, purpose=purpose).first()
    if link is None:
        return None
    # A token of an earlier version was good once; one that fits no version never was.
    for version in range(link.version, 0, -1):
        for key in (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS):
            if hmac.compare_digest(_mac(link.pk, version, key).encode(), mac.encode()):
                if version != link.version or link.revoked_at or link.expires_at <= at:
                    raise LinkGone
                return link
    return None


def revoke(link: PersonalLink, *, at: datetime) -> None:
    """Make every token given out for this link worthless, for good."""
    PersonalLink.objects.filter(pk=link.pk).update(version=link.version + 1, revoked_at=at)
