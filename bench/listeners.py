"""Thousands of open streams as one process holds them: raw sockets and one epoll.

Started by `bench.streams`, which talks to it in lines of JSON through `Listeners`. Every message carries
`~number~instant~`; both ends read the same machine's monotonic clock.
"""

import heapq
import json
import os
import re
import select
import socket
import subprocess
import sys
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from bench import ground

# One group's share of 127/8: a server that counts callers per address sees as many addresses as a town has.
PER_ADDRESS = 250
# Streams asked for and not yet answered; above it a listen queue would overflow and cost a second.
AT_ONCE = 200
STAMP = re.compile(rb"~(\d+)~(\d+)~")
RETRY = re.compile(rb"retry: (\d+)")
PRESENCE_SECONDS = 20


def stamp(number: int) -> str:
    """Return what tells the listeners which message this is and when it was published."""
    return f"~{number}~{time.monotonic_ns()}~"


# --- The process -----------------------------------------------------------------------------------


class Line:
    """One open stream."""

    __slots__ = ("group", "index", "is_ready", "retry", "sock", "tail")

    def __init__(self, group: "Group", index: int) -> None:
        self.group = group
        self.index = index
        self.is_ready = False
        self.retry = 3.0  # what browsers take when the server names nothing
        self.tail = b""
        self.sock: socket.socket | None = None


class Group:
    """The streams of one server."""

    def __init__(self, port: int, requests: Sequence[str], marker: str) -> None:
        self.port = port
        self.requests = [request.encode() for request in requests]
        self.marker = marker.encode()
        self.lines = [Line(self, index) for index in range(len(requests))]
        self.ready = 0
        self.ready_at = 0
        self.comes_back = False
        self.ended = 0


class Process:
    """All groups, and the orders of whoever started this."""

    def __init__(self) -> None:
        self._epoll = select.epoll()
        self._epoll.register(sys.stdin.fileno(), select.EPOLLIN)
        self._lines: dict[int, Line] = {}
        self._orders = b""
        self._groups: dict[str, Group] = {}
        self._heard: Counter[int] = Counter()
        self._last: dict[int, int] = {}
        self._published: dict[int, int] = {}
        self._waiting: tuple[dict[str, Any], float] | None = None
        self._returning: list[tuple[float, int, Line]] = []
        self._presence: threading.Event | None = None

    def run(self) -> None:
        """Read streams and orders until the orders end."""
        while True:
            timeout = 0.2
            if self._returning:
                timeout = max(0.0, min(timeout, self._returning[0][0] - time.monotonic()))
            for descriptor, _events in self._epoll.poll(timeout):
                if line := self._lines.get(descriptor):
                    self._read(line)
                elif descriptor == sys.stdin.fileno() and not self._take_orders():
                    return
            while self._returning and self._returning[0][0] <= time.monotonic():
                self._connect(heapq.heappop(self._returning)[2])
            if self._waiting is not None:
                self._answer_if_done()

    def _take_orders(self) -> bool:
        data = os.read(sys.stdin.fileno(), 1 << 20)
        *orders, self._orders = (self._orders + data).split(b"\n")
        for order in orders:
            said = json.loads(order)
            answer = getattr(self, f"do_{said['do']}")(said)
            if answer is not None:
                self._say(answer)
        return bool(data)

    def _say(self, answer: dict[str, Any]) -> None:
        print(json.dumps(answer), flush=True)

    def _answer_if_done(self) -> None:
        assert self._waiting is not None
        order, until = self._waiting
        group = self._groups[order["group"]]
        number = order.get("number")
        done = self._heard[number] if number is not None else group.ready
        if done >= len(group.lines) or time.monotonic() > until:
            self._waiting = None
            if number is None:
                self._say({"ready": done, "at": group.ready_at})
            else:
                took = self._last.get(number, 0) - self._published.get(number, 0)
                self._say({"heard": done, "ms": took / 1e6})

    # --- orders ------------------------------------------------------------------------------------

    def do_open(self, order: dict[str, Any]) -> dict[str, Any]:
        """Open all streams of a group as fast as the server takes them."""
        group = Group(order["port"], order["requests"], order["marker"])
        self._groups[order["group"]] = group
        for line in group.lines:  # what a browser does by itself is not the server's time
            line.sock = self._socket(line)
        began = time.monotonic_ns()
        asked = 0
        until = time.monotonic() + 60
        while group.ready < len(group.lines):
            while asked < len(group.lines) and asked - group.ready < AT_ONCE:
                self._connect(group.lines[asked])
                asked += 1
            for descriptor, _events in self._epoll.poll(1):
                if line := self._lines.get(descriptor):
                    self._read(line)
            if time.monotonic() > until or group.ended:
                sys.exit(f"{order['group']}: {group.ready} streams of {len(group.lines)} opened")
        return {"seconds": (group.ready_at - began) / 1e9}

    def do_close(self, order: dict[str, Any]) -> dict[str, Any]:
        """Close all streams of a group."""
        group = self._groups.pop(order["group"])
        for line in group.lines:
            self._drop(line)
        return {"ended": group.ended}

    def do_hear(self, order: dict[str, Any]) -> None:
        """Answer once everybody in the group has heard a message."""
        self._waiting = (order, time.monotonic() + order["seconds"])

    def do_come_back(self, order: dict[str, Any]) -> dict[str, Any]:
        """From now on, open a stream again that the server ends, as a browser does."""
        group = self._groups[order["group"]]
        group.comes_back = True
        group.ready = 0
        for line in group.lines:
            line.is_ready = False
        return {}

    def do_back(self, order: dict[str, Any]) -> None:
        """Answer once everybody in the group has been given the present state again."""
        self._waiting = (order, time.monotonic() + order["seconds"])

    def do_presence(self, order: dict[str, Any]) -> dict[str, Any]:
        """Have each page of a group say every 20 s that it is there; ends with the group's streams."""
        if self._presence is not None:
            self._presence.set()
            self._presence = None
        if order.get("requests"):
            self._presence = threading.Event()
            arguments = (order["port"], order["requests"], self._presence)
            threading.Thread(target=say_here, args=arguments, daemon=True).start()
        return {}

    # --- streams -----------------------------------------------------------------------------------

    def _socket(self, line: Line) -> socket.socket:
        sock = socket.socket()
        sock.bind((f"127.0.1.{1 + line.index // PER_ADDRESS}", 0))
        return sock

    def _connect(self, line: Line) -> None:
        group = line.group
        sock = line.sock or self._socket(line)
        try:
            sock.connect(("127.0.0.1", group.port))
        except OSError:
            sock.close()
            line.sock = None
            self._later(line)
            return
        sock.sendall(group.requests[line.index])
        sock.setblocking(False)
        line.sock, line.tail, line.is_ready = sock, b"", False
        self._lines[sock.fileno()] = line
        self._epoll.register(sock, select.EPOLLIN)

    def _later(self, line: Line) -> None:
        heapq.heappush(self._returning, (time.monotonic() + line.retry, id(line), line))

    def _drop(self, line: Line) -> None:
        if line.sock is not None:
            self._lines.pop(line.sock.fileno(), None)
            line.sock.close()
            line.sock = None

    def _read(self, line: Line) -> None:
        if line.sock is None:
            return
        try:
            data = line.sock.recv(65536)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        now = time.monotonic_ns()
        if not data:
            self._drop(line)
            if line.group.comes_back:
                self._later(line)
            else:
                line.group.ended += 1
            return
        data = line.tail + data
        if not line.is_ready and line.group.marker in data:
            line.is_ready = True
            line.group.ready += 1
            line.group.ready_at = now
            if found := RETRY.search(data):
                line.retry = int(found[1]) / 1000
        whole = data.rfind(b"\n") + 1
        line.tail = data[whole:]
        for number, published in STAMP.findall(data, 0, whole):
            self._heard[int(number)] += 1
            self._last[int(number)] = now
            self._published[int(number)] = int(published)


def say_here(port: int, requests: Sequence[str], end: threading.Event) -> None:
    """Send these over and over, evenly, each on a connection of its own."""
    pause = PRESENCE_SECONDS / len(requests)
    due = time.monotonic()
    while True:
        for request in requests:
            due += pause
            if end.wait(max(0.0, due - time.monotonic())):
                return
            with socket.create_connection(("127.0.0.1", port)) as sock:
                sock.sendall(request.encode())
                if b" 204 " not in sock.recv(4096):
                    os._exit(3)


# --- Its other end ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Address:
    """Where the streams of one server are.

    Args:
        marker: what a stream says first, once it stands.
    """

    port: int
    marker: str


class Listeners:
    """The process, for whoever measures."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process
        self._open: dict[str, int] = defaultdict(int)

    def _ask(self, do: str, **more: Any) -> dict[str, Any]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps({"do": do, **more}) + "\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        if not answer:
            sys.exit("the listeners' process ended")
        said: dict[str, Any] = json.loads(answer)
        return said

    def open(self, group: str, address: Address, requests: Iterable[str]) -> float:
        """Open streams; return how many a second the server took."""
        texts = list(requests)
        self._open[group] = len(texts)
        took = self._ask("open", group=group, port=address.port, marker=address.marker, requests=texts)
        return len(texts) / float(took["seconds"])

    def close(self, group: str) -> int:
        """Close a group's streams; return how many the server had ended."""
        return int(self._ask("close", group=group)["ended"])

    def heard(self, group: str, number: int, seconds: float = 10) -> tuple[int, float]:
        """Wait for a message; return to how many it did not come and when (ms) it came to the last."""
        said = self._ask("hear", group=group, number=number, seconds=seconds)
        return self._open[group] - said["heard"], said["ms"]

    def come_back(self, group: str) -> None:
        """Have a group's streams return when the server ends them."""
        self._ask("come_back", group=group)

    def back(self, group: str, seconds: float = 60) -> tuple[int, float]:
        """Wait until all have returned; return how many did not and when (monotonic) the last did."""
        said = self._ask("back", group=group, seconds=seconds)
        return self._open[group] - said["ready"], said["at"] / 1e9

    def say_here(self, address: Address, requests: Iterable[str]) -> None:
        """Have pages report that they are there, every 20 s each; without requests no longer."""
        self._ask("presence", port=address.port, requests=list(requests))


@contextmanager
def listeners() -> Iterator[Listeners]:
    """Run the process."""
    with subprocess.Popen(
        [sys.executable, "-m", "bench.listeners"],
        cwd=ground.ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield Listeners(process)
        finally:
            process.kill()


if __name__ == "__main__":
    Process().run()
