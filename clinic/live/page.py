"""How a page gets its stream: the view names who listens, the response carries the token."""

import time
from typing import Any

from django.conf import settings
from django.http import HttpResponse

from clinic.live import tokens
from clinic.live.subjects import Subject


def open_stream(response: HttpResponse, subject: Subject) -> None:
    """Give the browser what opens the subject's stream for the next five minutes.

    The cookie goes to the stream's own address only: one per subject, so that two tabs of different
    people or clinics do not overwrite each other's.
    """
    response.set_cookie(
        tokens.cookie_name(),
        tokens.sign(subject),
        max_age=tokens.LIFE,
        path=tokens.stream_path(subject),
        secure=settings.SECURE,
        httponly=True,
        samesite="Strict",
    )


def close_stream(response: HttpResponse, subject: Subject) -> None:
    """Take the token away from this browser (logging out)."""
    response.delete_cookie(tokens.cookie_name(), path=tokens.stream_path(subject), samesite="Strict")


def now() -> int:
    """Return the instant as pages and streams count it: microseconds since 1970, by the machine's own clock."""
    return int(time.time() * 1_000_000)


def stream_attributes(subject: Subject, *, renew: str, since: int) -> dict[str, Any]:
    """Return what the page's script must know.

    Args:
        renew: the address of the view that gives out the next token to whoever may still listen.
        since: from when on (as `now`) the page may lack something: before it read anything.
    """
    return {
        "path": tokens.stream_path(subject),
        "renew": renew,
        "renew_after": tokens.RENEW_AFTER,
        "since": since,
    }
