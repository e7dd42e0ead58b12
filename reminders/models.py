"""The tables of this app."""

from reminders.offers.models import Freeing, SlotOffer

__all__ = ["Freeing", "SlotOffer"]
