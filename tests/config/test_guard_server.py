"""The guard under a real server, with clients on raw sockets that behave badly."""

import socket
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
import uvicorn

from config.guard import Guard

LARGE = 4_000_000  # bytes: far more than the kernel's buffers take off the server's hands


class Pages:
    """Large and small pages that count themselves."""

    def __init__(self) -> None:
        self.running = 0
        self.finished = 0
        self.lock = threading.Lock()

    def __call__(self, environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        with self.lock:
            self.running += 1
        try:
            start("200 OK", [])
            if environ["PATH_INFO"] == "/large":
                yield b"x" * LARGE
            else:
                yield environ.get("HTTP_X_FORWARDED_FOR", "-").encode()
        finally:
            with self.lock:
                self.running -= 1
                self.finished += 1


@pytest.fixture
def pages() -> Pages:
    return Pages()


@pytest.fixture
def port(pages: Pages) -> Iterator[int]:
    guard = Guard(pages, threads=4, body_seconds=0.5)  # type: ignore[arg-type]
    config = uvicorn.Config(
        guard, host="127.0.0.1", port=0, lifespan="off", log_config=None, timeout_graceful_shutdown=1
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    yield server.servers[0].sockets[0].getsockname()[1]
    server.should_exit = True
    thread.join(10)
    assert not thread.is_alive()


def connect(port: int, *, receive_buffer: int | None = None) -> socket.socket:
    client = socket.socket()
    if receive_buffer is not None:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
    client.settimeout(10)
    client.connect(("127.0.0.1", port))
    return client


def answer(client: socket.socket) -> str:
    """Return everything the server sends until it closes the connection."""
    parts = []
    while part := client.recv(65536):
        parts.append(part)
    return b"".join(parts).decode()


def get(port: int, path: str, *lines: str) -> str:
    head = "\r\n".join([f"GET {path} HTTP/1.1", "Host: localhost", "Connection: close", *lines, "", ""])
    with connect(port) as client:
        client.sendall(head.encode())
        return answer(client)


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_fifty_slow_readers_leave_every_thread_free(port: int, pages: Pages) -> None:
    with ExitStack() as stack:
        readers = [stack.enter_context(connect(port, receive_buffer=2048)) for _ in range(50)]
        for reader in readers:
            reader.sendall(b"GET /large HTTP/1.1\r\nHost: localhost\r\n\r\n")
        wait_for(lambda: pages.finished == 50)
        for _ in range(5):  # 100 bytes a second from each, over half a second
            for reader in readers:
                assert len(reader.recv(10)) == 10
            time.sleep(0.1)

        started = time.monotonic()
        small = [get(port, "/small") for _ in range(20)]
        elapsed = time.monotonic() - started

        assert pages.running == 0
        assert all(text.startswith("HTTP/1.1 200") for text in small)
        assert elapsed < 2


def test_forged_header_is_dropped(port: int) -> None:
    text = get(port, "/small", "X-Forwarded-For: 203.0.113.7", "X_Forwarded_For: 10.0.0.1")

    assert text.endswith("\r\n\r\n203.0.113.7")


def test_two_megabytes_are_too_much(port: int, pages: Pages) -> None:
    with connect(port) as client:
        client.sendall(b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2000000\r\n\r\n")
        client.sendall(b"x" * 2_000_000)

        assert answer(client).startswith("HTTP/1.1 413 ")
    assert pages.finished == 0


def test_stalled_body_times_out(port: int, pages: Pages) -> None:
    with connect(port) as client:
        client.sendall(b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\nabc")

        assert answer(client).startswith("HTTP/1.1 408 ")
    assert pages.finished == 0


def test_head_has_the_length_and_no_body(port: int) -> None:
    with connect(port) as client:
        client.sendall(b"HEAD /large HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        text = answer(client)

    assert f"content-length: {LARGE}\r\n" in text.lower()
    assert text.endswith("\r\n\r\n")
