"""Waiting areas, their callers, and the notices between callers and clinic."""

from datetime import datetime

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from clinic.people.enums import Language
from clinic.people.models import Clinic
from waiting_area.enums import Author, Left, Status
from waiting_area.rules import NAME_LENGTH, NOTICE_LENGTH, PURPOSE_LENGTH, is_resumable


class WaitingArea(models.Model):
    """Where callers of a clinic wait; its public address holds the key."""

    clinic = models.ForeignKey(Clinic, on_delete=models.CASCADE, related_name="waiting_areas")
    key = models.SlugField(max_length=80, unique=True)  # readable, with an end that cannot be guessed
    name = models.CharField(_("name"), max_length=120)
    is_default = models.BooleanField(default=False)
    welcome = models.TextField(_("text for people waiting"), max_length=NOTICE_LENGTH, blank=True)
    guest_notices = models.BooleanField(_("notices from patients"), default=True)
    is_open = models.BooleanField(default=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["clinic"], condition=models.Q(is_default=True), name="waiting_area_default"
            )
        ]

    def __str__(self) -> str:
        return self.key


class CallerQuerySet(models.QuerySet["Caller"]):
    def present(self) -> "CallerQuerySet":
        """Return those who have not left."""
        # Said as the index says it: SQLite compares the words.
        return self.exclude(status=Status.LEFT)


class Caller(models.Model):
    """One person's stay in a waiting area, from arrival until they left."""

    clinic = models.ForeignKey(Clinic, on_delete=models.CASCADE, related_name="callers")
    area = models.ForeignKey(WaitingArea, on_delete=models.CASCADE, related_name="callers")
    # Made with the entry form: its second press finds the caller of the first.
    key = models.CharField(max_length=32)
    name = models.CharField(_("name"), max_length=NAME_LENGTH)
    purpose = models.CharField(max_length=PURPOSE_LENGTH)
    language = models.CharField(max_length=2, choices=Language)
    consented_at = models.DateTimeField()

    status = models.CharField(max_length=10, choices=Status, default=Status.WAITING)
    status_since = models.DateTimeField()
    arrived_at = models.DateTimeField()
    taken_at = models.DateTimeField(null=True)  # first called in
    left_at = models.DateTimeField(null=True)
    how_left = models.CharField(max_length=12, choices=Left, blank=True, default=Left.NOT)
    # What the status was when they left: who comes back has it again, since when it was.
    left_from = models.CharField(max_length=10, choices=Status, blank=True, default="")

    last_seen_at = models.DateTimeField()
    is_visible = models.BooleanField(default=True)
    is_lost = models.BooleanField(default=False)

    last_number = models.PositiveIntegerField(default=0)  # of the notices, raised with the row locked
    seen_number = models.PositiveIntegerField(default=0)  # shown on the caller's page up to here
    notice_count = models.PositiveIntegerField(default=0)
    last_author = models.CharField(max_length=6, choices=Author, blank=True, default=Author.NOBODY)

    objects = CallerQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["area", "key"], name="caller_entered_once")]
        indexes = [
            # Small whatever the history: the dashboard, the queue and the sweep read only who is there.
            models.Index(
                fields=["clinic", "arrived_at"],
                condition=~models.Q(status=Status.LEFT),
                name="caller_present",
            ),
            models.Index(
                fields=["area", "taken_at"],
                condition=models.Q(taken_at__isnull=False),
                name="caller_taken",
            ),
        ]

    def __str__(self) -> str:
        return f"caller {self.pk}"

    @property
    def is_present(self) -> bool:
        return self.status != Status.LEFT

    @property
    def since(self) -> datetime:
        """When the present status began."""
        return self.left_at or self.status_since

    def may_resume(self, at: datetime) -> bool:
        """Return whether the same browser may come back as this caller (W4)."""
        return self.left_at is not None and self.how_left == Left.ABSENT and is_resumable(self.left_at, at)


class Notice(models.Model):
    """A short message between the clinic and one caller, numbered per caller in the order of writing."""

    caller = models.ForeignKey(Caller, on_delete=models.CASCADE, related_name="notices")
    clinic = models.ForeignKey(Clinic, on_delete=models.CASCADE, related_name="+")
    number = models.PositiveIntegerField()
    author = models.CharField(max_length=6, choices=Author)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+"
    )  # who wrote for the clinic
    text = models.TextField(max_length=NOTICE_LENGTH)
    # Made with the form: its second press finds the notice of the first.
    key = models.CharField(max_length=32)
    # One text to several callers at once; each has a notice of their own.
    broadcast = models.UUIDField(null=True)
    sent_at = models.DateTimeField()
    shown_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["caller", "number"], name="notice_number"),
            models.UniqueConstraint(fields=["caller", "key"], name="notice_sent_once"),
        ]

    def __str__(self) -> str:
        return f"notice {self.number} of caller {self.caller_id}"


class Pulse(models.Model):
    """That pings were taken, by any server: one row. Nobody is absent while nobody listens (W4)."""

    at = models.DateTimeField()
    counting_since = models.DateTimeField()

    def __str__(self) -> str:
        return f"pulse of {self.at}"
