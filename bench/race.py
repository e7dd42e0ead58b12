"""Sixteen clients after the same 300 slots (F14): `python -m bench.race`.

Product: the statements of `clinic.appointments.occupancy`, as it sends them: a look, then what takes the span.
Peer: the same booking, moving and holding with expired holds deleted and a bare INSERT on the same exclusion
constraint, the violation caught. Both as bare SQL from sixteen processes with a connection each, what belongs
together in one message: it is the database that is compared, and Python's part would hide it.
"""

import argparse
import contextlib
import multiprocessing
import os
import random
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
from psycopg.pq import DiagnosticField, ExecStatus
from psycopg.pq.abc import PGresult

from bench import ground
from bench.ground import Figure
from tests import services

CLIENTS, SLOTS = 16, 300
START = datetime(2031, 3, 3, 8, tzinfo=UTC)
LENGTH = timedelta(minutes=20)
KINDS = ("book",) * 6 + ("move",) * 2 + ("hold",) * 2

EXPIRED = "DELETE FROM clinic_occupancy WHERE calendar_id = %s AND expires_at <= %s"
LOOK = (
    "SELECT id, expires_at, appointment_id, hold FROM clinic_occupancy"
    " WHERE calendar_id = %s AND starts_at < %s AND ends_at > %s"
)
OWN = "DELETE FROM clinic_occupancy WHERE appointment_id = %s"
HOLD = "DELETE FROM clinic_occupancy WHERE hold = %s"
BARE = """
INSERT INTO clinic_occupancy (calendar_id, starts_at, ends_at, appointment_id, hold, expires_at)
VALUES (%s, %s, %s, %s, %s, %s)
"""
OVERLAPS = """
SELECT count(*) FROM clinic_occupancy AS a JOIN clinic_occupancy AS b
ON a.calendar_id = b.calendar_id AND a.id < b.id AND a.starts_at < b.ends_at AND b.starts_at < a.ends_at
"""


@dataclass(slots=True)
class Score:
    """What one client, or all of them, came to."""

    attempts: int = 0
    won: int = 0
    deadlocks: int = 0
    seconds: float = 0.0
    waits: list[float] = field(default_factory=list)  # ms of each attempt


class _LostError(Exception):
    """Somebody else has the slot."""


class _DeadlockError(Exception):
    """The database let this one go, so that another could get on."""


# Takes a span (calendar, start, end, appointment, hold, its end), after statements that belong before it.
Take = Callable[..., None]


def product_take(say: Callable[..., PGresult], values: tuple, *before: str) -> None:
    """Take a span as the occupancy module does: nobody has it at a look, and no row back means taken."""
    from clinic.appointments import occupancy  # noqa: PLC0415 - after django.setup()

    calendar, start, end, appointment, hold, _expires = values
    mine = (hold or f"bench-{appointment}").encode()
    found = say(written(LOOK, calendar, end, start))
    if any(found.get_value(row, 3) != mine for row in range(found.ntuples)):
        raise _LostError
    if hold:
        before = (written(EXPIRED, calendar, datetime.now(UTC)), *before)
    if say(*before, written(occupancy._POSTGRES, *values, calendar, end, start)).ntuples != 1:
        raise _LostError


def peer_take(say: Callable[..., PGresult], values: tuple, *before: str) -> None:
    """Take a span, and let the constraint object."""
    say(*before, written(EXPIRED, values[0], datetime.now(UTC)), written(BARE, *values))


def written(statement: str, *values: object) -> str:
    """Return a statement with its values in it; they are this file's own."""
    return statement % tuple(
        "NULL" if one is None else one if isinstance(one, int) else f"'{one}'" for one in values
    )


def speaker(connection: psycopg.Connection) -> Callable[..., PGresult]:
    """Return what runs statements in one message and returns the last one's answer, with as little Python as can be."""

    def say(*statements: str) -> PGresult:
        answer = connection.pgconn.exec_(";".join(statements).encode())
        if answer.status != ExecStatus.FATAL_ERROR:
            return answer
        state = answer.error_field(DiagnosticField.SQLSTATE)
        if state == b"23P01":
            raise _LostError
        if state == b"40P01":
            raise _DeadlockError
        raise RuntimeError(answer.get_error_message())

    return say


def play(number: int, database: str, take: Take, at_once: Any, first: int) -> Score:
    """Go for every slot in turn, as one client: book, move there, or hold it and book then."""
    score, mine = Score(), []
    chance = random.Random(number)
    with psycopg.connect(database, autocommit=True) as connection:
        say = speaker(connection)
        at_once.wait()
        began = time.perf_counter()
        for slot in range(SLOTS):
            kind = chance.choice(KINDS)
            appointment = first + number * SLOTS + slot
            if kind == "move" and mine:
                appointment = mine.pop(0)
            start = START + slot * LENGTH
            began_one = time.perf_counter()
            try:
                _attempt(say, take, kind, appointment, start)
                mine.append(appointment)
                score.won += 1
            except _LostError:
                if kind == "move" and appointment < first + number * SLOTS + slot:
                    mine.append(appointment)
            except _DeadlockError:
                score.deadlocks += 1
            score.waits.append((time.perf_counter() - began_one) * 1000)
            score.attempts += 1
        score.seconds = time.perf_counter() - began
    return score


def _attempt(say: Callable[..., PGresult], take: Take, kind: str, appointment: int, start: datetime) -> None:
    span, booking = (1, start, start + LENGTH), (1, start, start + LENGTH, appointment, None, None)
    if kind == "hold":
        held = written(HOLD, key := f"bench-{appointment}")
        with transaction(say):
            take(say, (*span, None, key, datetime.now(UTC) + timedelta(minutes=5)), held)
        with transaction(say):
            take(say, booking, held)
    elif kind == "move":
        with transaction(say):
            take(say, booking, written(OWN, appointment))
    else:
        take(say, booking)


@contextlib.contextmanager
def transaction(say: Callable[..., PGresult]) -> Iterator[None]:
    """Keep what belongs together."""
    say("BEGIN")
    try:
        yield
    except BaseException:
        say("ROLLBACK")
        raise
    say("COMMIT")


def race(database: str, take: Take, first: int) -> tuple[Score, int]:
    """Let all clients loose at once; return their common score and the number of double bookings."""
    context = multiprocessing.get_context("fork")
    with psycopg.connect(database, autocommit=True) as it:
        it.execute("TRUNCATE clinic_occupancy")
    at_once, scores = context.Barrier(CLIENTS), context.Queue()

    def client(number: int) -> None:
        scores.put(play(number, database, take, at_once, first))

    clients = [context.Process(target=client, args=(number,)) for number in range(CLIENTS)]
    for each in clients:
        each.start()
    total = Score()
    for _client in clients:
        one = scores.get(timeout=300)
        total.attempts, total.won = total.attempts + one.attempts, total.won + one.won
        total.deadlocks, total.seconds = total.deadlocks + one.deadlocks, max(total.seconds, one.seconds)
        total.waits += one.waits
    for each in clients:
        each.join()
    with psycopg.connect(database) as it:
        doubles = it.execute(OVERLAPS).fetchone()
    return total, doubles[0] if doubles else -1


def _prepare() -> int:
    """Make a calendar and an appointment for each client and slot; return the first one's id."""
    import django  # noqa: PLC0415 - reads the environment

    django.setup()
    from django.core.management import call_command  # noqa: PLC0415
    from django.db import connection  # noqa: PLC0415

    from bench import product  # noqa: PLC0415
    from clinic.models import Appointment, Calendar, Patient, Service  # noqa: PLC0415

    call_command("migrate", verbosity=0)
    product.make_clinics(1)
    calendar, service = Calendar.objects.get(), Service.objects.get()
    patient = Patient.objects.create(
        clinic_id=calendar.clinic_id, name="Anna", language="pl", created_at=START
    )
    made = Appointment.objects.bulk_create(
        Appointment(
            clinic_id=calendar.clinic_id,
            calendar=calendar,
            patient=patient,
            service=service,
            starts_at=START,
            ends_at=START + LENGTH,
            origin="staff",
            booked_at=START,
            set_at=START,
        )
        for _n in range(CLIENTS * SLOTS)
    )
    connection.close()
    return made[0].pk


def main() -> int:
    """Race twice each way, in turn; print what came of it."""
    argparse.ArgumentParser(prog="python -m bench.race", description=__doc__).parse_args()
    ground.tell_machine()
    ways = {"product": product_take, "catch the violation": peer_take}
    rates: dict[str, list[float]] = {name: [] for name in ways}
    worst, doubled, deadlocks = [], [], []
    with ground.folder() as folder, services.postgresql(durable=True) as database:
        os.environ.update(ground.environment(folder, DATABASE_URL=database))
        first = _prepare()
        for _round in range(ground.ROUNDS):
            for name, take in ways.items():
                score, doubles = race(database, take, first)
                waits = sorted(score.waits)
                rates[name].append(score.attempts / score.seconds)
                print(
                    f"{name:<22}{rates[name][-1]:>8.0f} attempts/s, {score.won} won, p99"
                    f" {waits[len(waits) * 99 // 100]:.1f} ms, worst {waits[-1]:.1f} ms,"
                    f" {score.deadlocks} deadlocks, {doubles} double bookings",
                    flush=True,
                )
                if name == "product":
                    worst.append(waits[-1])
                    doubled.append(float(doubles))
                    deadlocks.append(float(score.deadlocks))
    ratios = [a / b for a, b in zip(*rates.values(), strict=True)]
    return ground.tell(
        [
            Figure("F14 double bookings", doubled, 0, at_most=True),
            Figure("F14 deadlocks", deadlocks, 0, at_most=True),
            Figure("F14 attempts/s: product / catch the violation", ratios, 1.8),
            Figure("F14 worst wait, ms", worst, 250, at_most=True),
        ]
    )


if __name__ == "__main__":
    sys.exit(main())
