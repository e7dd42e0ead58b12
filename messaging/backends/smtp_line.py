"""One connection to an SMTP server: opened, encrypted, logged in, spoken over, and how it can fail.

What a failure means for a delivery is said in `email_smtp`; here is only what happened on the wire.
"""

import select
import smtplib
import socket
import ssl
import time
from collections.abc import Sequence
from contextlib import suppress

from messaging.backends.base import PassingError
from messaging.backends.email_url import SmtpServer

IDLE_LIMIT = 30.0  # seconds; servers close idle lines after 60 s or more, firewalls forget them silently
MAX_REPLY = 16_384  # bytes


class LineLostError(Exception):
    """The connection ended or fell silent; `silent` tells which."""

    def __init__(self, *, silent: bool) -> None:
        super().__init__()
        self.silent = silent


class NoReplyError(Exception):
    """What came back is not SMTP."""


class SmtpLine:
    """A connection that may be closed and opened again. One thread at a time."""

    def __init__(
        self, server: SmtpServer, *, helo: str, timeout: float, tls_context: ssl.SSLContext | None = None
    ) -> None:
        """Prepare a line; nothing is connected yet.

        Args:
            server: where to.
            helo: our own host name, or address in brackets, for EHLO. Never looked up: that takes seconds
                where DNS is slow.
            timeout: seconds of silence that end it.
            tls_context: what to trust; by default the system's authorities, with the host's name checked.
        """
        self.features: frozenset[str] = frozenset()  # what the server can do, in lower case
        self._server = server
        self._helo = helo
        self._timeout = timeout
        self._tls_context = tls_context
        self._sock: socket.socket | None = None
        self._rest = b""  # bytes of a reply that came with the one before
        self._used_at = 0.0

    def close(self) -> None:
        """Say QUIT without waiting for the answer, and hang up; never raises."""
        if self._sock is not None:
            with suppress(OSError):
                self._sock.settimeout(0)
                self._sock.send(b"QUIT\r\n")
        self.drop()

    def is_good(self) -> bool:
        """Tell whether the line is open, was used lately, and the other side has said nothing meanwhile.

        What it says out of turn is good-bye: 421, or the end of the connection.
        """
        sock = self._sock
        if sock is None or self._rest or time.monotonic() - self._used_at > IDLE_LIMIT:
            return False
        try:
            if not isinstance(sock, ssl.SSLSocket) and not _readable(sock):
                return True
            # Something has arrived. Under TLS it may be a session ticket, which is no data.
            sock.settimeout(0)
            sock.recv(1)
            return False
        except (BlockingIOError, ssl.SSLWantReadError):
            sock.settimeout(self._timeout)
            return True
        except OSError:
            return False

    def open(self) -> None:
        """Connect, greet, encrypt and log in.

        Raises:
            PassingError: whatever fails here, nothing was offered.
        """
        try:
            self._sock, self.features = self._connect()
            self._used_at = time.monotonic()
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
                smtp.starttls(context=context)  # raises what else it is told than 220
                smtp.ehlo_or_helo_if_needed()
            if server.user:
                self._log_in(smtp)
            sock = smtp.sock
            assert sock is not None
            # A text's last packet must not wait until the server has acknowledged the one before.
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            sock.settimeout(self._timeout)
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

    def drop(self) -> None:
        """Hang up without a word."""
        sock, self._sock = self._sock, None
        self._rest = b""
        if sock is not None:
            with suppress(OSError):
                sock.close()

    def converse(self, commands: Sequence[bytes]) -> list[tuple[int, bytes]]:
        """Send commands and return their replies (code, last line), up to the first that ends the exchange.

        Where the server takes commands in one go (RFC 2920), that is one round trip for all of them.

        Raises:
            LineLostError, NoReplyError: see `reply`.
        """
        replies: list[tuple[int, bytes]] = []
        if "pipelining" in self.features:
            self.write(b"".join(commands))
            while len(replies) < len(commands):
                replies.append(self.reply())
                if replies[-1][0] == 421:  # nothing follows a good-bye
                    break
            return replies
        for command in commands:
            self.write(command)
            replies.append(self.reply())
            if replies[-1][0] >= 400:
                break
        return replies

    def write(self, data: bytes) -> None:
        """Send all of `data`; return once the kernel has taken its last byte.

        Raises:
            LineLostError: some of it has not left.
        """
        assert self._sock is not None
        try:
            self._sock.sendall(data)
        except TimeoutError:
            raise LineLostError(silent=True) from None
        except OSError:
            raise LineLostError(silent=False) from None

    def reply(self) -> tuple[int, bytes]:
        """Read one reply: its code and its last line.

        Raises:
            LineLostError: the connection ended, or was silent for too long.
            NoReplyError: what came is not SMTP.
        """
        assert self._sock is not None
        data, begun = self._rest, 0.0
        while True:
            start = 0
            while (end := data.find(b"\n", start)) >= 0:
                line = data[start:end]
                if not line[:3].isdigit():
                    raise NoReplyError
                start = end + 1
                if line[3:4] != b"-":
                    self._rest, self._used_at = data[start:], time.monotonic()
                    return int(line[:3]), line
            # A server that drips bytes would stretch its timeout beyond the lease.
            begun = begun or time.monotonic()
            if len(data) > MAX_REPLY or time.monotonic() - begun > self._timeout:
                raise LineLostError(silent=True)
            try:
                more = self._sock.recv(4096)
            except TimeoutError:
                raise LineLostError(silent=True) from None
            except OSError:
                raise LineLostError(silent=False) from None
            if not more:
                raise LineLostError(silent=False)
            data += more


def _readable(sock: socket.socket) -> bool:
    """Tell whether something (data or the end) has arrived, without waiting. No limit on file numbers."""
    poll = select.poll()
    poll.register(sock, select.POLLIN)
    return bool(poll.poll(0))
