"""The sweep's tick at ten thousand and a million deliveries (F9): `python -m bench.sweep`.

Product: `due_clinics` and `claim_due` of the outbox, with nothing due and with 500 due. Peer: the rule
computed when it is asked, from the appointments, as a product without a due column does it.
"""

import argparse
import io
import os
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

from bench import ground
from bench.ground import Figure
from tests import services

SIZES = (10_000, 1_000_000)
CLINICS = 80
DUE = 500
# Lead times as P5 has them; what has no delivery of its own yet and whose instant has come.
PEER = """
SELECT appointment.id FROM clinic_appointment AS appointment
LEFT JOIN messaging_delivery AS delivery
    ON delivery.message_id = appointment.id AND delivery.channel = 'email' AND delivery.state <> 'planned'
WHERE appointment.status = 'booked' AND delivery.id IS NULL
  AND CASE WHEN {lead} > {long} THEN {early} WHEN {lead} >= {short} THEN {late} END <= {now}
LIMIT 500
"""
POSTGRES = {
    "lead": "(appointment.starts_at - appointment.set_at)",
    "long": "INTERVAL '72 hours'",
    "short": "INTERVAL '36 hours'",
    "early": "appointment.starts_at - INTERVAL '48 hours'",
    "late": "appointment.starts_at - INTERVAL '24 hours'",
}
SQLITE = {
    "lead": "(julianday(appointment.starts_at) - julianday(appointment.set_at))",
    "long": "3.0",
    "short": "1.5",
    "early": "datetime(appointment.starts_at, '-48 hours')",
    "late": "datetime(appointment.starts_at, '-24 hours')",
}


def load(count: int, now: datetime) -> None:
    """Put `count` appointments there, each with a reminder: a fifth planned for later, the others sent."""
    from django.db import connection  # noqa: PLC0415 - after django.setup()

    from bench import product  # noqa: PLC0415
    from clinic.models import Calendar, Patient, Service  # noqa: PLC0415

    product.make_clinics(CLINICS)
    calendars = list(Calendar.objects.order_by("pk").values_list("pk", "clinic_id"))
    services_of = dict(Service.objects.values_list("calendar_id", "pk"))
    Patient.objects.bulk_create(
        Patient(clinic_id=clinic, name="Anna Nowak", language="pl", created_at=now)
        for _pk, clinic in calendars
    )
    patients = dict(Patient.objects.values_list("clinic_id", "pk"))
    step = timedelta(seconds=120 * 86_400 / count)

    def rows(table: str) -> Iterator[tuple]:
        for n in range(1, count + 1):
            calendar, clinic = calendars[(n // 5) % CLINICS]
            planned = n % 5 == 0
            start = now + timedelta(days=4) + step * n if planned else now - timedelta(days=1) - step * n
            booked, due = start - timedelta(days=6), start - timedelta(days=2)
            if table == "clinic_appointment":
                yield (
                    n, clinic, calendar, patients[clinic], services_of[calendar], start,
                    start + timedelta(minutes=30), "booked" if planned else "done", "staff", booked, booked, "", 0, 1,
                )  # fmt: skip
            elif table == "messaging_message":
                yield (
                    n, clinic, "bench", f"appointment:{n}", 0, f"patient:{n}", n, patients[clinic], False, "bench",
                    "{}", due, start, booked,
                )  # fmt: skip
            else:
                state, at = ("planned", due) if planned else ("sent", None)
                yield n, n, clinic, "email", state, "", "{}", due, at, 0, False, "", None if planned else due

    columns = {
        "clinic_appointment": "id,clinic_id,calendar_id,patient_id,service_id,starts_at,ends_at,status,origin,"
        "booked_at,set_at,cancelled_by,sequence,version",
        "messaging_message": "id,clinic_id,kind,cause,version,recipient,appointment_id,patient_id,is_left_out,"
        "reason,facts,planned_at,valid_until,created_at",
        "messaging_delivery": "id,message_id,clinic_id,channel,state,reason,facts,planned_at,due_at,tries,"
        "was_retried,claim,sent_at",
    }
    for table, names in columns.items():
        if connection.vendor == "postgresql":
            _copy(table, names, rows(table))
        else:
            _insert(table, names, rows(table))
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE" if connection.vendor == "postgresql" else "ANALYZE")


def _copy(table: str, names: str, rows: Iterator[tuple]) -> None:
    from django.db import connection  # noqa: PLC0415 - after django.setup()

    with connection.cursor() as cursor, cursor.copy(f"COPY {table} ({names}) FROM STDIN") as copy:
        buffer = io.StringIO()
        for n, row in enumerate(rows):
            buffer.write("\t".join("\\N" if value is None else str(value) for value in row) + "\n")
            if n % 5_000 == 4_999:
                copy.write(buffer.getvalue())
                buffer = io.StringIO()
        copy.write(buffer.getvalue())


def _insert(table: str, names: str, rows: Iterator[tuple]) -> None:
    from django.db import connection, transaction  # noqa: PLC0415 - after django.setup()

    def stored(value: object) -> object:
        return (
            value.astimezone(UTC).replace(tzinfo=None).isoformat(" ")
            if isinstance(value, datetime)
            else value
        )

    marks = ",".join(["%s"] * (names.count(",") + 1))
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.executemany(
            f"INSERT INTO {table} ({names}) VALUES ({marks})", (tuple(map(stored, row)) for row in rows)
        )


def make_due(now: datetime) -> Callable[[], None]:
    """Return what makes 500 deliveries, spread over all clinics, due; and undoes the claim before that."""
    from django.db import connection  # noqa: PLC0415 - after django.setup()

    stamp = connection.ops.adapt_datetimefield_value(now - timedelta(minutes=1))
    past = [n * 5 for n in range(1, DUE + 1)]
    marks = ",".join(["%s"] * DUE)

    def do() -> None:
        with connection.cursor() as cursor:
            cursor.execute(
                "UPDATE messaging_delivery SET state = 'planned', claim = '', lease_until = NULL, due_at = %s"
                f" WHERE id IN ({marks})",
                [stamp, *past],
            )

    return do


def timed(work: Callable[[], object], times: int, before: Callable[[], object] = lambda: None) -> float:
    """Return the median of so many runs, in milliseconds."""
    took = []
    for _n in range(times):
        before()
        began = time.perf_counter()
        work()
        took.append((time.perf_counter() - began) * 1000)
    return statistics.median(took)


def measure() -> None:
    """Print the medians of this database, of two rounds: empty tick, claim of 500, the rule computed."""
    import django  # noqa: PLC0415 - reads the environment

    django.setup()
    from django.core.management import call_command  # noqa: PLC0415
    from django.db import connection, transaction  # noqa: PLC0415

    from messaging import claims  # noqa: PLC0415
    from notifications.enums import Channel  # noqa: PLC0415

    call_command("migrate", verbosity=0)
    now = datetime.now(UTC)
    load(int(os.environ["BENCH_ROWS"]), now)
    words = POSTGRES if connection.vendor == "postgresql" else SQLITE
    peer = PEER.format(now="%s", **words)
    instant = connection.ops.adapt_datetimefield_value(now)

    def compute() -> None:
        with connection.cursor() as cursor:
            cursor.execute(peer, [instant])
            cursor.fetchall()

    def tick() -> None:
        if claims.due_clinics(channel=Channel.EMAIL, at=now):
            sys.exit("something is due that should not be")

    def ids_only() -> None:
        with transaction.atomic():
            clinics = claims.due_clinics(channel=Channel.EMAIL, at=now)
            share = -(-DUE // len(clinics))
            found = claims._due_ids(clinics, share=share, limit=DUE, channel=Channel.EMAIL, at=now)
            if len(claims._take(found)) != DUE:
                sys.exit("not all that was due was claimed")

    def claim() -> None:
        rows = claims.claim_due(channel=Channel.EMAIL, at=now, limit=DUE)
        if len(rows) != DUE:
            sys.exit(f"{len(rows)} of {DUE} were claimed")

    again = make_due(now)
    for _round in range(ground.ROUNDS):
        empty, computed = timed(tick, 200), timed(compute, 5)
        taken, whole = timed(ids_only, 20, again), timed(claim, 20, again)
        _sent()
        print(f"{empty} {taken} {whole} {computed}")


def _sent() -> None:
    from django.db import connection  # noqa: PLC0415 - after django.setup()

    with connection.cursor() as cursor:
        cursor.execute("UPDATE messaging_delivery SET state = 'sent', due_at = NULL WHERE state = 'claimed'")


def main() -> int:
    """Measure both sizes on both engines, in processes of their own; print medians and ratios."""
    parser = argparse.ArgumentParser(prog="python -m bench.sweep", description=__doc__)
    parser.add_argument("--rows", type=int, nargs=2, default=SIZES, metavar=("FEW", "MANY"))
    options = parser.parse_args()
    ground.tell_machine()
    figures = []
    for engine in ("PostgreSQL", "SQLite"):
        small, large = (_one(engine, rows) for rows in options.rows)
        for rows, rounds in zip(options.rows, (small, large), strict=True):
            for empty, taken, whole, computed in rounds:
                print(
                    f"{engine:<11}{rows:>9} rows: nothing due {empty:.3f} ms, {DUE} claimed {taken:.2f} ms"
                    f" (with their world {whole:.2f} ms), rule computed {computed:.1f} ms",
                    flush=True,
                )
        few, many = options.rows
        for at, what in ((0, "nothing due"), (1, f"{DUE} due")):
            growth = [b[at] / a[at] for a, b in zip(small, large, strict=True)]
            figures.append(Figure(f"F9 {engine}, {what}: {many} / {few} rows", growth, 3, at_most=True))
        peers = [each[0] / each[3] for each in large]
        figures.append(
            Figure(f"F9 {engine}, nothing due: / rule computed at {many}", peers, 0.01, at_most=True)
        )
    return ground.tell(figures)


def _one(engine: str, rows: int) -> list[tuple[float, ...]]:
    with ground.folder() as folder:
        if engine == "SQLite":
            printed = ground.run(
                "bench.sweep", "--measure", env=ground.environment(folder, BENCH_ROWS=str(rows))
            )
        else:
            with services.postgresql(durable=True) as database:
                env = ground.environment(folder, DATABASE_URL=database, BENCH_ROWS=str(rows))
                printed = ground.run("bench.sweep", "--measure", env=env)
    return [tuple(map(float, line.split())) for line in printed.splitlines()]


if __name__ == "__main__":
    sys.exit(measure() if "--measure" in sys.argv else main())
