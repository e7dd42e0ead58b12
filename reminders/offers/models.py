"""Times that patients gave up, and to whom they were offered (P8)."""

from datetime import datetime, timedelta

from django.db import models
from django.db.models import F, Q

from clinic.models import Appointment, Calendar, Clinic, Patient
from reminders.offers import rules
from reminders.offers.enums import Ended


class Freeing(models.Model):
    """A patient gave up a time. Each such event is its own, also where the same time is freed again (E4.8)."""

    clinic = models.ForeignKey(Clinic, on_delete=models.CASCADE, related_name="+")
    calendar = models.ForeignKey(Calendar, on_delete=models.CASCADE, related_name="freeings")
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    freed_at = models.DateTimeField()
    # Who gave it up: cancelled, or moved away from it.
    appointment = models.ForeignKey(Appointment, on_delete=models.CASCADE, related_name="freeings")
    # The wave whose winner left this time, where the calendar's chain is on (E4.7).
    before = models.ForeignKey("self", on_delete=models.CASCADE, null=True, related_name="+")
    depth = models.PositiveSmallIntegerField(default=1)
    # Why it is not offered, or not any more; empty while it may be taken.
    ended = models.CharField(max_length=10, choices=Ended, blank=True)
    ended_at = models.DateTimeField(null=True)
    taken_by = models.ForeignKey(Appointment, on_delete=models.SET_NULL, null=True, related_name="+")

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(ends_at__gt=F("starts_at")), name="freeing_in_order"),
            models.CheckConstraint(
                condition=Q(depth__gte=1, depth__lte=rules.MOST_DEEP), name="freeing_depth"
            ),
            models.CheckConstraint(
                condition=Q(ended="", ended_at__isnull=True) | (~Q(ended="") & Q(ended_at__isnull=False)),
                name="freeing_ended_once",
            ),
        ]
        indexes = [
            models.Index(fields=["calendar", "starts_at"], name="freeing_calendar"),
            models.Index(fields=["calendar", "starts_at"], condition=Q(ended=""), name="freeing_open"),
        ]

    def __str__(self) -> str:
        return f"freeing {self.pk}"

    @property
    def length(self) -> timedelta:
        return self.ends_at - self.starts_at

    def is_over_at(self, at: datetime) -> bool:
        """Return whether the calendar's cut-off for booking has passed (E4.10)."""
        notice = timedelta(hours=self.calendar.online_notice_hours)
        return at > rules.closes_at(starts_at=self.starts_at, notice=notice)


class SlotOffer(models.Model):
    """A given-up time offered to the patient of a later appointment."""

    freeing = models.ForeignKey(Freeing, on_delete=models.CASCADE, related_name="offers")
    appointment = models.ForeignKey(Appointment, on_delete=models.CASCADE, related_name="offers")
    made_at = models.DateTimeField()
    # Where the appointment stood then.
    was_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["freeing", "appointment"], name="offer_once")]

    def __str__(self) -> str:
        return f"offer {self.pk}"

    @property
    def patient(self) -> Patient:
        """Whose appointment it is today: a card may have gone into another one."""
        return self.appointment.patient

    @property
    def is_won(self) -> bool:
        """Whether the appointment stands at the offered time, however it came there."""
        one, slot = self.appointment, self.freeing
        return one.is_active and (one.calendar_id, one.starts_at) == (slot.calendar_id, slot.starts_at)
