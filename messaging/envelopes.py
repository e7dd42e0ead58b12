"""A rendered delivery as a sender needs it: addresses, identifiers, callbacks, and the text as it is kept."""

from email.utils import formataddr, parseaddr
from functools import lru_cache
from hashlib import sha256

from django.conf import settings
from django.urls import reverse
from django.utils.crypto import salted_hmac

from messaging.backends.base import Outgoing
from messaging.models import Delivery, SentText
from messaging.registry import Ready
from notifications.enums import Channel

MASK = "…"


def delivery_token(delivery_id: int) -> str:
    """Return a short name of a delivery that cannot be made up, for return addresses and Message-IDs."""
    mac = salted_hmac("anteroom.delivery", str(delivery_id), algorithm=sha256().name).hexdigest()[:12]
    return f"{delivery_id}.{mac}"


def outgoing(delivery: Delivery, ready: Ready) -> Outgoing:
    """Return what the channel's sender gets: one stable Message-ID, a return address of its own (X3)."""
    if delivery.channel == Channel.SMS:
        callback = reverse("messaging:twilio_status", kwargs={"delivery_id": delivery.pk})
        return Outgoing(
            delivery_id=delivery.pk,
            address=ready.address,
            text=ready.text,
            sender=settings.TWILIO_FROM,
            status_callback=settings.PUBLIC_URL + callback,
        )
    local, _at, domain = settings.MAIL_RETURN_ADDRESS.rpartition("@")
    token = delivery_token(delivery.pk)
    return Outgoing(
        delivery_id=delivery.pk,
        address=ready.address,
        subject=ready.subject,
        text=ready.text,
        html=ready.html,
        attachments=ready.attachments,
        sender=_sender(ready.sender_name, settings.MAIL_FROM),
        reply_to=ready.reply_to,
        headers=ready.headers,
        message_id=f"<{token}@{domain}>",
        return_address=f"{local}+{token}@{domain}",
    )


@lru_cache(maxsize=1024)
def _sender(name: str, mail_from: str) -> str:
    """Return a From header: the clinic's name before the installation's address. Few, and often needed."""
    return formataddr((name, parseaddr(mail_from)[1]))


def kept_text(delivery: Delivery, ready: Ready) -> SentText:
    """Return the copy that is kept: links masked, unless the embedded mailbox is where it was sent."""
    transport = settings.SMS_TRANSPORT if delivery.channel == Channel.SMS else settings.MAIL_TRANSPORT
    live = transport == "mailbox"
    text, html = ready.text, ready.html
    if not live:
        for link in ready.links:
            masked = link[: link.rstrip("/").rfind("/") + 1] + MASK
            text, html = text.replace(link, masked), html.replace(link, masked)
    return SentText(delivery=delivery, subject=ready.subject[:255], text=text, html=html, has_live_links=live)
