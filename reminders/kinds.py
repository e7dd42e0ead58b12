"""The kinds of this app with their policies, and the sentences for every reason (P4, P5, P10, P15)."""

from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext_lazy

from messaging.registry import register_reasons, register_voice
from notifications.enums import Channel
from notifications.registry import Kind, register_kind
from reminders import codes, contact_changes, lost_link
from reminders.after import enums as after_enums
from reminders.after import rules as after_rules
from reminders.after import voice as after_voice
from reminders.offers import enums as offer_enums
from reminders.offers import queries as offer_queries
from reminders.offers import voice as offer_voice
from reminders.rules import CANCELLED, DETAILS, MOVED, REMINDER
from reminders.voice import speak

ONCE_MORE_BY_SMS_TOO = frozenset({Channel.EMAIL, Channel.PUSH, Channel.SMS})

KINDS = (
    Kind(
        DETAILS,
        _("Appointment details"),
        _("Right after a booking, the patient is told when and where, with an entry for their own calendar."),
        order=10,
        has_self_service=True,
    ),
    Kind(
        REMINDER,
        _("Reminder"),
        _(
            "Booked more than 72 hours ahead: 48 hours before the start. From 36 to 72 hours: 24 hours before."
        ),
        order=20,
        has_self_service=True,
    ),
    Kind(
        MOVED,
        _("Moved appointment"),
        _("When an appointment gets another time, the patient is told at once."),
        order=30,
        retry_unknown=ONCE_MORE_BY_SMS_TOO,
        has_self_service=True,
    ),
    Kind(
        CANCELLED,
        _("Cancelled appointment"),
        _("When an appointment is cancelled, the patient is told at once."),
        order=40,
        retry_unknown=ONCE_MORE_BY_SMS_TOO,
    ),
)
OFFER = Kind(
    offer_queries.KIND,
    _("Earlier time"),
    _(
        "When a patient cancels two days ahead or more, the first ten who come at least 48 hours later are told by SMS."
    ),
    order=70,
    retry_unknown=frozenset(),
    invitation=True,
    to_patients=_("An earlier time, when one becomes free before your appointment"),
)
AFTER = (
    Kind(
        after_rules.REVIEW,
        _("Review request"),
        _(
            "2 hours after an appointment, the patient is asked for a review. What was booked online always brings it."
        ),
        order=50,
        retry_unknown=frozenset(),
        invitation=True,
        to_patients=_("A review: how was it?"),
    ),
    Kind(
        after_rules.NEXT,
        _("Next appointment"),
        _(
            "20 hours after an appointment, the patient gets a link to free times, unless another one is booked."
        ),
        order=60,
        retry_unknown=frozenset(),
        invitation=True,
        to_patients=_("Free times for the next appointment"),
    ),
)
ON_REQUEST = {
    Kind(
        lost_link.KIND,
        _("Link sent again"),
        _(
            "When a patient asks for the link to their appointment again, it goes to the address on their card."
        ),
        order=90,
        has_self_service=True,
        on_request=True,
    ): lost_link.speak,
    Kind(
        codes.KIND,
        _("Code"),
        _("When a patient wants to see all of their appointments, a code goes to the address on their card."),
        order=91,
        retry_unknown=frozenset(),  # another is asked for in a moment
        on_request=True,
    ): codes.speak,
    Kind(
        contact_changes.KIND,
        _("Changed address"),
        _("When an address on a patient card changes, the old one is told."),
        order=92,
        on_request=True,
    ): contact_changes.speak,
}

REASONS = {
    # why it goes when it goes
    "details_by_staff": _("booked by the clinic"),
    "details_by_patient": _("booked by the patient"),
    "moved_by_staff": _("moved by the clinic"),
    "moved_by_patient": _("moved by the patient"),
    "cancelled_by_staff": _("cancelled by the clinic"),
    "cancelled_by_patient": _("cancelled by the patient"),
    "48h_before": _("48 hours before the start: booked more than 72 hours ahead"),
    "24h_before": _("24 hours before the start: booked 36 to 72 hours ahead"),
    "code_asked_for": _("the patient asked for a code"),
    "contact_changed": _("this address does not stand on the patient card any more"),
    "link_asked_for": _("the patient asked for the link again"),
    "offer_slot": _("another patient gave up %(day)s, %(time)s"),
    # why it goes this way
    "instead_of_push": _("SMS, as the patient does not use the app"),
    "if_not_left": _("at the latest 5 hours before the start, if the e-mail has not left by then"),
    "if_unread": _("only if the e-mail is not read within 4 hours"),
    "starts_soon": _("SMS at once: the appointment starts in less than 5 hours"),
    "email_lost": _("SMS at once: the e-mail cannot arrive"),
    # why not
    "lead_too_short": ngettext_lazy(
        "no reminder: booked %(hours)s hour ahead, less than 36",
        "no reminder: booked %(hours)s hours ahead, less than 36",
        "hours",
    ),
    "imported": _("imported; nobody was told"),
    "no_contact": _("no e-mail and no phone number on the patient card"),
    "bounced_no_phone": _("the e-mail address does not work; no phone number on the patient card"),
    "no_email": _("no e-mail address on the patient card"),
    "no_phone": _("no phone number on the patient card"),
    "email_bounced": _("the e-mail address on the patient card does not work"),
    "opted_out": _("the patient does not want these"),
    "no_consent": _("the clinic asks for consent first, and the patient has not agreed"),
    "off_for_calendar": _("switched off for this calendar"),
    "off_for_appointment": _("switched off for this appointment"),
    "moved_meanwhile": _("the appointment was moved meanwhile"),
    "cancelled_meanwhile": _("the appointment was cancelled meanwhile"),
    "address_back": _("the address is on the card again"),
    "other_card": _("the appointment belongs to another patient card now"),
    "code_over": _("the code is not valid any more"),
    "nothing_coming": _("the patient has no coming appointment any more"),
    "taken_back": _("the cancellation was taken back"),
    "over": _("the appointment is over"),
    "too_late": _("too late to be of use"),
    "read": _("the patient had read it already"),
    "sms_capped": _("no SMS: too many were caused online in a short time"),
    **offer_enums.REASONS,
    **after_enums.REASONS,
    "service_gone": _("this service is not offered any more"),
    "not_changeable": _("the patient cannot change the appointment by themselves any more"),
    # what went wrong
    "trying_again": _("not accepted yet, trying again (%(code)s)"),
    "second_try": _("tried once more: the first outcome is not known"),
    "refused": _("refused by the recipient's side (%(code)s)"),
    "provider": _("reported as not delivered (%(code)s)"),
    "line_lost": _("it is not known whether it arrived"),
    "restored": _("it may have been sent before the data was restored"),
    "render_failed": _("the text could not be written; please tell support"),
}


def register() -> None:
    """Tell the floors below what this app can say."""
    for kind in KINDS:
        register_kind(kind)
        register_voice(kind.name, speak)
    for kind in AFTER:
        register_kind(kind)
        register_voice(kind.name, after_voice.speak)
    register_kind(OFFER)
    register_voice(OFFER.name, offer_voice.speak)
    for kind, voice in ON_REQUEST.items():
        register_kind(kind)
        register_voice(kind.name, voice)
    register_reasons(REASONS)
