"""Calendars and what shapes their free time."""

from datetime import timedelta
from zoneinfo import ZoneInfo

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from clinic.people.models import Clinic, Practitioner


class Calendar(models.Model):
    """One practitioner at one address."""

    clinic = models.ForeignKey(Clinic, on_delete=models.CASCADE, related_name="calendars")
    practitioner = models.ForeignKey(Practitioner, on_delete=models.PROTECT, related_name="calendars")
    name = models.CharField(_("name"), max_length=120)
    time_zone = models.CharField(_("time zone"), max_length=60)
    address = models.CharField(_("address"), max_length=200, blank=True)
    city = models.CharField(_("city"), max_length=80, blank=True)
    phone = models.CharField(_("phone"), max_length=20, blank=True)
    # Until when before the start patients may move and cancel by themselves (P6); default: the start.
    change_until_hours = models.PositiveSmallIntegerField(_("changes until (hours before)"), default=0)
    # Where its address is, for "nearby"; written with the address, from a table of cities (D1).
    latitude = models.FloatField(null=True, blank=True)
    longitude = models.FloatField(null=True, blank=True)
    # Online booking (D2): whether, how long before the start at the latest, how far ahead.
    books_online = models.BooleanField(default=False)
    online_notice_hours = models.PositiveSmallIntegerField(default=2)
    online_horizon_days = models.PositiveSmallIntegerField(default=90)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["clinic", "name"], name="calendar_name")]

    def __str__(self) -> str:
        return self.name

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.time_zone)

    @property
    def change_until(self) -> timedelta:
        return timedelta(hours=self.change_until_hours)

    @property
    def place(self) -> str:
        """The address as one line."""
        return ", ".join(part for part in (self.address, self.city) if part)


class Service(models.Model):
    """What can be booked in a calendar, with its length and price.

    A row never says anything else: a changed service is a new row, and the old one is offered no more. So
    an appointment keeps what it was booked as.
    """

    calendar = models.ForeignKey(Calendar, on_delete=models.CASCADE, related_name="services")
    name = models.CharField(_("name"), max_length=120)
    minutes = models.PositiveSmallIntegerField(_("length in minutes"))
    price = models.DecimalField(_("price"), max_digits=9, decimal_places=2, null=True, blank=True)
    is_offered = models.BooleanField(default=True)
    is_online = models.BooleanField(default=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["calendar", "name"], condition=Q(is_offered=True), name="service_offered_once"
            ),
            models.CheckConstraint(condition=Q(minutes__gte=1, minutes__lte=1440), name="service_minutes"),
        ]

    def __str__(self) -> str:
        return self.name


class OpeningHours(models.Model):
    """Open from one wall time to another on a weekday; a break is the gap between two of them (D4)."""

    calendar = models.ForeignKey(Calendar, on_delete=models.CASCADE, related_name="opening_hours")
    weekday = models.PositiveSmallIntegerField()  # Monday is 0
    opens = models.TimeField()
    closes = models.TimeField()

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(weekday__lte=6), name="hours_weekday"),
            models.CheckConstraint(condition=Q(closes__gt=F("opens")), name="hours_in_order"),
        ]

    def __str__(self) -> str:
        return f"{self.weekday} {self.opens:%H:%M}-{self.closes:%H:%M}"


class DayException(models.Model):
    """On this date other hours hold than the weekday's; no hours: closed (D4)."""

    calendar = models.ForeignKey(Calendar, on_delete=models.CASCADE, related_name="exceptions")
    day = models.DateField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["calendar", "day"], name="exception_once")]

    def __str__(self) -> str:
        return f"{self.calendar_id} {self.day}"


class ExceptionHours(models.Model):
    """The hours of an exceptional day."""

    exception = models.ForeignKey(DayException, on_delete=models.CASCADE, related_name="hours")
    opens = models.TimeField()
    closes = models.TimeField()

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(closes__gt=F("opens")), name="exception_hours_in_order")
        ]

    def __str__(self) -> str:
        return f"{self.opens:%H:%M}-{self.closes:%H:%M}"


class Absence(models.Model):
    """The practitioner is away, from one instant to another or until further notice (C9).

    One record for all of a practitioner's calendars: opening hours, the contact-form clocks and offers
    read the same fact (E8.4).
    """

    clinic = models.ForeignKey(Clinic, on_delete=models.CASCADE, related_name="absences")
    practitioner = models.ForeignKey(Practitioner, on_delete=models.CASCADE, related_name="absences")
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(ends_at__isnull=True) | Q(ends_at__gt=F("starts_at")), name="absence_in_order"
            )
        ]

    def __str__(self) -> str:
        return f"{self.practitioner_id} {self.starts_at} - {self.ends_at or ''}"


class CalendarFeed(models.Model):
    """A read-only iCalendar address of a calendar, known to whoever was given it (D5)."""

    clinic = models.ForeignKey(Clinic, on_delete=models.CASCADE, related_name="+")
    calendar = models.ForeignKey(Calendar, on_delete=models.CASCADE, related_name="feeds")
    key = models.CharField(max_length=43, unique=True)
    created_by = models.ForeignKey(
        "clinic.User", on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    created_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True, blank=True)
    fetched_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return f"feed {self.pk}"
