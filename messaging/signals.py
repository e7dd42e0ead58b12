"""What becomes of deliveries, for the floor that planned them. Sent inside the transaction."""

from django.dispatch import Signal

# Providers took these. Arguments: deliveries (their `sent_at` is set), at.
deliveries_accepted = Signal()

# These will not arrive any more: refused for good, bounced, or lost without a second try.
# Arguments: deliveries, at.
deliveries_lost = Signal()
