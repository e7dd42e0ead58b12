"""Imports bookings from a CSV file (D5)."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from clinic.importing.operations import Outcome, import_bookings
from clinic.importing.reader import UnreadableFile
from clinic.importing.rules import COLUMNS, Remark
from clinic.lib import clock


class Command(BaseCommand):
    help = (
        "Import bookings from a CSV file (UTF-8, with the columns "
        + ", ".join(COLUMNS)
        + "; times are local to time_zone). Every bad record is named; with one, nothing is imported. "
        "A second import of the same file changes nothing. Patients are told nothing unless asked for."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path, metavar="FILE")
        parser.add_argument(
            "--clinic-from-file",
            action="store_true",
            required=True,
            help="take the clinic of each record from its column; clinics not yet there are made",
        )
        parser.add_argument("--dry-run", action="store_true", help="judge every record, change nothing")
        parser.add_argument("--skip-bad", action="store_true", help="import the good records all the same")
        parser.add_argument(
            "--notify", action="store_true", help="tell patients about appointments that are still to come"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            outcome = import_bookings(
                path=options["file"],
                at=clock.now(),
                notify=options["notify"],
                skip_bad=options["skip_bad"],
                dry_run=options["dry_run"],
                tell=self.tell,
            )
        except UnreadableFile as error:
            raise CommandError(str(error)) from error
        self.stdout.write(_summary(outcome))
        if outcome.bad and not options["skip_bad"]:
            raise CommandError(
                "Nothing was imported: mend the bad records, or import the others with --skip-bad."
            )
        if not outcome.is_kept:
            self.stdout.write("This was a dry run: nothing was changed.")

    def tell(self, line: int, remark: Remark, is_fault: bool) -> None:
        verdict = "bad: " if is_fault else ""
        self.stdout.write(f"line {line}: {verdict}{remark.column}: {remark.text}")


def _summary(outcome: Outcome) -> str:
    return (
        f"{outcome.records} records: {outcome.booked} booked, {outcome.already_there} already there, "
        f"{outcome.bad} bad; {outcome.clinics} new clinics, {outcome.told} patients to be told."
    )
