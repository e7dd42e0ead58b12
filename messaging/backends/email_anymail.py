"""E-mail through a provider's API: django-anymail behind Django's own EMAIL_BACKEND."""

from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import requests
from anymail.exceptions import (
    AnymailAPIError,
    AnymailError,
    AnymailInvalidAddress,
    AnymailRecipientsRefused,
    AnymailSerializationError,
    AnymailUnsupportedFeature,
)
from django.core.mail import BadHeaderError, EmailMultiAlternatives, get_connection

from messaging.backends import http, mime
from messaging.backends.base import (
    Accepted,
    AmbiguousError,
    Outgoing,
    PassingError,
    PermanentError,
    SendError,
)

_REFUSED = frozenset({"rejected", "invalid", "failed"})
# Wrong key, closed account, domain of ours unknown or not verified: the recipient has no part in it.
_ACCOUNT_STATUSES = frozenset({401, 402, 403, 404, 407, 408})


class AnymailBackend:
    """One session to the provider, kept over many deliveries. One thread at a time."""

    def __init__(self) -> None:
        """Prepare a line; nothing is connected yet."""
        self._connection: Any = get_connection()
        self._opened = False
        self._takes_envelope_sender = True

    def send(self, outgoing: Outgoing) -> Accepted:
        """Hand over one delivery; `provider_id` is the provider's message id.

        The delivery's id goes along as metadata, so that tracking events name it.

        Raises:
            PermanentError: "anymail-4xx", "anymail-rejected" and other recipient states, "bad-header",
                "bad-address", "anymail-unsupported".
            PassingError: "anymail-429", "anymail-5xx" (with `retry_after`, seconds, where named), trouble
                with the account (401, 403), "anymail-connect", "anymail-dns", "anymail-tls".
            AmbiguousError: silence, a lost line or an answer that cannot be read.
        """
        self._open()
        message = self._message(outgoing)
        try:
            message.send()
        except AnymailUnsupportedFeature as error:
            # Raised while the request is put together. Some providers (Postmark) know one return address
            # per account only; tracking events then tell of bounces.
            if "envelope_sender" not in str(error) or not self._takes_envelope_sender:
                raise PermanentError("anymail-unsupported") from error
            self._takes_envelope_sender = False
            return self.send(outgoing)
        except Exception as error:
            raise _meaning(error) from error
        status: Any = getattr(message, "anymail_status", None)
        for recipient in status.recipients.values() if status else ():
            if recipient.status in _REFUSED:
                raise PermanentError(
                    f"anymail-{recipient.status}", no_such_address=recipient.status == "invalid"
                )
        known = status.message_id if status else ""
        return Accepted(known if isinstance(known, str) else "")

    def find(self, outgoing: Outgoing, *, since: datetime) -> Accepted | None:
        """Return None: providers offer no common way to look a message up (G3)."""
        return None

    def close(self) -> None:
        """Close the session; never raises."""
        if self._opened:
            self._opened = False
            with suppress(Exception):  # whatever it is, the line is gone
                self._connection.close()

    def _open(self) -> None:
        """Open the session; nothing is sent by it."""
        if not self._opened:
            try:
                self._connection.open()
            except Exception as error:
                raise PassingError("anymail-connect") from error
            self._opened = True

    def _message(self, outgoing: Outgoing) -> EmailMultiAlternatives:
        """Return the message as Django's mail classes hold it.

        A calendar goes as a file only: the APIs take no third alternative.
        """
        for value in (outgoing.subject, outgoing.sender, outgoing.reply_to, *outgoing.headers.values()):
            mime.clean(value)
        address = mime.wire_address(outgoing.address)
        headers = {
            "Auto-Submitted": "auto-generated",
            "X-Outbox-Id": str(outgoing.delivery_id),
            **outgoing.headers,
        }
        if outgoing.message_id:
            headers["Message-ID"] = mime.clean(outgoing.message_id)
        message = EmailMultiAlternatives(
            subject=outgoing.subject,
            body=outgoing.text,
            from_email=outgoing.sender,
            to=[address],
            reply_to=[outgoing.reply_to] if outgoing.reply_to else None,
            headers=headers,
            connection=self._connection,
        )
        if outgoing.html:
            message.attach_alternative(outgoing.html, "text/html")
        for each in outgoing.attachments:
            message.attach(mime.clean(each.name), each.content, mime.clean(each.content_type))
        extra: Any = message  # anymail reads attributes that Django's class does not declare
        extra.metadata = {"delivery": str(outgoing.delivery_id)}
        if outgoing.return_address and self._takes_envelope_sender:
            extra.envelope_sender = outgoing.return_address
        return message


def _meaning(error: Exception) -> SendError:
    """Return what an error of anymail's means."""
    if isinstance(error, AnymailRecipientsRefused):
        status: Any = getattr(error.email_message, "anymail_status", None)
        return PermanentError(
            "anymail-rejected", no_such_address=status is not None and status.status == {"invalid"}
        )
    if isinstance(error, AnymailInvalidAddress | BadHeaderError):
        return PermanentError("bad-address" if isinstance(error, AnymailInvalidAddress) else "bad-header")
    if isinstance(error, AnymailSerializationError):
        return PermanentError("anymail-unsupported")
    code = _status(error)
    if code is None:
        # An error of anymail's without a status and without a lost line: an answer nobody can read.
        if isinstance(error, AnymailAPIError) and not isinstance(error.__cause__, requests.RequestException):
            return AmbiguousError("anymail-answer")
        if isinstance(error, requests.RequestException | AnymailAPIError):
            return http.lost("anymail", error)
        return (
            PermanentError("anymail-refused")
            if isinstance(error, AnymailError)
            else AmbiguousError("anymail-lost")
        )
    if code == 429 or code >= 500:
        headers = getattr(getattr(error, "response", None), "headers", None) or {}
        return PassingError(f"anymail-{code}", retry_after=http.retry_after(headers, now=datetime.now(UTC)))
    if code in _ACCOUNT_STATUSES:
        return PassingError(f"anymail-{code}")
    if 400 <= code < 500:
        return PermanentError(f"anymail-{code}")
    return AmbiguousError("anymail-answer")


def _status(error: Exception) -> int | None:
    """Return the HTTP status of the provider's answer, or None where there was none."""
    status = getattr(error, "status_code", None)
    return status if isinstance(status, int) else None
