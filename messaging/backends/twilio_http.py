"""Twilio's HTTP client with our address, our timeouts, and nothing in the logs. Imported lazily: 24 MB."""

import logging
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from twilio.http.http_client import TwilioHttpClient
from twilio.http.response import Response
from twilio.rest import Client

# The library logs numbers and texts at INFO (X4). Outside the tree of loggers: configuring logging anew
# would wake one that stands in it.
_silent = logging.Logger("twilio, silent")
_silent.disabled = True


class LocalHttpClient(TwilioHttpClient):  # the library has no types
    """Sends every request to one base address, whatever host the library would choose."""

    def __init__(self, base: str, *, timeout: tuple[float, float]) -> None:
        """Take the base address (scheme, host, port) and (connect, read) seconds."""
        # No retries: the library cannot know whether the first try was taken.
        super().__init__(logger=_silent, max_retries=0)
        self.base = base.rstrip("/")
        self.timeout = timeout
        self.last_headers: Mapping[str, str] = {}

    def request(self, method: str, url: str, *args: Any, **kwargs: Any) -> Response:
        """Make one request; remember the answer's headers, which the library's errors leave out."""
        parts = urlsplit(url)
        query = f"?{parts.query}" if parts.query else ""
        self.last_headers = {}
        response = super().request(method, f"{self.base}{parts.path}{query}", *args, **kwargs)
        self.last_headers = response.headers or {}
        return response


def open_client(
    sid: str, token: str, base: str, timeout: tuple[float, float]
) -> tuple[Client, LocalHttpClient]:
    """Return a client and its HTTP side."""
    http = LocalHttpClient(base, timeout=timeout)
    # An empty environment: a TWILIO_REGION or TWILIO_EDGE of somebody else's changes nothing here.
    return Client(sid, token, http_client=http, environment={"TWILIO_ACCOUNT_SID": sid}), http
