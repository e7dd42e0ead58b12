"""Column values as JSON and back, the same for both engines."""

import base64
import datetime as dt
import uuid
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper

from clinic.lib.archive import ArchiveError

MICROSECOND = dt.timedelta(microseconds=1)

_WRITE: dict[type, tuple[str, Callable[[Any], Any]]] = {
    dt.datetime: ("datetime", dt.datetime.isoformat),
    dt.date: ("date", dt.date.isoformat),
    dt.time: ("time", dt.time.isoformat),
    dt.timedelta: ("microseconds", lambda value: value // MICROSECOND),
    Decimal: ("decimal", str),
    uuid.UUID: ("uuid", str),
    bytes: ("base64", lambda value: base64.b64encode(value).decode()),
    memoryview: ("base64", lambda value: base64.b64encode(value).decode()),
}
_READ: dict[str, Callable[[Any], Any]] = {
    "datetime": dt.datetime.fromisoformat,
    "date": dt.date.fromisoformat,
    "time": dt.time.fromisoformat,
    "microseconds": lambda value: value * MICROSECOND,
    "decimal": Decimal,
    "uuid": uuid.UUID,
    "base64": base64.b64decode,
    "json": lambda value: value,
}


def columns(model: type[models.Model]) -> "list[models.Field[Any, Any]]":
    """Return the fields that are columns of the model's own table and can be written."""
    return [field for field in model._meta.local_concrete_fields if not getattr(field, "generated", False)]


def to_json(field: "models.Field[Any, Any]", value: Any) -> Any:
    """Return a value read from `field` as JSON can hold it.

    Raises:
        ArchiveError: the column's type is not one that both engines have.
    """
    if isinstance(field, models.JSONField):
        return None if value is None else {"json": value}
    value = field.get_prep_value(value)
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if type(value) not in _WRITE:
        raise ArchiveError(
            f"{field.model._meta.label}.{field.name} cannot be put into a backup ({type(value)})."
        )
    name, write = _WRITE[type(value)]
    return {name: write(value)}


def from_json(field: "models.Field[Any, Any]", value: Any, connection: BaseDatabaseWrapper) -> Any:
    """Return a value made by `to_json` as the database driver wants it."""
    if isinstance(value, dict):
        ((name, content),) = value.items()
        value = _READ[name](content)
    if value is None and isinstance(field, models.JSONField) and not field.null:
        # JSON's own null, which Python cannot tell from the database's.
        return field.get_db_prep_value(None, connection)
    return field.get_db_prep_save(value, connection)
