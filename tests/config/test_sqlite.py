"""How carefully SQLite writes: nothing committed is forgotten in a power cut (docs/decisions/0009)."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
ASK = """
import django
django.setup()
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
    env = {name: value for name, value in os.environ.items() if name not in ("DATABASE_URL", "REDIS_URL")}
    env |= {"DJANGO_SETTINGS_MODULE": "config.settings", "ANTEROOM_ENV_FILE": os.devnull}
    env |= {"ANTEROOM_DATA": str(tmp_path)}

    said = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", ASK],
        cwd=ROOT,
        env=env,
        capture_output=True,
        text=True,
        check=True,
    )

    full, off = ["wal", 2], ["wal", 0]
    assert said.stdout.strip() == f"{full} {off} {full}"
