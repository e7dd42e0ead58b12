"""The fakes as processes of their own: a port, a file of JSON lines, counts at the end."""

import json
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from messaging.backends.base import AmbiguousError, Outgoing
from messaging.backends.email_smtp import SmtpBackend
from messaging.backends.email_url import parse_email_url
from messaging.backends.sms_twilio import TwilioBackend
from tests.fakes.twilio_fake import SID, TOKEN

Start = Callable[..., tuple[subprocess.Popen[str], int]]


@pytest.fixture
def start() -> Iterator[Start]:
    """Return a function that starts a fake on a free port."""
    running: list[subprocess.Popen[str]] = []

    def start_fake(name: str, *options: str) -> tuple[subprocess.Popen[str], int]:
        command = [sys.executable, "-m", f"tests.fakes.{name}", "--port", "0", *options]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        running.append(process)
        assert process.stdout is not None
        found = re.search(r":(\d+)$", process.stdout.readline().strip())
        assert found is not None
        return process, int(found[1])

    yield start_fake
    for each in running:
        each.kill()
        each.communicate()


def end(process: subprocess.Popen[str]) -> dict[str, Any]:
    process.send_signal(signal.SIGTERM)
    output, _ = process.communicate(timeout=10)
    assert process.returncode == 0
    summary: dict[str, Any] = json.loads(output)
    return summary


def mail(number: int) -> Outgoing:
    return Outgoing(
        delivery_id=number, address="a@x.example", text="Żółw", subject="Żółw", sender="b@x.example"
    )


def test_the_sink(start: Start, tmp_path: Path) -> None:
    file = tmp_path / "mail.jsonl"
    process, port = start("smtp_sink", "--out", str(file), "--drop-before-250", "50", "--seed", "2")
    backend = SmtpBackend(parse_email_url(f"smtp://127.0.0.1:{port}"))
    lost = 0
    for number in [*range(10), 3]:
        try:
            backend.send(mail(number))
        except AmbiguousError:
            lost += 1
    backend.close()
    summary = end(process)
    assert (summary["messages"], summary["unique"], summary["duplicates"]) == (11, 10, {"3": 2})
    assert summary["unanswered"] == lost > 0
    rows = [json.loads(line) for line in file.read_text().splitlines()]
    assert [row["outbox_id"] for row in rows] == [str(n) for n in [*range(10), 3]]
    assert (rows[0]["from"], rows[0]["to"]) == ("b@x.example", ["a@x.example"])
    assert rows[0]["headers"]["X-Outbox-Id"] == "0"
    assert rows[0]["raw"].startswith("From: b@x.example\r\n")


def test_twilio(start: Start, tmp_path: Path) -> None:
    file = tmp_path / "sms.jsonl"
    process, port = start("twilio_fake", "--out", str(file), "--fail-after", "100")
    backend = TwilioBackend(SID, TOKEN, base=f"http://127.0.0.1:{port}")
    with pytest.raises(AmbiguousError):
        backend.send(Outgoing(delivery_id=1, address="+48512345678", text="Hello", sender="+48732000000"))
    backend.close()
    assert end(process) == {"requests": 1, "messages": 1, "doubled": 0, "unanswered": 1}
    (row,) = [json.loads(line) for line in file.read_text().splitlines()]
    assert (row["to"], row["body"], row["answered"]) == ("+48512345678", "Hello", False)
