"""Celery's clock alone, for production."""

from typing import Any

from celery.app import app_or_default
from django.core.management.base import BaseCommand

from clinic.lib.server.background import Background, run_until_signalled
from clinic.lib.server.command import one_of_many
from clinic.lib.server.web import leave_within


class Command(BaseCommand):
    """Ring for the periodic sweeps until SIGTERM; a second one beside it does no harm (X7)."""

    help = "Send the periodic tasks to the workers; needs DATABASE_URL and REDIS_URL."
    requires_system_checks: list[str] = []

    def handle(self, *args: Any, **given: Any) -> None:
        app = app_or_default()
        with one_of_many("The clock"):
            run_until_signalled(Background(app, threads=0), seconds=5)
            leave_within(2)
