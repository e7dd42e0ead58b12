"""A caller's open page: what it hears, until when, and what it says of itself."""

from collections.abc import Iterable, Sequence

from django.db.models import Q

from clinic.lib import clock
from clinic.live.subjects import Kind, Presence, Subject
from waiting_area import presence
from waiting_area.announcing import area_topic, caller_topic
from waiting_area.enums import Left, Status
from waiting_area.models import Caller
from waiting_area.rules import RESUME_WITHIN

CALLER = "caller"


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
    since = clock.now() - RESUME_WITHIN
    may_listen = ~Q(status=Status.LEFT) | Q(how_left=Left.ABSENT, left_at__gte=since)
    wanted = [int(subject.key) for subject in asked]
    ids = set(Caller.objects.filter(may_listen, pk__in=wanted).values_list("pk", flat=True))
    return [subject for subject in asked if int(subject.key) in ids]


def note_presence(presences: Sequence[Presence]) -> None:
    """Hand on what pages said of themselves, and that somebody listens to them."""
    now = clock.now()
    # The clock may have been set back since.
    pings = [
        presence.Ping(int(one.subject.key), one.seen, one.is_visible, min(one.at, now)) for one in presences
    ]
    presence.note(pings, at=now)


KIND = Kind(CALLER, still_here, note_presence)
