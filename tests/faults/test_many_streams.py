"""A thousand streams of fifty clinics for half an hour, some slow, some that read nothing (R26)."""

import asyncio
import json
import os
import random
import socket
import subprocess
import sys
import time
from collections import Counter
from contextlib import closing, suppress
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

import psycopg
import pytest
import redis

from clinic.live import tokens
from clinic.live.events import Event, pack
from clinic.live.subjects import Subject
from tests.faults.harness import ROOT, fleet, free_port, until
from tests.faults.test_kill import show
from tests.faults.test_publishers import answers
from tests.services import postgresql, valkey

MINUTES = float(os.environ.get("R26_MINUTES", "30"))
pytestmark = [pytest.mark.faults, pytest.mark.timeout(int(MINUTES * 60) + 900)]
SLOW, HALF_OPEN = 100, 50  # of a thousand
SLOW_BYTES = 100  # a second
PAD = "x" * 4000
ESTABLISHED = "01"


@dataclass
class Tally:
    """What the listeners saw."""

    waits: list[float] = field(default_factory=list)
    foreign: int = 0
    gaps: int = 0
    ended: Counter[str] = field(default_factory=Counter)
    synced: Counter[str] = field(default_factory=Counter)
    opened: int = 0  # by the slow
    opened_half: int = 0


def request(port: int, one: Subject) -> bytes:
    """Ask for a subject's stream as a page does that has just renewed its token."""
    lines = (
        f"GET {tokens.stream_path(one)} HTTP/1.1",
        f"Host: 127.0.0.1:{port}",
        f"Cookie: {tokens.cookie_name()}={tokens.sign(one)}",
        "",
        "",
    )
    return "\r\n".join(lines).encode()


def address_of(one: Subject) -> str:
    """Return where a listener connects from: each clinic's people from an address of their own."""
    return f"127.0.0.{one.clinic % 200 + 2}"


async def small_socket(port: int, one: Subject) -> socket.socket:
    """Open a stream whose end here takes in almost nothing by itself."""
    loop = asyncio.get_running_loop()
    small = socket.socket()
    small.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    small.setblocking(False)
    small.bind((address_of(one), 0))
    await loop.sock_connect(small, ("127.0.0.1", port))
    await loop.sock_sendall(small, request(port, one))
    return small


async def listen(port: int, one: Subject, tally: Tally) -> None:
    """Read as fast as it comes; note how long each event took, and whose it was."""
    reader, writer = await asyncio.open_connection(
        "127.0.0.1", port, limit=2**20, local_addr=(address_of(one), 0)
    )
    last = number = 0
    with closing(writer):
        writer.write(request(port, one))
        while line := await reader.readline():
            if line.startswith(b"id: "):
                number = int(line[4:])
            elif line.startswith(b"event: sync"):
                tally.synced["healthy"] += 1
            elif line.startswith(b'data: {"name"'):
                said = json.loads(line[6:])["data"]
                tally.waits.append(time.time() - said["at"])
                tally.foreign += said["clinic"] != one.clinic
                tally.gaps += bool(last) and number != last + 1
                last = number
        tally.ended["healthy"] += 1


async def dawdle(port: int, one: Subject, tally: Tally) -> None:
    """Read a hundred bytes a second; come back when cut, and see that `sync` comes first."""
    loop = asyncio.get_running_loop()
    while True:
        with closing(await small_socket(port, one)) as small:
            head = await loop.sock_recv(small, 2000)
            if b" 200 " not in head.split(b"\r\n")[0]:
                tally.ended["refused"] += 1
                return
            head += await loop.sock_recv(small, 200)
            tally.synced["slow"] += b"event: sync" in head
            tally.opened += 1
            with suppress(ConnectionError):
                while await loop.sock_recv(small, SLOW_BYTES):
                    await asyncio.sleep(1)
            tally.ended["slow"] += 1


async def ignore(port: int, one: Subject, tally: Tally) -> None:
    """Open a stream and read nothing of it; nobody tells a client like that when it was given up."""
    with closing(await small_socket(port, one)):
        tally.opened_half += 1
        await asyncio.Event().wait()


def held_streams(port: int) -> int:
    """Return how many connections the server holds, as the system counts them."""
    rows = (line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:])
    return sum(row[1].endswith(f":{port:04X}") and row[3] == ESTABLISHED for row in rows)


def memory(pid: int) -> float:
    """Return what a process holds, in MB."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("VmRSS")).split()[1]) / 1024


async def half_an_hour(
    port: int, world: dict[str, Any], bus: "redis.Redis", pid: int, database: str
) -> dict[str, Any]:
    tally = Tally()
    dice = random.Random(26)
    everybody = [
        Subject(**{name: value for name, value in one.items() if name != "stream_id"})
        for one in world["listeners"]
    ]
    dice.shuffle(everybody)
    kinds = [dawdle] * SLOW + [ignore] * HALF_OPEN + [listen] * (len(everybody) - SLOW - HALF_OPEN)
    tasks = []
    for how, one in zip(kinds, everybody, strict=True):
        tasks.append(asyncio.create_task(how(port, one, tally)))
        if len(tasks) % 50 == 0:
            await asyncio.sleep(0.2)
    healthy = len(everybody) - SLOW - HALF_OPEN
    while tally.synced["healthy"] < healthy:
        await asyncio.sleep(0.2)
    began, numbers = time.monotonic(), {one: count(1) for one in world["topics"]}
    held: list[float] = []
    connections: list[int] = []
    while (gone := time.monotonic() - began) < MINUTES * 60:
        for clinic, topics in world["topics"].items():
            number = next(numbers[clinic])
            data = {"clinic": int(clinic), "at": time.time(), "pad": PAD}
            bus.publish(world["channel"], pack(Event("notice", dict.fromkeys(topics, number), data)))
            await asyncio.sleep(1 / len(world["topics"]))
        if int(gone) // 30 > len(held) - 1:
            held.append(memory(pid))
            with psycopg.connect(database, autocommit=True) as connection:
                row = connection.execute(
                    "SELECT count(*) FROM pg_stat_activity WHERE datname = 'anteroom' AND pid <> pg_backend_pid()"
                ).fetchone()
            connections.append(row[0] if row else -1)
    streams = held_streams(port)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    return {"tally": tally, "memory": held, "connections": connections, "streams": streams}


def test_a_thousand_streams(tmp_path: Path, settings: Any, capsys: pytest.CaptureFixture[str]) -> None:
    port = free_port()
    with (
        postgresql() as database,
        valkey() as url,
        fleet(tmp_path, DATABASE_URL=database, REDIS_URL=url) as crew,
    ):
        done = subprocess.run(
            [sys.executable, "-m", "tests.faults.listeners"],
            cwd=ROOT, env=crew.environment, capture_output=True, text=True,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        world = json.loads(done.stdout)
        settings.SECRET_KEY = crew.environment["SECRET_KEY"]
        web = crew.start("web", "--port", str(port))
        assert until(lambda: answers(port), seconds=60), crew.log.read_text()
        with redis.Redis.from_url(url) as bus:
            found = asyncio.run(half_an_hour(port, world, bus, web.pid, database))
    tally, held = found["tally"], found["memory"]
    waits = sorted(tally.waits)
    settled = held[min(10, len(held) // 2)]
    show(
        capsys,
        f"{len(waits)} events to healthy streams in {MINUTES:g} min: p50 {waits[len(waits) // 2] * 1000:.0f} ms, "
        f"p95 {waits[int(len(waits) * 0.95)] * 1000:.0f} ms, worst {waits[-1] * 1000:.0f} ms; foreign {tally.foreign}, "
        f"gaps {tally.gaps}; ended {dict(tally.ended)}; {found['streams']} streams held; "
        f"memory {settled:.0f} MB then {held[-1]:.0f} MB "
        f"(most {max(held):.0f}); database connections {min(found['connections'])} to {max(found['connections'])}",
    )

    assert waits[int(len(waits) * 0.95)] <= 2.0
    assert (tally.foreign, tally.gaps, tally.ended["healthy"]) == (0, 0, 0)
    assert tally.ended["slow"] >= SLOW
    # Those that read nothing are held no more.
    assert tally.opened_half == HALF_OPEN
    assert found["streams"] <= 1000 - HALF_OPEN
    assert tally.synced["slow"] == tally.opened
    assert held[-1] <= settled * 1.1
    assert max(found["connections"]) <= 10
