"""Proof that a callback comes from Twilio (A79, A80)."""

import base64
import hashlib
import hmac
from collections.abc import Mapping
from urllib.parse import urlsplit

from django.conf import settings

_PORTS = {"http": 80, "https": 443}


def is_from_twilio(*, path_and_query: str, params: Mapping[str, str], signature: str) -> bool:
    """Tell whether Twilio signed this request, in constant time.

    Twilio signs the address it was told to call. That is built from PUBLIC_URL alone, never from the
    request: behind a proxy the request's own host and scheme are wrong, and a forged Host header must
    not help (A80). http, https and the default port spelled out are all accepted, because proxies and
    Twilio itself differ in them.

    Args:
        path_and_query: as asked for, "/webhooks/twilio/12?x=1".
        params: the posted fields.
        signature: the X-Twilio-Signature header, "" where there was none.

    Returns:
        False also where TWILIO_AUTH_TOKEN is unset: without a secret nobody can prove anything (A79).
    """
    token = settings.TWILIO_AUTH_TOKEN
    if not token or not signature:
        return False
    fields = "".join(name + params[name] for name in sorted(params))
    given = signature.encode()
    genuine = False
    for origin in _origins(settings.PUBLIC_URL):
        # SHA-1 is what Twilio's scheme prescribes; as an HMAC it is sound.
        digest = hmac.new(token.encode(), f"{origin}{path_and_query}{fields}".encode(), hashlib.sha1).digest()
        genuine |= hmac.compare_digest(base64.b64encode(digest), given)
    return genuine


def _origins(public_url: str) -> list[str]:
    """Return the ways to write the configured origin: both schemes, with and without their default port."""
    parts = urlsplit(public_url)
    host = parts.hostname or ""
    host = f"[{host}]" if ":" in host else host
    if parts.port and parts.port != _PORTS.get(parts.scheme):
        return [f"{scheme}://{host}:{parts.port}" for scheme in _PORTS]
    return [
        origin
        for scheme, port in _PORTS.items()
        for origin in (f"{scheme}://{host}", f"{scheme}://{host}:{port}")
    ]
