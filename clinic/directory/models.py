"""Reviews, and what the public search finds."""

from django.db import models
from django.db.models import Q

from clinic.appointments.models import Appointment
from clinic.calendars.models import Calendar
from clinic.directory.enums import STANDING, ReviewState
from clinic.people.models import Clinic, Practitioner, User


class ReviewQuerySet(models.QuerySet["Review"]):
    def standing(self) -> "ReviewQuerySet":
        """Return those that the public reads and that count: all that no operator has hidden."""
        return self.filter(state__in=STANDING)


class Review(models.Model):
    """One patient's word on a practitioner, by the link of one appointment (D1).

    The appointment's erasure leaves the review without it, and without a name.
    """

    clinic = models.ForeignKey(Clinic, on_delete=models.CASCADE, related_name="reviews")
    practitioner = models.ForeignKey(Practitioner, on_delete=models.CASCADE, related_name="reviews")
    appointment = models.OneToOneField(
        Appointment, on_delete=models.SET_NULL, null=True, blank=True, related_name="review"
    )
    # First name and initial, as they were shown when it was written.
    author = models.CharField(max_length=120, blank=True)
    stars = models.PositiveSmallIntegerField()
    text = models.CharField(max_length=2000, blank=True)
    state = models.CharField(max_length=10, choices=ReviewState, default=ReviewState.PUBLISHED)
    # Stays when an operator has kept the review: the same words are not reported twice.
    report_reason = models.CharField(max_length=500, blank=True)
    written_at = models.DateTimeField()
    answer = models.CharField(max_length=2000, blank=True)
    answered_at = models.DateTimeField(null=True, blank=True)
    answered_by = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, blank=True, related_name="+")

    objects = ReviewQuerySet.as_manager()

    class Meta:
        constraints = [models.CheckConstraint(condition=Q(stars__gte=1, stars__lte=5), name="review_stars")]
        indexes = [
            models.Index(fields=["practitioner", "-written_at"], name="review_practitioner"),
            models.Index(fields=["clinic", "-written_at"], name="review_clinic"),
            models.Index(fields=["state"], condition=~Q(state="published"), name="review_looked_at"),
        ]

    def __str__(self) -> str:
        return f"review {self.pk}"


class Listing(models.Model):
    """A listed practitioner at one address, in the words by which the public search finds them (D1).

    Derived from calendar, practitioner, clinic and services, and written by
    `clinic.directory.operations.refresh_listing` alone. All texts are folded (`clinic.people.queries.folded`):
    neither engine folds Polish and Romanian letters alike by itself.
    """

    clinic = models.ForeignKey(Clinic, on_delete=models.CASCADE, related_name="+")
    practitioner = models.ForeignKey(Practitioner, on_delete=models.CASCADE, related_name="listings")
    calendar = models.OneToOneField(Calendar, on_delete=models.CASCADE, related_name="listing")
    name = models.CharField(max_length=240)  # the practitioner's, to put them in order
    who = models.CharField(max_length=500)  # practitioner and clinic
    what = models.TextField()  # specialty and services
    city = models.CharField(max_length=160)
    latitude = models.FloatField(null=True)
    longitude = models.FloatField(null=True)

    class Meta:
        indexes = [models.Index(fields=["name", "calendar"], name="listing_name")]

    def __str__(self) -> str:
        return f"listing of calendar {self.calendar_id}"
