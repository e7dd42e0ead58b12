"""What a lost call means, and when a provider wants us back."""

import ssl
from datetime import UTC, datetime
from typing import cast

import pytest
import requests
from urllib3.connection import HTTPConnection
from urllib3.connectionpool import HTTPConnectionPool
from urllib3.exceptions import (
    ConnectTimeoutError,
    MaxRetryError,
    NewConnectionError,
    ProtocolError,
    ReadTimeoutError,
)

from messaging.backends.base import AmbiguousError, PassingError
from messaging.backends.http import lost, retry_after

NOW = datetime(2027, 4, 30, 7, 40, tzinfo=UTC)
POOL = cast(HTTPConnectionPool, None)


def around(reason: Exception) -> MaxRetryError:
    return MaxRetryError(POOL, "/", reason)


@pytest.mark.parametrize(
    ("error", "meaning", "code"),
    [
        (
            requests.ConnectionError(around(NewConnectionError(HTTPConnection("h"), "no"))),
            PassingError,
            "x-connect",
        ),
        (requests.ConnectTimeout(around(ConnectTimeoutError("slow"))), PassingError, "x-connect"),
        (requests.exceptions.SSLError(around(ssl.SSLCertVerificationError("bad"))), PassingError, "x-tls"),
        (requests.exceptions.SSLError(ssl.SSLEOFError("cut")), AmbiguousError, "x-lost"),
        (requests.ReadTimeout(ReadTimeoutError(POOL, "/", "slow")), AmbiguousError, "x-timeout"),
        (
            requests.ConnectionError(ProtocolError("aborted", ConnectionResetError())),
            AmbiguousError,
            "x-lost",
        ),
        (requests.exceptions.ChunkedEncodingError("cut"), AmbiguousError, "x-lost"),
    ],
)
def test_lost(error: Exception, meaning: type[Exception], code: str) -> None:
    result = lost("x", error)
    assert (type(result), result.code) == (meaning, code)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("120", 120.0),
        (" 1.5 ", 1.5),
        ("-3", 0.0),
        ("Fri, 30 Apr 2027 07:41:00 GMT", 60.0),
        ("Fri, 30 Apr 2027 07:00:00 GMT", 0.0),
        ("99999999", 86_400.0),
        ("soon", None),
        ("nan", None),
        ("", None),
    ],
)
def test_retry_after(value: str, seconds: float | None) -> None:
    assert retry_after({"Retry-After": value}, now=NOW) == seconds
    assert retry_after({"retry-after": value}, now=NOW) == seconds
    assert retry_after({}, now=NOW) is None
