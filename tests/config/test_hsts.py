"""What browsers are told about https is the operator's to decide (docs/decisions/0008)."""

from pathlib import Path

import pytest

from tests.config.test_environment import told

pytestmark = pytest.mark.one_engine

ASK = """
from django.http import HttpResponse
from django.middleware.security import SecurityMiddleware
from django.test import RequestFactory
answer = SecurityMiddleware(lambda request: HttpResponse())(RequestFactory().get("/", secure=True))
print(answer.get("Strict-Transport-Security", "-"))
"""


@pytest.mark.parametrize(
    ("public_url", "more", "header"),
    [
        ("https://clinic.example", {}, "max-age=31536000"),
        ("https://clinic.example", {"HSTS_SECONDS": "3600"}, "max-age=3600"),
        ("https://clinic.example", {"HSTS_SECONDS": "0"}, "-"),
        (
            "https://clinic.example",
            {"HSTS_SUBDOMAINS": "1", "HSTS_PRELOAD": "1"},
            "max-age=31536000; includeSubDomains; preload",
        ),
        ("http://clinic.example", {"HSTS_SUBDOMAINS": "1", "HSTS_PRELOAD": "1"}, "-"),
    ],
    ids=["by-itself", "shorter", "off", "all-of-it", "no-https"],
)
def test_browsers_are_told_what_the_operator_decided(
    tmp_path: Path, public_url: str, more: dict[str, str], header: str
) -> None:
    assert told(ASK, tmp_path, PUBLIC_URL=public_url, **more) == header
