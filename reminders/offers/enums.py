"""What becomes of a given-up time."""

from django.db import models
from django.utils.translation import gettext_lazy as _


class Ended(models.TextChoices):
    """Why a given-up time is not offered, or not any more."""

    LATE = "late", _("freed less than two days ahead: nobody was told")
    OFF = "off", _("switched off for this calendar")
    BY_MOVE = "by_move", _("the patient moved to another time: nobody was told")
    CHAIN_OFF = "chain_off", _("freed by taking an earlier time: nobody was told")
    CHAIN_END = "chain_end", _("the third time in a row: nobody was told")
    NOBODY = "nobody", _("nobody comes later who could be told and whom it would fit")
    TAKEN = "taken", _("taken")
    BOOKED = "booked", _("booked by somebody else")
    CLOSED = "closed", _("the practitioner is away or the calendar is closed at this time")
    CUT_OFF = "cut_off", _("too close to the start")
    TAKEN_BACK = "taken_back", _("the cancellation was taken back")


# Why an SMS about it is left out, as the timeline says it.
REASONS = {f"offer_{ended}": ended.label for ended in Ended}
