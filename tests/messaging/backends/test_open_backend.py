"""Which line is opened for which transport."""

import subprocess
import sys
from datetime import UTC, datetime
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured

from messaging.backends import open_backend
from messaging.backends.base import Accepted
from tests.messaging.backends.test_mime import outgoing


@pytest.mark.parametrize(
    ("channel", "transport", "name"),
    [
        ("email", "smtp", "SmtpBackend"),
        ("email", "anymail", "AnymailBackend"),
        ("sms", "twilio", "TwilioBackend"),
        ("email", "mailbox", "MailboxBackend"),
        ("sms", "mailbox", "MailboxBackend"),
        ("email", "render", "MailboxBackend"),
        ("sms", "render", "MailboxBackend"),
    ],
)
def test_each_transport_has_its_line(settings: Any, channel: str, transport: str, name: str) -> None:
    settings.EMAIL_URL = "smtp://127.0.0.1:1"
    settings.TWILIO_ACCOUNT_SID = settings.TWILIO_AUTH_TOKEN = "x"
    settings.MAIL_TRANSPORT = settings.SMS_TRANSPORT = transport
    backend = open_backend(channel)
    assert type(backend).__name__ == name
    backend.close()


@pytest.mark.parametrize(
    ("channel", "transport"), [("email", "twilio"), ("sms", "smtp"), ("fax", "smtp"), ("email", "pigeon")]
)
def test_what_does_not_fit_is_refused(settings: Any, channel: str, transport: str) -> None:
    settings.MAIL_TRANSPORT = settings.SMS_TRANSPORT = transport
    with pytest.raises(ImproperlyConfigured, match=channel):
        open_backend(channel)


def test_the_mailbox_takes_everything(settings: Any) -> None:
    settings.MAIL_TRANSPORT = "mailbox"
    backend = open_backend("email")
    assert backend.send(outgoing()) == Accepted("")
    assert backend.find(outgoing(), since=datetime(2027, 1, 1, tzinfo=UTC)) is None


def test_no_providers_library_is_loaded_before_its_line_is_opened() -> None:
    code = (
        "import sys, messaging.backends, messaging.backends.sms_twilio, messaging.signatures;"
        "sys.exit(any(name.startswith('twilio') for name in sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
