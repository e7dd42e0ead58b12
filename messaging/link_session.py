"""A link's token taken out of the address: a signed cookie for that one object's path (A27)."""

from collections.abc import Callable
from datetime import datetime
from functools import wraps
from typing import Any, Protocol

from django.conf import settings
from django.core import signing
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse

from clinic.lib import clock
from clinic.lib.page_language import language_of, shown_in
from clinic.models import Appointment, Patient
from messaging.enums import Purpose
from messaging.links import LinkGone, find_by_token, from_base62, link_key
from messaging.models import PersonalLink

View = Callable[..., HttpResponse]


class OfPatient(Protocol):
    """What a personal link may be for: it has a patient, whose language its page speaks."""

    @property
    def patient(self) -> Patient: ...


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


def take_token(request: HttpRequest, token: str, *, purpose: Purpose, page: str) -> HttpResponse:
    """Take a link's token out of the address and go on to its page; nothing is changed by it (A19).

    A link that was good once gets 410, and nothing of what it led to is shown (A24).

    Args:
        page: the name of that page's address, which takes the link's `key`.

    Raises:
        Http404: the token is forged, or for another purpose.
    """
    try:
        link = find_by_token(token, purpose=purpose, at=clock.now())
    except LinkGone:
        return _gone(request)
    if link is None:
        raise Http404
    path = reverse(page, kwargs={"key": link_key(link)})
    response = redirect(path)
    remember(response, link, path=path)
    return response


def _find_appointment(pk: int) -> Appointment | None:
    return Appointment.objects.whole().filter(pk=pk).first()


def for_patient(
    purpose: Purpose, find_subject: Callable[[int], OfPatient | None] = _find_appointment
) -> Callable[[View], View]:
    """Open a view to the browser that came by a patient's link of this purpose (A27).

    The view is called with the page's key and what the link is for, in the patient's language or the one that the
    address asks for. Answers: a link that was good once 410; any other, or another browser, 404.

    Args:
        find_subject: returns what a link is for by its id, None if it is gone; without: the `Appointment`.
    """

    def decorate(view: View) -> View:
        @wraps(view)
        def guarded(request: HttpRequest, key: str, **kwargs: Any) -> HttpResponse:
            try:
                link = find(request, key, purpose=purpose, at=clock.now())
            except LinkGone:
                return _gone(request)
            if link is None:
                raise Http404
            subject = find_subject(link.object_id)
            if subject is None:
                return _gone(request)
            language = language_of(request, subject.patient.language)
            return shown_in(language, request, lambda: view(request, key, subject, **kwargs))

        return guarded

    return decorate


def _gone(request: HttpRequest) -> HttpResponse:
    return render(request, "410.html", status=410)
