"""Settings that come from the environment, in a process that has nothing else."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.one_engine

ROOT = Path(__file__).resolve().parent.parent.parent


def told(ask: str, tmp_path: Path, **more: str) -> str:
    """Return what a process says that has set up Django with this environment."""
    foreign = {"DATABASE_URL", "REDIS_URL", "PUBLIC_URL", "SECRET_KEY"}
    env = {name: value for name, value in os.environ.items() if name not in foreign}
    env |= {"DJANGO_SETTINGS_MODULE": "config.settings", "ANTEROOM_ENV_FILE": os.devnull}
    env |= {"ANTEROOM_DATA": str(tmp_path), **more}
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", f"import django; django.setup()\n{ask}"],
        cwd=ROOT, env=env, capture_output=True, text=True,
    )  # fmt: skip
    return done.stdout.strip() if done.returncode == 0 else done.stderr.strip().splitlines()[-1]


def test_file_is_read_and_the_process_wins_over_it(tmp_path: Path) -> None:
    (tmp_path / "env").write_text("MAIL_FROM=file@clinic.example\nPUBLIC_URL=https://file.example/\n")
    ask = "from django.conf import settings; print(settings.PUBLIC_URL, settings.MAIL_FROM)"

    said = told(ask, tmp_path, ANTEROOM_ENV_FILE=str(tmp_path / "env"), MAIL_FROM="own@clinic.example")

    assert said == "https://file.example own@clinic.example"


def test_provider_of_mail_gets_its_variables_and_its_webhook(tmp_path: Path) -> None:
    ask = (
        "from django.conf import settings; from django.urls import reverse\n"
        "print(settings.MAIL_TRANSPORT, settings.ANYMAIL, reverse('anymail:postmark_tracking_webhook'))"
    )

    said = told(
        ask, tmp_path,
        ANYMAIL_BACKEND="anymail.backends.postmark.EmailBackend", ANYMAIL_POSTMARK_SERVER_TOKEN="a token",
    )  # fmt: skip

    facts = {"POSTMARK_SERVER_TOKEN": "a token", "REQUESTS_TIMEOUT": (5, 20)}
    assert said == f"anymail {facts} /hooks/anymail/postmark/tracking/"


def test_database_that_is_not_postgresql_is_refused(tmp_path: Path) -> None:
    said = told("", tmp_path, DATABASE_URL="mysql://clinic@127.0.0.1/clinic")

    assert said.endswith("DATABASE_URL must name a PostgreSQL database.")


def test_connections_to_postgresql_are_kept_and_checked(tmp_path: Path) -> None:
    ask = (
        "from django.db import connection as c; s = c.settings_dict\n"
        "print(c.vendor, s['NAME'], s['CONN_MAX_AGE'], s['CONN_HEALTH_CHECKS'])"
    )

    assert told(ask, tmp_path, DATABASE_URL="postgres://x@127.0.0.1:1/them") == "postgresql them None True"
