"""Writing a backup from one consistent view of the database, while everything goes on."""

import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import connections, models, transaction
from django.db.backends.base.base import BaseDatabaseWrapper

from clinic.lib.archive import ArchiveError, files, state, values

DATABASE = "default"


def save(path: Path, *, taken_at: datetime) -> files.Manifest:
    """Write all data and the secret key to `path` (X8).

    Args:
        path: the file to make or replace; its folder is made if missing.
        taken_at: the aware instant to note as the backup's own.

    Raises:
        ArchiveError: the database is empty, damaged, or of a newer version than this code.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with snapshot() as connection, files.written(path) as writer:
        nodes = sorted(state.applied(connection))
        if not nodes:
            raise ArchiveError("There is nothing to back up: the database is empty.")
        if state.unknown(nodes):
            raise ArchiveError("The database is from a newer version of Anteroom; update first.")
        tables = [_add(writer, model) for model in state.models_at(nodes)]
        manifest = files.Manifest(taken_at, connection.vendor, nodes, tables)
        writer.finish(manifest, settings.SECRET_KEY)
    return manifest


def automatic_path(*, at: datetime, reason: str) -> Path:
    """Return where a backup goes that nobody named a file for."""
    return Path(settings.DATA_DIR) / "backups" / f"anteroom-{at:%Y%m%d-%H%M%S}-{reason}.zip"


def _add(writer: files.Writer, model: type[models.Model]) -> files.Table:
    fields = values.columns(model)
    names = [field.attname for field in fields]
    rows = model._base_manager.using(DATABASE).order_by("pk").values_list(*names)
    encoded: Iterator[list[Any]] = (
        [values.to_json(field, value) for field, value in zip(fields, row, strict=True)]
        for row in rows.iterator(chunk_size=2000)
    )
    return writer.add_rows(model._meta.label_lower, names, encoded)


@contextmanager
def snapshot() -> Iterator[BaseDatabaseWrapper]:
    """Let the body see the database as it is now, however long it takes, without locking anybody out."""
    original = connections[DATABASE]
    with ExitStack() as stack:
        own = original.copy()
        if original.vendor == "sqlite":
            folder = stack.enter_context(tempfile.TemporaryDirectory(dir=settings.DATA_DIR, prefix="backup-"))
            own.settings_dict["NAME"] = str(_copied(original, Path(folder) / "copy.sqlite3"))
        stack.enter_context(standing_in(own))
        stack.enter_context(transaction.atomic(using=DATABASE))
        if own.vendor == "postgresql":
            with own.cursor() as cursor:
                cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        yield own


@contextmanager
def standing_in(connection: BaseDatabaseWrapper) -> Iterator[None]:
    """Use another connection as this thread's database while the body runs."""
    original = connections[DATABASE]
    connections[DATABASE] = connection
    try:
        yield
    finally:
        connection.close()
        connections[DATABASE] = original


def _copied(connection: BaseDatabaseWrapper, path: Path) -> Path:
    """Copy a SQLite database page by page into a new file, and check the copy."""
    connection.ensure_connection()
    with closing(sqlite3.connect(path)) as copy:
        connection.connection.backup(copy)
        (verdict,) = copy.execute("PRAGMA integrity_check").fetchone()
    if verdict != "ok":
        raise ArchiveError(
            f"The database is damaged ({verdict.splitlines()[-1]}); restore an earlier backup."
        )
    return path
