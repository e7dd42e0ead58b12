"""Appointments, and the table that decides who has a time."""

from datetime import datetime

from django.db import models
from django.db.models import F, Q

from clinic.appointments.enums import CancelledBy, Origin, Status
from clinic.calendars.models import Calendar, Service
from clinic.people.models import Clinic, Patient


class AppointmentQuerySet(models.QuerySet["Appointment"]):
    def between(self, start: datetime, end: datetime) -> "AppointmentQuerySet":
        """Return those that start in the half-open span."""
        return self.filter(starts_at__gte=start, starts_at__lt=end)

    def whole(self) -> "AppointmentQuerySet":
        """Return them with all that a page or a message says of them, in one query."""
        return self.select_related(
            "clinic", "calendar__practitioner", "calendar__clinic", "patient", "service"
        )


class Appointment(models.Model):
    """One booked time in a calendar."""

    clinic = models.ForeignKey(Clinic, on_delete=models.CASCADE, related_name="appointments")
    calendar = models.ForeignKey(Calendar, on_delete=models.PROTECT, related_name="appointments")
    patient = models.ForeignKey(Patient, on_delete=models.PROTECT, related_name="appointments")
    service = models.ForeignKey(Service, on_delete=models.PROTECT, related_name="+")
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    status = models.CharField(max_length=10, choices=Status, default=Status.BOOKED)
    origin = models.CharField(max_length=10, choices=Origin)
    booked_at = models.DateTimeField()
    # When the present start was set: the booking, or the last move. The reminder's lead counts from it (P5).
    set_at = models.DateTimeField()
    confirmed_at = models.DateTimeField(null=True, blank=True)
    cancelled_at = models.DateTimeField(null=True, blank=True)
    cancelled_by = models.CharField(max_length=10, choices=CancelledBy, blank=True, default="")
    # Raised by a move and a cancellation: iCalendar's SEQUENCE, and the version in a message's key.
    sequence = models.PositiveIntegerField(default=0)
    # Raised by every change: two people who act on one appointment at once are told apart by it.
    version = models.PositiveIntegerField(default=1)

    objects = AppointmentQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(ends_at__gt=F("starts_at")), name="appointment_in_order")
        ]
        indexes = [
            models.Index(fields=["clinic", "starts_at"], name="appointment_clinic_day"),
            models.Index(fields=["calendar", "starts_at"], name="appointment_calendar_day"),
            models.Index(fields=["patient", "starts_at"], name="appointment_patient"),
        ]

    def __str__(self) -> str:
        return f"appointment {self.pk}"

    @property
    def is_active(self) -> bool:
        return self.status == Status.BOOKED

    @property
    def minutes(self) -> int:
        return round((self.ends_at - self.starts_at).total_seconds() / 60)

    @property
    def changeable_until(self) -> datetime:
        """Until when the patient may move or cancel it (P6)."""
        return self.starts_at - self.calendar.change_until

    def is_changeable_at(self, at: datetime) -> bool:
        """Return whether the patient may still move or cancel it; never from the start on (P6, E2.9)."""
        return at <= self.changeable_until and at < self.starts_at


class Occupancy(models.Model):
    """A taken span of a calendar: by an appointment, or by a hold while somebody types.

    Written by `clinic.appointments.occupancy` alone. PostgreSQL keeps overlaps out by an exclusion
    constraint, SQLite by triggers; both are made per vendor in the migration.
    """

    calendar = models.ForeignKey(Calendar, on_delete=models.CASCADE, related_name="+")
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    appointment = models.OneToOneField(Appointment, on_delete=models.CASCADE, null=True, related_name="+")
    hold = models.CharField(max_length=40, null=True, unique=True)  # noqa: DJ001 - null keeps unique free
    expires_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(ends_at__gt=F("starts_at")), name="occupancy_in_order"),
            models.CheckConstraint(
                condition=Q(appointment__isnull=False, hold__isnull=True, expires_at__isnull=True)
                | Q(appointment__isnull=True, hold__isnull=False, expires_at__isnull=False),
                name="occupancy_one_owner",
            ),
        ]
        indexes = [models.Index(fields=["calendar", "starts_at"], name="occupancy_calendar")]

    def __str__(self) -> str:
        return f"{self.calendar_id} {self.starts_at} - {self.ends_at}"
