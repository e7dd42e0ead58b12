"""kill -9 while 500 messages go to a server that sometimes answers late (R1, R2, R31, X3)."""

import random
import socket
import sqlite3
import time
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg
import pytest

from tests.faults.harness import LINES, Query, fleet, free_port, judge, open_rows, seed, sink, until
from tests.services import postgresql, valkey

pytestmark = [pytest.mark.faults, pytest.mark.timeout(1800)]

COUNT, KILLS = 500, 20
# 100 ms on the way to the server, and every twentieth answer a second late.
WAY = ("--delay-ms", "100", "--late", "5", "--late-seconds", "1", "--seed", "7")


def is_below(query: Query, before: int) -> bool:
    """Return whether something has left since `before` was counted."""
    return open_rows(query) < before


def show(capsys: pytest.CaptureFixture[str], text: object) -> None:
    with capsys.disabled():
        print(f"\n    {text}", flush=True)


def test_the_one_process(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arrived = tmp_path / "mail.jsonl"
    dice = random.Random(11)
    database = tmp_path / "anteroom.sqlite3"

    def query(statement: str) -> list[Any]:
        with sqlite3.connect(f"file:{database}?mode=ro", uri=True, timeout=20) as connection:
            return connection.execute(statement).fetchall()

    with sink(arrived, *WAY) as url, fleet(tmp_path, EMAIL_URL=url) as crew:
        seed(crew.environment, COUNT)
        waiting = []
        for _ in range(KILLS):
            before = open_rows(query)
            process = crew.start("up", "--no-demo", "--port", str(free_port()))
            # Only a kill in the middle of sending shows anything.
            assert until(partial(is_below, query, before), seconds=60), crew.log.read_text()
            time.sleep(dice.uniform(0, 1.5))
            crew.kill(process)
            waiting.append(open_rows(query))
        crew.start("up", "--no-demo", "--port", str(free_port()))
        drained = until(lambda: open_rows(query) == 0, seconds=180)
        time.sleep(0.5)  # the sink's file is that far behind
    verdict = judge(query, arrived)
    show(capsys, f"{KILLS} kills of the one process (open rows after each: {waiting})")
    show(capsys, verdict)

    assert drained
    assert waiting[-1] > 0
    assert query("PRAGMA integrity_check") == [("ok",)]
    assert (verdict.rows, verdict.lost, verdict.doubled_without_flag, verdict.thrice) == (COUNT, 0, 0, 0)
    assert verdict.unknown_tries <= KILLS * LINES


def test_two_workers(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arrived = tmp_path / "mail.jsonl"
    dice = random.Random(13)
    with postgresql() as database, valkey() as redis, sink(arrived, *WAY) as url:

        def query(statement: str) -> list[Any]:
            with psycopg.connect(database, autocommit=True) as connection:
                return connection.execute(statement).fetchall()

        with fleet(tmp_path, EMAIL_URL=url, DATABASE_URL=database, REDIS_URL=redis) as crew:
            seed(crew.environment, COUNT)
            crew.start("beat")
            workers = [crew.start("worker"), crew.start("worker")]
            waiting = []
            for number in range(KILLS):
                before = open_rows(query)
                assert until(partial(is_below, query, before), seconds=60), crew.log.read_text()
                time.sleep(dice.uniform(0, 1.0))
                chosen = dice.randrange(2)
                crew.kill(workers[chosen])
                workers[chosen] = crew.start("worker")
                waiting.append(open_rows(query))
                if number == KILLS // 2:
                    address = urlsplit(redis)
                    with socket.create_connection((address.hostname or "", address.port or 0), 5) as client:
                        client.sendall(b"FLUSHALL\r\n")
                        assert client.recv(16).startswith(b"+OK")
            drained = until(lambda: open_rows(query) == 0, seconds=180)
            time.sleep(0.5)
            verdict = judge(query, arrived)
    show(capsys, f"{KILLS} kills of two workers, Redis wiped once (open rows after each: {waiting})")
    show(capsys, verdict)

    assert drained
    assert (verdict.rows, verdict.lost, verdict.doubled_without_flag, verdict.thrice) == (COUNT, 0, 0, 0)
    assert verdict.unknown_tries <= KILLS * LINES
