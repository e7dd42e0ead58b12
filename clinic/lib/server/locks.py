"""Who may use the data now: any number of processes that share a Redis, otherwise one alone."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from django.conf import settings
from django.db import connection

from clinic.lib.server import CannotStart

# Any number will do, as long as nothing else in this database uses it.
ADVISORY_LOCK = 2_683_746_528


@contextmanager
def data_held(*, shared: bool, purpose: str) -> Iterator[None]:
    """Hold the data while the body runs.

    Args:
        shared: True for processes that find one another through Redis; False to be the only one.
        purpose: what does not happen if the data is held by another, as the start of a sentence.

    Raises:
        CannotStart: another process holds the data (X7).
    """
    hold = _database_held if connection.vendor == "postgresql" else _folder_held
    with hold(shared=shared, refusal=f"{purpose}: another Anteroom process is using {_what()}."):
        yield


def _what() -> str:
    if connection.vendor == "postgresql":
        return f"the database {connection.settings_dict['NAME']}"
    return f"the data in {settings.DATA_DIR}"


@contextmanager
def _folder_held(*, shared: bool, refusal: str) -> Iterator[None]:
    """Lock a file in the data folder; the kernel lets go of it however the process ends."""
    handle = os.open(Path(settings.DATA_DIR) / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(handle, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
        except BlockingIOError:
            raise CannotStart(refusal) from None
        yield
    finally:
        os.close(handle)


@contextmanager
def _database_held(*, shared: bool, refusal: str) -> Iterator[None]:
    """Take an advisory lock on a connection of its own, kept as long as the lock is needed."""
    own = connection.copy()
    take = "pg_try_advisory_lock_shared" if shared else "pg_try_advisory_lock"
    try:
        with own.cursor() as cursor:
            cursor.execute(f"SELECT {take}(%s)", [ADVISORY_LOCK])
            if not cursor.fetchone()[0]:
                raise CannotStart(refusal)
        yield
    finally:
        own.close()
