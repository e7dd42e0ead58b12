"""What a mail provider's answers mean, with anymail's Postmark backend against a server on the loopback."""

import socket
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
import requests
from anymail.exceptions import (
    AnymailAPIError,
    AnymailError,
    AnymailRequestsAPIError,
    AnymailSerializationError,
    AnymailUnsupportedFeature,
)
from anymail.message import AnymailRecipientStatus, AnymailStatus
from django.core.mail.backends.base import BaseEmailBackend

from messaging.backends.base import AmbiguousError, Attachment, PassingError, PermanentError, SendError
from messaging.backends.email_anymail import AnymailBackend
from tests.fakes.postmark_fake import PostmarkFake
from tests.messaging.backends.test_mime import CALENDAR, outgoing

TO = "ewa@patients.example.org"


@pytest.fixture
def postmark(settings: Any) -> Iterator[PostmarkFake]:
    with PostmarkFake() as fake:
        settings.EMAIL_BACKEND = "anymail.backends.postmark.EmailBackend"
        settings.ANYMAIL = {
            "POSTMARK_SERVER_TOKEN": "t",
            "POSTMARK_API_URL": fake.base + "/",
            "REQUESTS_TIMEOUT": (0.5, 0.5),
        }
        yield fake


@pytest.fixture
def backend(postmark: PostmarkFake) -> Iterator[AnymailBackend]:
    opened = AnymailBackend()
    yield opened
    opened.close()
    opened.close()


def error_of(backend: AnymailBackend, **changes: Any) -> SendError:
    with pytest.raises(SendError) as caught:
        backend.send(outgoing(**changes))
    return caught.value


def test_a_message_and_its_id(postmark: PostmarkFake, backend: AnymailBackend) -> None:
    invitation = Attachment("invite.ics", CALENDAR, "text/calendar; method=REQUEST")
    accepted = backend.send(
        outgoing(subject="Żółw", html="<p>Hello</p>", attachments=(invitation,), headers={"X-Clinic": "a"})
    )
    (message,) = postmark.messages
    assert accepted.provider_id == message["MessageID"]
    assert message["From"] == "Clinic <no-reply@clinic.example.org>"
    assert message["To"] == TO
    assert message["Subject"] == "Żółw"
    assert (message["TextBody"], message["HtmlBody"]) == ("Hello\n", "<p>Hello</p>")
    assert message["ReplyTo"] == "desk@clinic.example.org"
    assert message["Metadata"] == {"delivery": "7"}
    headers = {each["Name"]: each["Value"] for each in message["Headers"]}
    assert headers["Message-ID"] == "<7.1@clinic.example.org>"
    assert headers["X-Outbox-Id"] == "7"
    assert headers["Auto-Submitted"] == "auto-generated"
    assert headers["X-Clinic"] == "a"
    (attached,) = message["Attachments"]
    assert attached["Name"] == "invite.ics"
    assert attached["ContentType"].startswith("text/calendar")
    assert "method" in attached["ContentType"].lower()


def test_one_session_carries_many(postmark: PostmarkFake, backend: AnymailBackend) -> None:
    for number in range(5):
        backend.send(outgoing(delivery_id=number))
    assert [m["Metadata"]["delivery"] for m in postmark.messages] == ["0", "1", "2", "3", "4"]
    assert len(postmark.connections) == 1


@pytest.mark.parametrize(
    ("habit", "error", "code", "retry_after"),
    [
        ("400", PermanentError, "anymail-400", None),
        ("413", PermanentError, "anymail-413", None),
        ("inactive", PermanentError, "anymail-rejected", None),
        ("invalid", PermanentError, "anymail-rejected", None),
        ("401", PassingError, "anymail-401", None),
        ("404", PassingError, "anymail-404", None),
        ("429", PassingError, "anymail-429", 9.0),
        ("500", PassingError, "anymail-500", None),
        ("503", PassingError, "anymail-503", 9.0),
        ("hang", AmbiguousError, "anymail-timeout", None),
        ("drop", AmbiguousError, "anymail-lost", None),
        ("garbage", AmbiguousError, "anymail-answer", None),
    ],
)
def test_what_an_answer_means(
    postmark: PostmarkFake,
    backend: AnymailBackend,
    habit: str,
    error: type[SendError],
    code: str,
    retry_after: float | None,
) -> None:
    postmark.habits[TO] = habit
    if habit == "hang":
        backend._connection.timeout = (0.5, 0.05)
    caught = error_of(backend)
    assert (type(caught), caught.code, caught.retry_after) == (error, code, retry_after)
    postmark.habits.clear()
    backend._connection.timeout = (5, 5)
    backend.send(outgoing(delivery_id=8))


@pytest.mark.parametrize(
    ("habit", "no_such_address"), [("invalid", True), ("inactive", False), ("400", False)]
)
def test_only_an_invalid_recipient_says_that_an_address_does_not_exist(
    postmark: PostmarkFake, backend: AnymailBackend, habit: str, no_such_address: bool
) -> None:
    postmark.habits[TO] = habit

    caught = error_of(backend)

    assert isinstance(caught, PermanentError)
    assert caught.no_such_address is no_such_address


def test_a_refused_connection_passes(settings: Any, postmark: PostmarkFake) -> None:
    with socket.create_server(("127.0.0.1", 0)) as unused:
        settings.ANYMAIL = {
            **settings.ANYMAIL,
            "POSTMARK_API_URL": f"http://127.0.0.1:{unused.getsockname()[1]}/",
        }
    caught = error_of(AnymailBackend())
    assert (type(caught), caught.code) == (PassingError, "anymail-connect")


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"subject": "Ann\r\nBcc: x@evil.example"}, "bad-header"),
        ({"sender": "Ann\nBcc: x <a@x.example>"}, "bad-header"),
        ({"headers": {"X-Clinic": "a\r\nBcc: x"}}, "bad-header"),
        ({"address": "a@x.example, b@x.example"}, "bad-address"),
        ({"sender": "nobody"}, "bad-address"),
    ],
)
def test_nothing_is_smuggled_in(
    postmark: PostmarkFake, backend: AnymailBackend, changes: dict[str, Any], code: str
) -> None:
    caught = error_of(backend, **changes)
    assert (type(caught), caught.code) == (PermanentError, code)
    assert postmark.requests == 0


class Broken(BaseEmailBackend):
    """A provider's library that fails, or answers, as a test says."""

    open_error: Exception | None = None
    send_error: Exception | None = None
    status = ""

    def open(self) -> None:
        if self.open_error:
            raise self.open_error

    def send_messages(self, email_messages: Any) -> int:
        if self.send_error:
            raise self.send_error
        for message in email_messages:
            message.anymail_status = AnymailStatus()
            message.anymail_status.set_recipient_status({TO: AnymailRecipientStatus("M1", self.status)})
        return len(email_messages)


def answer_of(status: int) -> requests.Response:
    response = requests.Response()
    response.status_code = status
    return response


@pytest.mark.parametrize(
    ("failure", "error", "code"),
    [
        (AnymailSerializationError("a date"), PermanentError, "anymail-unsupported"),
        (AnymailUnsupportedFeature("merge_data"), PermanentError, "anymail-unsupported"),
        (AnymailError("no"), PermanentError, "anymail-refused"),
        (AnymailAPIError("an odd answer"), AmbiguousError, "anymail-answer"),
        (AnymailRequestsAPIError("moved", response=answer_of(302)), AmbiguousError, "anymail-answer"),
        (AnymailRequestsAPIError("no", response=answer_of(422)), PermanentError, "anymail-422"),
        (RuntimeError("a bug"), AmbiguousError, "anymail-lost"),
        (requests.ReadTimeout(), AmbiguousError, "anymail-timeout"),
    ],
)
def test_what_the_library_raises_means(
    settings: Any, monkeypatch: pytest.MonkeyPatch, failure: Exception, error: type[SendError], code: str
) -> None:
    settings.EMAIL_BACKEND = f"{__name__}.Broken"
    monkeypatch.setattr(Broken, "send_error", failure)

    caught = error_of(AnymailBackend())

    assert (type(caught), caught.code, caught.__cause__) == (error, code, failure)


@pytest.mark.parametrize(
    ("status", "no_such_address"), [("failed", False), ("rejected", False), ("invalid", True)]
)
def test_a_recipient_that_the_library_lets_pass(
    settings: Any, monkeypatch: pytest.MonkeyPatch, status: str, no_such_address: bool
) -> None:
    settings.EMAIL_BACKEND = f"{__name__}.Broken"
    monkeypatch.setattr(Broken, "status", status)

    caught = error_of(AnymailBackend())

    assert isinstance(caught, PermanentError)
    assert (caught.code, caught.no_such_address) == (f"anymail-{status}", no_such_address)


def test_a_session_that_cannot_be_opened_passes(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.EMAIL_BACKEND = f"{__name__}.Broken"
    monkeypatch.setattr(Broken, "open_error", OSError())

    caught = error_of(AnymailBackend())

    assert (type(caught), caught.code) == (PassingError, "anymail-connect")


def test_nothing_can_be_looked_up(backend: AnymailBackend) -> None:
    assert backend.find(outgoing(), since=datetime(2027, 1, 1, tzinfo=UTC)) is None
