"""The lines to the providers: one module each, all keeping the promise of `base.Backend`.

Backends stand below the outbox: they get an `Outgoing`, give back `Accepted` or raise one of three errors,
read no model and write nothing. A provider's library is imported only when its line is opened (Twilio's
alone takes 24 MB).
"""

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from messaging.backends.base import Backend


def open_backend(channel: str) -> Backend:
    """Return a new line for a channel, as MAIL_TRANSPORT or SMS_TRANSPORT says. Close it after use.

    Args:
        channel: "email" or "sms".

    Raises:
        ImproperlyConfigured: no such transport for this channel, or its settings are incomplete.
    """
    transports = {"email": settings.MAIL_TRANSPORT, "sms": settings.SMS_TRANSPORT}
    if channel not in transports:
        raise ImproperlyConfigured(f"No provider speaks on the channel {channel!r}.")
    match channel, transports[channel]:
        case "email", "smtp":
            from messaging.backends.email_smtp import SmtpBackend  # noqa: PLC0415 - slow, and one only

            return SmtpBackend.from_settings()
        case "email", "anymail":
            from messaging.backends.email_anymail import AnymailBackend  # noqa: PLC0415 - slow, and one only

            return AnymailBackend()
        case "sms", "twilio":
            from messaging.backends.sms_twilio import TwilioBackend  # noqa: PLC0415 - slow, and one only

            return TwilioBackend.from_settings()
        case _, "mailbox" | "render":
            from messaging.backends.mailbox import MailboxBackend  # noqa: PLC0415 - slow, and one only

            return MailboxBackend()
    raise ImproperlyConfigured(f"{transports[channel]!r} is no transport for the channel {channel!r}.")
