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
import select
import smtplib
import socket
import ssl
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from email.utils import formatdate
from ipaddress import ip_address
from typing import Literal
from urllib.parse import parse_qs, unquote, urlsplit

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from messaging.backends import mime
from messaging.backends.base import Accepted, AmbiguousError, Outgoing, PassingError, PermanentError

TIMEOUT = 20.0  # seconds of silence that end a try
# A try must be over before its lease is (SEND_LEASE_SECONDS, 120 s): past this many seconds the text is
# no longer offered. What may follow takes three timeouts at most: one to write, two for a dripping answer.
LAST_OFFER_AFTER = 45.0
IDLE_LIMIT = 30.0  # seconds; servers close idle lines after 60 s or more, firewalls forget them silently
MAX_REPLY = 16_384  # bytes

_SCHEMES: dict[str, tuple[Literal["none", "starttls", "tls"], int]] = {
    "smtp": ("none", 25),
    "smtp+tls": ("starttls", 587),
    "smtps": ("tls", 465),
}
# The server's own name for what it took: Postfix and its relatives, Exim, Amazon SES.
_QUEUE_ID = re.compile(rb"(?:queued as |\bid=|^2\d\d ok (?=[0-9a-f-]{20}))([!-~]{1,120})", re.IGNORECASE)
# "Bad address" in a refusal's own words (RFC 3463); 5.1.7 and 5.1.8 speak of the sender's.
_NO_SUCH_ADDRESS = re.compile(rb"5\d\d[ -]5\.1\.(?![78]\b)\d")
# 5xx that speak of this installation (log in first, wrong password, encrypt first), not of the recipient.
_OUR_FAULT = frozenset({530, 534, 535, 538})


@dataclass(frozen=True, slots=True)
class SmtpServer:
    """Where mail is handed over, read from EMAIL_URL."""

    host: str
    port: int
    security: Literal["none", "starttls", "tls"] = "none"
    user: str = ""
    password: str = field(default="", repr=False)


def parse_email_url(url: str) -> SmtpServer:
    """Read `smtp://user:password@host:port`, `smtp+tls://…` (STARTTLS) or `smtps://…` (TLS from the start).

    `?tls=starttls`, `?tls=tls` and `?tls=none` say the same for any scheme. User and password are
    percent-encoded. Ports default to 25, 587 and 465.

    Raises:
        ImproperlyConfigured: says what is wrong, never repeats the address (it holds the password).
    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise ImproperlyConfigured(
            "EMAIL_URL cannot be read: percent-encode the password, check the port."
        ) from None
    if parts.scheme not in _SCHEMES:
        raise ImproperlyConfigured("EMAIL_URL must begin with smtp://, smtp+tls:// or smtps://.")
    if not parts.hostname:
        raise ImproperlyConfigured("EMAIL_URL names no host.")
    if parts.path.strip("/") or parts.fragment:
        raise ImproperlyConfigured("EMAIL_URL has something behind the host: percent-encode the password.")
    security, default_port = _SCHEMES[parts.scheme]
    options = parse_qs(parts.query, keep_blank_values=True)
    if set(options) - {"tls"}:
        raise ImproperlyConfigured("EMAIL_URL knows one option: ?tls=starttls, ?tls=tls or ?tls=none.")
    chosen = options.get("tls", [""])[-1]
    match chosen:
        case "":
            pass
        case "none" | "starttls" | "tls":
            security = chosen
            default_port = {"none": 25, "starttls": 587, "tls": 465}[chosen]
        case _:
            raise ImproperlyConfigured("EMAIL_URL: tls must be starttls, tls or none.")
    user, password = unquote(parts.username or ""), unquote(parts.password or "")
    if user and security == "none" and chosen != "none" and not _is_loopback(parts.hostname):
        raise ImproperlyConfigured(
            "EMAIL_URL would send the password unencrypted: use smtps:// or smtp+tls://, or say ?tls=none."
        )
    return SmtpServer(parts.hostname, port or default_port, security, user, password)


def _is_loopback(host: str) -> bool:
    """Tell whether a host is this machine by its name alone (nothing is looked up)."""
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


class _LineLostError(Exception):
    """The connection ended or fell silent; `silent` tells which."""

    def __init__(self, *, silent: bool) -> None:
        super().__init__()
        self.silent = silent


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
            helo: our own host name, or address in brackets, for EHLO. Never looked up: that takes seconds
                where DNS is slow.
            timeout: seconds of silence that end a try.
            tls_context: what to trust; by default the system's authorities, with the host's name checked.
            clock: Unix time for the Date header.
        """
        self._server = server
        self._helo = helo
        self._timeout = timeout
        self._tls_context = tls_context
        self._clock = clock
        self._sock: socket.socket | None = None
        self._features: frozenset[str] = frozenset()
        self._rest = b""  # bytes of a reply that came with the one before
        self._used_at = 0.0
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
                self._open()
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
        """Say QUIT without waiting for the answer, and hang up; never raises."""
        if self._sock is not None:
            try:
                self._sock.settimeout(0)
                self._sock.send(b"QUIT\r\n")
            except OSError:
                pass
        self._drop()

    # --- Opening -----------------------------------------------------------------------------

    def _open_or_reuse(self) -> bool:
        """Make sure of a line; return whether it is one that was open already."""
        if self._sock is not None and (time.monotonic() - self._used_at > IDLE_LIMIT or self._has_ended()):
            self.close()
        if self._sock is not None:
            return True
        self._open()
        return False

    def _has_ended(self) -> bool:
        """Tell whether the idle line is no longer good: closed, or speaking out of turn (421, good-bye)."""
        sock = self._sock
        if sock is None or self._rest:
            return True
        try:
            if not isinstance(sock, ssl.SSLSocket) and not _readable(sock):
                return False
            # Something has arrived. Under TLS it may be a session ticket, which is no data.
            sock.settimeout(0)
            sock.recv(1)
            return True
        except (BlockingIOError, ssl.SSLWantReadError):
            sock.settimeout(self._timeout)
            return False
        except OSError:
            return True

    def _open(self) -> None:
        """Connect, greet, encrypt and log in.

        Raises:
            PassingError: whatever fails here, nothing was offered.
        """
        try:
            self._sock, self._features = self._connect()
        except socket.gaierror as error:
            raise PassingError("smtp-dns") from error
        except (ssl.SSLError, ssl.CertificateError) as error:
            raise PassingError("smtp-tls") from error
        except TimeoutError as error:
            raise PassingError("smtp-timeout") from error
        except smtplib.SMTPAuthenticationError as error:
            raise PassingError("smtp-auth") from error
        except smtplib.SMTPServerDisconnected as error:
            # smtplib reports a silence while it reads as a disconnection.
            silent = isinstance(error.__context__, TimeoutError) or "timed out" in str(error)
            raise PassingError("smtp-timeout" if silent else "smtp-connect") from error
        except smtplib.SMTPNotSupportedError as error:
            raise PassingError("smtp-tls") from error
        except smtplib.SMTPResponseException as error:
            raise PassingError(f"smtp-{error.smtp_code}") from error
        except (smtplib.SMTPException, UnicodeError, OSError) as error:
            raise PassingError("smtp-connect") from error

    def _connect(self) -> tuple[socket.socket, frozenset[str]]:
        """Return a socket past log-in, and what the server can do."""
        server = self._server
        context = self._tls_context
        if server.security != "none" and context is None:
            context = ssl.create_default_context()
        name, address = self._helo, (server.host, server.port)
        smtp = (
            smtplib.SMTP_SSL(*address, local_hostname=name, timeout=self._timeout, context=context)
            if server.security == "tls"
            else smtplib.SMTP(*address, local_hostname=name, timeout=self._timeout)
        )
        try:
            smtp.ehlo_or_helo_if_needed()
            if server.security == "starttls":
                code, text = smtp.starttls(context=context)
                if code != 220:
                    raise smtplib.SMTPResponseException(code, text)
                smtp.ehlo_or_helo_if_needed()
            if server.user:
                self._log_in(smtp)
            sock = smtp.sock
            if sock is None:
                raise smtplib.SMTPServerDisconnected
            # A text's last packet must not wait until the server has acknowledged the one before.
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            sock.settimeout(self._timeout)
            self._used_at = time.monotonic()
            return sock, frozenset(smtp.esmtp_features)
        except BaseException:
            smtp.close()
            raise

    def _log_in(self, smtp: smtplib.SMTP) -> None:
        """Log in; every way to be refused is one error."""
        try:
            smtp.login(self._server.user, self._server.password)
        except smtplib.SMTPServerDisconnected:
            raise
        except (smtplib.SMTPException, UnicodeError) as error:
            raise smtplib.SMTPAuthenticationError(535, b"") from error

    def _drop(self) -> None:
        """Hang up without a word."""
        sock, self._sock = self._sock, None
        self._rest = b""
        self._transaction_open = False
        if sock is not None:
            with suppress(OSError):
                sock.close()

    # --- One transaction ---------------------------------------------------------------------

    def _offer(self, envelope: mime.Envelope, *, may_retry: bool) -> None:
        """Name sender and recipient and ask to send the text; return once the server wants it.

        Where the server takes commands in one go (RFC 2920), that is one round trip instead of three.
        """
        if envelope.utf8 and "smtputf8" not in self._features:
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
            replies = self._converse(commands)
            if self._transaction_open and replies.pop(0)[0] != 250:  # RSET: the line makes no sense any more
                raise _LineLostError(silent=False)
        except _LineLostError as lost:
            self._drop()
            if may_retry and not lost.silent:
                raise _StaleLineError from None
            raise PassingError("smtp-timeout" if lost.silent else "smtp-lost") from None
        except _NoReplyError:
            self._drop()
            raise PassingError("smtp-protocol") from None
        self._used_at = time.monotonic()
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

    def _converse(self, commands: Sequence[bytes]) -> list[tuple[int, bytes]]:
        """Send commands and return their replies, up to the first that ends the exchange."""
        replies: list[tuple[int, bytes]] = []
        if "pipelining" in self._features:
            self._write(b"".join(commands))
            while len(replies) < len(commands):
                replies.append(self._reply())
                if replies[-1][0] == 421:  # nothing follows a good-bye
                    break
            return replies
        for command in commands:
            self._write(command)
            replies.append(self._reply())
            if replies[-1][0] >= 400:
                break
        return replies

    def _hand_over(self, text: bytes) -> Accepted:
        """Send the text and its final dot, and read the one answer that decides."""
        if b"\r\n." in text:
            text = text.replace(b"\r\n.", b"\r\n..")
        try:
            # In one call: it returns when the kernel has the last byte, so if it raises, the final dot
            # has not left, and a server that never sees the dot has taken nothing.
            self._write(text + b".\r\n")
        except _LineLostError as lost:
            self._drop()
            raise PassingError("smtp-timeout" if lost.silent else "smtp-lost") from None
        try:
            code, line = self._reply()
        except _LineLostError as lost:
            self._drop()
            raise AmbiguousError("smtp-timeout" if lost.silent else "smtp-lost") from None
        except _NoReplyError:
            self._drop()
            raise AmbiguousError("smtp-protocol") from None
        self._used_at = time.monotonic()
        if 200 <= code < 300:
            found = _QUEUE_ID.search(line)
            return Accepted(found[1].decode() if found else "")
        if code == 421 or code < 400:
            self._drop()
        if code < 400:
            raise AmbiguousError("smtp-protocol")
        raise _refused(code)

    # --- Bytes -------------------------------------------------------------------------------

    def _write(self, data: bytes) -> None:
        """Send all of `data`; return once the kernel has taken its last byte."""
        assert self._sock is not None
        try:
            self._sock.sendall(data)
        except TimeoutError:
            raise _LineLostError(silent=True) from None
        except OSError:
            raise _LineLostError(silent=False) from None

    def _reply(self) -> tuple[int, bytes]:
        """Read one reply: its code and its last line."""
        assert self._sock is not None
        data, begun = self._rest, 0.0
        while True:
            start = 0
            while (end := data.find(b"\n", start)) >= 0:
                line = data[start:end]
                if not line[:3].isdigit():
                    raise _NoReplyError
                start = end + 1
                if line[3:4] != b"-":
                    self._rest = data[start:]
                    return int(line[:3]), line
            # A server that drips bytes would stretch its timeout beyond the lease.
            begun = begun or time.monotonic()
            if len(data) > MAX_REPLY or time.monotonic() - begun > self._timeout:
                raise _LineLostError(silent=True)
            try:
                more = self._sock.recv(4096)
            except TimeoutError:
                raise _LineLostError(silent=True) from None
            except OSError:
                raise _LineLostError(silent=False) from None
            if not more:
                raise _LineLostError(silent=False)
            data += more

    def _now(self) -> str:
        """Return the Date header's value; made anew once a second."""
        now = int(self._clock())
        if now != self._date[0]:
            self._date = (now, formatdate(now))
        return self._date[1]


class _StaleLineError(Exception):
    """A line that had been idle ended before anything was taken over it."""


class _NoReplyError(Exception):
    """What came back is not SMTP."""


def _readable(sock: socket.socket) -> bool:
    """Tell whether something (data or the end) has arrived, without waiting. No limit on file numbers."""
    poll = select.poll()
    poll.register(sock, select.POLLIN)
    return bool(poll.poll(0))


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
