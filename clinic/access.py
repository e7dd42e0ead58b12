"""The choke point: who may do what, and the one way for a view to fetch an object (X2, K22).

Answers (reliability page, answer key): another clinic's object or an unknown one 404; own clinic but a role too
low 403; nobody logged in: the log-in page, or for htmx an `HX-Redirect` to it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any, TypeVar

from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.db.models import Model, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import resolve_url

from clinic.audit.operations import Actor, record_refused, user_actor
from clinic.lib import clock
from clinic.lib.prepared import Prepared
from clinic.live.page import now, open_stream
from clinic.live.tokens import cookie_name
from clinic.people.enums import ALLOWED, Role
from clinic.people.listening import member_subject
from clinic.people.models import Clinic, Membership, User

M = TypeVar("M", bound=Model)
View = Callable[..., HttpResponse]


@dataclass(frozen=True, slots=True)
class Member:
    """A logged-in user acting in one clinic under one role.

    Args:
        other_clinics: where the user is a member too, by name.
    """

    user: User
    clinic: Clinic
    role: Role
    membership: Membership
    other_clinics: tuple[Clinic, ...] = ()

    @property
    def actor(self) -> Actor:
        return user_actor(self.user)

    def may(self, action: str) -> bool:
        """Return whether the role allows the action."""
        return self.role in ALLOWED[action]


def to_log_in(request: HttpRequest) -> HttpResponse:
    """Send somebody to the log-in page and back; htmx gets a header, never a log-in page inside a fragment."""
    if request.headers.get("HX-Request") == "true":
        response = HttpResponse(status=204)
        response["HX-Redirect"] = resolve_url("clinic:log_in")
        return response
    return redirect_to_login(request.get_full_path() if request.method == "GET" else "/")


def _memberships(*, user: int) -> QuerySet[Membership]:
    rows = Membership.objects.select_related("clinic").filter(user_id=user, user__is_active=True)
    return rows.order_by("clinic__name")


_list_memberships = Prepared(_memberships)


def find_member(user: Any, slug: str) -> Member | None:
    """Return the user as a member of the clinic with this slug, or None."""
    # All of the user's in one read: every page offers the others.
    memberships = {one.clinic.slug: one for one in _list_memberships(user=user.pk)}
    here = memberships.pop(slug, None)
    if here is None:
        return None
    others = tuple(one.clinic for one in memberships.values())
    return Member(user, here.clinic, Role(here.role), here, others)


def _check(member: Member, action: str) -> None:
    """Refuse what the role does not allow, and write down that somebody tried (A67)."""
    if not member.may(action):
        record_refused(member.actor, action, member.clinic, at=clock.now())
        raise PermissionDenied


def _let_hear(request: HttpRequest, member: Member, response: HttpResponse) -> None:
    """Give a page's browser what opens its stream, unless the page has one of its own."""
    if cookie_name() in response.cookies:
        return
    subject = member_subject(request, member.membership)
    if subject is not None and response.status_code == 200:
        open_stream(response, subject)


def staff(action: str) -> Callable[[View], View]:
    """Open a view below `/c/<slug>/` to members whose role allows the action.

    The view is called with the `Member` in place of the slug; `request.member` serves the templates.
    """
    if action not in ALLOWED:
        raise KeyError(action)

    def decorate(view: View) -> View:
        @wraps(view)
        def guarded(request: HttpRequest, slug: str, *args: Any, **kwargs: Any) -> HttpResponse:
            if not request.user.is_authenticated:
                return to_log_in(request)
            member = find_member(request.user, slug)
            if member is None:
                raise Http404
            request.member = member  # type: ignore[attr-defined]
            request.begun_at = now()  # type: ignore[attr-defined]
            _check(member, action)
            response = view(request, member, *args, **kwargs)
            if request.method == "GET" and "HX-Request" not in request.headers:
                _let_hear(request, member, response)
            return response

        guarded.action = action  # type: ignore[attr-defined]
        return guarded

    return decorate


def operators(view: View) -> View:
    """Open a view to those who look after the installation; to other members it is not there."""

    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if not request.user.is_authenticated:
            return to_log_in(request)
        if not request.user.is_superuser:
            raise Http404
        return view(request, *args, **kwargs)

    return guarded


def get_for(member: Member, rows: type[M] | QuerySet[M], pk: int, action: str) -> M:
    """Return an object of the member's own clinic, with the right to do `action` on it.

    Raises:
        Http404: there is none, or it is another clinic's: the answer does not tell which.
        PermissionDenied: the role is too low.
    """
    query = rows if isinstance(rows, QuerySet) else rows._default_manager.all()
    found = query.filter(clinic=member.clinic, pk=pk).first()
    if found is None:
        raise Http404
    _check(member, action)
    return found
