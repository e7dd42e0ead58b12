"""The signed, short-lived proof that a browser may open a stream; read without session or database."""

import time
from typing import Any

from django.conf import settings
from django.core import signing

from clinic.live.subjects import Subject

# How long a token opens streams, in seconds; the page renews it at two thirds.
LIFE = 300
RENEW_AFTER = 200
ROOT = "/live/"
SALT = "clinic.live"


def cookie_name() -> str:
    """Return the cookie's name; browsers refuse to set it from an unsafe page where the address is https."""
    return "__Secure-live" if settings.SECURE else "live"


def stream_path(subject: Subject) -> str:
    """Return the address of a subject's stream, which is also its cookie's path."""
    return f"{ROOT}{subject.stream_id}/"


def sign(subject: Subject) -> str:
    """Return a token that opens the subject's streams for LIFE seconds from now."""
    content = [
        subject.kind,
        subject.key,
        subject.clinic,
        list(subject.topics),
        list(subject.scopes),
        subject.language,
        # Exact: whoever lost their rights and got them back has a token newer than the loss.
        int(time.time() * 1_000_000),
    ]
    return signing.dumps(content, salt=SALT)


def read(token: str) -> tuple[Subject, float] | None:
    """Return whose token it is and when it was made (seconds since 1970), or None if it opens nothing (A55)."""
    try:
        content: list[Any] = signing.loads(token, salt=SALT, max_age=LIFE)
        kind, key, clinic, topics, scopes, language, made = content
    except (signing.BadSignature, ValueError):
        return None
    return Subject(kind, key, clinic, tuple(topics), tuple(scopes), language), made / 1_000_000
