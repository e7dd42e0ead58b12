"""Everything in one process: pages, streams, worker and clock. What `./run` starts."""

import argparse
import os
import signal
import socket
import sys
from types import FrameType
from typing import Any

from celery.app import app_or_default
from django.conf import settings
from django.core.management.base import BaseCommand
from django.db import connections
from django.utils import timezone

from clinic.lib.server import CannotStart, options, ports, prepare, web
from clinic.lib.server.background import Background
from clinic.lib.server.locks import data_held
from clinic.live.hub import hub

# Seconds from the signal to the end, even if a thread still waits for somebody.
LAST = 4.8
# Seconds that a start which is told to stop may take to undo what it has begun.
UNWINDING = 2.0


class Stopped(BaseException):
    """A signal came while the start was still going on."""


def stop(number: int, frame: FrameType | None) -> None:
    """End a start that has not got as far as serving, its temporary files removed."""
    for other in (signal.SIGINT, signal.SIGTERM):
        signal.signal(other, signal.SIG_IGN)
    # Python drops what is raised inside a weak reference's callback, and the start would go on.
    signal.signal(signal.SIGALRM, leave)
    signal.setitimer(signal.ITIMER_REAL, UNWINDING)
    raise Stopped


def leave(number: int, frame: FrameType | None) -> None:
    """End at once: whatever is being prepared outlives being killed at any point."""
    try:
        os.write(sys.stdout.fileno(), b"Stopped.\n")
    finally:
        os._exit(0)


class Command(BaseCommand):
    """Prepare the data, then serve until Ctrl-C or SIGTERM (X7)."""

    help = "Serve everything from one process; all state is kept in one folder."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        options.add_options(parser)

    def handle(self, *args: Any, **given: Any) -> None:
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, stop)
        try:
            with prepare.told_in_one_line():
                self._start(given)
        except CannotStart as refusal:
            # Not CommandError: its name in front of the line helps nobody.
            raise SystemExit(str(refusal)) from None
        except Stopped:
            signal.setitimer(signal.ITIMER_REAL, 0)
            self._say("Stopped.")
            web.leave_within(UNWINDING)  # a worker may have begun

    def _start(self, given: dict[str, Any]) -> None:
        with ports.bind(given["host"], given["port"]) as listener:
            prepare.check_folder(settings.DATA_DIR)
            with data_held(shared=bool(settings.REDIS_URL), purpose="Not started"):
                self._prepare(demo=not given["no_demo"])
                self._serve(listener, given)

    def _prepare(self, *, demo: bool) -> None:
        now = timezone.now()
        prepare.refuse_newer_database()
        prepare.compile_catalogues()
        if prepare.collect_static():
            self._say("Static files collected.")
        if (backup := prepare.migrate(at=now)) is not None:
            self._say(f"Data migrated; a backup of what it was is in {backup}")
        if demo and prepare.load_demo():
            self._say("Demonstration data loaded.")
        connections.close_all()

    def _serve(self, listener: socket.socket, given: dict[str, Any]) -> None:
        background = Background(app_or_default())
        configuration = web.configuration(
            "config.asgi:application",
            behind_proxy=settings.BEHIND_PROXY,
            tls_cert=given["tls_cert"],
            tls_key=given["tls_key"],
        )

        def stopping() -> None:
            background.stop()
            hub.stop()
            web.leave_within(LAST)

        server = web.Server(configuration, ready=self._announce, stopping=stopping)
        background.start()
        try:
            web.serve(server, listener)
        finally:
            background.stop()
        self.stdout.write("Stopped.")
        background.join(LAST)

    def _announce(self) -> None:
        logins = prepare.demo_logins()
        self._say(f"\n  Anteroom   {settings.PUBLIC_URL}\n  data       {settings.DATA_DIR}")
        self._say((f"\n{logins}\n" if logins else "") + "\n  Ctrl-C stops it.\n")

    def _say(self, line: str) -> None:
        """Print a line now: nothing is left to be flushed by an end that does not unwind."""
        self.stdout.write(line)
        self.stdout.flush()
