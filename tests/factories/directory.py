"""Public profiles and reviews, made through the operations."""

from datetime import datetime, timedelta

from django.test import Client

from clinic.audit.operations import PATIENT, SYSTEM, user_actor
from clinic.directory import reviews
from clinic.directory.operations import change_profile
from clinic.models import Appointment, Calendar, Patient, Practitioner, Review
from messaging.enums import Purpose
from messaging.models import PersonalLink
from reminders.planning import review_address
from tests.factories.house import DAYS, HOURS, NOW, House, book

REASON = "This was somebody else's appointment."


def listed(calendar: Calendar, *, specialty: str = "dermatology", about: str = "") -> Practitioner:
    """Return the calendar's practitioner, who is in the directory."""
    change_profile(
        practitioner=calendar.practitioner, is_listed=True, specialty=specialty, about=about, actor=SYSTEM, at=NOW
    )  # fmt: skip
    calendar.practitioner.refresh_from_db()
    return calendar.practitioner


def profile_of(house: House) -> Practitioner:
    """Return the house's practitioner, who is in the directory from when first asked for."""
    practitioner = house.calendar.practitioner
    practitioner.refresh_from_db()
    return practitioner if practitioner.is_listed else listed(house.calendar)


def held(
    house: House, *, days_ago: int = 2, patient: Patient | None = None, calendar: Calendar | None = None
) -> Appointment:
    """Return an appointment of half an hour that ended so many days before `NOW`, an hour after its hour."""
    start = NOW - days_ago * DAYS - timedelta(minutes=30)
    return book(patient or house.patient, calendar or house.calendar, start, at=start - HOURS, told=False)


def write(
    appointment: Appointment, stars: int = 5, text: str = "Kind and clear.", *, at: datetime = NOW
) -> Review:
    """Return what the appointment's patient writes."""
    return reviews.write_review(appointment_id=appointment.pk, stars=stars, text=text, actor=PATIENT, at=at)


def review_of(house: House) -> Review:
    """Return the house's first review, which is written when first asked for."""
    found = Review.objects.filter(clinic=house.clinic).order_by("pk").first()
    if found is not None:
        return found
    profile_of(house)
    return write(held(house))


def reported_of(house: House) -> Review:
    """Return the house's first review, which somebody reported."""
    review = review_of(house)
    if not review.report_reason:
        review = reviews.report_review(
            review_id=review.pk, reason=REASON, actor=user_actor(house.assistant), at=NOW
        )
    return review


def review_link_of(house: House) -> PersonalLink:
    """Return the link by which the house's appointment is reviewed."""
    review_address(house.appointment, at=NOW)
    return PersonalLink.objects.get(purpose=Purpose.REVIEW, object_id=house.appointment.pk)


def to_review(appointment: Appointment) -> tuple[Client, str]:
    """Return a browser that came by the appointment's link for reviews, and the page it came to."""
    client = Client()
    response = client.get(review_address(appointment, at=NOW))
    assert response.status_code == 302
    return client, response["Location"]
