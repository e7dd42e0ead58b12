"""Letting those who do the same thing at one moment do it one after the other."""

import hashlib

from django.db import connection


def take_turns(*names: str) -> None:
    """Wait until nobody else holds any of these names; hold them until the caller's transaction ends.

    For what no row stands for yet. On SQLite a transaction has the whole file to itself as it is.
    """
    if connection.vendor != "postgresql":
        return
    numbers = {int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], signed=True) for name in names}
    with connection.cursor() as cursor:
        # In one order for all: two who want the same names would else wait for each other.
        for number in sorted(numbers):
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [number])
