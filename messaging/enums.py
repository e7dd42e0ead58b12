"""States of a delivery and the ways between them."""

from django.db import models
from django.utils.translation import gettext_lazy as _


class State(models.TextChoices):
    PLANNED = "planned", _("planned")
    CLAIMED = "claimed", _("being prepared")
    SENDING = "sending", _("being sent")
    SENT = "sent", _("sent")
    DELIVERED = "delivered", _("delivered")
    READ = "read", _("read")
    SKIPPED = "skipped", _("not sent")
    FAILED = "failed", _("failed")
    UNKNOWN = "unknown", _("outcome unknown")


# Not yet offered to any provider: may still be changed or dropped.
UNSENT = frozenset({State.PLANNED, State.CLAIMED})
# A provider has taken it.
ACCEPTED = frozenset({State.SENT, State.DELIVERED, State.READ})

# Reasons that acceptance makes untrue.
OVERCOME = frozenset({"trying_again", "line_lost", "restored"})
# What a provider may report of a try whose outcome we had not learned yet.
_REPORTED = frozenset({State.SENT, State.DELIVERED, State.FAILED})

TRANSITIONS: dict[State, frozenset[State]] = {
    State.PLANNED: frozenset({State.CLAIMED, State.SKIPPED, State.UNKNOWN}) | _REPORTED,
    State.CLAIMED: frozenset({State.PLANNED, State.SENDING, State.SKIPPED, State.UNKNOWN}) | _REPORTED,
    State.SENDING: frozenset({State.PLANNED, State.UNKNOWN}) | _REPORTED,
    State.SENT: frozenset({State.DELIVERED, State.READ, State.FAILED}),
    # A mail may come back after the first server took it.
    State.DELIVERED: frozenset({State.READ, State.FAILED}),
    State.READ: frozenset(),
    # Legal until the first attempt: switched off and on again, an address added to the card.
    State.SKIPPED: frozenset({State.PLANNED}),
    # Somebody opened what was reported as bounced: it came by another way.
    State.FAILED: frozenset({State.DELIVERED}),
    # Back to planned once, by the kind's written policy (G3); or settled by what the provider knows.
    State.UNKNOWN: frozenset({State.PLANNED}) | _REPORTED,
}


class Purpose(models.TextChoices):
    """What a personal link is for; a link of one purpose opens nothing of another (A21)."""

    APPOINTMENT = "appointment"
    WAITING = "waiting"
    REVIEW = "review"
    OFFER = "offer"
    CHOICES = "choices"
    NEXT = "next"
