"""The options of `./run` and `manage.py up`, and what follows from them before settings are read."""

import argparse
import os
import socket
from collections.abc import Mapping
from pathlib import Path

from clinic.lib.server.ports import check_certificate, check_free

EVERY_ADDRESS = ("0.0.0.0", "::")


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of `manage.py up` to a parser."""
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on; 0.0.0.0 for every one")
    parser.add_argument("--port", type=int, default=8000, help="port to listen on (8000)")
    parser.add_argument("--data", metavar="DIR", help="folder that keeps everything (var/)")
    parser.add_argument("--no-demo", action="store_true", help="start empty: the first page makes the clinic")
    parser.add_argument("--tls-cert", metavar="FILE", help="certificate chain (PEM); serves https")
    parser.add_argument("--tls-key", metavar="FILE", help="the certificate's private key (PEM)")


def environment(arguments: list[str]) -> Mapping[str, str]:
    """Return the variables that settings must see for `manage.py up` with these arguments.

    Settings are read when Django is imported, before any command sees its options. So the folder and
    the address are handed over in the environment; and what cannot work is refused here, before the
    data folder is touched.

    Raises:
        CannotStart: the port is taken, or the certificate does not work (X7).
    """
    parser = argparse.ArgumentParser(prog="up", add_help=False)
    add_options(parser)
    options, _ = parser.parse_known_args(arguments)
    check_certificate(options.tls_cert, options.tls_key)
    check_free(options.host, options.port)
    scheme = "https" if options.tls_cert else "http"
    variables = {"ANTEROOM_SERVED_AT": f"{scheme}://{reachable_host(options.host)}:{options.port}"}
    if options.data:
        variables["ANTEROOM_DATA"] = str(Path(options.data).expanduser().absolute())
    return variables


def apply(arguments: list[str]) -> None:
    """Put `environment(arguments)` into this process's environment.

    Raises:
        CannotStart: see `environment`.
    """
    os.environ.update(environment(arguments))


def reachable_host(host: str) -> str:
    """Return the host name to put into links, for a server that listens on `host`."""
    if host in EVERY_ADDRESS:
        host = _address_in_network()
    return f"[{host}]" if ":" in host else host


def _address_in_network() -> str:
    """Return the address by which other machines of the local network reach this one."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            # Connecting a datagram socket sends nothing; it only asks for the route.
            probe.connect(("192.0.2.1", 9))
        except OSError:
            return "127.0.0.1"
        address: str = probe.getsockname()[0]
        return address
