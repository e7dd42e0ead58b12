"""Postmark's send API on the loopback, enough for django-anymail's Postmark backend."""

import json
import uuid
from typing import Any, cast

from tests.fakes.http_server import FakeServer, Handler, fake_of


class _Handler(Handler):
    def do_POST(self) -> None:
        fake = cast(PostmarkFake, fake_of(self))
        fake.answer(self, json.loads(self.body()))


class PostmarkFake(FakeServer):
    """`habits` says per recipient how to misbehave: a status ("401", "422", "429", "500", "503"); "inactive"
    and "invalid" (Postmark's own refusals); "hang" and "drop" (taken, no answer); "garbage"."""

    handler = _Handler

    def __init__(self, *, habits: dict[str, str] | None = None, retry_after: int = 9) -> None:
        super().__init__()
        self.habits = habits or {}
        self.retry_after = retry_after
        self.messages: list[dict[str, Any]] = []
        self.requests = 0

    def answer(self, handler: _Handler, message: dict[str, Any]) -> None:
        """Answer POST /email."""
        self.requests += 1
        address = message["To"]
        habit = self.habits.get(address, "")
        if habit.isdigit():
            headers = {"Retry-After": str(self.retry_after)} if habit in {"429", "503"} else {}
            handler.reply(int(habit), self._error(10 if habit == "401" else 1, "no"), headers)
            return
        if habit == "inactive":
            text = (
                "You tried to send to recipient(s) that are inactive.\nFound inactive addresses: "
                f"{address}.\nInactive recipients are ones that have generated a hard bounce."
            )
            handler.reply(422, self._error(406, text))
            return
        if habit == "invalid":
            handler.reply(422, self._error(300, f"Invalid 'To' address: '{address}'."))
            return
        self.messages.append(message)
        if habit == "hang":
            self.ended.wait(30)
        if habit in {"hang", "drop"}:
            handler.hang_up()
        elif habit == "garbage":
            handler.reply(200, b"<html>busy</html>")
        else:
            answer = {"ErrorCode": 0, "Message": "OK", "MessageID": str(uuid.uuid4()), "To": address}
            message["MessageID"] = answer["MessageID"]
            handler.reply(200, json.dumps(answer).encode())

    @staticmethod
    def _error(code: int, text: str) -> bytes:
        """Return an error as Postmark words it."""
        return json.dumps({"ErrorCode": code, "Message": text}).encode()
