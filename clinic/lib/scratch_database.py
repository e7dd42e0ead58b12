"""A database of its own for a run that must not touch the installation's."""

import secrets
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from django.core.management import call_command
from django.db import connection, connections


@contextmanager
def scratch_database() -> Iterator[None]:
    """Let the whole process work on a new, migrated, empty database inside the block; then drop it.

    SQLite: a file in a temporary folder. PostgreSQL: a database beside the configured one; its user
    needs the right to make databases.
    """
    options = connection.settings_dict["OPTIONS"]
    if connection.vendor == "sqlite":
        # What is thrown away need not wait for the disk.
        hasty = {**options, "init_command": options["init_command"] + "PRAGMA synchronous=OFF;"}
        with (
            tempfile.TemporaryDirectory(prefix="anteroom-scratch-") as folder,
            _at(NAME=str(Path(folder) / "scratch.sqlite3"), OPTIONS=hasty),
        ):
            yield
        return
    name = f"anteroom_scratch_{secrets.token_hex(6)}"
    with connection.cursor() as cursor:
        cursor.execute(f'CREATE DATABASE "{name}"')
    try:
        with _at(NAME=name):
            yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')


@contextmanager
def _at(**other: object) -> Iterator[None]:
    usual = {name: connection.settings_dict[name] for name in other}
    connections.close_all()
    connection.settings_dict.update(other)
    try:
        call_command("migrate", verbosity=0)
        yield
    finally:
        connections.close_all()
        connection.settings_dict.update(usual)
