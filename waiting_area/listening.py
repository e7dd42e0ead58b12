"""A caller's open page: what it hears, until when, and what it says of itself."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from django.db.models import Q
from django.http import HttpRequest

from clinic.access import Member
from clinic.lib import clock
from clinic.live.subjects import Kind, Presence, Subject
from clinic.people.listening import member_subject, still_members
from waiting_area import presence
from waiting_area.announcing import area_topic, caller_topic
from waiting_area.enums import Left, Status
from waiting_area.models import Caller, Participation

CALLER = "caller"
PARTICIPANT = "participant"


def caller_subject(caller: Caller, *, language: str) -> Subject:
    """Return who listens on a caller's page.

    Args:
        language: what the page is written in.
    """
    topic = caller_topic(caller.pk)
    topics = (topic, area_topic(caller.area_id))
    return Subject(CALLER, str(caller.pk), caller.clinic_id, topics, scopes=(topic,), language=language)


def still_here(asked: Sequence[Subject]) -> Iterable[Subject]:
    """Return those who are present, or away so shortly that they may still come back (R27)."""
    at = clock.now()
    may_listen = ~Q(status=Status.LEFT) | Q(how_left=Left.ABSENT)
    rows = Caller.objects.filter(may_listen, pk__in=[int(subject.key) for subject in asked])
    ids = {row.pk for row in rows.select_related("area") if row.is_present or row.may_resume(at)}
    return [subject for subject in asked if int(subject.key) in ids]


def note_presence(presences: Sequence[Presence]) -> None:
    """Hand on what pages said of themselves, and that somebody listens to them."""
    now = clock.now()
    # The clock may have been set back since.
    pings = [
        presence.Ping(int(one.subject.key), one.seen, one.is_visible, min(one.at, now)) for one in presences
    ]
    presence.note(pings, at=now)


# --- Somebody of the clinic, on the page of a call ---------------------------------------------------


def participant_subject(request: HttpRequest, member: Member, participation: Participation) -> Subject | None:
    """Return who listens on the page of a call, or None without a log-in session.

    They hear what every page of theirs hears, until they are out of the call or out of the clinic.
    """
    base = member_subject(request, member.membership)
    if base is None:
        return None
    return replace(
        base,
        kind=PARTICIPANT,
        key=f"{participation.pk}|{base.key}",
        scopes=(*base.scopes, f"participation:{participation.pk}"),
    )


def still_in_call(asked: Sequence[Subject]) -> Iterable[Subject]:
    """Return those who are in their call, and still members (R27)."""
    by_base: dict[Subject, list[Subject]] = {}
    in_call = set(
        Participation.objects.filter(
            pk__in=[_participation_of(subject) for subject in asked], gone_at=None
        ).values_list("pk", flat=True)
    )
    for subject in asked:
        base = replace(subject, key=subject.key.partition("|")[2])
        by_base.setdefault(base, []).append(subject)
    for base in still_members(list(by_base)):
        yield from (one for one in by_base[base] if _participation_of(one) in in_call)


def note_participants(presences: Sequence[Presence]) -> None:
    """Hand on that the pages of calls are open."""
    now = clock.now()
    presence.note_participants(
        {_participation_of(one.subject): min(one.at, now) for one in presences}, at=now
    )


def _participation_of(subject: Subject) -> int:
    return int(subject.key.partition("|")[0])


PARTICIPANT_KIND = Kind(PARTICIPANT, still_in_call, note_participants)
KIND = Kind(CALLER, still_here, note_presence)
