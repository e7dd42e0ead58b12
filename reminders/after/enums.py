"""The sentences for what happens to messages after an appointment."""

from django.utils.translation import gettext_lazy as _

REASONS = {
    "2h_after_end": _("2 hours after the end of the appointment"),
    "20h_after_end": _("20 hours after the end of the appointment"),
    "no_show": _("the patient did not come"),
    "asked_lately": _("the patient was asked about this practitioner less than 30 days ago"),
    "later_same_day": _(
        "the patient comes to this practitioner once more on this day; it follows that appointment"
    ),
    "came_again": _("the patient came to this practitioner again; it follows that appointment"),
    "reviewed": _("the patient has written a review already"),
    "not_listed": _("the practitioner has no public profile"),
    "booked_again": _("the patient has another appointment with this practitioner"),
    "nothing_to_offer": _("nothing can be booked online in this calendar at present"),
}
