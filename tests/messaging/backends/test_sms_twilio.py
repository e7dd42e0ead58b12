"""What Twilio's answers mean, with the real client against a server on the loopback."""

import logging
import socket
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, cast
from urllib.parse import parse_qsl

import pytest
from django.core.exceptions import ImproperlyConfigured

from messaging.backends.base import (
    Accepted,
    AmbiguousError,
    Outgoing,
    PassingError,
    PermanentError,
    SendError,
)
from messaging.backends.sms_twilio import TwilioBackend
from messaging.signatures import is_from_twilio
from tests.fakes.http_server import FakeServer, Handler, fake_of
from tests.fakes.twilio_fake import SID, TOKEN, TwilioFake

TO = "+48512345678"


class _Receiving(Handler):
    def do_POST(self) -> None:
        fields = dict(parse_qsl(self.body().decode()))
        cast(CallbackReceiver, fake_of(self)).calls.append(
            (self.path, fields, self.headers["X-Twilio-Signature"])
        )
        self.reply(204, b"")


class CallbackReceiver(FakeServer):
    """Stands where the application's webhook would."""

    handler = _Receiving

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[tuple[str, dict[str, str], str]] = []


def sms(**changes: Any) -> Outgoing:
    values: dict[str, Any] = {
        "delivery_id": 7,
        "address": TO,
        "text": "Wizyta jutro o 10:30",
        "sender": "+48732000000",
        "status_callback": "https://clinic.example.org/webhooks/twilio/7",
    }
    return Outgoing(**(values | changes))


@pytest.fixture
def twilio() -> Iterator[TwilioFake]:
    with TwilioFake() as fake:
        yield fake


@pytest.fixture
def backend(twilio: TwilioFake) -> Iterator[TwilioBackend]:
    opened = TwilioBackend(SID, TOKEN, base=twilio.base, timeout=(0.5, 0.5))
    yield opened
    opened.close()


def error_of(backend: TwilioBackend, message: Outgoing | None = None) -> SendError:
    with pytest.raises(SendError) as caught:
        backend.send(message or sms())
    return caught.value


def test_an_sms_is_created_with_our_callback(twilio: TwilioFake, backend: TwilioBackend) -> None:
    accepted = backend.send(sms())
    (message,) = twilio.messages
    assert accepted == Accepted(message.sid)
    assert (message.to, message.sender, message.body) == (TO, "+48732000000", "Wizyta jutro o 10:30")
    assert message.status_callback == "https://clinic.example.org/webhooks/twilio/7"


def test_a_messaging_service_may_send(twilio: TwilioFake, backend: TwilioBackend) -> None:
    backend.send(sms(sender="MG" + "1" * 32, status_callback=""))
    assert twilio.messages[0].sender == "MG" + "1" * 32
    assert twilio.messages[0].status_callback == ""


@pytest.mark.parametrize(
    ("habit", "error", "code", "created"),
    [
        ("21211", PermanentError, "twilio-21211", 0),
        ("21610", PermanentError, "twilio-21610", 0),
        ("21614", PermanentError, "twilio-21614", 0),
        ("30006", PermanentError, "twilio-30006", 0),
        ("21611", PassingError, "twilio-21611", 0),
        ("20005", PassingError, "twilio-20005", 0),
        ("500", AmbiguousError, "twilio-20500", 0),
        ("500-after", AmbiguousError, "twilio-20500", 1),
        ("hang", AmbiguousError, "twilio-timeout", 1),
        ("drop", AmbiguousError, "twilio-lost", 1),
        ("drop-before", AmbiguousError, "twilio-lost", 0),
        ("garbage", AmbiguousError, "twilio-answer", 1),
    ],
)
def test_what_an_answer_means(
    twilio: TwilioFake, backend: TwilioBackend, habit: str, error: type[SendError], code: str, created: int
) -> None:
    twilio.habits[TO] = habit
    backend._http.timeout = (5, 0.2)
    caught = error_of(backend)
    assert (type(caught), caught.code) == (error, code)
    # We may have given up before the fake came to read what it was sent.
    deadline = time.monotonic() + 10
    while (len(twilio.messages), twilio.requests) != (created, 1) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert (len(twilio.messages), twilio.requests) == (created, 1)
    twilio.habits.clear()
    backend._http.timeout = (0.5, 0.5)
    backend.send(sms(delivery_id=8))


def test_too_many_requests_say_when_to_come_back(twilio: TwilioFake, backend: TwilioBackend) -> None:
    twilio.habits[TO] = "429"
    caught = error_of(backend)
    assert (type(caught), caught.code, caught.retry_after) == (PassingError, "twilio-20429", 7.0)


def test_wrong_credentials_are_our_fault(twilio: TwilioFake) -> None:
    caught = error_of(TwilioBackend(SID, "wrong", base=twilio.base))
    assert (type(caught), caught.code) == (PassingError, "twilio-20003")
    assert twilio.messages == []


def test_an_unknown_account_is_our_fault(twilio: TwilioFake) -> None:
    caught = error_of(TwilioBackend(SID, TOKEN, base=f"{twilio.base}/elsewhere"))
    assert (type(caught), caught.code) == (PassingError, "twilio-20404")


def test_without_a_connection_nothing_was_created(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as unused:
        port = unused.getsockname()[1]
    caught = error_of(TwilioBackend(SID, TOKEN, base=f"http://127.0.0.1:{port}"))
    assert (type(caught), caught.code) == (PassingError, "twilio-connect")

    def unknown(*args: object, **kwargs: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "unknown")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    caught = error_of(TwilioBackend(SID, TOKEN, base="http://api.invalid"))
    assert (type(caught), caught.code) == (PassingError, "twilio-dns")


def test_a_line_closed_while_idle_is_opened_again(backend: TwilioBackend, twilio: TwilioFake) -> None:
    backend.send(sms())
    for connection in list(twilio.connections):
        connection.shutdown(socket.SHUT_RDWR)
    time.sleep(0.01)
    backend.send(sms(delivery_id=8))
    assert len(twilio.messages) == 2


def test_a_lost_answer_is_found_again(twilio: TwilioFake, backend: TwilioBackend) -> None:
    since = datetime.now(UTC)
    backend.send(sms(text="something else"))
    assert backend.find(sms(), since=since) is None
    twilio.habits[TO] = "500-after"
    assert isinstance(error_of(backend), AmbiguousError)
    found = backend.find(sms(), since=since)
    assert found == Accepted(twilio.messages[1].sid)
    assert backend.find(sms(address="+48512000000"), since=since) is None


def test_only_messages_since_then_count(twilio: TwilioFake, backend: TwilioBackend) -> None:
    backend.send(sms())
    now = datetime.now(UTC)
    twilio.messages[0].created_at = (now - timedelta(hours=1)).timestamp()
    assert backend.find(sms(), since=now) is None
    twilio.messages[0].created_at = (now - timedelta(seconds=90)).timestamp()  # their clock is late
    assert backend.find(sms(), since=now) == Accepted(twilio.messages[0].sid)


def test_replaced_letters_are_the_same_text(twilio: TwilioFake, backend: TwilioBackend) -> None:
    backend.send(sms(text="Gabinet „Żółw” – jutro"))
    twilio.messages[0].body = 'Gabinet "Zolw" - jutro'
    assert backend.find(sms(text="Gabinet „Żółw” – jutro"), since=datetime.now(UTC)) is not None


def test_not_being_able_to_ask_is_not_none(twilio: TwilioFake) -> None:
    with socket.create_server(("127.0.0.1", 0)) as unused:
        port = unused.getsockname()[1]
    with pytest.raises(PassingError, match="twilio-connect"):
        TwilioBackend(SID, TOKEN, base=f"http://127.0.0.1:{port}").find(sms(), since=datetime.now(UTC))


class _Down(Handler):
    def do_GET(self) -> None:
        self.reply(500, b"{}")


class Down(FakeServer):
    """A Twilio that answers nothing but 500."""

    handler = _Down


def test_a_look_up_that_fails_is_asked_again_not_unknown() -> None:
    with Down() as down, pytest.raises(PassingError) as caught:
        TwilioBackend(SID, TOKEN, base=down.base).find(sms(), since=datetime.now(UTC))

    assert caught.value.code == "twilio-answer"


def test_an_account_is_needed() -> None:
    with pytest.raises(ImproperlyConfigured, match="TWILIO_AUTH_TOKEN"):
        TwilioBackend(SID, "")


def test_nothing_personal_is_logged(backend: TwilioBackend, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    backend.send(sms())
    assert [record for record in caplog.records if record.name.startswith(("twilio", "anteroom"))] == []


def test_callbacks_are_signed(twilio: TwilioFake, backend: TwilioBackend, settings: Any) -> None:
    settings.TWILIO_AUTH_TOKEN = TOKEN
    got = []
    with CallbackReceiver() as receiver:
        settings.PUBLIC_URL = receiver.base
        backend.send(sms(status_callback=f"{receiver.base}/webhooks/twilio/7"))
        answers = twilio.call_back(twilio.messages[0], "delivered", "sent")
        twilio.call_back(twilio.messages[0], "failed", token="wrong")
        for path, fields, signature in receiver.calls:
            genuine = is_from_twilio(path_and_query=path, params=fields, signature=signature)
            got.append((fields["MessageStatus"], genuine))
    assert answers == [204, 204]
    assert got == [("delivered", True), ("sent", True), ("failed", False)]
