"""EMAIL_URL: which SMTP server takes our mail, and how the way to it is kept private."""

from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import Literal
from urllib.parse import parse_qs, unquote, urlsplit

from django.core.exceptions import ImproperlyConfigured

_SCHEMES: dict[str, tuple[Literal["none", "starttls", "tls"], int]] = {
    "smtp": ("none", 25),
    "smtp+tls": ("starttls", 587),
    "smtps": ("tls", 465),
}


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
