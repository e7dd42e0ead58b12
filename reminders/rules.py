"""When patients are told what, and over which ways. Pure: aware instants in, instants and reasons out."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

HOUR = timedelta(hours=1)
LONG_LEAD = 72 * HOUR
SHORT_LEAD = 36 * HOUR
EARLY = 48 * HOUR
LATE = 24 * HOUR
# A reminder whose time passed while the system was down is worth sending until then (P5, E1.13).
STILL_USEFUL = 2 * HOUR
# What is due is sent within so long, unless the system is down.
SWEPT_WITHIN = timedelta(minutes=1)
FALLBACK_AFTER = 4 * HOUR
# A member may take a cancellation back for ten seconds (and three more for a slow line); the clocks of two
# machines may differ by some.
CANCEL_GRACE = timedelta(seconds=20)
# An appointment that starts sooner than this after sending cannot wait for the fallback (P11).
FALLBACK_NEEDS = 5 * HOUR

EMAIL, SMS = "email", "sms"
DETAILS, REMINDER, MOVED, CANCELLED = "details", "reminder", "moved", "cancelled"
# Why an SMS is planned that the e-mail's acceptance will give another time: it waits until then.
WAITS = "if_not_left"
UNREAD = "if_unread"
# Told by e-mail first, with an SMS only if nobody read it: when staff made them (P11).
WITH_FALLBACK = frozenset({DETAILS, MOVED})
# When the patient did it themselves, an e-mail is enough (P10).
RECEIPTS = frozenset({MOVED, CANCELLED})


@dataclass(frozen=True, slots=True)
class Timing:
    """When a message is to go, or (None) why it is left out."""

    at: datetime | None
    reason: str
    facts: dict[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Reach:
    """By which ways a patient can be reached at all; `bounced`: there is an e-mail address that does not work."""

    email: bool
    phone: bool
    bounced: bool = False

    def __bool__(self) -> bool:
        return self.email or self.phone

    @property
    def why_no_email(self) -> str:
        """Why no e-mail can be sent."""
        return "email_bounced" if self.bounced else "no_email"

    @property
    def why_nobody(self) -> str:
        """Why nothing can be sent at all (E1.8)."""
        return "bounced_no_phone" if self.bounced else "no_contact"


@dataclass(frozen=True, slots=True)
class Step:
    """One way of a message; `skip`: left out."""

    channel: str
    at: datetime | None
    reason: str = ""
    skip: bool = False


def reminder_timing(*, starts_at: datetime, set_at: datetime) -> Timing:
    """Return when an appointment's reminder is due (P5, E1.1 to E1.6).

    The lead is `starts_at` − `set_at` in elapsed hours, also across clock changes. More than 72 h:
    48 h before; from 36 h to 72 h, both included: 24 h before; less: none.

    Args:
        set_at: the moment of booking, or of the last move.
    """
    lead = starts_at - set_at
    facts: dict[str, object] = {"hours": int(lead / HOUR), "days": lead.days}
    if lead > LONG_LEAD:
        return Timing(starts_at - EARLY, "48h_before", facts)
    if lead >= SHORT_LEAD:
        return Timing(starts_at - LATE, "24h_before", facts)
    return Timing(None, "lead_too_short", facts)


def steps(
    kind: str,
    *,
    planned_at: datetime,
    starts_at: datetime,
    reach: Reach,
    by_patient: bool,
    accepted_at: datetime | None = None,
    lost_at: datetime | None = None,
) -> list[Step]:
    """Return the ways of a message to a patient without the app (P10, P11, E2.1 to E2.7).

    Args:
        planned_at: the rule's instant of the message.
        by_patient: the patient did it themselves.
        accepted_at: when the first provider took it, if one has; the four hours run from then.
        lost_at: since when it is known that the e-mail will not arrive (bounced, refused).
    """
    if kind in RECEIPTS and by_patient:
        if lost_at:
            return [Step(EMAIL, planned_at), _sms(reach, lost_at, "email_lost")]
        if reach.email:
            return [Step(EMAIL, planned_at)]
        return [_sms(reach, planned_at, reach.why_no_email)]
    email = Step(EMAIL, planned_at) if reach.email else Step(EMAIL, None, reach.why_no_email, skip=True)
    if not reach.phone:
        return [email, _sms(reach, planned_at, "")]
    if kind not in WITH_FALLBACK or by_patient:
        return [email, _sms(reach, planned_at, "instead_of_push")]
    return [email, _fallback(planned_at, starts_at, reach, accepted_at, lost_at)]


def _sms(reach: Reach, at: datetime, reason: str) -> Step:
    return Step(SMS, at, reason) if reach.phone else Step(SMS, None, "no_phone", skip=True)


def _fallback(
    planned_at: datetime,
    starts_at: datetime,
    reach: Reach,
    accepted_at: datetime | None,
    lost_at: datetime | None,
) -> Step:
    if not reach.email:
        return Step(SMS, planned_at, reach.why_no_email)
    if lost_at:
        return Step(SMS, lost_at, "email_lost")
    if starts_at - (accepted_at or planned_at) < FALLBACK_NEEDS:
        return Step(SMS, accepted_at or planned_at, "starts_soon")
    if accepted_at is None:
        # A mail server that is down must not keep the patient from hearing of it in time.
        return Step(SMS, starts_at - FALLBACK_NEEDS, WAITS)
    return Step(SMS, accepted_at + FALLBACK_AFTER, UNREAD)


def too_late(kind: str, *, starts_at: datetime, at: datetime, due_at: datetime | None = None) -> bool:
    """Return whether a message is no longer worth sending (E1.13, G5): never after the start.

    Args:
        at: now.
        due_at: when it might leave at the earliest. What was in time then, and was left a minute at most, is
            in time: it is not the rule's business how long a sweep takes.
    """
    if at >= starts_at or kind != REMINDER:
        return at >= starts_at
    if due_at is not None and due_at <= at <= due_at + SWEPT_WITHIN:
        at = due_at
    return starts_at - at < STILL_USEFUL
