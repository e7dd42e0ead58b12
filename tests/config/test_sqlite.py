"""How carefully SQLite writes: nothing committed is forgotten in a power cut (docs/decisions/0009)."""

from pathlib import Path

import pytest

from tests.config.test_environment import told

pytestmark = pytest.mark.one_engine

ASK = """
from django.db import connection
from clinic.lib.scratch_database import scratch_database
def level():
    with connection.cursor() as cursor:
        return [cursor.execute(f"PRAGMA {name}").fetchone()[0] for name in ("journal_mode", "synchronous")]
before = level()
with scratch_database():
    scratch = level()
print(before, scratch, level())
"""


def test_sqlite_waits_for_the_disk_at_every_commit_but_for_a_throw_away_database(tmp_path: Path) -> None:
    full, off = ["wal", 2], ["wal", 0]
    assert told(ASK, tmp_path) == f"{full} {off} {full}"
