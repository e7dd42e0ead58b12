"""A member's open pages: what a login session hears of one clinic, and when it hears no more (A57, R27)."""

import hashlib
from collections.abc import Iterable, Sequence

from django.contrib.auth.models import AnonymousUser
from django.contrib.sessions.models import Session
from django.http import HttpRequest
from django.utils import timezone

from clinic.live.subjects import Kind, Subject
from clinic.people.models import Membership, User

MEMBER = "member"


def clinic_topic(clinic_id: int) -> str:
    """Return the topic on which a clinic's staff hear what happens there."""
    return f"clinic:{clinic_id}"


def session_scope(session_key: str) -> str:
    """Return the scope of one log-in; the key itself stays out of tables and logs."""
    return f"session:{hashlib.sha256(session_key.encode()).hexdigest()[:32]}"


def membership_scope(membership_id: int) -> str:
    """Return the scope of one user in one clinic."""
    return f"membership:{membership_id}"


def user_scope(user_id: int) -> str:
    """Return the scope of one user everywhere."""
    return f"user:{user_id}"


def _fingerprint(user: User) -> str:
    # Changes with the password, as the sessions themselves do.
    return user.get_session_auth_hash()[:16]


def member_subject(request: HttpRequest, membership: Membership) -> Subject | None:
    """Return who listens on a page of this member, or None without a log-in session."""
    user, key = request.user, request.session.session_key
    if isinstance(user, AnonymousUser) or not key:
        return None
    return Subject(
        kind=MEMBER,
        key=f"{key}|{membership.pk}|{membership.role}|{_fingerprint(user)}",
        clinic=membership.clinic_id,
        topics=(clinic_topic(membership.clinic_id),),
        scopes=(session_scope(key), membership_scope(membership.pk), user_scope(user.pk)),
        language=user.language,
    )


def still_members(asked: Sequence[Subject]) -> Iterable[Subject]:
    """Return those whose session lives, whose membership and role stand, whose account and password do."""
    parts = {subject: subject.key.split("|") for subject in asked}
    sessions = set(
        Session.objects.filter(
            session_key__in={key for key, *_ in parts.values()}, expire_date__gt=timezone.now()
        ).values_list("session_key", flat=True)
    )
    memberships = Membership.objects.select_related("user").in_bulk({int(pk) for _, pk, *_ in parts.values()})
    for subject, (key, pk, role, fingerprint) in parts.items():
        membership = memberships.get(int(pk))
        if (
            key in sessions
            and membership is not None
            and membership.user.is_active
            and membership.role == role
            and _fingerprint(membership.user) == fingerprint
        ):
            yield subject


KIND = Kind(MEMBER, still_members)
