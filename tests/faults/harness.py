"""Processes to kill, and the count of what arrived against what the outbox says of it."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
LINES = 4


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def sink(out: Path, *options: str) -> Iterator[str]:
    """Run the SMTP sink as a process; yield its address."""
    command = [sys.executable, "-m", "tests.fakes.smtp_sink", "--port", "0", "--out", str(out), *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:
        assert process.stdout is not None
        found = re.search(r":(\d+)$", process.stdout.readline().strip())
        assert found is not None
        try:
            yield f"smtp://127.0.0.1:{found[1]}"
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(10)


@dataclass
class Fleet:
    """The product's processes, started and killed by the test."""

    environment: dict[str, str]
    log: Path
    running: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def start(self, *arguments: str) -> subprocess.Popen[bytes]:
        """Start one `manage.py` command."""
        with self.log.open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, "manage.py", *arguments],
                cwd=ROOT,
                env=self.environment,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self.running.append(process)
        return process

    def kill(self, process: subprocess.Popen[bytes]) -> None:
        """Kill without a warning."""
        assert process.poll() is None, self.log.read_text()[-3000:]
        process.kill()
        process.wait(10)
        self.running.remove(process)

    def end(self) -> None:
        """Kill whatever still runs."""
        for process in list(self.running):
            process.kill()
            process.wait(10)
        self.running.clear()


@contextmanager
def fleet(data: Path, **more: str) -> Iterator[Fleet]:
    """Yield processes that share a data folder and short leases."""
    # Which servers there are, each test says itself, whatever this run has.
    foreign = ("COVERAGE", "DATABASE_URL", "REDIS_URL")
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith(foreign)},
        "ANTEROOM_ENV_FILE": os.devnull,
        "ANTEROOM_DATA": str(data),
        "DJANGO_SETTINGS_MODULE": "config.settings",
        "SECRET_KEY": "faults",
        "SEND_CONNECTIONS": str(LINES),
        "SEND_LEASE_SECONDS": "5",
        "UNKNOWN_RETRY_AFTER_SECONDS": "2",
        **more,
    }
    crew = Fleet(environment, data / "processes.log")
    try:
        yield crew
    finally:
        crew.end()


def seed(environment: dict[str, str], count: int) -> None:
    """Put `count` messages into the outbox."""
    subprocess.run(
        [sys.executable, "-m", "tests.faults.seed", str(count)], cwd=ROOT, env=environment, check=True
    )


def until(holds: Callable[[], bool], *, seconds: float) -> bool:
    """Wait until something holds; return whether it came to that."""
    deadline = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.2)
    return True


@dataclass(frozen=True)
class Verdict:
    """What is left when all is over."""

    rows: int
    states: dict[str, int]
    lost: int  # accepted by our books and absent at the sink, or in no final state
    doubled: int
    doubled_without_flag: int
    thrice: int
    flagged: int  # deliveries that were ever unknown
    unknown_tries: int

    def __str__(self) -> str:
        return (
            f"{self.rows} rows, {self.states}; lost {self.lost}; doubled {self.doubled}, of these unflagged "
            f"{self.doubled_without_flag}; three times {self.thrice}; ever unknown {self.flagged} "
            f"({self.unknown_tries} tries)"
        )


Query = Callable[[str], list[Any]]


def judge(query: Query, arrived: Path) -> Verdict:
    """Compare the outbox with what the sink kept."""
    copies: Counter[int] = Counter(
        int(json.loads(line)["outbox_id"]) for line in arrived.read_text().splitlines()
    )
    rows = query(
        "SELECT d.id, d.state, d.due_at IS NULL FROM messaging_delivery d JOIN messaging_message m "
        "ON m.id = d.message_id WHERE m.kind = 'details' AND d.channel = 'email'"
    )
    unknown = Counter(
        pk for (pk,) in query("SELECT delivery_id FROM messaging_attempt WHERE outcome = 'unknown'")
    )
    final = {pk for pk, state, at_rest in rows if state == "sent" or (state == "unknown" and at_rest)}
    return Verdict(
        rows=len(rows),
        states=dict(Counter(state for _pk, state, _rest in rows)),
        lost=sum(pk not in final or not copies[pk] for pk, _state, _rest in rows),
        doubled=sum(count > 1 for count in copies.values()),
        doubled_without_flag=sum(count > 1 and not unknown[pk] for pk, count in copies.items()),
        thrice=sum(count > 2 for count in copies.values()),
        flagged=len(unknown),
        unknown_tries=sum(unknown.values()),
    )


def open_rows(query: Query) -> int:
    """Return how many e-mails of the visits are in no final state."""
    return int(
        query(
            "SELECT count(*) FROM messaging_delivery d JOIN messaging_message m ON m.id = d.message_id "
            "WHERE m.kind = 'details' AND d.channel = 'email' AND NOT (d.state = 'sent' "
            "OR (d.state = 'unknown' AND d.due_at IS NULL))"
        )[0][0]
    )
