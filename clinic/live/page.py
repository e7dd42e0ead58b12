"""How a page gets its stream: the view names who listens, the response carries the token."""

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


def stream_attributes(subject: Subject, *, renew: str) -> dict[str, Any]:
    """Return what the page's script must know.

    Args:
        renew: the address of the view that gives out the next token to whoever may still listen.
    """
    return {"path": tokens.stream_path(subject), "renew": renew, "renew_after": tokens.RENEW_AFTER}
