"""Sixteen for one time, on whichever engine the tests run: one has it, nobody hangs (D2, R22, K25)."""

import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial
from itertools import pairwise

import pytest
from django.db import connection

from clinic.appointments import occupancy, operations
from clinic.appointments.models import Appointment, Occupancy
from clinic.appointments.occupancy import Taken
from messaging.models import Message
from tests.factories.clinic import HOURS, MINUTES, MONDAY, STAFF, book_visit, make_calendar, make_patient

pytestmark = pytest.mark.django_db(transaction=True)

RUNNERS, ROUNDS = 16, 10


def race(acts: list[Callable[[], object]]) -> tuple[Counter[str], float]:
    """Let all act at one moment; return how often each outcome came, and the slowest's seconds."""
    ready = threading.Barrier(len(acts))

    def run(act: Callable[[], object]) -> tuple[str, float]:
        try:
            connection.ensure_connection()
            ready.wait(10)
            began = time.monotonic()
            try:
                act()
                outcome = "won"
            except Taken:
                outcome = "taken"
            except Exception as error:
                outcome = type(error).__name__
            return outcome, time.monotonic() - began
        finally:
            connection.close()

    with ThreadPoolExecutor(len(acts)) as pool:
        results = list(pool.map(run, acts))
    return Counter(outcome for outcome, _seconds in results), max(seconds for _outcome, seconds in results)


def test_sixteen_bookings_for_one_slot() -> None:
    calendar = make_calendar()
    patients = [make_patient(calendar.clinic, f"Alice Number{number}") for number in range(RUNNERS)]
    slowest = 0.0

    for number in range(ROUNDS):
        start = MONDAY + timedelta(days=10 + number)
        outcomes, seconds = race(
            [partial(book_visit, calendar=calendar, patient=patient, starts_at=start) for patient in patients]
        )
        assert outcomes == {"won": 1, "taken": RUNNERS - 1}
        slowest = max(slowest, seconds)

    assert Appointment.objects.count() == Occupancy.objects.count() == ROUNDS
    assert Message.objects.filter(kind="details").count() == ROUNDS
    assert slowest < 2


def test_bookings_moves_and_holds_for_times_that_overlap() -> None:
    calendar = make_calendar()
    patients = [make_patient(calendar.clinic, f"Alice Number{number}") for number in range(RUNNERS)]
    movers = [
        book_visit(calendar=calendar, patient=patient, starts_at=MONDAY + timedelta(days=40, hours=number))
        for number, patient in enumerate(patients[:5])
    ]

    for number in range(ROUNDS):
        start = MONDAY + timedelta(days=10 + number)
        acts: list[Callable[[], object]] = [
            partial(book_visit, calendar=calendar, patient=patient, starts_at=start + place * 10 * MINUTES)
            for place, patient in enumerate(patients[5:11])
        ]
        acts += [
            partial(
                operations.move,
                appointment_id=mover.pk,
                starts_at=start + 15 * MINUTES,
                actor=STAFF,
                at=MONDAY,
            )
            for mover in movers
        ]
        acts += [
            partial(
                occupancy.hold, calendar_id=calendar.pk, key=f"hold-{key}", start=start + 5 * MINUTES,
                end=start + 35 * MINUTES, expires_at=MONDAY + HOURS, at=MONDAY,
            )
            for key in range(5)
        ]  # fmt: skip
        outcomes, seconds = race(acts)
        # Visits of half an hour within 80 minutes: one at least, three at most.
        assert set(outcomes) <= {"won", "taken"}, outcomes
        assert 1 <= outcomes["won"] <= 3
        assert seconds < 2

    spans = sorted(Occupancy.objects.values_list("starts_at", "ends_at"))
    assert all(before[1] <= after[0] for before, after in pairwise(spans))
    assert Occupancy.objects.exclude(appointment=None).count() == Appointment.objects.count()


def test_a_mover_who_loses_keeps_the_old_time() -> None:
    calendar = make_calendar()
    movers = [
        book_visit(
            calendar=calendar,
            patient=make_patient(calendar.clinic, f"Alice Number{number}"),
            starts_at=MONDAY + timedelta(days=40, hours=number),
        )
        for number in range(RUNNERS)
    ]
    freed = MONDAY + timedelta(days=10)

    outcomes, _seconds = race(
        [
            partial(operations.move, appointment_id=mover.pk, starts_at=freed, actor=STAFF, at=MONDAY)
            for mover in movers
        ]
    )

    assert outcomes == {"won": 1, "taken": RUNNERS - 1}
    assert Appointment.objects.filter(starts_at=freed, sequence=1).count() == 1
    assert Appointment.objects.filter(sequence=0, version=1).count() == RUNNERS - 1
    assert Occupancy.objects.count() == RUNNERS
