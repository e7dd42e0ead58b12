"""Write all data into one file, while everything goes on."""

import argparse
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone

from clinic.lib.archive import dump
from clinic.lib.server import CannotStart
from clinic.lib.server.prepare import told_in_one_line


class Command(BaseCommand):
    """Make a backup that either engine can restore (X8)."""

    help = "Write all data and the secret key into one file that only its owner can read."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("file", nargs="?", type=Path, help="the file (one in the data folder's backups/)")

    def handle(self, *args: Any, **given: Any) -> None:
        now = timezone.now()
        path = given["file"] or dump.automatic_path(at=now, reason="backup")
        try:
            with told_in_one_line():
                manifest = dump.save(path.absolute(), taken_at=now)
        except CannotStart as refusal:
            raise SystemExit(str(refusal)) from None
        rows = sum(table.rows for table in manifest.tables)
        self.stdout.write(f"{rows} rows of {len(manifest.tables)} tables are in {path}")
