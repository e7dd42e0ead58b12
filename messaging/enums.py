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

TRANSITIONS: dict[State, frozenset[State]] = {
    State.PLANNED: frozenset({State.CLAIMED, State.SKIPPED}),
    State.CLAIMED: frozenset({State.PLANNED, State.SENDING, State.SKIPPED, State.FAILED}),
    State.SENDING: frozenset({State.SENT, State.PLANNED, State.FAILED, State.UNKNOWN}),
    State.SENT: frozenset({State.DELIVERED, State.READ, State.FAILED}),
    State.DELIVERED: frozenset({State.READ}),
    State.READ: frozenset(),
    # Legal until the first attempt: switched off and on again, an address added to the card.
    State.SKIPPED: frozenset({State.PLANNED}),
    State.FAILED: frozenset(),
    # Back to planned once, by the kind's written policy (G3); or settled by what the provider knows.
    State.UNKNOWN: frozenset({State.PLANNED, State.SENT, State.DELIVERED, State.FAILED, State.READ}),
}
if set(TRANSITIONS) != set(State):
    raise AssertionError("every state needs its row in TRANSITIONS")


class Purpose(models.TextChoices):
    """What a personal link is for; a link of one purpose opens nothing of another (A21)."""

    APPOINTMENT = "appointment"
