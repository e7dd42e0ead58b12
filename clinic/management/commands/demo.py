"""Fills an empty installation with made-up data."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import translation

from clinic.demo.operations import DemoRefused, load_demo, logins_text
from clinic.lib import clock


class Command(BaseCommand):
    help = "Fill an empty installation with three made-up clinics, their people and a full day around now."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--seed", type=int, default=7)

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            with translation.override("en"):
                load_demo(seed=options["seed"], at=clock.now())
        except DemoRefused as refusal:
            raise CommandError(str(refusal)) from refusal
        if options["verbosity"]:
            self.stdout.write(logins_text())
