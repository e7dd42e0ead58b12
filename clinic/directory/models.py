"""Reviews: what patients say of a practitioner after an appointment."""

from django.db import models
from django.db.models import Q

from clinic.appointments.models import Appointment
from clinic.directory.enums import ReviewState
from clinic.people.models import Clinic, Practitioner, User


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
    report_reason = models.CharField(max_length=500, blank=True)
    written_at = models.DateTimeField()
    answer = models.CharField(max_length=2000, blank=True)
    answered_at = models.DateTimeField(null=True, blank=True)
    answered_by = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, blank=True, related_name="+")

    class Meta:
        constraints = [models.CheckConstraint(condition=Q(stars__gte=1, stars__lte=5), name="review_stars")]
        indexes = [models.Index(fields=["practitioner", "-written_at"], name="review_practitioner")]

    def __str__(self) -> str:
        return f"review {self.pk}"
