"""The kind of message that staff get from the waiting area, and the sentences for its reasons (W12)."""

from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext_lazy

from messaging.registry import register_reasons, register_voice
from notifications.enums import Channel
from notifications.registry import Kind, register_kind
from waiting_area.long_wait import KIND
from waiting_area.voice import speak

KINDS = (
    Kind(
        KIND,
        _("Waiting too long"),
        _("When somebody in the waiting area has waited too long, the clinic is told."),
        order=200,
        # A second message costs a glance; none costs a patient's patience.
        retry_unknown=frozenset({Channel.EMAIL, Channel.SMS}),
        for_staff=True,
    ),
)

REASONS = {
    # why it goes
    "waited_long": ngettext_lazy(
        "somebody has waited for %(minutes)s minute",
        "somebody has waited for %(minutes)s minutes",
        "minutes",
    ),
    # why not
    "caller_taken": _("they were called in meanwhile"),
    "caller_left": _("they left the waiting area meanwhile"),
    "caller_moved": _("they were sent to another waiting area meanwhile"),
    "off_for_area": _("switched off for this waiting area"),
    "no_alert_email": _("no e-mail address in the waiting area's settings"),
    "no_alert_phone": _("no phone number in the waiting area's settings"),
}


def register() -> None:
    """Tell the floors below what this app can say."""
    for kind in KINDS:
        register_kind(kind)
        register_voice(kind.name, speak)
    register_reasons(REASONS)
