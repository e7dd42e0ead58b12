"""What every template may use."""

from typing import Any

from django.http import HttpRequest
from django.urls import reverse
from django.utils.functional import SimpleLazyObject

from clinic.access import Member
from clinic.live.page import stream_attributes
from clinic.panels import list_navigation, rendered
from clinic.people.listening import member_subject


def shown_at(request: HttpRequest) -> str:
    """Return the address at which this page can be opened again: where only POST goes, a view names another."""
    return getattr(request, "shown_at", None) or request.get_full_path()


def _stream(request: HttpRequest, member: Member | None) -> dict[str, Any]:
    """Return what the page's script must know of its stream; nothing where nobody listens."""
    subject = member_subject(request, member.membership) if member else None
    if member is None or subject is None:
        return {}
    renew = reverse("clinic:listen", args=[member.clinic.slug])
    return stream_attributes(subject, renew=renew, since=request.begun_at)  # type: ignore[attr-defined]


def page(request: HttpRequest) -> dict[str, Any]:
    """Return the member (staff pages), their stream, the bar and the main pages."""
    member: Member | None = getattr(request, "member", None)
    if member is None:
        return {"member": None, "here": shown_at(request)}
    return {
        "member": member,
        "seen": getattr(request, "seen", ""),
        "stream": SimpleLazyObject(lambda: _stream(request, member)),
        "here": shown_at(request),
        "bar": SimpleLazyObject(lambda: rendered(request, "bar", member)),
        "navigation": SimpleLazyObject(lambda: list_navigation(member, request.path)),
    }
