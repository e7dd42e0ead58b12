"""Sending on a simulated clock: everything due up to an instant, each at its own."""

from collections.abc import Mapping
from datetime import datetime

from django.test.utils import override_settings

from clinic.lib import clock
from messaging.delivery import Outlet
from messaging.models import Delivery
from notifications.enums import Channel

_NEXT_DUE = """
SELECT id, due_at, channel FROM messaging_delivery AS delivery
WHERE state = 'planned' AND due_at IS NOT NULL
AND NOT EXISTS (SELECT 1 FROM notifications_clinicpause AS pause WHERE pause.clinic_id = delivery.clinic_id)
ORDER BY due_at, channel LIMIT 1
"""


def next_due() -> tuple[datetime | None, Channel]:
    """Return when the next delivery may leave, and over which channel; e-mail first. A paused clinic's do not."""
    for row in Delivery.objects.raw(_NEXT_DUE):
        return row.due_at, Channel(row.channel)
    return None, Channel.EMAIL


def send_until(*, at: datetime, outlets: Mapping[Channel, Outlet]) -> None:
    """Send what falls due up to `at`, with the clock held at each due instant in turn."""
    while True:
        due, channel = next_due()
        if due is None or due > at:
            return
        with clock.held_at(due):
            outlets[channel].send_due(at=due, now=clock.now)


def send_demo_until(*, at: datetime) -> None:
    """Deliver what the demonstration's patients would have got by `at`, into the mailbox and nowhere else."""
    due, _channel = next_due()
    if due is None or due > at:
        return
    with (
        override_settings(MAIL_TRANSPORT="mailbox", SMS_TRANSPORT="mailbox"),
        Outlet(Channel.EMAIL) as email,
        Outlet(Channel.SMS) as sms,
    ):
        send_until(at=at, outlets={Channel.EMAIL: email, Channel.SMS: sms})
