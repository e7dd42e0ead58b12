"""What a patient is going to be told of an act, in words, from the same rules that plan it (D3, P15)."""

from dataclasses import dataclass
from datetime import datetime

from clinic.models import Appointment
from messaging.operations import Way
from messaging.registry import reason_sentence
from notifications.enums import Channel
from notifications.queries import Wishes, get_wishes
from notifications.registry import get_kind
from reminders import planning, rules
from reminders.rules import Step, Timing


@dataclass(frozen=True, slots=True)
class Line:
    """One message: its kind, and each way with its instant (None: not sent) and the reason in words."""

    kind: str
    ways: tuple["WayLine", ...]
    why_not: str = ""


@dataclass(frozen=True, slots=True)
class WayLine:
    """One way of a message: at once, later (`at`), or not (`is_left_out`)."""

    channel: str
    at: datetime | None
    why: str
    is_left_out: bool


def news_line(appointment: Appointment, kind: str, *, at: datetime) -> Line:
    """Return what is said at once of something that staff do at `at`: details, moved, cancelled."""
    wishes = get_wishes(appointment)
    timing = planning.news_timing(appointment, kind, by_patient=False, wishes=wishes, at=at)
    return _line(appointment, kind, timing, wishes, at=at)


def reminder_line(appointment: Appointment, *, at: datetime) -> Line:
    """Return when the reminder of an appointment's time goes, or why none does (P5)."""
    wishes = get_wishes(appointment)
    timing = planning.reminder_timing(appointment, wishes=wishes)
    return _line(appointment, rules.REMINDER, timing, wishes, at=at)


def _line(appointment: Appointment, kind: str, timing: Timing, wishes: Wishes, *, at: datetime) -> Line:
    label = str(get_kind(kind).label)
    reach = planning.reach_of(appointment)
    if timing.at is not None and not reach:
        timing = Timing(None, reach.why_nobody, timing.facts)
    if timing.at is None:
        return Line(label, (), reason_sentence(timing.reason, timing.facts))
    steps = rules.steps(
        kind, planned_at=timing.at, starts_at=appointment.starts_at, reach=reach, by_patient=False
    )
    return Line(label, tuple(_way(step, planning.to_way(step, appointment, wishes), at) for step in steps))


def _way(step: Step, way: Way, at: datetime) -> WayLine:
    # The four hours begin when a provider takes the e-mail; until then only their rule is known.
    waits = step.reason in {rules.WAITS, rules.UNREAD}
    why = ""
    if step.skip or waits:
        why = reason_sentence(rules.UNREAD if waits else step.reason, {})
    later = way.due_at if way.due_at and way.due_at > at else None
    return WayLine(str(Channel(step.channel).label), later, why, step.skip)
