"""Rows by a list of values, for sweeps: the ORM composes even the plainest query longer than it takes to run."""

from collections.abc import Collection, Iterable
from typing import TypeVar

from django.db import connection
from django.db.models import Model

M = TypeVar("M", bound=Model)


def rows_where(model: type[M], column: str, values: Collection[object]) -> list[M]:
    """Return a model's rows whose `column` is one of `values`, in no order."""
    if not values:
        return []
    table, name = map(connection.ops.quote_name, (model._meta.db_table, column))
    marks = ", ".join(["%s"] * len(values))
    return list(model._default_manager.raw(f"SELECT * FROM {table} WHERE {name} IN ({marks})", list(values)))


def rows_by_id(model: type[M], ids: Iterable[int | None]) -> dict[int, M]:
    """Return a model's rows by their ids."""
    return {row.pk: row for row in rows_where(model, "id", {each for each in ids if each is not None})}
