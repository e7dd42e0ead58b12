"""A link's token taken out of the address: a signed cookie for that one object's path (A27)."""

from datetime import datetime

from django.conf import settings
from django.core import signing
from django.http import HttpRequest, HttpResponse

from messaging.enums import Purpose
from messaging.links import LinkGone, from_base62, link_key
from messaging.models import PersonalLink

_SALT = "anteroom.link-session"
MAX_AGE = 7 * 24 * 3600  # seconds; after that the message's link opens the page again


def remember(response: HttpResponse, link: PersonalLink, *, path: str) -> None:
    """Let this browser open the link's pages below `path` for a week."""
    response.set_cookie(
        "link",
        signing.dumps([link.pk, link.version], salt=_SALT),
        max_age=MAX_AGE,
        path=path,
        secure=settings.SECURE,
        httponly=True,
        samesite="Lax",
    )


def find(request: HttpRequest, key: str, *, purpose: Purpose, at: datetime) -> PersonalLink | None:
    """Return the link that this browser opened for the page `key`, or None if it opened none.

    Raises:
        LinkGone: it was revoked or has expired since.
    """
    try:
        number, version = signing.loads(request.COOKIES.get("link", ""), salt=_SALT, max_age=MAX_AGE)
    except (signing.BadSignature, ValueError, TypeError):
        return None
    if from_base62(key) != number:
        return None
    link = PersonalLink.objects.filter(pk=number, purpose=purpose).first()
    if link is None or link_key(link) != key:
        return None
    if link.version != version or link.revoked_at or link.expires_at <= at:
        raise LinkGone
    return link
