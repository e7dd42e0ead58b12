"""The web server: uvicorn with this product's settings, and an end without noise."""

import logging
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

import uvicorn

from clinic.lib.server import CannotStart
from clinic.lib.server.ports import explain

# How long open connections may hold up the end, in seconds.
GRACE = 3


def nothing() -> None:
    """Do nothing."""


def configuration(
    application: str,
    *,
    behind_proxy: bool,
    tls_cert: str | None = None,
    tls_key: str | None = None,
    workers: int = 1,
) -> uvicorn.Config:
    """Return uvicorn's configuration for an application named as `module:attribute`.

    Args:
        behind_proxy: believe X-Forwarded-For and -Proto of the addresses in FORWARDED_ALLOW_IPS.
        workers: number of processes.
    """
    return uvicorn.Config(
        application,
        lifespan="on",
        ws="none",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=behind_proxy,
        timeout_graceful_shutdown=GRACE,
        ssl_certfile=tls_cert,
        ssl_keyfile=tls_key,
        workers=workers,
    )


class Server(uvicorn.Server):
    """A server in the main thread that ends quietly on SIGINT and SIGTERM, however often they come.

    Args:
        ready: called when the port answers.
        stopping: called at the first signal, in its handler; must return at once.
    """

    def __init__(
        self,
        config: uvicorn.Config,
        *,
        ready: Callable[[], None] = nothing,
        stopping: Callable[[], None] = nothing,
    ) -> None:
        super().__init__(config)
        self._ready = ready
        self._stopping = stopping

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen, then say so."""
        await super().startup(sockets=sockets)
        self._ready()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Handle the signals, and keep handling them after the end of serving.

        uvicorn raises them again once it has stopped, which would end the process with a traceback
        or another code than 0, and before the workers have stopped.
        """
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM):
                signal.signal(number, self.handle_exit)
        yield

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Begin the end; a second signal does not wait for open connections."""
        if self.should_exit:
            self.force_exit = True
            return
        self.should_exit = True
        # Cutting off slow clients is what stopping means; uvicorn would report it as errors.
        logging.getLogger("uvicorn.error").setLevel(logging.CRITICAL + 1)
        self._stopping()


def serve(server: uvicorn.Server, listener: socket.socket) -> None:
    """Serve until told to stop.

    Raises:
        CannotStart: another program took the port in the meantime (X7).
    """
    host, port = listener.getsockname()[:2]
    try:
        server.run(sockets=[listener])
    except OSError as error:
        if server.started:
            raise
        raise CannotStart(explain(error, host, port)) from None


def leave_within(seconds: float) -> None:
    """Let this process end with code 0 in at most `seconds`, whatever its threads still wait for.

    The outbox outlives a kill at any point, so a provider that does not answer need not hold up
    the end of the process.
    """

    def leave() -> None:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(0)

    last = threading.Timer(seconds, leave)
    last.daemon = True
    last.start()
