"""Celery's worker alone, for production."""

import argparse
from typing import Any

from celery.app import app_or_default
from django.core.management.base import BaseCommand

from clinic.lib.server.background import Background, run_until_signalled
from clinic.lib.server.command import one_of_many
from clinic.lib.server.web import leave_within

# Seconds a running task gets to end; what it was sending then is settled by the outbox's rules.
GRACE = 25.0


class Command(BaseCommand):
    """Run background tasks until SIGTERM; any number of these may run (X7)."""

    help = "Run background tasks; needs DATABASE_URL and REDIS_URL."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("--concurrency", type=int, default=3, help="tasks at the same time (3)")

    def handle(self, *args: Any, **given: Any) -> None:
        app = app_or_default()
        with one_of_many("A worker"):
            run_until_signalled(Background(app, threads=given["concurrency"], clock=False), seconds=GRACE)
            leave_within(2)
