"""What a start brings into order first: folder, database, catalogues, static files, first data."""

import hashlib
import os
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from django.conf import settings
from django.contrib.staticfiles.finders import get_finders
from django.core.management import call_command, get_commands
from django.db import DatabaseError, connection, transaction

from clinic.lib.archive import ArchiveError, dump, state
from clinic.lib.server import CannotStart

MEGABYTE = 1_000_000
# What a new installation needs: its database, the static files and their compressed copies.
ROOM = 50 * MEGABYTE


@contextmanager
def told_in_one_line() -> Iterator[None]:
    """Turn what a disk or a database may do to a start into one line for the console (X7).

    Raises:
        CannotStart: instead of OSError, DatabaseError, sqlite3.Error and ArchiveError.
    """
    try:
        yield
    except ArchiveError as error:
        raise CannotStart(str(error)) from error
    except OSError as error:
        where = f" ({error.filename})" if error.filename else ""
        raise CannotStart(f"{error.strerror or error}{where}.") from error
    except (DatabaseError, sqlite3.Error) as error:  # a copy of SQLite's is made beside Django
        first_line = (str(error).strip() or type(error).__name__).splitlines()[0].rstrip(".")
        raise CannotStart(f"The database cannot be used: {first_line}.") from error


def check_folder(folder: Path, *, room: int = ROOM) -> None:
    """Refuse a data folder that cannot be written or whose disk is almost full.

    Args:
        room: bytes that must be free besides a copy of the database.

    Raises:
        CannotStart: one of the two (X7).
    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
        database = folder / "anteroom.sqlite3"
        needed = room + (2 * database.stat().st_size if database.exists() else 0)
    except OSError as error:
        raise CannotStart(
            f"The data folder {folder} cannot be written ({error.strerror}); choose another with --data."
        ) from None
    if (free := shutil.disk_usage(folder).free) < needed:
        raise CannotStart(
            f"The disk of {folder} is full: {free // MEGABYTE} MB free, {needed // MEGABYTE} MB needed."
        )


def refuse_newer_database() -> None:
    """Refuse a database that a newer version of the code has migrated.

    Raises:
        CannotStart: it has migrations that this code does not know (X7).
    """
    if newer := state.unknown(state.applied(connection)):
        raise CannotStart(
            f"The data is from a newer version of Anteroom ({'.'.join(newer[0])}); update, or use --data."
        )


def refuse_old_database() -> None:
    """Refuse a database that still needs migrating, for processes that must not do that themselves.

    Raises:
        CannotStart: migrations are missing (X7).
    """
    if state.pending(connection):
        raise CannotStart("The database is not up to date: run `manage.py backup`, then `manage.py migrate`.")


def migrate(*, at: datetime) -> Path | None:
    """Bring the database up to date; return the backup made first, None if there was nothing to lose (X8)."""
    if not state.pending(connection):
        return None
    path = None
    if state.has_data(connection):
        path = dump.automatic_path(at=at, reason="before-migrating")
        dump.save(path, taken_at=at)
    call_command("migrate", verbosity=0, interactive=False)
    return path


def collect_static() -> bool:
    """Collect and compress the static files if any has changed; return whether that was so."""
    stamp, digest = Path(settings.DATA_DIR) / "static.stamp", _static_digest()
    if Path(settings.STATIC_ROOT).is_dir() and stamp.exists() and stamp.read_text() == digest:
        return False
    call_command("collectstatic", verbosity=0, interactive=False, clear=True)
    stamp.write_text(digest)
    return True


def _static_digest() -> str:
    """Return a fingerprint of the static files by name, size and time, without reading them."""
    digest = hashlib.sha256(str(settings.STORAGES["staticfiles"]).encode())
    for finder in get_finders():
        for name, storage in finder.list([]):
            facts = os.stat(storage.path(name))
            digest.update(f"{name} {facts.st_size} {facts.st_mtime_ns}\n".encode())
    return digest.hexdigest()


def compile_catalogues() -> None:
    """Compile the translations; the command does nothing while they are fresh."""
    if "compile_catalogues" in get_commands():
        call_command("compile_catalogues", verbosity=0)


def load_demo() -> bool:
    """Fill an empty database with demonstration data; return whether it was empty.

    All of it or nothing: an interrupted first start begins anew the next time.
    """
    if "demo" not in get_commands() or state.has_data(connection):
        return False
    with transaction.atomic():
        call_command("demo", verbosity=0)
    return True


def demo_logins() -> str:
    """Return the log-ins that the demonstration wrote down, "" where there is none."""
    path = Path(settings.DATA_DIR) / "demo-logins.txt"
    return path.read_text().strip("\n") if path.is_file() else ""
