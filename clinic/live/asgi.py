"""The streams' own entrance: a bare ASGI handler, without Django's request, session or database.

A stream costs one small coroutine and a socket: no thread and no database connection however many are
open. Everything that is not below `/live/` goes on to the pages.
"""

import asyncio
import json
import logging
import socket
import struct
from collections import Counter
from collections.abc import Awaitable, Callable, MutableMapping
from functools import lru_cache
from http import HTTPStatus
from typing import Any

from django.conf import settings
from django.http.cookie import parse_cookie
from django.http.request import split_domain_port, validate_host

from clinic.lib import clock
from clinic.live import tokens
from clinic.live.hub import Hub, hub
from clinic.live.stream import Message, Send, Stream
from clinic.live.subjects import Presence, Subject
from clinic.live.subscription import hear
from clinic.live.upkeep import Upkeep, take_stock

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]

# Streams of callers from one address (one clinic's own wireless network is one address). Members are
# never counted: a whole clinic may sit behind one.
MOST_PER_ADDRESS = 300
MOST_BODY = 500
HERE = "here"
# To linger for no seconds: closing is then a reset.
RESET = struct.pack("ii", 1, 0)
# How long a client may take in nothing of what was sent to it, in milliseconds, before it counts as gone:
# by itself the system believes for a quarter of an hour in a phone that lost its network.
SILENCE = 60_000
ALWAYS = [
    (b"cache-control", b"no-store"),
    (b"x-content-type-options", b"nosniff"),
    (b"cross-origin-resource-policy", b"same-origin"),
]
STREAM_HEADERS = [
    *ALWAYS,
    (b"content-type", b"text/event-stream; charset=utf-8"),
    # A proxy that collects an answer before it hands it on would hold every event back.
    (b"x-accel-buffering", b"no"),
]


class Refused(Exception):
    """The request ends here, before the first byte of a stream."""

    def __init__(self, status: HTTPStatus) -> None:
        super().__init__(status.phrase)
        self.status = status


class CutOff(logging.Filter):
    """Keeps uvicorn's complaint about an answer without an end out of the log: a cut stream has none."""

    def filter(self, record: logging.LogRecord) -> bool:
        return "returned without completing response" not in record.getMessage()


class Live:
    """An ASGI application that answers below `/live/` and hands everything else on.

    Args:
        pages: where everything else goes.
    """

    def __init__(self, pages: Application, *, streams: Hub = hub) -> None:
        self._pages = pages
        self._hub = streams
        self._upkeep: Upkeep | None = None
        self._hearing: asyncio.Task[None] | None = None
        self._by_address: Counter[str] = Counter()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"].startswith(tokens.ROOT):
            await self._answer(scope, receive, send)
        elif scope["type"] == "lifespan":
            await self._pages(scope, self._watching(receive), send)
        else:
            await self._pages(scope, receive, send)

    def _watching(self, receive: Receive) -> Receive:
        """Begin and end with the server."""

        async def watching() -> Message:
            message = await receive()
            if message["type"] == "lifespan.startup":
                await self.start()
            elif message["type"] == "lifespan.shutdown":
                await self.stop()
            return message

        return watching

    async def start(self) -> None:
        """Begin to serve; whoever lost their rights lately is known before the first stream opens."""
        logging.getLogger("uvicorn.error").addFilter(CutOff())
        self._hub.start(await asyncio.to_thread(take_stock))
        if settings.REDIS_URL:
            self._hearing = asyncio.create_task(hear(self._hub))
        self._upkeep = Upkeep(self._hub)
        self._upkeep.start()

    async def stop(self) -> None:
        """End with the server."""
        if self._upkeep is not None:
            self._upkeep.stop()
        self._hub.stop()
        if self._hearing is not None:
            self._hearing.cancel()

    # --- requests ------------------------------------------------------------------------------

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            headers = _headers(scope)
            subject, made_at = self._asker(scope, headers)
            _, _, rest = scope["path"].removeprefix(tokens.ROOT).partition("/")
            if rest == "" and scope["method"] == "GET":
                await self._stream(subject, made_at, scope, receive, send)
            elif rest == HERE and scope["method"] == "POST":
                await self._here(subject, headers, receive)
                await _plain(HTTPStatus.NO_CONTENT, send)
            elif rest in ("", HERE):
                raise Refused(HTTPStatus.METHOD_NOT_ALLOWED)
            else:
                raise Refused(HTTPStatus.NOT_FOUND)
        except Refused as refusal:
            await _plain(refusal.status, send)

    def _asker(self, scope: Scope, headers: dict[bytes, bytes]) -> tuple[Subject, float]:
        """Return who asks, and when their token was made, by the token of this very address.

        Nothing else in the request counts (A55, A56).
        """
        if not _is_ours(headers.get(b"host", b""), tuple(settings.ALLOWED_HOSTS)):
            raise Refused(HTTPStatus.BAD_REQUEST)
        token = parse_cookie(headers.get(b"cookie", b"").decode("latin1")).get(tokens.cookie_name())
        found = tokens.read(token) if token else None
        if found is None or not self._hub.may_open(*found):
            raise Refused(HTTPStatus.UNAUTHORIZED)
        subject = found[0]
        if scope["path"].removeprefix(tokens.ROOT).partition("/")[0] != subject.stream_id:
            raise Refused(HTTPStatus.NOT_FOUND)
        return found

    async def _stream(
        self, subject: Subject, made_at: float, scope: Scope, receive: Receive, send: Send
    ) -> None:
        """Send events until the page goes, the rights end, or the page cannot keep up."""
        address = str((scope.get("client") or ("",))[0]) if subject.kind != "member" else ""
        if address and self._by_address[address] >= MOST_PER_ADDRESS:
            raise Refused(HTTPStatus.TOO_MANY_REQUESTS)
        this = asyncio.current_task()
        assert this is not None
        stream = Stream(subject, made_at=made_at, send=send, cut=this.cancel)
        self._by_address[address] += 1
        since = _since(scope)
        try:
            notice_silence(send)
            await send({"type": "http.response.start", "status": 200, "headers": STREAM_HEADERS})
            self._hub.add(stream, since=since)
            await receive_until_gone(receive)
        except asyncio.CancelledError:
            # Cut because it was too slow, or because the server stops and waits no longer.
            this.uncancel()
            hang_up(send)
        finally:
            stream.close()
            self._hub.remove(stream)
            self._by_address[address] -= 1
            if not self._by_address[address]:
                del self._by_address[address]

    async def _here(self, subject: Subject, headers: dict[bytes, bytes], receive: Receive) -> None:
        """Take what a page says of itself; written down with the others' a few seconds later."""
        if not _same_origin(headers):
            raise Refused(HTTPStatus.FORBIDDEN)
        body = b""
        more = True
        while more and len(body) <= MOST_BODY:
            message = await receive()
            body += message.get("body", b"")
            more = message["type"] == "http.request" and message.get("more_body", False)
        try:
            said: Any = json.loads(body) if len(body) <= MOST_BODY else None
            seen, visible = int(said["seen"]), bool(said["visible"])
        except (ValueError, TypeError, KeyError, OverflowError):
            raise Refused(HTTPStatus.BAD_REQUEST) from None
        if not 0 <= seen < 2**31:
            raise Refused(HTTPStatus.BAD_REQUEST)
        self._hub.note(Presence(subject, seen, visible, clock.now()))


async def receive_until_gone(receive: Receive) -> None:
    """Return when the client has closed its connection, or the answer is at its end."""
    while (await receive())["type"] != "http.disconnect":
        pass


def notice_silence(send: Send) -> None:
    """Have the system end a stream's connection once its client has been silent for a minute (R26).

    Args:
        send: a server's; one whose connection is out of reach is left as it is.
    """
    its_socket = _socket_of(send)
    if its_socket is not None and its_socket.family != socket.AF_UNIX and hasattr(socket, "TCP_USER_TIMEOUT"):
        its_socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, SILENCE)


def hang_up(send: Send) -> None:
    """End the connection that a server's `send` writes to, now, with whatever its client has not read.

    ASGI has no word for that, and uvicorn closes an answer without an end only behind its last byte: a
    client that reads nothing, or went without a word, then keeps a socket for minutes that no limit
    counts any more. Another server's connection is left to that server.
    """
    transport = _transport_of(send)
    if transport is None:
        return
    if (its_socket := _socket_of(send)) is not None:
        # Without it the system, too, would keep what is unread and wait for the client to take it.
        its_socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
    transport.abort()


def _transport_of(send: Send) -> Any:
    """Return the connection that a server's `send` writes to: uvicorn's belongs to what holds it."""
    return getattr(getattr(send, "__self__", None), "transport", None)


def _socket_of(send: Send) -> Any:
    transport = _transport_of(send)
    return None if transport is None else transport.get_extra_info("socket")


@lru_cache(maxsize=64)
def _is_ours(host: bytes, allowed: tuple[str, ...]) -> bool:
    """Return whether a host may be asked for."""
    domain, _ = split_domain_port(host.decode("latin1"))
    return bool(domain) and validate_host(domain, allowed)


def _headers(scope: Scope) -> dict[bytes, bytes]:
    found: dict[bytes, bytes] = {}
    for name, value in scope["headers"]:
        # Several cookie headers are one (HTTP/2 splits them).
        found[name] = found[name] + b"; " + value if name == b"cookie" and name in found else value
    return found


def _since(scope: Scope) -> float:
    """Return when a page says that it was made (seconds since 1970); 0.0 if it does not.

    A false one harms whoever tells it: their page then lacks what it does not ask for.
    """
    said = scope.get("query_string", b"").partition(b"since=")[2]
    return int(said) / 1_000_000 if said.isdigit() and len(said) < 18 else 0.0


def _same_origin(headers: dict[bytes, bytes]) -> bool:
    """Return whether a page of ours asks: the cookie's SameSite=Strict says so too, twice holds better."""
    site = headers.get(b"sec-fetch-site")
    if site is not None:
        return site == b"same-origin"
    origin = headers.get(b"origin")
    return origin is None or origin.partition(b"://")[2] == headers.get(b"host")


async def _plain(status: HTTPStatus, send: Send) -> None:
    body = b"" if status == HTTPStatus.NO_CONTENT else f"{status} {status.phrase}\n".encode()
    headers = [*ALWAYS, (b"content-type", b"text/plain; charset=utf-8")]
    if status != HTTPStatus.NO_CONTENT:
        headers.append((b"content-length", str(len(body)).encode()))
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        headers.append((b"retry-after", b"30"))
    await send({"type": "http.response.start", "status": int(status), "headers": headers})
    await send({"type": "http.response.body", "body": body})
