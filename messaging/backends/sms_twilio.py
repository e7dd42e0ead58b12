"""SMS over Twilio. Its calls have no idempotency key (K11): a lost answer is looked up, never repeated."""

from datetime import UTC, datetime, timedelta
from typing import Any

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from clinic.lib import sms
from messaging.backends import http
from messaging.backends.base import (
    Accepted,
    AmbiguousError,
    Outgoing,
    PassingError,
    PermanentError,
    SendError,
)

# Refusals that speak of the account, its sender or its queue, not of the recipient: once they are mended,
# the same message goes through. Everything else in the 400s is about this message.
_ACCOUNT_CODES = frozenset(
    {
        14107,  # too many messages a second
        20003,  # wrong credentials
        20005,  # account suspended
        20429,  # too many requests
        21603, 21606, 21212,  # our From number is missing or no good
        21611,  # our number's queue is full
        30001, 30002,  # queue overflow, account suspended
        30022, 63018,  # carriers' or channel's rate limit
    }
)  # fmt: skip
_ACCOUNT_STATUSES = frozenset({401, 403, 404, 407, 408})  # 404: no such account
_CLOCKS_APART = timedelta(minutes=2)
_LOOK_BACK = 100  # messages to one number that `find` reads at most


class TwilioBackend:
    """One HTTP session to Twilio. One thread at a time."""

    def __init__(
        self,
        sid: str,
        token: str,
        *,
        base: str = "https://api.twilio.com",
        timeout: tuple[float, float] = http.TIMEOUT,
    ) -> None:
        """Prepare a line; nothing is connected yet.

        Args:
            sid: of the account.
            token: its secret.
            base: scheme, host and port of the API.
            timeout: seconds to connect, and of silence while an answer is awaited.

        Raises:
            ImproperlyConfigured: sid or token is empty.
        """
        if not (sid and token):
            raise ImproperlyConfigured("SMS over Twilio needs TWILIO_ACCOUNT_SID and TWILIO_AUTH_TOKEN.")
        from messaging.backends import twilio_http  # noqa: PLC0415 - slow, needed by senders only

        self._client, self._http = twilio_http.open_client(sid, token, base, timeout)

    @classmethod
    def from_settings(cls) -> "TwilioBackend":
        """Return a line to the account of the settings."""
        return cls(settings.TWILIO_ACCOUNT_SID, settings.TWILIO_AUTH_TOKEN, base=settings.TWILIO_API_BASE)

    def send(self, outgoing: Outgoing) -> Accepted:
        """Hand over one SMS; `provider_id` is Twilio's SID. The status callback carries our id (K11).

        Raises:
            PermanentError: "twilio-<code>", a refusal of this message (21211, 21610, 21614, …).
            PassingError: 429 (with `retry_after`, seconds), trouble with the account, "twilio-connect",
                "twilio-dns", "twilio-tls": nothing was created.
            AmbiguousError: 5xx, silence, a lost line or an answer that cannot be read, after the request
                had left.
        """
        request: dict[str, str] = {"to": outgoing.address, "body": outgoing.text}
        # A messaging service chooses the number itself.
        request["messaging_service_sid" if outgoing.sender.startswith("MG") else "from_"] = outgoing.sender
        if outgoing.status_callback:
            request["status_callback"] = outgoing.status_callback
        return Accepted(self._call(self._client.messages.create, **request).sid)

    def find(self, outgoing: Outgoing, *, since: datetime) -> Accepted | None:
        """Return the message to that number with that text, created since `since`, or None (G3).

        Args:
            outgoing: the delivery whose outcome was lost.
            since: aware; when its try began. Two minutes are allowed for clocks that differ.

        Raises:
            SendError: Twilio could not be asked; None would claim that it knows nothing.
        """
        # Filtered here, not by Twilio's DateSent: a message that still waits in its queue has none.
        earliest = since - _CLOCKS_APART
        try:
            known = self._call(
                self._client.messages.list, to=outgoing.address, limit=_LOOK_BACK, page_size=_LOOK_BACK
            )
        except AmbiguousError as error:
            raise PassingError(error.code) from error  # asking twice does no harm
        for message in known:
            created = message.date_created
            if (created is None or created >= earliest) and _same_text(message.body or "", outgoing.text):
                return Accepted(message.sid)
        return None

    def close(self) -> None:
        """Close the HTTP session; never raises."""
        if self._http.session is not None:
            self._http.session.close()

    def _call(self, function: Any, **arguments: Any) -> Any:
        """Call the library and put its errors in our words."""
        import requests  # noqa: PLC0415 - slow, needed by senders only
        from twilio.base.exceptions import (  # noqa: PLC0415 - slow, needed by senders only
            TwilioException,
            TwilioRestException,
            TwilioServiceException,
        )

        try:
            return function(**arguments)
        except (TwilioRestException, TwilioServiceException) as error:
            raise self._refused(error.status, error.code) from error
        except requests.RequestException as error:
            raise http.lost("twilio", error) from error
        except (TwilioException, ValueError, KeyError, TypeError) as error:
            # It answered, but not in a form that says whether the message exists.
            raise AmbiguousError("twilio-answer") from error

    def _refused(self, status: int, number: int | None) -> SendError:
        """Return what an answer outside the 200s means, from its HTTP status and Twilio's own number."""
        code = f"twilio-{number or status}"
        if status == 429 or number == 20429:
            return PassingError(
                code, retry_after=http.retry_after(self._http.last_headers, now=datetime.now(UTC))
            )
        if status in _ACCOUNT_STATUSES or number in _ACCOUNT_CODES:
            return PassingError(code)
        if 400 <= status < 500:
            return PermanentError(code)
        return AmbiguousError(code)


def _same_text(theirs: str, ours: str) -> bool:
    """Tell whether two texts are one message: Twilio may have replaced letters outside the GSM alphabet."""
    return theirs.strip() == ours.strip() or sms.gsm(theirs).strip() == sms.gsm(ours).strip()
