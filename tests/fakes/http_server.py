"""What the HTTP fakes share: a small threading server on the loopback that answers in one packet."""

import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self, cast


class Handler(BaseHTTPRequestHandler):
    """Keep-alive, silent, one write per answer (two would wait for each other's acknowledgement)."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    timeout = 60

    def setup(self) -> None:
        """Note the connection, so that a test can close it."""
        super().setup()
        fake_of(self).connections.add(self.connection)

    def finish(self) -> None:
        """Forget the connection."""
        fake_of(self).connections.discard(self.connection)
        super().finish()

    def log_message(self, format: str, *args: Any) -> None:
        """Stay silent."""

    def body(self) -> bytes:
        """Return the request's body."""
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def reply(self, status: int, content: bytes, headers: dict[str, str] | None = None) -> None:
        """Answer with JSON."""
        lines = [f"HTTP/1.1 {status} {self.responses[status][0] if status in self.responses else 'Status'}"]
        fixed = {"Content-Type": "application/json", "Content-Length": str(len(content))}
        lines += [f"{name}: {value}" for name, value in {**fixed, **(headers or {})}.items()]
        self.wfile.write("\r\n".join(lines).encode() + b"\r\n\r\n" + content)

    def hang_up(self) -> None:
        """Close the line without an answer."""
        self.close_connection = True
        self.connection.shutdown(socket.SHUT_RDWR)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128
    fake: "FakeServer"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing: clients that hang up are what the tests are about."""


class FakeServer:
    """A fake in threads of its own; a context manager."""

    handler: type[Handler] = Handler

    def __init__(self, *, port: int = 0, host: str = "127.0.0.1") -> None:
        self._server = _Server((host, port), self.handler)
        self._server.fake = self
        self.port: int = self._server.server_address[1]
        self.base = f"http://{host}:{self.port}"
        self.connections: set[socket.socket] = set()
        self.ended = threading.Event()  # hanging answers wait for it
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self.ended.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)


def fake_of(handler: BaseHTTPRequestHandler) -> FakeServer:
    """Return the fake that a handler works for."""
    return cast(_Server, handler.server).fake
