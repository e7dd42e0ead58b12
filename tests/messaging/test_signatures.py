"""Only Twilio's own signature is believed (A79, A80)."""

from typing import Any

import pytest
from twilio.request_validator import RequestValidator  # type: ignore[import-untyped]

from messaging.signatures import is_from_twilio

PATH = "/webhooks/twilio/12?x=1"
FIELDS = {"MessageSid": "SM1", "MessageStatus": "delivered", "To": "+48512345678", "Body": "Żółw"}


def signed(url: str, *, token: str = "right", fields: dict[str, str] | None = None) -> str:
    return str(RequestValidator(token).compute_signature(url, FIELDS if fields is None else fields))


@pytest.fixture(autouse=True)
def _secret(settings: Any) -> None:
    settings.TWILIO_AUTH_TOKEN, settings.PUBLIC_URL = "right", "https://clinic.example.org"


@pytest.mark.parametrize(
    "origin",
    [
        "https://clinic.example.org",
        "http://clinic.example.org",
        "https://clinic.example.org:443",
        "http://clinic.example.org:80",
    ],
)
def test_every_way_to_write_our_own_origin_is_good(origin: str) -> None:
    assert is_from_twilio(path_and_query=PATH, params=FIELDS, signature=signed(origin + PATH))


def test_an_origin_with_a_port_of_its_own(settings: Any) -> None:
    settings.PUBLIC_URL = "http://127.0.0.1:8000"
    assert is_from_twilio(
        path_and_query=PATH, params=FIELDS, signature=signed(f"http://127.0.0.1:8000{PATH}")
    )
    assert is_from_twilio(
        path_and_query=PATH, params=FIELDS, signature=signed(f"https://127.0.0.1:8000{PATH}")
    )
    assert not is_from_twilio(path_and_query=PATH, params=FIELDS, signature=signed(f"http://127.0.0.1{PATH}"))


def test_only_the_origin_of_the_public_url_counts(settings: Any) -> None:
    settings.PUBLIC_URL = "https://clinic.example.org/anteroom"
    path = "/anteroom" + PATH
    assert is_from_twilio(
        path_and_query=path, params=FIELDS, signature=signed(f"https://clinic.example.org{path}")
    )


@pytest.mark.parametrize(
    "signature",
    [
        "",
        "x",
        "ż",
        signed("https://clinic.example.org" + PATH, token="old"),
        signed("https://evil.example" + PATH),
        signed("https://clinic.example.org/webhooks/twilio/13?x=1"),
        signed("https://clinic.example.org" + PATH, fields={**FIELDS, "MessageStatus": "failed"}),
    ],
)
def test_nothing_else_is(signature: str) -> None:
    assert not is_from_twilio(path_and_query=PATH, params=FIELDS, signature=signature)


def test_without_a_secret_nobody_is_believed(settings: Any) -> None:
    settings.TWILIO_AUTH_TOKEN = ""
    signature = signed("https://clinic.example.org" + PATH, token="")
    assert not is_from_twilio(path_and_query=PATH, params=FIELDS, signature=signature)
