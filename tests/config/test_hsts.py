"""What browsers are told about https is the operator's to decide (docs/decisions/0008)."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
ASK = """
import django
django.setup()
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
    env = {name: value for name, value in os.environ.items() if name not in ("DATABASE_URL", "REDIS_URL")}
    env |= {"DJANGO_SETTINGS_MODULE": "config.settings", "ANTEROOM_ENV_FILE": os.devnull}
    env |= {"ANTEROOM_DATA": str(tmp_path), "PUBLIC_URL": public_url, **more}

    said = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", ASK],
        cwd=ROOT,
        env=env,
        capture_output=True,
        text=True,
        check=True,
    )

    assert said.stdout.strip() == header
