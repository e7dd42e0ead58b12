"""What a failed HTTP call to a provider means: certainly not taken, or not to be known."""

import math
import ssl
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import requests
import urllib3.exceptions

from messaging.backends.base import AmbiguousError, PassingError

TIMEOUT = (5.0, 20.0)  # seconds to connect, and of silence while an answer is awaited
LONGEST_WAIT = 86_400.0  # seconds; what a provider names beyond that is a slip

# What can only happen before the request's first byte has left.
_BEFORE_THE_REQUEST: tuple[type[BaseException], ...] = (
    requests.ConnectTimeout,
    requests.exceptions.InvalidURL,
    urllib3.exceptions.NewConnectionError,
    urllib3.exceptions.ConnectTimeoutError,
    urllib3.exceptions.NameResolutionError,
    urllib3.exceptions.LocationParseError,
    ssl.SSLCertVerificationError,
)


def lost(prefix: str, error: Exception) -> PassingError | AmbiguousError:
    """Return what a call means that ended without an answer.

    Args:
        prefix: of the code: "twilio", "anymail".
        error: what `requests` raised.
    """
    causes = list(_causes(error))
    if any(isinstance(each, ssl.SSLCertVerificationError) for each in causes):
        return PassingError(f"{prefix}-tls")
    if any(isinstance(each, urllib3.exceptions.NameResolutionError) for each in causes):
        return PassingError(f"{prefix}-dns")
    if any(isinstance(each, _BEFORE_THE_REQUEST) for each in causes):
        return PassingError(f"{prefix}-connect")
    if any(isinstance(each, requests.Timeout | urllib3.exceptions.ReadTimeoutError) for each in causes):
        return AmbiguousError(f"{prefix}-timeout")
    return AmbiguousError(f"{prefix}-lost")


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Yield an error and all that it was made from: urllib3 keeps causes in `reason` and in `args`."""
    seen: set[int] = set()
    waiting: list[BaseException] = [error]
    while waiting:
        each = waiting.pop()
        if id(each) in seen:
            continue
        seen.add(id(each))
        yield each
        found = [each.__cause__, each.__context__, getattr(each, "reason", None), *each.args]
        waiting += [cause for cause in found if isinstance(cause, BaseException)]


def retry_after(headers: Mapping[str, str], *, now: datetime) -> float | None:
    """Return the seconds that a Retry-After header names (a number or a date), or None.

    Args:
        headers: of the answer; names in any case.
        now: aware; a date is counted from here.
    """
    value = next((value for name, value in headers.items() if name.lower() == "retry-after"), "").strip()
    try:
        seconds = float(value)
    except ValueError:
        try:
            seconds = (parsedate_to_datetime(value).replace(tzinfo=UTC) - now).total_seconds()
        except ValueError:
            return None
    return None if math.isnan(seconds) else min(max(seconds, 0.0), LONGEST_WAIT)
