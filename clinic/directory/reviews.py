"""Reviews: written by who was there, answered by the clinic, reported by it, decided on by an operator (D1)."""

from datetime import datetime
from enum import StrEnum

from django.db import transaction

from clinic.appointments.enums import Status
from clinic.appointments.models import Appointment
from clinic.audit.operations import Actor, record
from clinic.directory.enums import ReviewState
from clinic.directory.models import Review
from clinic.directory.rules import is_editable


class Refusal(StrEnum):
    """Why an appointment's patient may not write a review now."""

    NOT_YET = "not_yet"  # the appointment is not over
    NOT_HELD = "not_held"  # cancelled, or the patient did not come
    NOT_LISTED = "not_listed"  # there is no public profile where it would stand
    TOO_LATE = "too_late"  # theirs stands, and was written too long ago to be changed
    LOOKED_AT = "looked_at"  # theirs was reported and is decided on, or is hidden


class MayNotReview(Exception):
    """No review may be written of the appointment; nothing was done."""

    def __init__(self, why: Refusal) -> None:
        super().__init__(why)
        self.why = why


class StaleReview(Exception):
    """Somebody answered, reported or decided since the review was looked at; nothing was done."""


def find_review(appointment: Appointment) -> Review | None:
    """Return the review that was written of an appointment."""
    return Review.objects.filter(appointment=appointment).first()


def why_not(appointment: Appointment, review: Review | None, *, at: datetime) -> Refusal | None:
    """Return why the appointment's patient may not write, or change `review`, now; None: they may.

    Unmarked after its end counts as held (P7). One review for each appointment; its author may change it for
    14 days, as long as nobody has reported it.
    """
    if appointment.status in {Status.CANCELLED, Status.NO_SHOW}:
        return Refusal.NOT_HELD
    if at < appointment.ends_at:
        return Refusal.NOT_YET
    if not appointment.calendar.practitioner.is_listed:
        return Refusal.NOT_LISTED
    if review is None:
        return None
    if review.state != ReviewState.PUBLISHED:
        return Refusal.LOOKED_AT
    return None if is_editable(written_at=review.written_at, at=at) else Refusal.TOO_LATE


@transaction.atomic
def write_review(*, appointment_id: int, stars: int, text: str, actor: Actor, at: datetime) -> Review:
    """Write an appointment's review, or change it.

    Its author is shown by first name and initial. What an operator has kept may be reported again once it
    was changed.

    Args:
        stars: 1 to 5.
        text: checked by the form; may be empty.

    Raises:
        MayNotReview: with the reason.
    """
    appointment = Appointment.objects.whole().select_for_update(of=("self",)).get(pk=appointment_id)
    review = Review.objects.select_for_update().filter(appointment=appointment).first()
    if why := why_not(appointment, review, at=at):
        raise MayNotReview(why)
    if review is None:
        review = Review.objects.create(
            clinic_id=appointment.clinic_id,
            practitioner_id=appointment.calendar.practitioner_id,
            appointment=appointment,
            author=appointment.patient.masked_name,
            stars=stars,
            text=text,
            written_at=at,
        )
        record(actor, "review.written", review, new={"stars": stars}, at=at)
    elif (review.stars, review.text) != (stars, text):
        old = {"stars": review.stars}
        review.stars, review.text, review.author = stars, text, appointment.patient.masked_name
        review.report_reason = ""
        review.save(update_fields=["stars", "text", "author", "report_reason"])
        record(actor, "review.changed", review, old=old, new={"stars": stars}, at=at)
    return review


@transaction.atomic
def answer_review(*, review_id: int, text: str, seen: datetime | None, actor: Actor, at: datetime) -> Review:
    """Write the clinic's one answer under a review, change it, or take it back (an empty text).

    Args:
        seen: when the answer that the writer saw was written; None: they saw none.

    Raises:
        StaleReview: somebody answered meanwhile.
    """
    review = _locked(review_id)
    if review.answer == text:
        return review
    if review.answered_at != seen:
        raise StaleReview
    review.answer = text
    review.answered_at = at if text else None
    review.answered_by_id = actor.member_id if text else None
    review.save(update_fields=["answer", "answered_at", "answered_by"])
    record(actor, "review.answered" if text else "review.answer_withdrawn", review, at=at)
    return review


@transaction.atomic
def report_review(*, review_id: int, reason: str, actor: Actor, at: datetime) -> Review:
    """Ask the operators to look at a review; it stands until they have decided.

    Raises:
        StaleReview: it was reported already, in these words or before.
    """
    review = _locked(review_id)
    if review.state != ReviewState.PUBLISHED or review.report_reason:
        raise StaleReview
    review.state, review.report_reason = ReviewState.REPORTED, reason
    review.save(update_fields=["state", "report_reason"])
    record(actor, "review.reported", review, new={"reason": reason}, at=at)
    return review


@transaction.atomic
def decide_review(*, review_id: int, shown: ReviewState, hide: bool, actor: Actor, at: datetime) -> Review:
    """Hide a review from the public, or keep it; what was hidden may be shown again.

    Args:
        shown: the state that the operator saw.

    Raises:
        StaleReview: another operator decided meanwhile, or nobody reported it.
    """
    review = _locked(review_id)
    wanted = ReviewState.HIDDEN if hide else ReviewState.PUBLISHED
    if review.state != shown or shown in {ReviewState.PUBLISHED, wanted}:
        raise StaleReview
    review.state = wanted
    review.save(update_fields=["state"])
    record(actor, "review.hidden" if hide else "review.kept", review, at=at)
    return review


def _locked(review_id: int) -> Review:
    return Review.objects.select_for_update().get(pk=review_id)
