"""The port and the certificate: taken before anything else is touched."""

import errno
import os
import socket
import ssl

from clinic.lib.server import CannotStart


def bind(host: str, port: int) -> socket.socket:
    """Return a socket bound to `host` and `port`, not yet listening.

    Raises:
        CannotStart: another program has the port, or this user or machine may not have it (X7).
    """
    if not 0 < port < 65536:  # the resolver would silently take the remainder
        raise CannotStart(f"There is no port {port}; choose one from 1 to 65535.")
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
    except OSError:
        raise CannotStart(f"There is no address {host}; choose another with --host.") from None
    listener = socket.socket(family, kind, protocol)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(address)
    except OSError as error:
        listener.close()
        raise CannotStart(explain(error, host, port)) from None
    return listener


def explain(error: OSError, host: str, port: int) -> str:
    """Return one line on why a port cannot be had."""
    number = error.errno
    if number == errno.EADDRINUSE:
        return f"Port {port} is taken by another program; choose another with --port."
    if number in (errno.EACCES, errno.EPERM):
        return f"This user may not use port {port}; choose one above 1023 with --port."
    if number == errno.EADDRNOTAVAIL:
        return f"This machine does not have the address {host}; choose another with --host."
    return f"Port {port} at {host} cannot be used ({error})."


def check_free(host: str, port: int) -> None:
    """Refuse a port that cannot be listened on now.

    Raises:
        CannotStart: see `bind`.
    """
    with bind(host, port) as listener:
        try:
            # Two sockets may be bound to one port as long as neither listens; this one must know.
            listener.listen(1)
        except OSError as error:
            raise CannotStart(explain(error, host, port)) from None


def check_certificate(certificate: str | None, key: str | None) -> None:
    """Refuse a certificate or key that is missing, unreadable or does not belong to the other.

    Raises:
        CannotStart: TLS cannot be served with these files (X7).
    """
    if not certificate and not key:
        return
    if not certificate or not key:
        raise CannotStart("TLS needs both files: --tls-cert and --tls-key.")
    for path in (certificate, key):
        if not os.access(path, os.R_OK):
            raise CannotStart(f"The file {path} cannot be read.")
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(certificate, key, password="")
    except (OSError, ValueError) as error:
        raise CannotStart(f"The certificate and key cannot be used ({error}).") from None
