"""Writes a made-up file of bookings, for trying the import and for benchmarks."""

from argparse import ArgumentParser
from datetime import date
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from clinic.demo.bookings import DEFAULT_DAY, write_rows


class Command(BaseCommand):
    help = "Write a CSV file of made-up bookings that import_appointments takes; the same for the same seed."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path, metavar="FILE")
        parser.add_argument("--seed", type=int, default=7)
        parser.add_argument("--rows", type=int, default=3000)
        parser.add_argument(
            "--day", type=date.fromisoformat, default=DEFAULT_DAY, help="the day booked for, YYYY-MM-DD"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            with options["file"].open("w", encoding="utf-8", newline="") as file:
                write_rows(file, seed=options["seed"], rows=options["rows"], day=options["day"])
        except OSError as error:
            raise CommandError(f"{options['file']} cannot be written: {error.strerror}.") from error
        self.stdout.write(f"{options['rows']} bookings written to {options['file']}.")
