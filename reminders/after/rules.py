"""When patients are written to after an appointment, and when not (P7, P9, E3). Pure: aware instants and zones in."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo

from notifications.rules import QuietHours, quiet_until
from reminders.rules import HOUR, Timing

REVIEW, NEXT = "review", "next_appointment"
# So long after the planned end (start and length) each is due, in elapsed hours, also across clock changes.
DUE_AFTER = {REVIEW: 2 * HOUR, NEXT: 20 * HOUR}
# Later than this after the end it is not sent at all: the seed's 24 hours, and a week for a review asked for
# after a system was down or stood still.
LATEST_AFTER = {REVIEW: 7 * 24 * HOUR, NEXT: 24 * HOUR}
_REASONS = {REVIEW: "2h_after_end", NEXT: "20h_after_end"}
# A patient is asked to review one practitioner once in so many days, counted by local dates.
REVIEW_PAUSE_DAYS = 30


@dataclass(frozen=True, slots=True)
class Visit:
    """An appointment for which a message of one kind stands, and what became of that.

    `is_held`: neither cancelled nor missed, and still at the time that the message is about. `is_tried`: a
    provider was offered it and did not refuse it. `is_open`: that may still come.
    """

    appointment_id: int
    starts_at: datetime
    ends_at: datetime
    planned_at: datetime
    is_online: bool
    is_held: bool
    is_tried: bool
    is_open: bool

    @property
    def order(self) -> tuple[datetime, datetime, int]:
        """By which the last one of several is found."""
        return (self.ends_at, self.starts_at, self.appointment_id)


def timing(kind: str, *, ends_at: datetime) -> Timing:
    """Return when a kind is due after an appointment's planned end (E3.1, E3.3)."""
    return Timing(ends_at + DUE_AFTER[kind], _REASONS[kind])


def latest(kind: str, *, ends_at: datetime) -> datetime:
    """Return the last instant at which a kind may be sent, that instant included (E3.3, E3.4)."""
    return ends_at + LATEST_AFTER[kind]


def sms_due(
    kind: str, *, planned_at: datetime, ends_at: datetime, quiet: QuietHours | None, zone: ZoneInfo
) -> datetime | None:
    """Return when an SMS may leave: its instant, or the end of the quiet hours that hold it (P14).

    None: by then it would be too late. The start is over, so nothing is sent into quiet hours on its account.
    """
    due_at = quiet_until(at=planned_at, quiet=quiet, zone=zone) or planned_at
    return due_at if due_at <= latest(kind, ends_at=ends_at) else None


def why_no_review(own: Visit, others: Iterable[Visit], *, zone: ZoneInfo) -> str:
    """Return why a review is not asked for after an appointment, or nothing (P7, E3.1).

    Those of one local day bring one request, after the last of them that brings one; if any of them was booked
    online, it comes also within the 30 days.

    Args:
        others: visits of the same patient to the same practitioner that bring, or brought, a request.
        zone: of the appointment's calendar.
    """
    rest = list(others)
    today = _day(own.starts_at, zone)
    same_day = [one for one in rest if _day(one.starts_at, zone) == today]
    if any(one.is_tried for one in same_day):
        return "asked_lately"
    held = [one for one in same_day if one.is_held]
    if any(one.is_open and one.order > own.order for one in held):
        return "later_same_day"
    if own.is_online or any(one.is_online for one in held):
        return ""
    before = [one for one in rest if one not in same_day]
    asked = [one for one in before if one.is_tried or (one.is_open and one.order < own.order)]
    days = [(_day(own.planned_at, zone) - _day(one.planned_at, zone)).days for one in asked]
    return "asked_lately" if any(0 <= apart < REVIEW_PAUSE_DAYS for apart in days) else ""


def is_followed(own: Visit, others: Iterable[Visit]) -> bool:
    """Return whether the patient came again since, so that what is said comes after that appointment (E3.3)."""
    return any(
        one.is_held and (one.is_open or one.is_tried) and one.starts_at > own.starts_at for one in others
    )


def _day(at: datetime, zone: ZoneInfo) -> date:
    return at.astimezone(zone).date()
