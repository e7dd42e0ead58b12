"""Putting a backup back: all of it or nothing, on either engine, whichever engine it came from."""

import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.color import no_style
from django.db import connections, models, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations.executor import MigrationExecutor

from clinic.lib.archive import ArchiveError, files, state, values
from clinic.lib.archive.dump import DATABASE, standing_in
from clinic.lib.signals import data_restored

ROWS_AT_ONCE = 1000


def restore(path: Path, *, restored_at: datetime) -> files.Reader:
    """Replace all data by that of a backup, brought up to this version of the code (X8).

    The database is made as it was when the backup was taken, filled, and migrated from there. Nothing
    is visible before all of it is; `data_restored` is sent last. The caller holds the data alone.

    Raises:
        ArchiveError: the file cannot be used, or is from a newer version.
    """
    with files.opened(path) as reader:
        nodes = reader.manifest.migrations
        if unknown := state.unknown(nodes):
            raise ArchiveError(
                f"This backup was made by a newer version of Anteroom ({'.'.join(unknown[0])}); update first."
            )
        with _replaced() as connection:
            if state.applied(connection) != set(nodes):
                _rebuild(connection, nodes)
            with transaction.atomic(using=DATABASE):
                _fill(connection, reader)
            call_command("migrate", database=DATABASE, verbosity=0, interactive=False)
            with transaction.atomic(using=DATABASE):
                data_restored.send(None, taken_at=reader.manifest.taken_at, restored_at=restored_at)
    return reader


@contextmanager
def _replaced() -> Iterator[BaseDatabaseWrapper]:
    """Let the body write a database that takes the place of the present one when it ends well."""
    connection = connections[DATABASE]
    if connection.vendor == "postgresql":
        # Tables can be made and dropped inside a transaction here, so one holds it all.
        with transaction.atomic(using=DATABASE):
            yield connection
        return
    with tempfile.TemporaryDirectory(dir=settings.DATA_DIR, prefix="restore-") as folder:
        aside = connection.copy()
        aside.settings_dict["NAME"] = str(Path(folder) / "restored.sqlite3")
        with standing_in(aside):
            yield aside
        connection.ensure_connection()
        # SQLite copies pages inside one transaction of the target: a crash leaves the old data.
        with closing(sqlite3.connect(aside.settings_dict["NAME"])) as restored:
            restored.backup(connection.connection)
        connection.close()


def _rebuild(connection: BaseDatabaseWrapper, nodes: list[state.Node]) -> None:
    """Make the tables as they were once `nodes` had been applied, and no others."""
    with connection.cursor() as cursor:
        tables = connection.introspection.table_names(cursor)
        for table in tables:
            cursor.execute(f"DROP TABLE {connection.ops.quote_name(table)} CASCADE")
        if connection.vendor == "postgresql":
            # Functions that migrations made for triggers; those of extensions stay.
            cursor.execute(
                "SELECT p.oid::regprocedure::text FROM pg_proc p"
                " WHERE p.pronamespace = current_schema()::regnamespace AND NOT EXISTS"
                " (SELECT FROM pg_depend d WHERE d.objid = p.oid AND d.deptype = 'e')"
            )
            for (function,) in cursor.fetchall():
                cursor.execute(f"DROP FUNCTION {function} CASCADE")
    executor = MigrationExecutor(connection)
    executor.migrate(state.targets(nodes))


def _fill(connection: BaseDatabaseWrapper, reader: files.Reader) -> None:
    """Empty every table and put the backup's rows into it."""
    found = {model._meta.label_lower: model for model in state.models_at(reader.manifest.migrations)}
    if missing := {table.model for table in reader.manifest.tables} ^ set(found):
        raise ArchiveError(f"The backup does not fit its own version (tables {', '.join(sorted(missing))}).")
    tables = [model._meta.db_table for model in found.values()]
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            # Making a foreign key leaves it checked at once for the rest of the transaction, and
            # the tables are filled in the order of their names.
            cursor.execute("SET CONSTRAINTS ALL DEFERRED")
        for statement in connection.ops.sql_flush(no_style(), tables, reset_sequences=True):
            cursor.execute(statement)
        for table in reader.manifest.tables:
            _insert(connection, found[table.model], table, reader)
        for statement in connection.ops.sequence_reset_sql(no_style(), list(found.values())):
            cursor.execute(statement)
    connection.check_constraints()


def _insert(
    connection: BaseDatabaseWrapper, model: type[models.Model], table: files.Table, reader: files.Reader
) -> None:
    fields = {field.attname: field for field in values.columns(model)}
    columns = [fields[name] for name in table.columns]
    quote = connection.ops.quote_name
    names = ", ".join(quote(str(field.column)) for field in columns)
    places = ", ".join(["%s"] * len(columns))
    statement = f"INSERT INTO {quote(model._meta.db_table)} ({names}) VALUES ({places})"
    count = 0
    batch: list[list[Any]] = []
    with connection.cursor() as cursor:
        for row in reader.rows(table):
            batch.append(
                [values.from_json(field, cell, connection) for field, cell in zip(columns, row, strict=True)]
            )
            count += 1
            if len(batch) == ROWS_AT_ONCE:
                cursor.executemany(statement, batch)
                batch = []
        if batch:
            cursor.executemany(statement, batch)
    if count != table.rows:
        raise ArchiveError(f"The backup is damaged: {table.model} has {count} rows instead of {table.rows}.")
