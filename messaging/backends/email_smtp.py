"""E-mail over SMTP: one line kept open over many deliveries, and every failure put in its phase.

What a failure means depends only on how far the delivery had come:

    connect, EHLO, TLS, log-in     nothing was offered          PassingError
    MAIL, RCPT, DATA               refused: 5xx / 4xx           PermanentError / PassingError
                                   line lost                    PassingError (on a line that had
                                                                been idle: once more, at once)
    the text                       line lost while writing      PassingError: its end never left
    the answer to its final dot    5xx / 4xx                    PermanentError / PassingError
                                   line lost, silence, noise    AmbiguousError (X3)
"""

import re
import ssl
import time
from collections.abc import Callable
from datetime import datetime
from email.utils import formatdate
from ipaddress import ip_address
from urllib.parse import urlsplit

from django.conf import settings

from messaging.backends import mime
from messaging.backends.base import Accepted, AmbiguousError, Outgoing, PassingError, PermanentError
from messaging.backends.email_url import SmtpServer, parse_email_url
from messaging.backends.smtp_line import LineLostError, NoReplyError, SmtpLine

TIMEOUT = 20.0  # seconds of silence that end a try
# A try must be over before its lease is (SEND_LEASE_SECONDS, 120 s): past this many seconds the text is
# no longer offered. What may follow takes three timeouts at most: one to write, two for a dripping answer.
LAST_OFFER_AFTER = 45.0

# The server's own name for what it took: Postfix and its relatives, Exim, Amazon SES.
_QUEUE_ID = re.compile(rb"(?:queued as |\bid=|^2\d\d ok (?=[0-9a-f-]{20}))([!-~]{1,120})", re.IGNORECASE)
# "Bad address" in a refusal's own words (RFC 3463); 5.1.7 and 5.1.8 speak of the sender's.
_NO_SUCH_ADDRESS = re.compile(rb"5\d\d[ -]5\.1\.(?![78]\b)\d")
# 5xx that speak of this installation (log in first, wrong password, encrypt first), not of the recipient.
_OUR_FAULT = frozenset({530, 534, 535, 538})


class SmtpBackend:
    """A line to an SMTP server, opened with the first delivery and kept (F10). One thread at a time."""

    def __init__(
        self,
        server: SmtpServer,
        *,
        helo: str = "[127.0.0.1]",
        timeout: float = TIMEOUT,
        tls_context: ssl.SSLContext | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Prepare a line; nothing is connected yet.

        Args:
            server: where to, see `parse_email_url`.
            helo, timeout, tls_context: see `SmtpLine`.
            clock: Unix time for the Date header.
        """
        self._line = SmtpLine(server, helo=helo, timeout=timeout, tls_context=tls_context)
        self._clock = clock
        self._transaction_open = False  # MAIL was accepted and not followed by a text: RSET comes first
        self._date = (0, "")

    @classmethod
    def from_settings(cls) -> "SmtpBackend":
        """Return a line to the server of EMAIL_URL, that greets with the host of PUBLIC_URL."""
        return cls(
            parse_email_url(settings.EMAIL_URL), helo=_helo(urlsplit(settings.PUBLIC_URL).hostname or "")
        )

    # --- The contract ------------------------------------------------------------------------

    def send(self, outgoing: Outgoing) -> Accepted:
        """Hand over one delivery; what the server called it is the answer's `provider_id`.

        Raises:
            PermanentError: "smtp-5xx", "bad-header", "bad-address", "smtp-utf8" (the address needs an
                extension that the server lacks).
            PassingError: "smtp-4xx", "smtp-connect", "smtp-dns", "smtp-tls", "smtp-auth", "smtp-timeout",
                "smtp-lost", "smtp-protocol": nothing was taken.
            AmbiguousError: "smtp-lost", "smtp-timeout" or "smtp-protocol", after the whole text had left.
        """
        envelope = mime.envelope(outgoing)
        text = mime.build(outgoing, date=self._now())
        started = time.monotonic()
        try:
            reused = self._open_or_reuse()
            try:
                self._offer(envelope, may_retry=reused)
            except _StaleLineError:
                # The server closed the idle line while we wrote to it. It has taken nothing.
                self._drop()
                self._line.open()
                self._offer(envelope, may_retry=False)
            if time.monotonic() - started > LAST_OFFER_AFTER:
                self._drop()
                raise PassingError("smtp-timeout")
            return self._hand_over(text)
        except (PermanentError, PassingError):
            raise
        except BaseException:
            # Whatever ended this try in between: the next one must not read its answers.
            self._drop()
            raise

    def find(self, outgoing: Outgoing, *, since: datetime) -> Accepted | None:
        """Return None: SMTP has no way to ask what became of a message (G3)."""
        return None

    def close(self) -> None:
        """Say good-bye and hang up; never raises."""
        self._line.close()
        self._transaction_open = False

    def _drop(self) -> None:
        """Hang up without a word."""
        self._line.drop()
        self._transaction_open = False

    def _open_or_reuse(self) -> bool:
        """Make sure of a line; return whether it is one that was open already."""
        if self._line.is_good():
            return True
        self.close()
        self._line.open()
        return False

    # --- One transaction ---------------------------------------------------------------------

    def _offer(self, envelope: mime.Envelope, *, may_retry: bool) -> None:
        """Name sender and recipient and ask to send the text; return once the server wants it."""
        if envelope.utf8 and "smtputf8" not in self._line.features:
            raise PermanentError("smtp-utf8")
        options = " SMTPUTF8 BODY=8BITMIME" if envelope.utf8 else ""
        commands = [
            f"MAIL FROM:<{envelope.sender}>{options}\r\n".encode(),
            f"RCPT TO:<{envelope.recipient}>\r\n".encode(),
            b"DATA\r\n",
        ]
        if self._transaction_open:
            commands.insert(0, b"RSET\r\n")
        try:
            replies = self._line.converse(commands)
            if self._transaction_open and replies.pop(0)[0] != 250:  # RSET: the line makes no sense any more
                raise LineLostError(silent=False)
        except LineLostError as lost:
            self._drop()
            if may_retry and not lost.silent:
                raise _StaleLineError from None
            raise PassingError("smtp-timeout" if lost.silent else "smtp-lost") from None
        except NoReplyError:
            self._drop()
            raise PassingError("smtp-protocol") from None
        codes = [code for code, _line in replies]
        refusal = next((place for place, code in enumerate(codes[:2]) if not 200 <= code < 300), None)
        if refusal is None and codes[-1] == 354:
            self._transaction_open = False
            return
        self._transaction_open = True
        if 421 in codes or codes[-1] == 354:
            # Good-bye (so many messages on one line, idle for too long); or a DATA that was let in although
            # nobody would receive it: hanging up is the one way to owe no text.
            self._drop()
        if 421 in codes and may_retry:
            raise _StaleLineError
        code, line = replies[-1 if refusal is None else refusal]
        raise _refused(code, no_such_address=refusal == 1 and bool(_NO_SUCH_ADDRESS.match(line)))

    def _hand_over(self, text: bytes) -> Accepted:
        """Send the text and its final dot, and read the one answer that decides."""
        if b"\r\n." in text:
            text = text.replace(b"\r\n.", b"\r\n..")
        try:
            # In one call: it returns when the kernel has the last byte, so if it raises, the final dot
            # has not left, and a server that never sees the dot has taken nothing.
            self._line.write(text + b".\r\n")
        except LineLostError as lost:
            self._drop()
            raise PassingError("smtp-timeout" if lost.silent else "smtp-lost") from None
        try:
            code, line = self._line.reply()
        except LineLostError as lost:
            self._drop()
            raise AmbiguousError("smtp-timeout" if lost.silent else "smtp-lost") from None
        except NoReplyError:
            self._drop()
            raise AmbiguousError("smtp-protocol") from None
        if 200 <= code < 300:
            found = _QUEUE_ID.search(line)
            return Accepted(found[1].decode() if found else "")
        if code == 421 or code < 400:
            self._drop()
        if code < 400:
            raise AmbiguousError("smtp-protocol")
        raise _refused(code)

    def _now(self) -> str:
        """Return the Date header's value; made anew once a second."""
        now = int(self._clock())
        if now != self._date[0]:
            self._date = (now, formatdate(now))
        return self._date[1]


class _StaleLineError(Exception):
    """A line that had been idle ended before anything was taken over it."""


def _refused(code: int, *, no_such_address: bool = False) -> PermanentError | PassingError:
    """Return the error that a refusing reply means."""
    if 500 <= code < 600 and code not in _OUR_FAULT:
        return PermanentError(f"smtp-{code}", no_such_address=no_such_address)
    return PassingError(f"smtp-{code}")


def _helo(host: str) -> str:
    """Return a host as EHLO wants it: a full name, or an address in brackets."""
    try:
        address = ip_address(host)
    except ValueError:
        return host if "." in host else "[127.0.0.1]"
    return f"[IPv6:{host}]" if address.version == 6 else f"[{host}]"
