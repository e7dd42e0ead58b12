"""The guard as an ASGI callable, with small stand-ins for the pages and the server."""

import asyncio
import threading
from collections.abc import Callable, Iterable
from typing import Any

import pytest

from config.guard import Guard
from tests.fakes.loops import run

Start = Callable[..., Any]


def page(environ: dict[str, Any], start: Start) -> Iterable[bytes]:
    """Answer with what arrived, in two pieces and with a wrong length."""
    body = environ["wsgi.input"].read()
    start("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "999")])
    return [environ.get("HTTP_X_FORWARDED_FOR", "-").encode(), b" " + body]


def request(method: str = "GET", headers: dict[str, str] | None = None, query: bytes = b"") -> dict[str, Any]:
    return {
        "type": "http",
        "method": method,
        "path": "/",
        "query_string": query,
        "http_version": "1.1",
        "headers": [(name.encode(), value.encode()) for name, value in (headers or {}).items()],
    }


def ask(
    guard: Guard, scope: dict[str, Any], *parts: bytes, then: float | None = None
) -> tuple[int, dict[bytes, bytes], bytes] | None:
    """Run one exchange; `then` is the number of seconds after which the client leaves, None if it stays."""
    sent: list[dict[str, Any]] = []
    waiting = [{"type": "http.request", "body": part, "more_body": True} for part in parts]
    waiting.append({"type": "http.request", "body": b"", "more_body": False})

    async def receive() -> dict[str, Any]:
        if waiting:
            return waiting.pop(0)
        await asyncio.sleep(3600 if then is None else then)
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        sent.append(message)

    run(guard(scope, receive, send))
    if not sent:
        return None
    return sent[0]["status"], dict(sent[0]["headers"]), b"".join(part["body"] for part in sent[1:])


def test_page_gets_the_whole_body_and_its_true_length() -> None:
    status, headers, body = ask(Guard(page), request("POST"), b"first, ", b"second")  # type: ignore[misc]

    assert (status, body) == (200, b"- first, second")
    assert headers[b"content-length"] == b"15"


def test_header_names_with_an_underscore_are_dropped() -> None:
    scope = request(headers={"x-forwarded-for": "203.0.113.7", "x_forwarded_for": "10.0.0.1"})

    assert ask(Guard(page), scope)[2] == b"203.0.113.7 "  # type: ignore[index]


def test_body_without_a_declared_length_reaches_the_page() -> None:
    def measured(environ: dict[str, Any], start: Start) -> Iterable[bytes]:
        start("200 OK", [])
        return [environ["CONTENT_LENGTH"].encode(), str("HTTP_TRANSFER_ENCODING" in environ).encode()]

    answer = ask(Guard(measured), request("POST", {"transfer-encoding": "chunked"}), b"12345")

    assert answer is not None
    assert answer[2] == b"5False"


@pytest.mark.parametrize("declared", [{"content-length": "2000000"}, {}], ids=["declared", "counted"])
def test_large_body_is_refused_without_calling_the_page(declared: dict[str, str]) -> None:
    def never(environ: dict[str, Any], start: Start) -> Iterable[bytes]:
        raise AssertionError("called")

    answer = ask(Guard(never), request("POST", declared), *[b"x" * 100_000] * 20)

    assert answer is not None
    assert answer[0] == 413
    assert answer[1][b"connection"] == b"close"


def test_large_body_with_expect_is_refused_before_it_is_sent() -> None:
    scope = request("POST", {"content-length": "2000000", "expect": "100-continue"})

    async def receive() -> dict[str, Any]:
        raise AssertionError("asked for the body")

    statuses: list[int] = []

    async def send(message: Any) -> None:
        statuses.append(message.get("status", 0))

    run(Guard(page)(scope, receive, send))

    assert statuses == [413, 0]


@pytest.mark.parametrize(("first", "status"), [(b"x", 408), (b"x" * 2_000_000, 413)])
def test_stalled_body_is_refused(first: bytes, status: int) -> None:
    statuses: list[int] = []
    waiting = [{"type": "http.request", "body": first, "more_body": True}]

    async def receive() -> dict[str, Any]:
        if not waiting:
            await asyncio.sleep(3600)
        return waiting.pop()

    async def send(message: Any) -> None:
        statuses.append(message.get("status", 0))

    run(Guard(page, body_seconds=0.05)(request("POST"), receive, send))

    assert statuses == [status, 0]


def test_page_is_not_called_when_the_client_left_during_the_body() -> None:
    async def receive() -> dict[str, Any]:
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        raise AssertionError("answered nobody")

    run(Guard(page)(request("POST"), receive, send))


def test_page_is_not_called_when_the_client_left_while_waiting_for_a_thread() -> None:
    calls: list[str] = []
    free = threading.Event()

    def slow(environ: dict[str, Any], start: Start) -> Iterable[bytes]:
        calls.append(environ["QUERY_STRING"])
        free.wait(5)
        start("200 OK", [])
        return []

    async def scene() -> None:
        guard = Guard(slow, threads=1)
        gone = asyncio.Event()

        def client(leaves: bool) -> Callable[[], Any]:
            parts = [{"type": "http.request", "body": b"", "more_body": False}]

            async def receive() -> dict[str, Any]:
                if not parts:
                    await (gone.wait() if leaves else asyncio.sleep(3600))
                    return {"type": "http.disconnect"}
                return parts.pop()

            return receive

        async def send(message: Any) -> None:
            pass

        first = asyncio.create_task(guard(request(query=b"stays"), client(leaves=False), send))
        second = asyncio.create_task(guard(request(query=b"leaves"), client(leaves=True), send))
        await asyncio.sleep(0.05)
        gone.set()
        await asyncio.sleep(0.05)
        free.set()
        await asyncio.gather(first, second)

    run(scene())

    assert calls == ["stays"]


def test_head_keeps_the_length_of_the_body_it_leaves_out() -> None:
    def without_length(environ: dict[str, Any], start: Start) -> Iterable[bytes]:
        start("200 OK", [])
        return [b"12345"]

    named = ask(Guard(page), request("HEAD"))
    counted = ask(Guard(without_length), request("HEAD"))

    assert named is not None
    assert (named[1][b"content-length"], named[2]) == (b"999", b"")
    assert counted is not None
    assert (counted[1][b"content-length"], counted[2]) == (b"5", b"")


@pytest.mark.parametrize("line", ["204 No Content", "304 Not Modified"])
def test_answers_without_a_body_get_no_length(line: str) -> None:
    def bare(environ: dict[str, Any], start: Start) -> Iterable[bytes]:
        start(line, [("ETag", '"1"')])
        return [b"stray"]

    answer = ask(Guard(bare), request())

    assert answer == (int(line[:3]), {b"etag": b'"1"'}, b"")


def test_failing_page_is_a_plain_500_and_is_closed(caplog: pytest.LogCaptureFixture) -> None:
    closed: list[bool] = []

    class Broken:
        def __iter__(self) -> Any:
            raise RuntimeError("half-way")

        def close(self) -> None:
            closed.append(True)

    answer = ask(Guard(lambda environ, start: Broken()), request())  # type: ignore[arg-type, return-value]

    assert answer is not None
    assert answer[0] == 500
    assert b"half-way" not in answer[2]
    assert closed == [True]
    assert "a page failed" in caplog.text


def test_query_outside_ascii_is_a_bad_request() -> None:
    assert ask(Guard(page), request(query=b"q=\xff"))[0] == 400  # type: ignore[index]


def test_websockets_are_refused() -> None:
    sent: list[Any] = []

    async def receive() -> dict[str, Any]:
        return {"type": "websocket.connect"}

    async def send(message: Any) -> None:
        sent.append(message)

    run(Guard(page)({"type": "websocket"}, receive, send))

    assert sent == [{"type": "websocket.close", "code": 1008}]


def test_lifespan_is_answered() -> None:
    sent: list[Any] = []
    events = [{"type": "lifespan.shutdown"}, {"type": "lifespan.startup"}]

    async def receive() -> dict[str, Any]:
        return events.pop()

    async def send(message: Any) -> None:
        sent.append(message["type"])

    started: list[bool] = []
    guard = Guard(page, on_start=lambda: started.append(True))
    run(guard({"type": "lifespan"}, receive, send))

    assert started == [True]
    assert sent == ["lifespan.startup.complete", "lifespan.shutdown.complete"]
