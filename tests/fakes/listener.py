"""A browser's end of a stream, without the browser: reads events from a raw connection."""

import json
import socket
import threading
from collections import deque
from contextlib import suppress
from http.client import HTTPConnection, HTTPResponse
from time import monotonic
from typing import Any, NamedTuple
from urllib.parse import urlsplit

SECONDS = 10.0


class Heard(NamedTuple):
    """One event as it came."""

    name: str
    number: int | None
    data: dict[str, Any]


class Listener:
    """One open stream, read in a thread of its own.

    Args:
        base: the server's address.
        path: the stream's.
        cookies: name and value of each cookie.
        headers: more of them.
    """

    def __init__(
        self, base: str, path: str, cookies: dict[str, str], headers: dict[str, str] | None = None
    ) -> None:
        host = urlsplit(base).netloc
        self._connection = HTTPConnection(host, timeout=SECONDS)
        cookie = "; ".join(f"{name}={value}" for name, value in cookies.items())
        more = {"Cookie": cookie} if cookie else {}
        self._connection.request("GET", path, headers={**more, **(headers or {})})
        self._response: HTTPResponse = self._connection.getresponse()
        self.status = self._response.status
        self.headers = {name.lower(): value for name, value in self._response.getheaders()}
        self._heard: deque[Heard] = deque()
        self._news = threading.Condition()
        self.is_closed = False
        if self.status == 200:
            assert self._connection.sock is not None
            self._connection.sock.settimeout(None)
            self._reader = threading.Thread(target=self._read, name="listener", daemon=True)
            self._reader.start()
        else:
            self._response.read()
            self._connection.close()
            self.is_closed = True

    def _read(self) -> None:
        name, number, data = "", None, ""
        try:
            while line := self._response.readline():
                text = line.decode().rstrip("\n")
                if text.startswith("event: "):
                    name = text[7:]
                elif text.startswith("id: "):
                    number = int(text[4:])
                elif text.startswith("data: "):
                    data += text[6:]
                elif not text and data:
                    said = json.loads(data)
                    # Without a name of its own, the frame is an event, and its data say which.
                    heard = Heard(name, number, said) if name else Heard(said["name"], number, said["data"])
                    with self._news:
                        self._heard.append(heard)
                        self._news.notify_all()
                    name, number, data = "", None, ""
        except (OSError, ValueError, AttributeError):
            pass
        with self._news:
            self.is_closed = True
            self._news.notify_all()

    def take(self, name: str | None = None) -> Heard:
        """Return the next event (of this name), waiting for it."""
        end = monotonic() + SECONDS
        with self._news:
            while True:
                while self._heard:
                    heard = self._heard.popleft()
                    if name in (None, heard.name):
                        return heard
                assert not self.is_closed, f"the stream ended without {name}"
                assert self._news.wait(end - monotonic()), f"no {name} within {SECONDS} s"

    def rest(self) -> list[Heard]:
        """Return what has come and was not taken."""
        with self._news:
            found = list(self._heard)
            self._heard.clear()
            return found

    def wait_closed(self, seconds: float = SECONDS) -> None:
        """Wait until the server has ended the stream."""
        end = monotonic() + seconds
        with self._news:
            while not self.is_closed:
                assert self._news.wait(end - monotonic()), f"still open after {seconds} s"

    def close(self) -> None:
        """Go away, as a closed tab does."""
        if self.status == 200:
            if self._connection.sock is not None:
                with suppress(OSError):
                    self._connection.sock.shutdown(socket.SHUT_RDWR)
            self._reader.join(SECONDS)
            self._response.close()
        self._connection.close()
