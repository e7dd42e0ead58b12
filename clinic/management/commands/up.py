"""Everything in one process: pages, streams, worker and clock. What `./run` starts."""

import argparse
import signal
import socket
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


class Stopped(BaseException):
    """A signal came while the start was still going on."""


def stop(number: int, frame: FrameType | None) -> None:
    """End a start that has not got as far as serving."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    raise Stopped


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
            self.stdout.write("Stopped.")

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
            self.stdout.write("Static files collected.")
        if (backup := prepare.migrate(at=now)) is not None:
            self.stdout.write(f"Data migrated; a backup of what it was is in {backup}")
        if demo and prepare.load_demo():
            self.stdout.write("Demonstration data loaded.")
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
        self.stdout.write(f"\n  Anteroom   {settings.PUBLIC_URL}\n  data       {settings.DATA_DIR}")
        if logins := prepare.demo_logins():
            self.stdout.write(f"\n{logins}")
        self.stdout.write("\n  Ctrl-C stops it.\n")
        self.stdout.flush()
