"""What the commands for one production process have in common."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.conf import settings
from django.db import connections

from clinic.lib.server import CannotStart, prepare
from clinic.lib.server.locks import data_held


@contextmanager
def one_of_many(what: str) -> Iterator[None]:
    """Run one of several processes that share a database and a Redis; tell refusals in one line.

    Args:
        what: the process, as the start of a sentence.

    Raises:
        SystemExit: REDIS_URL is missing, or the database is newer, older or not there (X7).
    """
    try:
        with prepare.told_in_one_line():
            if not settings.REDIS_URL:
                raise CannotStart(f"{what} needs REDIS_URL to find the other processes; `up` runs alone.")
            prepare.check_folder(settings.DATA_DIR)
            with data_held(shared=True, purpose=f"{what} not started"):
                prepare.refuse_newer_database()
                prepare.refuse_old_database()
                connections.close_all()
                yield
    except CannotStart as refusal:
        raise SystemExit(str(refusal)) from None
