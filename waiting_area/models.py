"""Waiting areas, their callers and calls, the notices between callers and clinic, and who watches over them."""

from datetime import datetime, timedelta

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import F, Q
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from clinic.models import Appointment, Calendar
from clinic.people.enums import Language
from clinic.people.models import Clinic, Membership
from waiting_area import rules
from waiting_area.enums import MAY_WRITE, Alert, Asked, Author, HowGone, Left, Sound, Status
from waiting_area.rules import NAME_LENGTH, NOTICE_LENGTH, PURPOSE_LENGTH


class WaitingSettings(models.Model):
    """What holds in all of a clinic's waiting areas; without a row, the defaults."""

    clinic = models.OneToOneField(
        Clinic, on_delete=models.CASCADE, primary_key=True, related_name="waiting_settings"
    )
    guest_notices = models.BooleanField(default=True)

    def __str__(self) -> str:
        return f"waiting settings of {self.clinic_id}"


class WaitingArea(models.Model):
    """Where callers of a clinic wait; its public address holds the key."""

    clinic = models.ForeignKey(Clinic, on_delete=models.CASCADE, related_name="waiting_areas")
    key = models.SlugField(max_length=80, unique=True)  # readable, with an end that cannot be guessed
    name = models.CharField(_("name"), max_length=120)
    is_default = models.BooleanField(default=False)
    is_open = models.BooleanField(default=True)
    # What callers read while they wait, by language.
    welcomes = models.JSONField(default=dict, blank=True)

    # Whether callers may write here now; follows the clinic's switch unless the area has its own (W9).
    guest_notices = models.BooleanField(default=True)
    own_guest_notices = models.BooleanField(null=True, default=None)

    asks_purpose = models.CharField(max_length=8, choices=Asked, default=Asked.REQUIRED)
    asks_phone = models.CharField(max_length=8, choices=Asked, default=Asked.NO)
    asks_calendar = models.CharField(max_length=8, choices=Asked, default=Asked.NO)
    shows_place = models.BooleanField(default=True)
    confirms_name = models.BooleanField(default=False)

    # How long a lost connection is waited for, and how long who is gone may come back to their place (W4).
    grace_seconds = models.PositiveIntegerField(default=rules.GRACE_SECONDS)
    resume_minutes = models.PositiveIntegerField(default=rules.RESUME_MINUTES)
    # How long callers and their notices are kept after they left.
    keep_days = models.PositiveIntegerField(default=rules.KEEP_DAYS)

    # Who hears of somebody who has waited longer than this (W12); empty: nobody.
    long_wait_minutes = models.PositiveIntegerField(null=True, blank=True)
    alert_email = models.CharField(max_length=254, blank=True)
    alert_phone = models.CharField(max_length=20, blank=True)  # E.164

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["clinic"], condition=models.Q(is_default=True), name="waiting_area_default"
            )
        ]

    def __str__(self) -> str:
        return self.key

    @property
    def grace(self) -> timedelta:
        return timedelta(seconds=self.grace_seconds)

    @property
    def welcome(self) -> str:
        """What callers read, in the active language, else in the clinic's, else in whichever there is."""
        wanted = ((get_language() or "en")[:2], self.clinic.language, *sorted(self.welcomes))
        return next((str(self.welcomes[one]) for one in wanted if self.welcomes.get(one)), "")


class AreaHours(models.Model):
    """A waiting area takes new callers from one wall time of its clinic to another on a weekday.

    An area without any takes them always, while it is open.
    """

    area = models.ForeignKey(WaitingArea, on_delete=models.CASCADE, related_name="hours")
    weekday = models.PositiveSmallIntegerField()  # Monday is 0
    opens = models.TimeField()
    closes = models.TimeField()

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(weekday__lte=6), name="area_hours_weekday"),
            models.CheckConstraint(condition=Q(closes__gt=F("opens")), name="area_hours_in_order"),
        ]

    def __str__(self) -> str:
        return f"{self.weekday} {self.opens:%H:%M}-{self.closes:%H:%M}"


class Call(models.Model):
    """One meeting of callers with people of the clinic; its address is its key and can be guessed by nobody."""

    clinic = models.ForeignKey(Clinic, on_delete=models.CASCADE, related_name="calls")
    key = models.CharField(max_length=32, unique=True)
    started_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"call {self.pk}"

    @property
    def is_over(self) -> bool:
        return self.ended_at is not None


class Participation(models.Model):
    """Somebody of the clinic in a call, from joining until they went (W13)."""

    call = models.ForeignKey(Call, on_delete=models.CASCADE, related_name="participations")
    clinic = models.ForeignKey(Clinic, on_delete=models.CASCADE, related_name="+")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    joined_at = models.DateTimeField()
    last_seen_at = models.DateTimeField()
    gone_at = models.DateTimeField(null=True)
    how_gone = models.CharField(max_length=8, choices=HowGone, blank=True, default=HowGone.NOT)

    class Meta:
        constraints = [
            # Nobody is in two calls, or twice in one.
            models.UniqueConstraint(
                fields=["user", "clinic"], condition=Q(gone_at__isnull=True), name="in_one_call"
            )
        ]

    def __str__(self) -> str:
        return f"{self.user_id} in call {self.call_id}"


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
    phone = models.CharField(max_length=20, blank=True)  # E.164
    # Whom they come to see, and beside which appointment they stand.
    calendar = models.ForeignKey(Calendar, on_delete=models.SET_NULL, null=True, related_name="+")
    appointment = models.ForeignKey(Appointment, on_delete=models.SET_NULL, null=True, related_name="+")
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

    # The call they are in, or are kept on hold from.
    call = models.ForeignKey(Call, on_delete=models.SET_NULL, null=True, related_name="callers")
    # In a call, with nobody: since when (W14).
    alone_since = models.DateTimeField(null=True)
    alert = models.CharField(max_length=8, choices=Alert, blank=True, default=Alert.NONE)

    last_seen_at = models.DateTimeField()
    is_visible = models.BooleanField(default=True)
    is_lost = models.BooleanField(default=False)

    last_number = models.PositiveIntegerField(default=0)  # of the notices, raised with the row locked
    seen_number = models.PositiveIntegerField(default=0)  # shown on the caller's page up to here
    notice_count = models.PositiveIntegerField(default=0)
    last_author = models.CharField(max_length=6, choices=Author, blank=True, default=Author.NOBODY)
    # When they asked what nobody has answered since, and up to which number a member ticked them off (W6).
    unanswered_since = models.DateTimeField(null=True)
    answered_number = models.PositiveIntegerField(default=0)

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
            models.Index(
                fields=["clinic"],
                condition=models.Q(unanswered_since__isnull=False),
                name="caller_unanswered",
            ),
            models.Index(fields=["clinic", "left_at"], name="caller_left"),
            models.Index(fields=["appointment"], name="caller_appointment"),
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
        if self.left_at is None or self.how_left != Left.ABSENT:
            return False
        return rules.is_resumable(self.left_at, at, minutes=self.area.resume_minutes)

    @property
    def may_write(self) -> bool:
        """Whether they may write to the clinic now (W9, A49)."""
        return self.area.guest_notices and self.status in MAY_WRITE


class Broadcast(models.Model):
    """One text sent at once to the callers that somebody's screen listed (W7)."""

    clinic = models.ForeignKey(Clinic, on_delete=models.CASCADE, related_name="+")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    # Made with the form: its second press finds the broadcast of the first.
    key = models.CharField(max_length=32)
    sent_at = models.DateTimeField()
    # Who was displayed, but had left before it was sent: their ids.
    missed = models.JSONField(default=list)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["clinic", "key"], name="broadcast_once")]

    def __str__(self) -> str:
        return f"broadcast {self.pk}"


class Notice(models.Model):
    """A short message between the clinic and one caller, numbered per caller in the order of writing."""

    caller = models.ForeignKey(Caller, on_delete=models.CASCADE, related_name="notices")
    clinic = models.ForeignKey(Clinic, on_delete=models.CASCADE, related_name="+")
    number = models.PositiveIntegerField()
    author = models.CharField(max_length=6, choices=Author)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+"
    )  # who wrote for the clinic; nobody: the product itself
    text = models.TextField(max_length=NOTICE_LENGTH)
    # Made with the form: its second press finds the notice of the first.
    key = models.CharField(max_length=32)
    # One text to several callers at once; each has a notice of their own.
    broadcast = models.ForeignKey(Broadcast, on_delete=models.CASCADE, null=True, related_name="notices")
    sent_at = models.DateTimeField()
    shown_at = models.DateTimeField(null=True)
    withdrawn_at = models.DateTimeField(null=True)

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


class QuickReply(models.Model):
    """A text that staff often need, in one language (W12)."""

    clinic = models.ForeignKey(Clinic, on_delete=models.CASCADE, related_name="quick_replies")
    language = models.CharField(max_length=2, choices=Language)
    text = models.CharField(max_length=rules.QUICK_REPLY_LENGTH)
    position = models.PositiveSmallIntegerField(default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["clinic", "language", "text"], name="quick_reply_once")
        ]

    def __str__(self) -> str:
        return f"quick reply {self.pk}"


class Watch(models.Model):
    """Whether a member watches over the waiting area, and how they want to hear of it (W10).

    Without a row: not named, with a bell at a middling volume.
    """

    membership = models.OneToOneField(
        Membership, on_delete=models.CASCADE, primary_key=True, related_name="watch"
    )
    is_named = models.BooleanField(default=False)
    sound = models.CharField(max_length=6, choices=Sound, default=Sound.BELL)
    volume = models.PositiveSmallIntegerField(
        default=60, validators=[MinValueValidator(0), MaxValueValidator(100)]
    )
    is_muted = models.BooleanField(default=False)
    notifies = models.BooleanField(default=False)  # by the browser, also when nobody looks at the page

    def __str__(self) -> str:
        return f"watch of {self.membership_id}"
