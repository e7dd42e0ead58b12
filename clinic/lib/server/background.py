"""Celery's worker and clock as threads of this process, kept alive until told to stop."""

import logging
import signal
import threading
import time
from collections.abc import Callable

from celery import Celery
from celery.beat import Scheduler, Service
from celery.worker import state

logger = logging.getLogger("anteroom.background")

# Seconds before a worker or clock that ended by itself is started again.
PAUSE = 5.0


class Background:
    """The worker and the clock, each in its own thread.

    Args:
        app: the Celery application.
        threads: how many tasks run at the same time; 0 for no worker.
        clock: whether periodic tasks are sent from here (beat).
    """

    def __init__(self, app: Celery, *, threads: int = 3, clock: bool = True) -> None:
        self._app = app
        self._concurrency = threads
        self._stopping = threading.Event()
        self._services: list[Service] = []
        parts: list[tuple[str, Callable[[], None]]] = []
        if threads:
            parts.append(("worker", self._work))
        if clock:
            parts.append(("beat", self._tick))
        self._threads = [
            threading.Thread(target=self._keep, args=(part,), name=name, daemon=True) for name, part in parts
        ]

    def start(self) -> None:
        """Start the threads."""
        state.should_stop = None
        self._app.finalize(auto=True)
        self._app.loader.import_default_modules()
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Ask the threads to end. Returns at once, so that a signal's handler may call it."""
        self._stopping.set()
        state.should_stop = 0  # type: ignore[assignment]
        for service in self._services:
            # Not service.stop(): it logs, and logging from a signal's handler may wait for itself.
            service._is_shutdown.set()  # type: ignore[attr-defined]

    def join(self, seconds: float) -> bool:
        """Wait at most `seconds` for the threads; return whether all have ended."""
        deadline = time.monotonic() + seconds
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))
        return not any(thread.is_alive() for thread in self._threads)

    def _keep(self, part: Callable[[], None]) -> None:
        """Run one part again whenever it ends without having been told to."""
        while not self._stopping.is_set():
            try:
                part()
            except Exception:
                logger.exception("a background part failed")
            if not self._stopping.wait(0):
                logger.error("%s ended by itself; starting it again", threading.current_thread().name)
                self._stopping.wait(PAUSE)

    def _work(self) -> None:
        # Not Celery's command-line worker: that one wants the main thread and its signals.
        self._app.WorkController(
            app=self._app,
            pool_cls="threads",
            concurrency=self._concurrency,
            without_gossip=True,
            without_mingle=True,
            without_heartbeat=True,
        ).start()

    def _tick(self) -> None:
        # The plain scheduler keeps no file: every periodic task is a sweep that may run twice.
        service = Service(self._app, max_interval=1, scheduler_cls=Scheduler)
        self._services[:] = [service]
        if not self._stopping.is_set():
            service.start()


def run_until_signalled(background: Background, *, seconds: float) -> bool:
    """Run in the main thread until SIGINT or SIGTERM; return whether all ended within `seconds`."""
    ends = {signal.SIGINT, signal.SIGTERM}
    # Blocked and waited for, not handled: a second signal then simply stays unread.
    signal.pthread_sigmask(signal.SIG_BLOCK, ends)
    background.start()
    signal.sigwait(ends)
    background.stop()
    return background.join(seconds)
