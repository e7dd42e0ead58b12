"""Each failure of an SMTP transaction means what its phase makes of it."""

import socket
import ssl
import struct
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured

from messaging.backends import email_smtp, smtp_line
from messaging.backends.base import AmbiguousError, Outgoing, PassingError, PermanentError, SendError
from messaging.backends.email_smtp import SmtpBackend
from messaging.backends.email_url import SmtpServer, parse_email_url
from messaging.backends.smtp_line import LineLostError, SmtpLine
from tests.fakes.smtp_sink import SmtpSink
from tests.messaging.backends.test_mime import outgoing

CERTIFICATE = Path(__file__).parents[2] / "fakes" / "loopback.pem"
Open = Callable[..., SmtpBackend]


@pytest.fixture
def line() -> Iterator[Open]:
    """Return a function that opens a line to a sink (or an EMAIL_URL); all are closed afterwards."""
    opened: list[SmtpBackend] = []

    def open_line(target: SmtpSink | str, **options: Any) -> SmtpBackend:
        url = target if isinstance(target, str) else target.url
        options.setdefault("timeout", 2.0)
        opened.append(SmtpBackend(parse_email_url(url), **options))
        return opened[-1]

    yield open_line
    for each in opened:
        each.close()


def code_of(error: type[SendError], backend: SmtpBackend, message: Outgoing | None = None) -> str:
    with pytest.raises(error) as caught:
        backend.send(message or outgoing())
    assert type(caught.value) is error
    return caught.value.code


# --- The good case ---------------------------------------------------------------------------


@pytest.mark.parametrize("pipelining", [True, False])
def test_what_arrives_is_what_was_sent(line: Open, pipelining: bool) -> None:
    with SmtpSink(pipelining=pipelining) as sink:
        backend = line(sink, clock=lambda: 1_806_738_000)
        accepted = backend.send(outgoing(text=".\n..\n.hidden\nżółw\n", subject="Żółw"))
        assert accepted.provider_id == "S000001"
        (message,) = sink
        assert message.sender == "bounces+7@clinic.example.org"
        assert message.recipients == ("ewa@patients.example.org",)
        assert message.outbox_id == "7"
        parsed = message.parsed()
        assert parsed["From"] == "Clinic <no-reply@clinic.example.org>"
        assert parsed["To"] == "ewa@patients.example.org"
        assert parsed["Subject"] == "Żółw"
        assert parsed["Message-ID"] == "<7.1@clinic.example.org>"
        assert parsed["Auto-Submitted"] == "auto-generated"
        assert parsed["Date"] == "Sat, 03 Apr 2027 07:40:00 -0000"
        assert parsed.get_content() == ".\r\n..\r\n.hidden\r\nżółw\r\n"


@pytest.mark.parametrize("pipelining", [True, False])
def test_one_line_carries_many(line: Open, pipelining: bool) -> None:
    with SmtpSink(pipelining=pipelining) as sink:
        backend = line(sink)
        for number in range(50):
            backend.send(outgoing(delivery_id=number))
        assert [m.outbox_id for m in sink] == [str(n) for n in range(50)]
        assert sink.store.lines == 1
        assert sink.store.duplicates == {}


def test_nothing_is_connected_before_the_first_delivery(line: Open) -> None:
    with SmtpSink() as sink:
        backend = line(sink)
        assert sink.store.lines == 0
        backend.close()
        backend.close()


def test_a_closed_line_opens_again(line: Open) -> None:
    with SmtpSink() as sink:
        backend = line(sink)
        backend.send(outgoing())
        backend.close()
        backend.send(outgoing())
        assert (sink.store.total, sink.store.lines) == (2, 2)


@pytest.mark.parametrize(
    ("reply", "provider_id"),
    [
        ("250 2.0.0 Ok: queued as 4XyZ12ab", "4XyZ12ab"),
        ("250 OK id=1sAbCd-000123-XY", "1sAbCd-000123-XY"),
        ("250 Ok 0100018f-aaaa-bbbb-000000", "0100018f-aaaa-bbbb-000000"),
        ("250-first\r\n250 2.0.0 Ok: queued as B1", "B1"),
        ("250 2.0.0 Ok thank you", ""),
        ("250 thanks", ""),
        ("251 2.0.0 queued as ABCD", "ABCD"),
    ],
)
def test_the_servers_name_for_it(line: Open, reply: str, provider_id: str) -> None:
    with SmtpSink(reply_to_dot=reply) as sink:
        assert line(sink).send(outgoing()).provider_id == provider_id


def test_nothing_can_be_looked_up(line: Open) -> None:
    assert line("smtp://127.0.0.1:1").find(outgoing(), since=datetime(2027, 1, 1, tzinfo=UTC)) is None


# --- Refusals --------------------------------------------------------------------------------


@pytest.mark.parametrize("pipelining", [True, False])
def test_refusals_leave_the_line_usable(line: Open, pipelining: bool) -> None:
    with SmtpSink(
        refuse_rcpt="^gone@", defer_rcpt="^full@", refuse_data="^spam@", pipelining=pipelining
    ) as sink:
        backend = line(sink)
        assert code_of(PermanentError, backend, outgoing(address="gone@x.example")) == "smtp-550"
        assert code_of(PassingError, backend, outgoing(address="full@x.example")) == "smtp-451"
        assert code_of(PermanentError, backend, outgoing(address="spam@x.example")) == "smtp-554"
        backend.send(outgoing(delivery_id=8))
        assert [m.outbox_id for m in sink] == ["8"]
        assert sink.store.lines == 1


@pytest.mark.parametrize("pipelining", [True, False])
@pytest.mark.parametrize(
    ("habits", "no_such_address"),
    [
        ({"refuse_rcpt": "@", "rcpt_refusal": "550 5.1.1 no such user"}, True),
        ({"refuse_rcpt": "@", "rcpt_refusal": "550-5.1.1 no such user\r\n550 5.1.1 see the help"}, True),
        ({"refuse_rcpt": "@", "rcpt_refusal": "550 5.1.10 null MX"}, True),
        ({"refuse_rcpt": "@", "rcpt_refusal": "553 5.1.3 bad address"}, True),
        ({"refuse_rcpt": "@", "rcpt_refusal": "550 5.7.1 blocked by policy"}, False),
        ({"refuse_rcpt": "@", "rcpt_refusal": "550 5.2.2 mailbox full"}, False),
        ({"refuse_rcpt": "@", "rcpt_refusal": "550 5.1.7 bad sender"}, False),
        ({"refuse_rcpt": "@", "rcpt_refusal": "550 5.1.8 bad sender's system"}, False),
        ({"refuse_rcpt": "@", "rcpt_refusal": "550 no"}, False),
        ({"refuse_mail": "550 5.1.1 who are you"}, False),
        ({"reply_to_dot": "550 5.1.1 spam"}, False),
    ],
)
def test_only_a_refused_recipient_says_that_an_address_does_not_exist(
    line: Open, habits: dict[str, Any], no_such_address: bool, pipelining: bool
) -> None:
    with SmtpSink(**habits, pipelining=pipelining) as sink, pytest.raises(PermanentError) as caught:
        line(sink).send(outgoing())
    assert caught.value.no_such_address is no_such_address


def test_a_server_that_wants_a_text_for_nobody_gets_none(line: Open) -> None:
    with SmtpSink(refuse_rcpt="^gone@", data_always=True) as sink:
        backend = line(sink)
        assert code_of(PermanentError, backend, outgoing(address="gone@x.example")) == "smtp-550"
        backend.send(outgoing(delivery_id=8))
        assert [m.outbox_id for m in sink] == ["8"]


def test_greylisting_passes(line: Open) -> None:
    with SmtpSink(greylist=True) as sink:
        backend = line(sink)
        assert code_of(PassingError, backend) == "smtp-451"
        backend.send(outgoing())
        assert sink.store.counts == {"7": 1}


@pytest.mark.parametrize(
    ("reply", "error", "code"),
    [
        ("552 5.3.4 too big", PermanentError, "smtp-552"),
        ("451 4.3.0 later", PassingError, "smtp-451"),
        ("421 4.3.2 closing", PassingError, "smtp-421"),
        ("354 go on", AmbiguousError, "smtp-protocol"),
        ("what?", AmbiguousError, "smtp-protocol"),
    ],
)
def test_the_answer_to_the_text(line: Open, reply: str, error: type[SendError], code: str) -> None:
    with SmtpSink(reply_to_dot=reply) as sink:
        backend = line(sink)
        assert code_of(error, backend) == code
        sink.habits.reply_to_dot = ""
        backend.send(outgoing())


def test_a_bad_header_offers_nothing(line: Open) -> None:
    with SmtpSink() as sink:
        assert (
            code_of(PermanentError, line(sink), outgoing(subject="Ann\r\nBcc: x@evil.example"))
            == "bad-header"
        )
        assert sink.store.lines == 0


# --- Lost lines, phase by phase --------------------------------------------------------------


@pytest.mark.parametrize("pipelining", [True, False])
@pytest.mark.parametrize(
    ("phase", "error", "code"),
    [
        ("connect", PassingError, "smtp-connect"),
        ("ehlo", PassingError, "smtp-connect"),
        ("mail", PassingError, "smtp-lost"),
        ("rcpt", PassingError, "smtp-lost"),
        ("data", PassingError, "smtp-lost"),
        ("dot", AmbiguousError, "smtp-lost"),
    ],
)
def test_a_line_lost_in(line: Open, phase: str, error: type[SendError], code: str, pipelining: bool) -> None:
    with SmtpSink(drop_at=phase, drop_times=1, pipelining=pipelining) as sink:
        backend = line(sink)
        assert code_of(error, backend) == code
        assert sink.store.total == (1 if phase == "dot" else 0)
        backend.send(outgoing(delivery_id=8))
        assert sink.store.counts["8"] == 1


def test_a_line_lost_while_the_text_is_written(line: Open) -> None:
    # More than the buffers of both sides hold, so that the end cannot have left when the line breaks.
    with SmtpSink(drop_at="payload", drop_times=1) as sink:
        backend = line(sink)
        assert (
            code_of(PassingError, backend, outgoing(text="x" * 70 + "\n" + ("y" * 70 + "\n") * 400_000))
            == "smtp-lost"
        )
        assert sink.store.total == 0
        backend.send(outgoing(delivery_id=8))
        assert sink.store.counts == {"8": 1}


def test_silence_after_the_dot_is_ambiguous(line: Open) -> None:
    with SmtpSink(late=100, late_seconds=5) as sink:
        assert code_of(AmbiguousError, line(sink, timeout=0.05)) == "smtp-timeout"
        assert sink.store.counts == {"7": 1}


def test_silence_before_the_text_is_passing(line: Open) -> None:
    with SmtpSink() as sink:
        backend = line(sink, timeout=0.05)
        backend.send(outgoing())
        sink.habits.delay_ms = 5_000
        assert code_of(PassingError, backend) == "smtp-timeout"
        assert sink.store.total == 1


def test_a_late_answer_is_not_taken_for_the_next_deliverys(line: Open) -> None:
    with SmtpSink(late=100, late_seconds=0.05) as sink:
        backend = line(sink, timeout=0.02)
        assert code_of(AmbiguousError, backend) == "smtp-timeout"
        sink.habits.late = 0
        assert backend.send(outgoing(delivery_id=8)).provider_id == "S000002"
        assert sink.store.lines == 2


def test_two_in_a_hundred_dropped_before_250_are_all_told(line: Open) -> None:
    with SmtpSink(drop_before_250=20, seed=3) as sink:
        backend = line(sink)
        unknown = set()
        for number in range(200):
            try:
                backend.send(outgoing(delivery_id=number))
            except AmbiguousError:
                unknown.add(str(number))
        assert unknown == {m.outbox_id for m in sink if not m.answered}
        assert len(unknown) > 10
        assert sink.store.duplicates == {}
        assert sink.store.total == 200


# --- Idle lines ------------------------------------------------------------------------------


@pytest.mark.parametrize("farewell", ["", "421 4.4.2 idle too long"])
def test_a_line_closed_while_idle_is_opened_again(line: Open, farewell: str) -> None:
    with SmtpSink() as sink:
        backend = line(sink)
        backend.send(outgoing(delivery_id=1))
        sink.close_lines(farewell)
        backend.send(outgoing(delivery_id=2))
        assert sink.store.counts == {"1": 1, "2": 1}
        assert sink.store.lines == 2


@pytest.mark.parametrize("pipelining", [True, False])
@pytest.mark.parametrize("phase", ["mail", "rcpt", "data"])
def test_a_reused_line_that_ends_while_we_write_is_opened_again(
    line: Open, phase: str, pipelining: bool
) -> None:
    with SmtpSink(pipelining=pipelining) as sink:
        backend = line(sink)
        backend.send(outgoing(delivery_id=1))
        sink.habits.drop_at = phase
        sink._server._drops_left = 1
        backend.send(outgoing(delivery_id=2))
        assert sink.store.counts == {"1": 1, "2": 1}
        assert sink.store.lines == 2


def test_a_reused_line_is_given_one_new_try_only(line: Open) -> None:
    with SmtpSink() as sink:
        backend = line(sink)
        backend.send(outgoing(delivery_id=1))
        sink.habits.drop_at = "mail"
        assert code_of(PassingError, backend) == "smtp-lost"
        assert sink.store.lines == 2


@pytest.mark.parametrize("pipelining", [True, False])
def test_a_server_that_counts_messages_is_asked_again(line: Open, pipelining: bool) -> None:
    with SmtpSink(messages_per_line=3, pipelining=pipelining) as sink:
        backend = line(sink)
        for number in range(10):
            backend.send(outgoing(delivery_id=number))
        assert sink.store.total == 10
        assert sink.store.duplicates == {}
        assert sink.store.lines == 4


def test_421_on_a_new_line_is_passing(line: Open) -> None:
    with SmtpSink(greeting="421 4.3.2 busy") as sink:
        assert code_of(PassingError, line(sink)) == "smtp-421"


def test_a_line_idle_for_long_is_not_trusted(line: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    with SmtpSink() as sink:
        backend = line(sink)
        backend.send(outgoing(delivery_id=1))
        monkeypatch.setattr(smtp_line, "IDLE_LIMIT", 0.0)
        backend.send(outgoing(delivery_id=2))
        assert sink.store.counts == {"1": 1, "2": 1}
        assert sink.store.lines == 2


def test_no_text_is_offered_once_the_lease_may_end(line: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    with SmtpSink() as sink:
        backend = line(sink)
        monkeypatch.setattr(email_smtp, "LAST_OFFER_AFTER", 0.0)
        assert code_of(PassingError, backend) == "smtp-timeout"
        assert sink.store.total == 0


# --- A server that does what no sink does --------------------------------------------------------


@pytest.fixture
def serve() -> Iterator[Callable[..., str]]:
    """Return a function that takes one connection and plays a script; it returns the server's address.

    Bytes are sent, each after something was read (the first at once). RESET ends the line at once as a crash
    does, CRASH after something was read; SILENCE reads no more.
    """
    listeners: list[socket.socket] = []
    ended = threading.Event()

    def play(listener: socket.socket, script: tuple[bytes, ...]) -> None:
        connection, _ = listener.accept()
        with connection:
            for number, step in enumerate(script):
                if step == SILENCE:
                    ended.wait(10)
                    return
                if number and step != RESET:
                    connection.recv(65_536)
                if step in {RESET, CRASH}:
                    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                    return
                connection.sendall(step)
            ended.wait(10)

    def start(*script: bytes) -> str:
        listeners.append(socket.create_server(("127.0.0.1", 0)))
        threading.Thread(target=play, args=(listeners[-1], script), daemon=True).start()
        return f"smtp://127.0.0.1:{listeners[-1].getsockname()[1]}"

    yield start
    ended.set()
    for listener in listeners:
        listener.close()


RESET, CRASH, SILENCE = b"reset", b"crash", b"silence"
GREETING = (b"220 x\r\n", b"250 x\r\n")
GO_AHEAD = (*GREETING, b"250 x\r\n", b"250 x\r\n", b"354 x\r\n")
HUGE = "y" * 20_000_000  # more than the buffers of both sides hold


@pytest.mark.parametrize(
    ("script", "text", "error", "code"),
    [
        pytest.param((*GREETING, RESET), "", PassingError, "smtp-lost", id="reset-before-mail"),
        pytest.param((*GREETING, CRASH), "", PassingError, "smtp-lost", id="reset-after-mail"),
        pytest.param((*GO_AHEAD, CRASH), "", AmbiguousError, "smtp-lost", id="reset-after-the-dot"),
        pytest.param((*GREETING, b"what?\r\n"), "", PassingError, "smtp-protocol", id="noise-to-mail"),
        pytest.param((*GREETING, b"2" * 20_000), "", PassingError, "smtp-timeout", id="an-endless-reply"),
        pytest.param((*GREETING, SILENCE), "", PassingError, "smtp-timeout", id="silence-to-mail"),
        pytest.param((*GO_AHEAD, SILENCE), HUGE, PassingError, "smtp-timeout", id="a-text-nobody-reads"),
        pytest.param((*GO_AHEAD, SILENCE), "", AmbiguousError, "smtp-timeout", id="silence-to-the-dot"),
        pytest.param((*GO_AHEAD, b"ok\r\n"), "", AmbiguousError, "smtp-protocol", id="noise-to-the-dot"),
    ],
)
def test_a_server_gone_wrong(
    line: Open,
    serve: Callable[..., str],
    script: tuple[bytes, ...],
    text: str,
    error: type[SendError],
    code: str,
) -> None:
    message = outgoing(text=text) if text else outgoing()

    assert code_of(error, line(serve(*script), timeout=0.1), message) == code


def test_a_line_reset_while_it_was_idle_is_not_used_again(line: Open, serve: Callable[..., str]) -> None:
    smtp = SmtpLine(parse_email_url(serve(*GREETING, RESET)), helo="[127.0.0.1]", timeout=1)
    smtp.open()
    assert soon(lambda: not smtp.is_good())

    with pytest.raises(LineLostError) as caught:
        smtp.reply()
    assert caught.value.silent is False
    smtp.drop()
    smtp.close()


def soon(holds: Callable[[], bool]) -> bool:
    """Wait for what the other side does; a second at most."""
    pause = threading.Event()
    return any(holds() or pause.wait(0.01) for _ in range(100))


def test_a_server_that_has_said_more_than_it_was_asked_is_not_trusted(
    line: Open, serve: Callable[..., str]
) -> None:
    smtp = SmtpLine(parse_email_url(serve(*GREETING, b"250 x\r\n250 y\r\n")), helo="[127.0.0.1]", timeout=1)
    smtp.open()
    assert smtp.is_good()
    assert smtp.converse([b"NOOP\r\n"]) == [(250, b"250 x\r")]
    assert not smtp.is_good()
    smtp.close()


def test_a_server_that_will_not_begin_anew_is_asked_over_a_new_line(line: Open) -> None:
    with SmtpSink(refuse_rcpt="^gone@", refuse_rset="502 no") as sink:
        backend = line(sink)
        assert code_of(PermanentError, backend, outgoing(address="gone@x.example")) == "smtp-550"
        backend.send(outgoing(delivery_id=8))
        assert (sink.store.lines, sink.store.counts) == (2, {"8": 1})


def test_a_line_lost_while_logging_in_passes(line: Open) -> None:
    with SmtpSink(login=("a", "b"), drop_at="auth", drop_times=1) as sink:
        backend = line(f"smtp://a:b@127.0.0.1:{sink.port}")
        assert code_of(PassingError, backend) == "smtp-connect"
        backend.send(outgoing())
        assert sink.store.total == 1


def test_a_server_that_cannot_encrypt_just_now_passes(line: Open, serve: Callable[..., str]) -> None:
    url = serve(b"220 x\r\n", b"250-x\r\n250 STARTTLS\r\n", b"454 4.7.0 not now\r\n")
    assert code_of(PassingError, line(url.replace("smtp://", "smtp+tls://"))) == "smtp-454"


def test_a_host_that_does_not_answer_passes(line: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*args: object, **kwargs: object) -> None:
        raise TimeoutError

    monkeypatch.setattr(socket, "create_connection", never)
    assert code_of(PassingError, line("smtp://127.0.0.1:25")) == "smtp-timeout"


def test_a_dripping_answer_ends(line: Open) -> None:
    listener = socket.create_server(("127.0.0.1", 0))

    def drip() -> None:
        connection, _ = listener.accept()
        with connection:
            connection.sendall(b"220 x\r\n")
            connection.recv(1000)
            connection.sendall(b"250 x\r\n")
            connection.recv(1000)
            try:
                for _ in range(300):
                    connection.sendall(b"2")
                    ended.wait(0.005)
            except OSError:
                pass

    ended = threading.Event()
    thread = threading.Thread(target=drip, daemon=True)
    thread.start()
    assert (
        code_of(PassingError, line(f"smtp://127.0.0.1:{listener.getsockname()[1]}", timeout=0.05))
        == "smtp-timeout"
    )
    ended.set()
    thread.join(5)
    listener.close()


# --- Opening ---------------------------------------------------------------------------------


def test_refused_connections_and_unknown_hosts_pass(line: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as unused:
        port = unused.getsockname()[1]
    assert code_of(PassingError, line(f"smtp://127.0.0.1:{port}")) == "smtp-connect"

    def unknown(*args: object, **kwargs: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "unknown")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    assert code_of(PassingError, line("smtp://mail.invalid")) == "smtp-dns"


def test_a_mute_server_passes(line: Open) -> None:
    with socket.create_server(("127.0.0.1", 0)) as mute:
        assert (
            code_of(PassingError, line(f"smtp://127.0.0.1:{mute.getsockname()[1]}", timeout=0.05))
            == "smtp-timeout"
        )


def test_a_server_that_has_no_service_passes(line: Open) -> None:
    with SmtpSink(greeting="554 5.3.2 no service") as sink:
        assert code_of(PassingError, line(sink)) == "smtp-554"


def test_log_in(line: Open) -> None:
    with SmtpSink(login=("clinic", "p@ss/word")) as sink:
        at = f"127.0.0.1:{sink.port}"
        line(f"smtp://clinic:p%40ss%2Fword@{at}").send(outgoing())
        assert code_of(PassingError, line(f"smtp://clinic:wrong@{at}")) == "smtp-auth"
        assert code_of(PassingError, line(f"smtp://clinic:%C5%BC@{at}")) == "smtp-auth"
        assert code_of(PassingError, line(f"smtp://{at}")) == "smtp-530"
        assert sink.store.total == 1
    with SmtpSink() as sink:
        assert code_of(PassingError, line(f"smtp://a:b@127.0.0.1:{sink.port}")) == "smtp-auth"


@pytest.fixture
def tls() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(CERTIFICATE)
    return context


@pytest.mark.parametrize("scheme", ["smtps", "smtp+tls"])
def test_encrypted_lines(line: Open, tls: ssl.SSLContext, scheme: str) -> None:
    with SmtpSink(tls=tls, starttls=scheme == "smtp+tls", login=("a", "b")) as sink:
        trusting = ssl.create_default_context(cafile=CERTIFICATE)
        url = f"{scheme}://a:b@127.0.0.1:{sink.port}"
        backend = line(url, tls_context=trusting)
        for number in range(3):
            backend.send(outgoing(delivery_id=number))
        assert sink.store.lines == 1
        sink.close_lines()
        backend.send(outgoing(delivery_id=3))
        assert sink.store.lines == 2
        assert sink.store.counts == {"0": 1, "1": 1, "2": 1, "3": 1}
        sink.habits.drop_at = "dot"
        assert code_of(AmbiguousError, backend) == "smtp-lost"
        # The system's authorities do not know this certificate.
        assert code_of(PassingError, line(url)) == "smtp-tls"


def test_encryption_that_is_asked_for_is_never_left_out(line: Open) -> None:
    with SmtpSink() as sink:
        assert code_of(PassingError, line(f"smtp+tls://127.0.0.1:{sink.port}")) == "smtp-tls"
        assert code_of(PassingError, line(f"smtps://127.0.0.1:{sink.port}")) == "smtp-tls"
        assert sink.store.total == 0


# --- International addresses -----------------------------------------------------------------


def test_international_domains_travel_in_ascii(line: Open) -> None:
    with SmtpSink() as sink:
        line(sink).send(outgoing(address="ewa@żółw.pl"))
        (message,) = sink
        assert message.recipients == ("ewa@xn--w-uga1v8h.pl",)
        assert message.parsed()["To"] == "ewa@xn--w-uga1v8h.pl"


def test_international_local_parts_need_the_servers_consent(line: Open) -> None:
    with SmtpSink() as sink:
        backend = line(sink)
        assert code_of(PermanentError, backend, outgoing(address="jörg@x.example")) == "smtp-utf8"
        backend.send(outgoing())
        assert sink.store.lines == 1
    with SmtpSink(smtputf8=True) as sink:
        line(sink).send(outgoing(address="jörg@x.example"))
        assert sink.messages[0].recipients == ("jörg@x.example",)
        assert "To: jörg@x.example\r\n".encode() in sink.messages[0].raw


# --- EMAIL_URL -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "server"),
    [
        ("smtp://mail.example.org", SmtpServer("mail.example.org", 25)),
        ("smtp://mail.example.org:2525/", SmtpServer("mail.example.org", 2525)),
        ("smtp+tls://u:p@mail.example.org", SmtpServer("mail.example.org", 587, "starttls", "u", "p")),
        ("smtps://u:p%40%2F%3A@mail.example.org", SmtpServer("mail.example.org", 465, "tls", "u", "p@/:")),
        (
            "smtp://u%40x.example:p@h.example?tls=starttls",
            SmtpServer("h.example", 587, "starttls", "u@x.example", "p"),
        ),
        ("smtp://h.example:26?tls=tls", SmtpServer("h.example", 26, "tls")),
        ("smtp://u:p@h.example?tls=none", SmtpServer("h.example", 25, "none", "u", "p")),
        ("smtp://u:p@localhost:1025", SmtpServer("localhost", 1025, "none", "u", "p")),
        ("smtp://u:p@[::1]:1025", SmtpServer("::1", 1025, "none", "u", "p")),
    ],
)
def test_email_urls(url: str, server: SmtpServer) -> None:
    assert parse_email_url(url) == server


@pytest.mark.parametrize(
    "url",
    [
        "",
        "mail.example.org",
        "http://mail.example.org",
        "smtp://",
        "smtp://u:secret@",
        "smtp://u:secret@h:port",
        "smtp://u:sec/ret@h.example",
        "smtp://u:sec#ret@h.example",
        "smtp://h.example/inbox",
        "smtp://h.example?ssl=1",
        "smtp://h.example?tls=yes",
        "smtp://u:secret@h.example",
        "smtp://u:secret@h.example:99999",
        "smtp://u:secret@[h",
    ],
)
def test_email_urls_that_cannot_be_meant(url: str) -> None:
    with pytest.raises(ImproperlyConfigured) as caught:
        parse_email_url(url)
    assert str(caught.value).startswith("EMAIL_URL")
    assert "secret" not in str(caught.value)
    assert "secret" not in repr(caught.value.__cause__)


def test_the_password_is_not_shown() -> None:
    assert "secret" not in repr(SmtpServer("h", 25, "tls", "u", "secret"))


@pytest.mark.parametrize(
    ("public_url", "helo"),
    [
        ("https://clinic.example.org", "clinic.example.org"),
        ("http://127.0.0.1:8000", "[127.0.0.1]"),
        ("http://[2001:db8::1]", "[IPv6:2001:db8::1]"),
        ("http://localhost", "[127.0.0.1]"),
    ],
)
def test_the_settings_make_a_line(settings: Any, public_url: str, helo: str) -> None:
    settings.PUBLIC_URL, settings.EMAIL_URL = public_url, "smtp://127.0.0.1:1"
    assert SmtpBackend.from_settings()._line._helo == helo
