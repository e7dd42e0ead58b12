"""Ten thousand notices from eight threads at once, of pages and of Celery: none lost, in order (W11)."""

import json
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable
from contextlib import closing, suppress
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from tests.fakes.listener import Listener
from tests.faults.harness import ROOT, Fleet, fleet, free_port, until
from tests.faults.test_kill import show
from tests.services import postgresql, valkey

pytestmark = [pytest.mark.faults, pytest.mark.timeout(1800)]
EACH = 1250


def up(crew: Fleet, *arguments: str) -> None:
    """Start a `manage.py` command that knows the task."""
    with crew.log.open("ab") as log:
        crew.running.append(
            subprocess.Popen(
                [sys.executable, "-m", "tests.faults.publishers", *arguments],
                cwd=ROOT, env=crew.environment, stdout=log, stderr=log, start_new_session=True,
            )
        )  # fmt: skip


def written_by_pages(port: int, world: dict[str, Any], pk: int) -> None:
    """Write to one caller as a member's page does, a notice after the other."""
    headers = {
        "Cookie": "; ".join(f"{name}={value}" for name, value in world["cookies"].items()),
        "Content-Type": "application/x-www-form-urlencoded",
    }
    with closing(HTTPConnection("127.0.0.1", port, timeout=60)) as connection:
        for number in range(1, EACH + 1):
            form = {"csrfmiddlewaretoken": "a" * 32, "text": str(number), "key": uuid.uuid4().hex}
            connection.request("POST", f"{world['url']}{pk}/", urlencode(form), headers)
            answer = connection.getresponse()
            answer.read()
            assert answer.status == 302, answer.status


def heard_by_all(
    crew: Fleet, port: int, start: Callable[[], None]
) -> tuple[list[list[tuple[int, str]]], float]:
    """Return what each caller's stream heard of the notices, in order, and the seconds it took."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.faults.publishers", "seed"],
        cwd=ROOT, env=crew.environment, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    world = json.loads(done.stdout)
    start()
    assert until(lambda: answers(port), seconds=60), crew.log.read_text()
    callers = world["callers"]
    base = f"http://127.0.0.1:{port}"
    streams = [Listener(base, one["path"], {"live": one["token"]}) for one in callers]
    for stream in streams:
        assert stream.take().name == "sync"
    began = time.monotonic()
    pages = [
        threading.Thread(target=written_by_pages, args=(port, world, one["pk"]))
        for one in callers[: len(callers) // 2]
    ]
    for thread in pages:
        thread.start()
    Path(crew.environment["ANTEROOM_DATA"], "go").touch()
    heard: list[list[tuple[int, str]]] = []
    for thread in pages:
        thread.join()
    for stream in streams:
        mine: list[tuple[int, str]] = []
        while len(mine) < EACH:
            event = stream.take("notice")
            mine.append((event.number or 0, event.data["html"].split(">", 2)[1].split("<")[0].strip()))
        heard.append(mine)
        stream.close()
    return heard, time.monotonic() - began


def answers(port: int) -> bool:
    with closing(HTTPConnection("127.0.0.1", port, timeout=10)) as connection, suppress(OSError):
        connection.request("GET", "/log-in/")
        return connection.getresponse().status == 200
    return False


def judge(heard: list[list[tuple[int, str]]]) -> None:
    """Fail unless every caller heard every notice once, each in the order it was written."""
    assert len(heard) == 8
    for mine in heard:
        assert [number for number, _text in mine] == list(range(1, EACH + 1))
        assert [text for _number, text in mine] == [str(number) for number in range(1, EACH + 1)]


def test_the_one_process(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    port = free_port()
    with fleet(tmp_path) as crew:
        heard, seconds = heard_by_all(crew, port, lambda: up(crew, "up", "--no-demo", "--port", str(port)))
        judge(heard)
    show(
        capsys,
        f"10,000 notices from 4 page and 4 Celery threads of one process in {seconds:.0f} s: all, in order",
    )


def test_web_and_worker(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    port = free_port()
    with (
        postgresql() as database,
        valkey() as redis,
        fleet(tmp_path, DATABASE_URL=database, REDIS_URL=redis) as crew,
    ):

        def start() -> None:
            up(crew, "web", "--port", str(port))
            up(crew, "worker", "--concurrency", "4")

        heard, seconds = heard_by_all(crew, port, start)
        judge(heard)
    show(
        capsys,
        f"10,000 notices from a web process and a Celery worker's 4 threads in {seconds:.0f} s: all, in order",
    )
