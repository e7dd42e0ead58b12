"""The outbox: what is to be said, its ways, every try; and personal links."""

from django.db import models
from django.db.models import F, Q

from clinic.models import Appointment, Clinic, Patient
from messaging.enums import ACCEPTED, UNSENT, Purpose, State
from notifications.enums import Channel


class Message(models.Model):
    """What is to be said once to one person, or what a rule left out, with its reason.

    Unique by cause, kind, recipient and version of the cause: rows are replanned, never multiplied.
    """

    clinic = models.ForeignKey(Clinic, on_delete=models.CASCADE, related_name="+")
    kind = models.CharField(max_length=20)
    cause = models.CharField(max_length=40)  # "appointment:123"
    version = models.PositiveIntegerField()
    recipient = models.CharField(max_length=40)  # "patient:45"
    appointment = models.ForeignKey(Appointment, on_delete=models.CASCADE, null=True, related_name="+")
    patient = models.ForeignKey(Patient, on_delete=models.CASCADE, null=True, related_name="+")
    is_left_out = models.BooleanField(default=False)
    reason = models.CharField(max_length=30)  # why it is planned so, or why it is left out
    facts = models.JSONField(default=dict)  # what the reason's sentence needs (hours of lead, ...)
    planned_at = models.DateTimeField(null=True)  # the rule's own instant
    valid_until = models.DateTimeField(null=True)
    created_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["cause", "kind", "recipient", "version"], name="message_once")
        ]
        indexes = [models.Index(fields=["appointment", "created_at"], name="message_appointment")]

    def __str__(self) -> str:
        return f"{self.kind} {self.cause}"


class Delivery(models.Model):
    """A message's way over one channel."""

    message = models.ForeignKey(Message, on_delete=models.CASCADE, related_name="deliveries")
    clinic = models.ForeignKey(Clinic, on_delete=models.CASCADE, related_name="+")
    channel = models.CharField(max_length=5, choices=Channel)
    state = models.CharField(max_length=10, choices=State, default=State.PLANNED)
    # Why it goes this way, is held, was skipped or failed.
    reason = models.CharField(max_length=30, blank=True)
    facts = models.JSONField(default=dict)
    # The rule's instant for this way; null: it never had one (no address).
    planned_at = models.DateTimeField(null=True)
    # When it may leave: with quiet hours, or with the pause after a failed try. Unknown: when it is looked
    # into; null then: it is left unknown.
    due_at = models.DateTimeField(null=True)
    tries = models.PositiveSmallIntegerField(default=0)
    was_retried = models.BooleanField(default=False)  # after an unknown outcome; once only
    claim = models.CharField(max_length=32, blank=True)
    lease_until = models.DateTimeField(null=True)  # on the database's clock
    sent_at = models.DateTimeField(null=True)
    delivered_at = models.DateTimeField(null=True)
    read_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)  # when it was skipped, failed or became unknown

    class Meta:
        constraints = [models.UniqueConstraint(fields=["message", "channel"], name="delivery_once")]
        indexes = [
            # The sweeps' own: their cost follows what is due, not what exists.
            models.Index(
                fields=["clinic", "channel", "due_at"], condition=Q(state="planned"), name="delivery_due"
            ),
            models.Index(
                fields=["lease_until"], condition=Q(state__in=["claimed", "sending"]), name="delivery_leased"
            ),
            models.Index(fields=["due_at"], condition=Q(state="unknown"), name="delivery_unknown"),
            models.Index(
                fields=["clinic", "ended_at"],
                condition=Q(state__in=["failed", "unknown"]),
                name="delivery_troubled",
            ),
        ]

    def __str__(self) -> str:
        return f"delivery {self.pk} {self.channel} {self.state}"

    @property
    def is_held(self) -> bool:
        """Whether it leaves after the rule's instant, or left so at its first try: quiet hours held it (P14).

        Unsent, it may also be the pause after a failed try.
        """
        is_plain = self.state in ACCEPTED and self.tries == 1 and not self.was_retried
        is_shown = self.state in UNSENT or is_plain
        return bool(is_shown and self.planned_at and self.due_at and self.due_at > self.planned_at)


class Attempt(models.Model):
    """One try: the row exists, committed, before the provider is called."""

    delivery = models.ForeignKey(Delivery, on_delete=models.CASCADE, related_name="attempts")
    number = models.PositiveSmallIntegerField()
    address = models.CharField(max_length=254)
    started_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)
    outcome = models.CharField(max_length=10, blank=True)  # accepted, passing, permanent, unknown
    code = models.CharField(max_length=64, blank=True)
    provider_id = models.CharField(max_length=120, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["delivery", "number"], name="attempt_once")]

    def __str__(self) -> str:
        return f"try {self.number} of delivery {self.delivery_id}"


class SentText(models.Model):
    """What a recipient was sent. Links are masked, except in the embedded mailbox, where they must work."""

    delivery = models.OneToOneField(Delivery, on_delete=models.CASCADE, related_name="sent_text")
    subject = models.CharField(max_length=255, blank=True)
    text = models.TextField()
    html = models.TextField(blank=True)
    has_live_links = models.BooleanField(default=False)

    def __str__(self) -> str:
        return f"text of delivery {self.delivery_id}"


class PersonalLink(models.Model):
    """A link that opens one thing for one purpose; the token is derived, nothing secret is stored."""

    clinic = models.ForeignKey(Clinic, on_delete=models.CASCADE, related_name="+")
    purpose = models.CharField(max_length=12, choices=Purpose)
    object_id = models.BigIntegerField()
    version = models.PositiveIntegerField(default=1)  # raised to revoke every token given out so far
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True)
    revoked_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["purpose", "object_id"], name="link_once"),
            models.CheckConstraint(condition=Q(expires_at__gt=F("created_at")), name="link_in_order"),
        ]

    def __str__(self) -> str:
        return f"{self.purpose} link {self.pk}"
