"""States of an appointment and the ways between them."""

from django.db import models
from django.utils.translation import gettext_lazy as _


class Status(models.TextChoices):
    BOOKED = "booked", _("booked")
    DONE = "done", _("done")
    NO_SHOW = "no_show", _("no-show")
    CANCELLED = "cancelled", _("cancelled")


class Origin(models.TextChoices):
    """Who made the booking."""

    STAFF = "staff", _("staff")
    PATIENT = "patient", _("patient")


class CancelledBy(models.TextChoices):
    NOBODY = "", ""
    PATIENT = "patient", _("the patient")
    CLINIC = "clinic", _("the clinic")


# A slip of the finger in the list is corrected by the opposite mark; a cancelled time has been given
# away, so nothing leads back from there: only `operations.restore` does, for seconds.
TRANSITIONS: dict[Status, frozenset[Status]] = {
    Status.BOOKED: frozenset({Status.DONE, Status.NO_SHOW, Status.CANCELLED}),
    Status.DONE: frozenset({Status.NO_SHOW, Status.BOOKED}),
    Status.NO_SHOW: frozenset({Status.DONE, Status.BOOKED}),
    Status.CANCELLED: frozenset(),
}
