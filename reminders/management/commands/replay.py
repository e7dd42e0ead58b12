"""`manage.py replay FILE`: what would have been sent for a file of bookings, when and why."""

import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.test.utils import override_settings

from clinic.importing.reader import UnreadableFile, read_bookings
from clinic.importing.rules import Booking
from clinic.lib.scratch_database import scratch_database
from reminders import replay


class Command(BaseCommand):
    help = "Run bookings from a CSV file through the outbox on a simulated clock, in a database of its own."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path)
        parser.add_argument("--smtp", metavar="HOST:PORT", help="deliver e-mail to this server")
        parser.add_argument(
            "--twilio", metavar="URL", help="deliver SMS to this address that speaks Twilio's API"
        )
        parser.add_argument("--report", type=Path, metavar="FILE", help="one JSON line per delivery")

    def handle(
        self, *, file: Path, smtp: str | None, twilio: str | None, report: Path | None, **_options: Any
    ) -> None:
        """Read, play, report; deliveries without a server are only rendered."""
        bookings = self._read(file)
        transports = {
            "MAIL_TRANSPORT": "smtp" if smtp else "render",
            "SMS_TRANSPORT": "twilio" if twilio else "render",
            "EMAIL_URL": f"smtp://{smtp}" if smtp else "",
            "TWILIO_API_BASE": (twilio or settings.TWILIO_API_BASE).rstrip("/"),
            "TWILIO_ACCOUNT_SID": settings.TWILIO_ACCOUNT_SID or "AC" + "0" * 32,
            "TWILIO_AUTH_TOKEN": settings.TWILIO_AUTH_TOKEN or "fake-token",
            "TWILIO_FROM": settings.TWILIO_FROM or "+15005550006",
            # Nobody waits for the bell here: the replay itself asks what is due.
            "OUTBOX_BELL": False,
            "LIVE_BUS": False,
        }
        started = time.monotonic()
        with override_settings(**transports), scratch_database():
            replay.play(bookings, progress=self._progress(len(bookings)))
            lines = list(replay.report())
            if report:
                report.write_text("".join(line.as_json() + "\n" for line in lines), encoding="utf-8")
        self._table(lines)
        self.stdout.write(f"{len(bookings)} bookings in {time.monotonic() - started:.1f} s")

    def _read(self, file: Path) -> list[Booking]:
        try:
            items = list(read_bookings(file))
        except (OSError, UnreadableFile) as error:
            raise CommandError(f"{file}: {error}") from error
        for item in items:
            if not isinstance(item, Booking):
                raise CommandError(f"{file}, line {item.line}: {item.column}: {item.reason}")
        return [item for item in items if isinstance(item, Booking)]

    def _progress(self, total: int) -> Any:
        if not sys.stderr.isatty():
            return lambda done: None
        width = 40

        def show(done: int) -> None:
            filled = width * done // total
            self.stderr.write(f"\r[{'#' * filled}{'.' * (width - filled)}] {done}/{total}", ending="")
            if done == total:
                self.stderr.write("")

        return show

    def _table(self, lines: list[replay.Line]) -> None:
        counted = Counter(
            (
                line.kind,
                line.channel or "-",
                line.outcome,
                (line.reason or "") if line.outcome != "sent" else "",
            )
            for line in lines
        )
        self.stdout.write(f"{'kind':<12}{'channel':<9}{'outcome':<9}{'reason':<22}{'count':>7}")
        for (kind, channel, outcome, reason), count in sorted(counted.items()):
            self.stdout.write(f"{kind:<12}{channel:<9}{outcome:<9}{reason:<22}{count:>7}")
