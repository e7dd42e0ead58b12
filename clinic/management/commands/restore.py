"""Put a backup back, on either engine."""

import argparse
from datetime import datetime
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand
from django.db import connection
from django.utils import timezone

from clinic.lib.archive import dump, files, load, state
from clinic.lib.server import CannotStart
from clinic.lib.server.locks import data_held
from clinic.lib.server.prepare import check_folder, told_in_one_line


class Command(BaseCommand):
    """Replace all data by that of a backup; nothing is sent by it (X8)."""

    help = "Replace all data by that of a backup. Stop the server first."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("file", type=Path, help="a file made by `manage.py backup`")
        parser.add_argument("--yes", action="store_true", help="replace the data that is there")

    def handle(self, *args: Any, **given: Any) -> None:
        try:
            with told_in_one_line():
                self._restore(given["file"].absolute(), replace=given["yes"], at=timezone.now())
        except CannotStart as refusal:
            raise SystemExit(str(refusal)) from None

    def _restore(self, path: Path, *, replace: bool, at: datetime) -> None:
        check_folder(settings.DATA_DIR)
        with data_held(shared=False, purpose="Not restored"):
            with files.opened(path):
                pass  # what cannot be restored is refused before anything is done
            if state.has_data(connection):
                if not replace:
                    raise CannotStart("There is data already; --yes replaces it, after a backup of it.")
                kept = dump.automatic_path(at=at, reason="before-restoring")
                dump.save(kept, taken_at=at)
                self.stdout.write(f"What was there is in {kept}")
            reader = load.restore(path, restored_at=at)
            rows = sum(table.rows for table in reader.manifest.tables)
            self.stdout.write(f"{rows} rows of {reader.manifest.taken_at:%Y-%m-%d %H:%M %Z} are back.")
            self._keep_secret(reader.secret_key)

    def _keep_secret(self, key: str) -> None:
        """Go on with the key that signed the links which patients already have."""
        if key == settings.SECRET_KEY:
            return
        kept = Path(settings.DATA_DIR) / "secret_key"
        if kept.is_file() and kept.read_text().strip() == settings.SECRET_KEY:
            draft = kept.with_name("secret_key.restored")
            draft.touch(mode=0o600)
            draft.write_text(key)
            draft.replace(kept)
            return
        self.stdout.write(
            "Links sent before need the backup's key: put the content of its member `secret_key`"
            " into SECRET_KEY_FALLBACKS."
        )
