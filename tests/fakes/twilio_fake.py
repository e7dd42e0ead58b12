"""Twilio's Messages API on the loopback: keeps what it is given, answers badly on request, calls back.

In a test:              with TwilioFake(habits={"+48500000001": "21610"}) as twilio: … twilio.base
As a process of its own: python -m tests.fakes.twilio_fake --port 8085 --out sms.jsonl --callbacks
"""

import argparse
import base64
import json
import queue
import random
import re
import signal
import threading
import time
import uuid
from collections import Counter
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from email.utils import format_datetime
from io import TextIOWrapper
from typing import Any, cast
from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit

import requests
from twilio.request_validator import RequestValidator  # type: ignore[import-untyped]

from tests.fakes.http_server import FakeServer, Handler, fake_of

SID, TOKEN = "AC" + "0" * 32, "fake-token"
_PATH = re.compile(r"/2010-04-01/Accounts/([^/]+)/Messages\.json")


@dataclass
class Sms:
    """One message that the fake created."""

    sid: str
    to: str
    sender: str
    body: str
    status_callback: str
    status: str = "queued"
    created_at: float = field(default_factory=time.time)  # Unix time
    answered: bool = True  # False where the caller was not told that it exists

    def as_twilio(self) -> dict[str, Any]:
        """Return it as the API shows it."""
        created = format_datetime(datetime.fromtimestamp(self.created_at, UTC))
        return {
            "sid": self.sid,
            "to": self.to,
            "from": self.sender,
            "body": self.body,
            "status": self.status,
            "date_created": created,
            "date_updated": created,
            # A message that still waits has not been sent.
            "date_sent": None if self.status == "queued" else created,
            "error_code": None,
            "error_message": None,
            "direction": "outbound-api",
            "num_segments": "1",
        }


class _Handler(Handler):
    def do_POST(self) -> None:
        fake = cast(TwilioFake, fake_of(self))
        fields = dict(parse_qsl(self.body().decode(), keep_blank_values=True))
        if self.allowed(fake):
            fake.create(self, fields)

    def do_GET(self) -> None:
        fake = cast(TwilioFake, fake_of(self))
        if self.allowed(fake):
            fake.listing(self, {k: v[-1] for k, v in parse_qs(urlsplit(self.path).query).items()})

    def allowed(self, fake: "TwilioFake") -> bool:
        """Check account and password; answer where they are wrong."""
        found = _PATH.fullmatch(urlsplit(self.path).path)
        if not found:
            self.refuse(404, 20404)
            return False
        right = base64.b64encode(f"{fake.sid}:{fake.token}".encode()).decode()
        if self.headers.get("Authorization") != f"Basic {right}" or found[1] != fake.sid:
            self.refuse(401, 20003)
            return False
        return True

    def refuse(self, status: int, code: int, **headers: str) -> None:
        """Answer with an error as Twilio words it."""
        answer = {"code": code, "message": "refused", "status": status, "more_info": ""}
        self.reply(status, json.dumps(answer).encode(), {k.replace("_", "-"): v for k, v in headers.items()})


class TwilioFake(FakeServer):
    """The API in threads of its own.

    `habits` says per receiving number how to misbehave: an error code ("21610"); "429" (with Retry-After);
    "500" (created nothing) or "500-after" (created it first); "hang" (creates it, never answers);
    "drop" (creates it, hangs up); "drop-before" (hangs up, created nothing); "garbage" (creates it,
    answers nonsense). The percentages do the same to messages drawn by lot.
    """

    handler = _Handler

    def __init__(
        self,
        *,
        port: int = 0,
        sid: str = SID,
        token: str = TOKEN,
        habits: dict[str, str] | None = None,
        fail_after: float = 0,
        hang_after: float = 0,
        limit_every: float = 0,
        retry_after: int = 7,
        hang_seconds: float = 30,
        callbacks: bool = False,
        out: TextIOWrapper | None = None,
        seed: int = 1,
    ) -> None:
        super().__init__(port=port)
        self.sid, self.token = sid, token
        self.habits = habits or {}
        self.percentages = {"500-after": fail_after, "hang": hang_after, "429": limit_every}
        self.retry_after, self.hang_seconds, self.callbacks = retry_after, hang_seconds, callbacks
        self.messages: list[Sms] = []
        self.requests = 0
        self.counts: Counter[tuple[str, str]] = Counter()  # by (to, body): above one is a double
        self._out = out
        self._random = random.Random(seed)
        self._lock = threading.Lock()
        self._calls: queue.SimpleQueue[tuple[Sms, tuple[str, ...]]] = queue.SimpleQueue()
        if callbacks:
            threading.Thread(target=self._call_back_forever, daemon=True).start()

    def create(self, handler: _Handler, fields: dict[str, str]) -> None:
        """Answer POST Messages.json."""
        with self._lock:
            self.requests += 1
            habit = self.habits.get(fields.get("To", "")) or self._lot()
        if habit.isdigit() and len(habit) == 5:
            handler.refuse(400, int(habit))
        elif habit == "429":
            handler.refuse(429, 20429, Retry_After=str(self.retry_after))
        elif habit == "500":
            handler.refuse(500, 20500)
        elif habit == "drop-before":
            handler.hang_up()
        elif not fields.get("Body"):
            handler.refuse(400, 21602)
        else:
            self._answer(handler, self._keep(fields, answered=not habit), habit)

    def _lot(self) -> str:
        """Draw what happens to a message."""
        drawn = self._random.random() * 100
        for habit, percent in self.percentages.items():
            if drawn < percent:
                return habit
            drawn -= percent
        return ""

    def _keep(self, fields: dict[str, str], *, answered: bool) -> Sms:
        """Create the message."""
        message = Sms(
            sid="SM" + uuid.uuid4().hex,
            to=fields.get("To", ""),
            sender=fields.get("From") or fields.get("MessagingServiceSid", ""),
            body=fields["Body"],
            status_callback=fields.get("StatusCallback", ""),
            answered=answered,
        )
        with self._lock:
            self.messages.append(message)
            self.counts[message.to, message.body] += 1
            if self._out:
                self._out.write(json.dumps(asdict(message), ensure_ascii=False) + "\n")
                self._out.flush()
        return message

    def _answer(self, handler: _Handler, message: Sms, habit: str) -> None:
        """Tell the caller, or not."""
        match habit:
            case "500-after":
                handler.refuse(500, 20500)
            case "hang":
                self.ended.wait(self.hang_seconds)
                handler.hang_up()
            case "drop":
                handler.hang_up()
            case "garbage":
                handler.reply(201, b"<html>busy</html>")
            case _:
                handler.reply(201, json.dumps(message.as_twilio()).encode())
        if self.callbacks and message.status_callback:
            self._calls.put((message, ("sent", "delivered")))

    def listing(self, handler: _Handler, query: dict[str, str]) -> None:
        """Answer GET Messages.json, newest first, by To and DateSent."""
        with self._lock:
            found = [m for m in reversed(self.messages) if query.get("To") in {None, m.to}]
        since = query.get("DateSent>")
        if since:
            earliest = datetime.fromisoformat(since).replace(tzinfo=UTC).timestamp()
            found = [m for m in found if m.status != "queued" and m.created_at >= earliest]
        size = int(query.get("PageSize", 50))
        page = {"messages": [m.as_twilio() for m in found[:size]], "next_page_uri": None, "page_size": size}
        handler.reply(200, json.dumps(page).encode())

    # --- Callbacks ---

    def call_back(self, message: Sms, *states: str, token: str | None = None) -> list[int]:
        """Report states of a message, in the given order; return the answers' status codes.

        Args:
            message: one of `messages`.
            states: Twilio's words, "sent", "delivered", …
            token: what to sign with, if not the right one.
        """
        answers = []
        for state in states:
            message.status = state
            fields = {
                "MessageSid": message.sid,
                "SmsSid": message.sid,
                "MessageStatus": state,
                "SmsStatus": state,
                "AccountSid": self.sid,
                "To": message.to,
                "From": message.sender,
            }
            validator = RequestValidator(token or self.token)
            signature = validator.compute_signature(message.status_callback, fields)
            answer = requests.post(
                message.status_callback,
                data=urlencode(fields),
                headers={
                    "X-Twilio-Signature": signature,
                    "Content-Type": "application/x-www-form-urlencoded",
                },
                timeout=10,
            )
            answers.append(answer.status_code)
        return answers

    def _call_back_forever(self) -> None:
        """Report on every message in turn, until the fake ends."""
        while not self.ended.is_set():
            message, states = self._calls.get()
            try:
                self.call_back(message, *states)
            except requests.RequestException:
                continue  # the application is down: Twilio would not wait either

    def summary(self) -> dict[str, Any]:
        """Return the counts as the process prints them when it ends."""
        return {
            "requests": self.requests,
            "messages": len(self.messages),
            "doubled": sum(n > 1 for n in self.counts.values()),
            "unanswered": sum(not m.answered for m in self.messages),
        }


def main() -> None:
    """Read the command line and serve until SIGTERM or SIGINT; then print the counts."""
    parser = argparse.ArgumentParser(prog="python -m tests.fakes.twilio_fake", description=__doc__)
    parser.add_argument("--port", type=int, required=True, help="0 takes a free one and prints it")
    parser.add_argument("--out", help="file that gets one line of JSON per message")
    parser.add_argument("--sid", default=SID)
    parser.add_argument("--token", default=TOKEN)
    parser.add_argument("--error", action="append", default=[], metavar="NUMBER=HABIT", help="see TwilioFake")
    parser.add_argument("--fail-after", type=float, default=0, metavar="PERCENT", help="created, then 500")
    parser.add_argument("--hang-after", type=float, default=0, metavar="PERCENT", help="created, no answer")
    parser.add_argument("--hang-seconds", type=float, default=30)
    parser.add_argument("--limit", type=float, default=0, metavar="PERCENT", help="answered 429")
    parser.add_argument("--retry-after", type=int, default=7, metavar="SECONDS")
    parser.add_argument("--callbacks", action="store_true", help="report sent and delivered")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    ended = threading.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, lambda *_: ended.set())
    out = open(options.out, "a", encoding="utf-8") if options.out else None  # noqa: SIM115  -- closed below
    with TwilioFake(
        port=options.port,
        sid=options.sid,
        token=options.token,
        habits=dict(each.split("=", 1) for each in options.error),
        fail_after=options.fail_after,
        hang_after=options.hang_after,
        hang_seconds=options.hang_seconds,
        limit_every=options.limit,
        retry_after=options.retry_after,
        callbacks=options.callbacks,
        out=out,
        seed=options.seed,
    ) as fake:
        print(f"listening on {fake.base}", flush=True)
        while not ended.wait(0.2):
            pass
    if out:
        out.close()
    print(json.dumps(fake.summary()), flush=True)


if __name__ == "__main__":
    main()
