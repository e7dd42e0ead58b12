"""An SMTP server that keeps what it gets, counts it by X-Outbox-Id, and misbehaves on request.

In a test:              with SmtpSink(refuse_rcpt="gone@") as sink: … sink.url … sink.messages
As a process of its own: python -m tests.fakes.smtp_sink --port 2525 --out mail.jsonl --late 2
"""

import argparse
import asyncio
import base64
import json
import random
import re
import signal
import ssl
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default as modern
from io import TextIOWrapper
from typing import Any, Self, cast

_OUTBOX_ID = re.compile(rb"^x-outbox-id:[ \t]*([^\r\n]*)", re.IGNORECASE | re.MULTILINE)
# Where --drop-at and SmtpSink(drop_at=…) hang up: at the greeting, on a command, when DATA's text begins to
# arrive, or when all of it has (which is where nobody can know).
PHASES = ("connect", "ehlo", "mail", "rcpt", "data", "payload", "dot")


@dataclass(frozen=True, slots=True)
class Message:
    """One message as it came in; `answered` is False where the sink hung up instead of saying 250."""

    sender: str
    recipients: tuple[str, ...]
    raw: bytes  # dots undone, CRLF lines
    outbox_id: str
    received_at: float  # Unix time
    answered: bool

    def parsed(self) -> EmailMessage:
        """Return it as the standard library reads it."""
        return message_from_bytes(self.raw, policy=modern)

    def as_json(self) -> str:
        """Return it as one line of JSON."""
        head = self.raw.partition(b"\r\n\r\n")[0].decode("utf-8", "replace").replace("\r\n ", " ")
        headers = dict(line.partition(": ")[::2] for line in head.split("\r\n"))
        row = {
            "received_at": self.received_at,
            "outbox_id": self.outbox_id,
            "from": self.sender,
            "to": self.recipients,
            "answered": self.answered,
            "headers": headers,
            "raw": self.raw.decode("utf-8", "replace"),
        }
        return json.dumps(row, ensure_ascii=False)


@dataclass
class Habits:
    """How the sink behaves. Percentages are of messages, in an order that `seed` fixes."""

    delay_ms: float = 0  # before every answer, as a long way to the server would
    late: float = 0  # % of messages whose 250 comes late …
    late_seconds: float = 5  # … by this much
    drop_before_250: float = 0  # % taken, then the line is dropped without an answer (RFC 1047)
    refuse_rcpt: str = ""  # regular expression of recipients answered …
    rcpt_refusal: str = "550 5.1.1 no such user"  # … this
    refuse_mail: str = ""  # said to MAIL instead of 250
    refuse_rset: str = ""  # … to RSET
    defer_rcpt: str = ""  # … answered 451
    refuse_data: str = ""  # regular expression of recipients whose text is answered 554
    greylist: bool = False  # the first try of each sender and recipient is answered 451
    drop_at: str = ""  # one of PHASES: hang up there, every time
    drop_times: int = sys.maxsize  # … so often only
    messages_per_line: int = 0  # after so many, MAIL is answered 421 and the line closed
    reply_to_dot: str = ""  # said instead of 250 after the text
    greeting: str = "220 sink ESMTP"
    data_always: bool = False  # lets DATA in although no recipient was taken
    pipelining: bool = True
    smtputf8: bool = False
    starttls: bool = False
    login: tuple[str, str] | None = None  # asked for, and checked
    keep: bool = True  # keep messages in memory, not only counts
    seed: int = 1


@dataclass
class Store:
    """What has come in over all lines."""

    messages: list[Message] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)  # by X-Outbox-Id, answered or not
    total: int = 0
    unanswered: int = 0
    refused: int = 0
    lines: int = 0  # connections ever opened
    commands: list[str] = field(default_factory=list)  # verbs, in memory mode only

    @property
    def duplicates(self) -> dict[str, int]:
        """The outbox ids that came more than once, and how often."""
        return {key: n for key, n in self.counts.items() if n > 1}

    def summary(self) -> dict[str, Any]:
        """Return the counts as the process prints them when it ends."""
        return {
            "messages": self.total,
            "unique": len(self.counts),
            "doubled": len(self.duplicates),
            "duplicates": dict(list(self.duplicates.items())[:20]),  # the first of them
            "unanswered": self.unanswered,
            "refused": self.refused,
            "connections": self.lines,
        }


class _Line(asyncio.Protocol):
    """One connection."""

    def __init__(self, sink: "Server") -> None:
        self.sink = sink
        self.habits = sink.habits
        self.transport: asyncio.Transport = cast(asyncio.Transport, None)
        self.buffer = b""
        self.sender = ""
        self.recipients: list[str] = []
        self.reading_text = False
        self.text_started = False
        self.encrypted = False
        self.logged_in = sink.habits.login is None
        self.taken = 0
        self.busy = False  # a late answer is under way: nothing more is read until it is given
        self.challenge: list[str] | None = None  # answers so far of an AUTH LOGIN

    # --- asyncio's side ---

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        if self.encrypted:  # STARTTLS hands the same line over once more
            return
        self.sink.lines.add(self)
        self.sink.store.lines += 1
        if self.sink.drops("connect"):
            self.transport.abort()
            return
        self.answer(self.habits.greeting)

    def connection_lost(self, exc: Exception | None) -> None:
        self.sink.lines.discard(self)

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        if not self.busy:
            self.work()

    # --- SMTP ---

    def work(self) -> None:
        """Take all that is whole in the buffer, and answer it in one write."""
        answers: list[str] = []
        while not self.busy and not self.transport.is_closing():
            if self.reading_text:
                if not self.text(answers):
                    break
                continue
            line, end, rest = self.buffer.partition(b"\n")
            if not end:
                break
            self.buffer = rest
            reply = self.command(line.strip().decode("utf-8", "replace"))
            if reply is None:
                break
            answers.append(reply)
        if answers:
            self.answer("\r\n".join(answers))

    def answer(self, reply: str, then: Callable[[], None] | None = None) -> None:
        """Write a reply, after the way's delay."""
        if self.habits.delay_ms:
            loop = asyncio.get_running_loop()
            loop.call_later(self.habits.delay_ms / 1000, self.write, reply, then)
        else:
            self.write(reply, then)

    def write(self, reply: str, then: Callable[[], None] | None = None) -> None:
        """Write a reply now."""
        if not self.transport.is_closing():
            self.transport.write(f"{reply}\r\n".encode())
        if then:
            then()

    def command(self, line: str) -> str | None:
        """Return the answer to a command, or None where the line was dropped or changes hands."""
        if self.challenge is not None:
            return self.login_step(line)
        verb, _, rest = line.partition(" ")
        verb = verb.upper()
        if self.habits.keep:
            self.sink.store.commands.append(verb)
        if self.sink.drops(verb.lower()):
            self.transport.abort()
            return None
        match verb:
            case "EHLO" | "HELO":
                return self.hello()
            case "STARTTLS" if self.sink.tls and not self.encrypted:
                self.busy = True
                self.answer("220 go ahead", then=lambda: self.sink.spawn(self.encrypt()))
                return None
            case "AUTH":
                return self.login(rest)
            case "MAIL":
                return self.mail(rest)
            case "RCPT":
                return self.rcpt(rest)
            case "DATA":
                if not self.recipients and not self.habits.data_always:
                    return "554 5.5.1 no valid recipients"
                self.reading_text, self.text_started = True, False
                return "354 end with a dot"
            case "RSET":
                self.sender, self.recipients = "", []
                return self.habits.refuse_rset or "250 2.0.0 ok"
            case "NOOP":
                return "250 2.0.0 ok"
            case "QUIT":
                self.answer("221 2.0.0 bye", then=self.transport.close)
                return None
        return "502 5.5.2 what?"

    def hello(self) -> str:
        """Return what the sink can do."""
        features = ["sink", "8BITMIME"]
        if self.habits.pipelining:
            features.append("PIPELINING")
        if self.habits.smtputf8:
            features.append("SMTPUTF8")
        if self.habits.starttls and not self.encrypted:
            features.append("STARTTLS")
        if self.habits.login:
            features.append("AUTH PLAIN LOGIN")
        return "\r\n".join([f"250-{each}" for each in features[:-1]] + [f"250 {features[-1]}"])

    async def encrypt(self) -> None:
        """Go on over TLS."""
        self.encrypted, self.buffer = True, b""
        loop = asyncio.get_running_loop()
        with suppress(OSError):
            tls = await loop.start_tls(
                self.transport, self, cast(ssl.SSLContext, self.sink.tls), server_side=True
            )
            self.transport = cast(asyncio.Transport, tls)
            self.busy = False

    def login(self, rest: str) -> str:
        """Answer AUTH PLAIN with its answer beside it, or begin AUTH LOGIN."""
        method, _, initial = rest.partition(" ")
        if method.upper() == "PLAIN":
            _, user, password = base64.b64decode(initial).decode().split("\0")
            return self.judge_login(user, password)
        self.challenge = []
        return self.login_step(initial) if initial else "334 VXNlcm5hbWU6"

    def login_step(self, line: str) -> str:
        """Take one answer of AUTH LOGIN."""
        assert self.challenge is not None
        self.challenge.append(base64.b64decode(line).decode())
        if len(self.challenge) < 2:
            return "334 UGFzc3dvcmQ6"
        user, password = self.challenge
        self.challenge = None
        return self.judge_login(user, password)

    def judge_login(self, user: str, password: str) -> str:
        """Say whether user and password are right."""
        self.logged_in = (user, password) == self.habits.login
        return "235 2.7.0 welcome" if self.logged_in else "535 5.7.8 wrong"

    def mail(self, rest: str) -> str | None:
        """Answer MAIL FROM."""
        if not self.logged_in:
            return "530 5.7.0 log in first"
        if self.habits.messages_per_line and self.taken >= self.habits.messages_per_line:
            self.answer("421 4.7.0 too many messages on this line", then=self.transport.close)
            return None
        if self.habits.refuse_mail:
            return self.habits.refuse_mail
        self.sender, self.recipients = rest.partition("<")[2].partition(">")[0], []
        return "250 2.1.0 ok"

    def rcpt(self, rest: str) -> str:
        """Answer RCPT TO."""
        address = rest.partition("<")[2].partition(">")[0]
        if self.habits.refuse_rcpt and re.search(self.habits.refuse_rcpt, address):
            self.sink.store.refused += 1
            return self.habits.rcpt_refusal
        if self.habits.defer_rcpt and re.search(self.habits.defer_rcpt, address):
            self.sink.store.refused += 1
            return "451 4.3.0 try later"
        if self.habits.greylist and (self.sender, address) not in self.sink.greeted:
            self.sink.greeted.add((self.sender, address))
            self.sink.store.refused += 1
            return "451 4.7.1 greylisted"
        self.recipients.append(address)
        return "250 2.1.5 ok"

    def text(self, answers: list[str]) -> bool:
        """Take the text when its final dot is there; return whether there may be more to do."""
        if self.buffer and not self.text_started:
            self.text_started = True
            if self.sink.drops("payload"):
                self.transport.abort()
                return False
        if self.buffer.startswith(b".\r\n"):
            raw, rest = b"", self.buffer[3:]
        else:
            end = self.buffer.find(b"\r\n.\r\n")
            if end < 0:
                return False
            raw, rest = self.buffer[: end + 2], self.buffer[end + 5 :]
        self.buffer, self.reading_text = rest, False
        if b"\r\n.." in raw:
            raw = raw.replace(b"\r\n..", b"\r\n.")
        self.take(raw, answers)
        return True

    def take(self, raw: bytes, answers: list[str]) -> None:
        """Keep a message and decide what is said to it."""
        sender, recipients = self.sender, tuple(self.recipients)
        self.sender, self.recipients = "", []
        if self.habits.refuse_data and any(re.search(self.habits.refuse_data, each) for each in recipients):
            self.sink.store.refused += 1
            answers.append("554 5.7.1 not this text")
            return
        self.taken += 1
        drop = self.sink.drops("dot") or self.sink.chance(self.habits.drop_before_250)
        self.sink.keep(sender, recipients, raw, answered=not drop)
        if drop:
            self.transport.abort()
            return
        reply = self.habits.reply_to_dot or f"250 2.0.0 Ok: queued as S{self.sink.store.total:06X}"
        if self.sink.chance(self.habits.late):
            self.busy = True
            asyncio.get_running_loop().call_later(self.habits.late_seconds, self.answer_late, reply)
        else:
            answers.append(reply)

    def answer_late(self, reply: str) -> None:
        """Say what was held back, and go on."""
        self.write(reply)
        self.busy = False
        self.work()


class Server:
    """The sink inside a running event loop."""

    def __init__(
        self, habits: Habits, *, tls: ssl.SSLContext | None = None, out: TextIOWrapper | None = None
    ) -> None:
        self.habits = habits
        self.tls = tls
        self.store = Store()
        self.lines: set[_Line] = set()
        self.greeted: set[tuple[str, str]] = set()
        self._random = random.Random(habits.seed)
        self._out = out
        self._drops_left = habits.drop_times
        self._tasks: set[asyncio.Task[None]] = set()

    async def start(self, host: str, port: int) -> asyncio.Server:
        """Listen; return asyncio's server."""
        loop = asyncio.get_running_loop()
        tls = None if self.habits.starttls else self.tls
        return await loop.create_server(lambda: _Line(self), host, port, ssl=tls, backlog=512)

    def drops(self, phase: str) -> bool:
        """Tell whether to hang up in this phase, and count it."""
        if phase != self.habits.drop_at or self._drops_left <= 0:
            return False
        self._drops_left -= 1
        return True

    def chance(self, percent: float) -> bool:
        """Tell whether this message is one of so many in a hundred."""
        return percent > 0 and self._random.random() * 100 < percent

    def spawn(self, coroutine: Any) -> None:
        """Run a coroutine and hold on to it."""
        task = asyncio.get_running_loop().create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def keep(self, sender: str, recipients: tuple[str, ...], raw: bytes, *, answered: bool) -> None:
        """Count a message, and keep it in memory or in the file."""
        found = _OUTBOX_ID.search(raw)
        outbox_id = found[1].decode().strip() if found else ""
        store = self.store
        store.total += 1
        store.counts[outbox_id] += 1
        store.unanswered += not answered
        if not self.habits.keep and self._out is None:
            return
        message = Message(sender, recipients, raw, outbox_id, time.time(), answered)
        if self.habits.keep:
            store.messages.append(message)
        if self._out is not None:
            self._out.write(message.as_json() + "\n")


class SmtpSink:
    """The sink in a thread, for tests: a context manager that listens on a free port of the loopback."""

    def __init__(self, *, tls: ssl.SSLContext | None = None, port: int = 0, **habits: Any) -> None:
        self._server = Server(Habits(**habits), tls=tls)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, daemon=True, name="smtp-sink")
        self._ready = threading.Event()
        self._ended = asyncio.Event()
        self.port = port

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._ready.wait(5)
        return self

    def __exit__(self, *exc: object) -> None:
        self._loop.call_soon_threadsafe(self._ended.set)
        self._thread.join(5)
        self._loop.close()

    def _run(self) -> None:
        self._loop.run_until_complete(self._serve())

    async def _serve(self) -> None:
        server = await self._server.start("127.0.0.1", self.port)
        self.port = server.sockets[0].getsockname()[1]
        self._ready.set()
        await self._ended.wait()
        server.close()
        for line in list(self._server.lines):
            line.transport.abort()
        await asyncio.sleep(0)

    @property
    def url(self) -> str:
        """The sink as an EMAIL_URL."""
        return f"smtp://127.0.0.1:{self.port}"

    @property
    def messages(self) -> list[Message]:
        """What came in, in order."""
        return self._server.store.messages

    @property
    def store(self) -> Store:
        """All counts."""
        return self._server.store

    @property
    def habits(self) -> Habits:
        """How it behaves; may be changed while it runs."""
        return self._server.habits

    def close_lines(self, farewell: str = "") -> None:
        """Close every open connection as an idle timeout would, and wait until that has happened."""
        done = threading.Event()

        def close() -> None:
            for line in list(self._server.lines):
                if farewell:
                    line.write(farewell)
                line.transport.close()
            # Two turns of the loop: one to write what is left, one to close.
            self._loop.call_later(0.01, done.set)

        self._loop.call_soon_threadsafe(close)
        assert done.wait(5)

    def __iter__(self) -> Iterator[Message]:
        return iter(self.messages)


# --- As a process ----------------------------------------------------------------------------


async def _run_process(options: argparse.Namespace) -> None:
    """Serve until SIGTERM or SIGINT; then print the counts."""
    out = open(options.out, "a", encoding="utf-8") if options.out else None  # noqa: SIM115  -- once, at the start; closed below
    names = set(Habits.__dataclass_fields__) & set(vars(options))
    server = Server(Habits(keep=False, **{name: getattr(options, name) for name in names}), out=out)
    listening = await server.start(options.host, options.port)
    print(f"listening on {options.host}:{listening.sockets[0].getsockname()[1]}", flush=True)
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    for name in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(name, ended.set)
    while not ended.is_set():
        # The file is never more than this far behind, without a write for every message.
        with suppress(TimeoutError):
            await asyncio.wait_for(ended.wait(), 0.2)
        if out:
            out.flush()
    listening.close()
    if out:
        out.close()
    print(json.dumps(server.store.summary()), flush=True)


def main() -> None:
    """Read the command line and serve."""
    parser = argparse.ArgumentParser(prog="python -m tests.fakes.smtp_sink", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, required=True, help="0 takes a free one and prints it")
    parser.add_argument("--out", help="file that gets one line of JSON per message")
    parser.add_argument("--delay-ms", type=float, default=0, help="before every answer")
    parser.add_argument("--late", type=float, default=0, metavar="PERCENT", help="messages answered late")
    parser.add_argument("--late-seconds", type=float, default=5)
    parser.add_argument(
        "--drop-before-250", type=float, default=0, metavar="PERCENT", help="taken, never answered"
    )
    parser.add_argument("--refuse-rcpt", default="", metavar="REGEX", help="recipients answered 550")
    parser.add_argument("--defer-rcpt", default="", metavar="REGEX", help="recipients answered 451")
    parser.add_argument(
        "--refuse-data", default="", metavar="REGEX", help="recipients whose text is answered 554"
    )
    parser.add_argument("--greylist", action="store_true", help="answer each first try 451")
    parser.add_argument("--drop-at", default="", choices=("", *PHASES))
    parser.add_argument("--messages-per-line", type=int, default=0, help="then 421")
    parser.add_argument("--no-pipelining", dest="pipelining", action="store_false")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    runner = asyncio.run
    with suppress(ImportError):
        import uvloop  # noqa: PLC0415 - faster where it is installed

        runner = uvloop.run
    runner(_run_process(options))


if __name__ == "__main__":
    main()
