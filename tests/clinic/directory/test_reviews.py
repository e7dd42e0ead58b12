"""Reviews: who may write one, until when, and what becomes of it (D1)."""

import pytest

from clinic.appointments.enums import CancelledBy, Status
from clinic.appointments.operations import cancel, mark
from clinic.audit.operations import SYSTEM, user_actor
from clinic.directory.enums import ReviewState
from clinic.directory.operations import change_profile
from clinic.directory.queries import list_reviews, ratings_of
from clinic.directory.reviews import (
    MayNotReview,
    StaleReview,
    answer_review,
    decide_review,
    find_review,
    report_review,
    why_not,
)
from clinic.models import Appointment, AuditEntry, Review, User
from tests.factories.directory import REASON, held, listed, reported_of, review_of, write
from tests.factories.house import DAYS, NOW, House, make_patient


def test_review_shows_first_name_and_initial(rynek: House) -> None:
    listed(rynek.calendar)

    review = write(held(rynek), 4, "Kind.")

    assert (review.stars, review.text, review.author, review.state) == (4, "Kind.", "Zofia P.", "published")
    assert (review.practitioner_id, review.clinic) == (rynek.calendar.practitioner_id, rynek.clinic)
    entry = AuditEntry.objects.get(action="review.written")
    assert (entry.object_id, entry.actor_kind, entry.value.new) == (review.pk, "patient", {"stars": 4})


def test_nothing_is_reviewed_before_its_end(rynek: House) -> None:
    listed(rynek.calendar)
    ends = rynek.appointment.ends_at

    with pytest.raises(MayNotReview) as refused:
        write(rynek.appointment, at=ends - DAYS / 86_400)

    assert refused.value.why == "not_yet"
    assert write(rynek.appointment, at=ends).stars == 5


def test_what_was_not_held_is_not_reviewed(rynek: House) -> None:
    listed(rynek.calendar)
    missed = held(rynek)
    mark(appointment_id=missed.pk, status=Status.NO_SHOW, actor=SYSTEM, at=NOW)
    cancel(appointment_id=rynek.appointment.pk, by=CancelledBy.CLINIC, actor=SYSTEM, at=NOW)

    for appointment in (missed, rynek.appointment):
        with pytest.raises(MayNotReview) as refused:
            write(appointment, at=NOW + 20 * DAYS)
        assert refused.value.why == "not_held"
    assert not Review.objects.exists()


def test_who_has_no_profile_is_not_reviewed(rynek: House) -> None:
    with pytest.raises(MayNotReview) as refused:
        write(held(rynek))

    assert refused.value.why == "not_listed"


def test_one_appointment_has_one_review_which_changes_for_fourteen_days(rynek: House) -> None:
    listed(rynek.calendar)
    appointment = held(rynek)
    first = write(appointment, 2, "Hurried.")

    again = write(appointment, 3, "Hurried, but kind.", at=NOW + 14 * DAYS)

    assert (again.pk, again.stars, again.written_at) == (first.pk, 3, NOW)
    with pytest.raises(MayNotReview) as refused:
        write(appointment, 1, "", at=NOW + 14 * DAYS + DAYS / 86_400)
    assert refused.value.why == "too_late"
    assert Review.objects.get().text == "Hurried, but kind."


def test_what_is_looked_at_stays_as_it_is(rynek: House) -> None:
    review = reported_of(rynek)
    appointment = review.appointment
    assert appointment is not None

    for state in (ReviewState.REPORTED, ReviewState.HIDDEN):
        Review.objects.filter(pk=review.pk).update(state=state)
        assert why_not(appointment, find_review(appointment), at=NOW) == "looked_at"
        with pytest.raises(MayNotReview):
            write(appointment, 1, "Other words.")


def test_hidden_ones_do_not_count(rynek: House, operator: User) -> None:
    practitioner = listed(rynek.calendar)
    write(held(rynek), 5)
    bad = write(held(rynek, days_ago=3, patient=make_patient(rynek.clinic, "Jan Szary")), 2)
    report_review(review_id=bad.pk, reason=REASON, actor=user_actor(rynek.assistant), at=NOW)
    rating = ratings_of({practitioner.pk})[practitioner.pk]
    assert (rating.average, rating.count) == (3.5, 2)

    decide_review(review_id=bad.pk, shown=ReviewState.REPORTED, hide=True, actor=user_actor(operator), at=NOW)

    rating = ratings_of({practitioner.pk})[practitioner.pk]
    assert (rating.average, rating.count) == (5, 1)
    assert [one.stars for one in list_reviews(practitioner)] == [5]
    assert AuditEntry.objects.get(action="review.hidden").actor_user == operator


def test_practitioner_without_reviews_has_no_rating(rynek: House) -> None:
    assert ratings_of({rynek.calendar.practitioner_id}) == {}


def test_clinic_answers_once_and_may_change_it(rynek: House) -> None:
    review, actor = review_of(rynek), user_actor(rynek.assistant)

    first = answer_review(review_id=review.pk, text="Thank you.", seen=None, actor=actor, at=NOW)
    changed = answer_review(
        review_id=review.pk, text="Thank you!", seen=first.answered_at, actor=actor, at=NOW + DAYS
    )

    assert (changed.answer, changed.answered_at, changed.answered_by) == (
        "Thank you!", NOW + DAYS, rynek.assistant,
    )  # fmt: skip
    with pytest.raises(StaleReview):
        answer_review(review_id=review.pk, text="Me too", seen=NOW, actor=actor, at=NOW + DAYS)
    gone = answer_review(review_id=review.pk, text="", seen=NOW + DAYS, actor=actor, at=NOW + DAYS)
    assert (gone.answer, gone.answered_at, gone.answered_by) == ("", None, None)


def test_same_words_are_reported_once(rynek: House, operator: User) -> None:
    review, actor = reported_of(rynek), user_actor(rynek.assistant)
    with pytest.raises(StaleReview):
        report_review(review_id=review.pk, reason="Again", actor=actor, at=NOW)
    kept = decide_review(
        review_id=review.pk, shown=ReviewState.REPORTED, hide=False, actor=user_actor(operator), at=NOW
    )
    assert (kept.state, kept.report_reason) == ("published", REASON)
    with pytest.raises(StaleReview):
        report_review(review_id=review.pk, reason="Again", actor=actor, at=NOW)

    assert review.appointment is not None
    write(review.appointment, 1, "Other words.")

    assert report_review(review_id=review.pk, reason="Again", actor=actor, at=NOW).state == "reported"


def test_two_operators_decide_once(rynek: House, operator: User) -> None:
    review, actor = reported_of(rynek), user_actor(operator)
    seen = ReviewState.REPORTED
    decide_review(review_id=review.pk, shown=seen, hide=True, actor=actor, at=NOW)

    with pytest.raises(StaleReview):
        decide_review(review_id=review.pk, shown=seen, hide=False, actor=actor, at=NOW)
    shown = decide_review(review_id=review.pk, shown=ReviewState.HIDDEN, hide=False, actor=actor, at=NOW)
    assert shown.state == "published"
    with pytest.raises(StaleReview):
        decide_review(review_id=review.pk, shown=ReviewState.PUBLISHED, hide=True, actor=actor, at=NOW)


def test_profile_that_is_gone_keeps_its_reviews(rynek: House) -> None:
    review = review_of(rynek)
    practitioner = review.practitioner
    change_profile(practitioner=practitioner, is_listed=False, specialty="", about="", actor=SYSTEM, at=NOW)

    appointment = Appointment.objects.whole().get(review=review)
    assert why_not(appointment, review, at=NOW) == "not_listed"
    assert Review.objects.count() == 1
