"""Between uvicorn and the pages: no slow, huge or departed client ever holds one of the pages' threads.

The pages are plain WSGI, because Django under ASGI costs several times as much per request. A thread
runs one page from a complete request body to a complete response and does no network I/O at all; the
waiting for slow clients, in and out, is done by the event loop.
"""

import asyncio
import io
import logging
import sys
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus
from typing import Any
from wsgiref.types import WSGIApplication, WSGIEnvironment

from a2wsgi.wsgi import build_environ

from config.page_threads import PAGE_THREADS, PageThreads

Message = MutableMapping[str, Any]
Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Headers = list[tuple[bytes, bytes]]

logger = logging.getLogger("anteroom.guard")


class Refused(Exception):
    """The request ends here, with `status`, before any page has seen it."""

    def __init__(self, status: HTTPStatus) -> None:
        super().__init__(status.phrase)
        self.status = status


class ClientGone(Exception):
    """The client closed the connection; nobody is left to answer."""


@dataclass(frozen=True, slots=True)
class Response:
    """A whole response, ready to be sent."""

    status: int
    headers: Headers
    body: bytes


class Guard:
    """An ASGI application that serves a WSGI one from a fixed number of threads.

    Args:
        application: the pages.
        threads: how many pages are made at the same time at most.
        max_body: the largest request body, in bytes; a larger one is answered with 413.
        body_seconds: how long a client may take to send its body; a slower one is answered with 408.
        on_start: called once when the server announces that it starts, with everything imported.
    """

    def __init__(
        self,
        application: WSGIApplication,
        *,
        threads: int = PAGE_THREADS,
        max_body: int = 1_100_000,
        body_seconds: float = 20.0,
        on_start: Callable[[], object] | None = None,
    ) -> None:
        self._application = application
        self._max_body = max_body
        self._body_seconds = body_seconds
        self._on_start = on_start
        self._threads = PageThreads(threads)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            await self._answer(scope, receive, send)
        elif scope["type"] == "websocket":
            # Closing before accepting makes the server answer the handshake with 403.
            await send({"type": "websocket.close", "code": 1008})
        elif scope["type"] == "lifespan":
            await self._live(receive, send)

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            body = await self._whole_body(scope, receive)
            response = await self._page(scope, body, receive)
        except Refused as refusal:
            response = _plain(refusal.status)
        except ClientGone:
            return
        await _send_whole(response, send, head=scope["method"] == "HEAD")

    async def _live(self, receive: Receive, send: Send) -> None:
        """Agree to whatever the server announces about its own life."""
        while True:
            message = await receive()
            if message["type"] == "lifespan.startup" and self._on_start is not None:
                self._on_start()
            await send({"type": f"{message['type']}.complete"})
            if message["type"] == "lifespan.shutdown":
                return

    async def _whole_body(self, scope: Scope, receive: Receive) -> bytes:
        """Return the request's body once all of it is here."""
        too_large = _declared_length(scope) > self._max_body
        if too_large and any(name == b"expect" for name, _ in scope["headers"]):
            raise Refused(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
        body = bytearray()
        try:
            async with asyncio.timeout(self._body_seconds):
                more = True
                while more:
                    message = await receive()
                    if message["type"] == "http.disconnect":
                        raise ClientGone
                    if not too_large:
                        body += message.get("body", b"")
                    too_large = too_large or len(body) > self._max_body
                    more = message.get("more_body", False)
        except TimeoutError:
            # The rest of an oversized body is read and thrown away, so that the client gets to
            # see the answer instead of a reset connection; but not for ever.
            slow = HTTPStatus.REQUEST_TIMEOUT
            raise Refused(HTTPStatus.REQUEST_ENTITY_TOO_LARGE if too_large else slow) from None
        if too_large:
            raise Refused(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
        return bytes(body)

    async def _page(self, scope: Scope, body: bytes, receive: Receive) -> Response:
        """Return the page's response, made in one of the threads."""
        scope = {**scope, "headers": _safe_headers(scope["headers"], len(body))}
        try:
            environ = build_environ(scope, io.BytesIO(body))  # type: ignore[arg-type]
        except UnicodeDecodeError:  # bytes outside ASCII in the query string
            raise Refused(HTTPStatus.BAD_REQUEST) from None
        environ["wsgi.errors"] = sys.stderr
        # With the body complete, the next thing a server has to tell is that the client went away.
        departure = asyncio.ensure_future(receive())
        try:
            return await self._threads.run(partial(self._call, dict(environ), departure.done))
        finally:
            departure.cancel()

    def _call(self, environ: WSGIEnvironment, client_is_gone: Callable[[], bool]) -> Response:
        """Run the page, unless its client left while the request waited for a thread."""
        if client_is_gone():
            raise ClientGone
        status = 500
        headers: Headers = []
        chunks: list[bytes] = []

        def start_response(
            line: str, pairs: list[tuple[str, str]], exc_info: object = None, /
        ) -> Callable[[bytes], object]:
            nonlocal status, headers
            status = int(line.split(" ", 1)[0])
            headers = [(name.lower().encode("latin1"), value.encode("latin1")) for name, value in pairs]
            return chunks.append

        try:
            result: Iterable[bytes] = self._application(environ, start_response)
            try:
                chunks.extend(result)
            finally:
                getattr(result, "close", lambda: None)()
        except Exception:
            logger.exception("a page failed outside Django's own handling")
            return _plain(HTTPStatus.INTERNAL_SERVER_ERROR)
        return Response(status, headers, b"".join(chunks))


async def _send_whole(response: Response, send: Send, *, head: bool) -> None:
    """Send a response with the length of its own body, or of none where HTTP forbids one."""
    headers, body = response.headers, response.body
    without_body = response.status in (HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED)
    known = any(name == b"content-length" for name, _ in headers)
    # A HEAD response may rightly name the length of a body that the page did not even make.
    if not without_body and not (head and known):
        headers = [(name, value) for name, value in headers if name != b"content-length"]
        headers.append((b"content-length", str(len(body)).encode()))
    await send({"type": "http.response.start", "status": response.status, "headers": headers})
    await send({"type": "http.response.body", "body": b"" if head or without_body else body})


def _plain(status: HTTPStatus) -> Response:
    """Return a bare answer of the guard itself, after which the connection is closed."""
    headers = [
        (b"content-type", b"text/plain; charset=utf-8"),
        (b"cache-control", b"no-store"),
        (b"connection", b"close"),
    ]
    return Response(status, headers, f"{status} {status.phrase}\n".encode())


def _safe_headers(headers: Iterable[tuple[bytes, bytes]], length: int) -> Headers:
    """Return the headers a page may trust.

    WSGI cannot tell `X_Forwarded_For` from `X-Forwarded-For`, and a proxy rewrites only the latter:
    names with an underscore are dropped. The length is that of the body as it really came.
    """
    unwanted = (b"content-length", b"transfer-encoding")
    kept = [(name, value) for name, value in headers if b"_" not in name and name.lower() not in unwanted]
    return [*kept, (b"content-length", str(length).encode())]


def _declared_length(scope: Scope) -> int:
    for name, value in scope["headers"]:
        if name == b"content-length" and value.isdigit():
            return int(value)
    return 0
