"""SQLite under eight web threads and four workers: nobody is ever told that it is locked (R30)."""

import itertools
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
from django.db import DatabaseError, connection
from django.test import Client

from clinic.appointments.operations import Taken
from clinic.lib import clock
from clinic.models import Calendar
from messaging import delivery, settling
from messaging.links import token_of
from messaging.models import Delivery
from notifications.enums import Channel
from reminders.planning import link_for
from tests.factories.clinic import book_visit, make_calendar, make_patient

pytestmark = pytest.mark.django_db(transaction=True)

WEB, WORKERS = 8, 4


@dataclass
class Log:
    """What the threads saw."""

    seconds: list[float] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    statuses: dict[int, int] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def write(self, seconds: float, status: int = 0) -> None:
        with self.lock:
            self.seconds.append(seconds)
            self.statuses[status] = self.statuses.get(status, 0) + 1

    @property
    def p99(self) -> float:
        return sorted(self.seconds)[int(len(self.seconds) * 0.99)]


def browse(
    calendar: Calendar, numbers: Iterator[int], first: float, until: float, pause: float, log: Log
) -> None:
    """Book, open the patient's page, confirm there, tell that it was seen: one write after another, paced."""
    client = Client(enforce_csrf_checks=False)
    following = first
    key = sequence = ""
    for step in itertools.cycle(("book", "seen", "confirm", "cancel")):
        following += pause
        time.sleep(max(0.0, following - time.monotonic()))
        if time.monotonic() > until:
            connection.close()
            return
        began = time.monotonic()
        status = 0
        try:
            if step == "book":
                number = next(numbers)
                now = clock.now()
                visit = book_visit(
                    calendar=calendar,
                    patient=make_patient(calendar.clinic, f"Alice Number{number}"),
                    starts_at=now.replace(minute=0, second=0, microsecond=0)
                    + timedelta(days=30, minutes=30 * number),
                    at=now,
                )
                link = link_for(visit, at=now)
                key = client.get(f"/a/{token_of(link)}/")["Location"]
                sequence = str(visit.sequence)
            else:
                status = client.post(f"{key}{step}/", {"sequence": sequence}).status_code
        except (DatabaseError, Taken) as error:
            log.faults.append(f"{step}: {error}")
        log.write(time.monotonic() - began, status)


def work(ended: threading.Event, log: Log) -> None:
    """Sweep as a worker does, both channels, without a rest worth the name."""
    settled_at = 0.0
    while not ended.is_set():
        for channel in (Channel.EMAIL, Channel.SMS):
            try:
                delivery.send_due(channel=channel, at=clock.now(), now=clock.now)
                if time.monotonic() - settled_at > 1:
                    settled_at = time.monotonic()
                    settling.settle(at=clock.now())
            except DatabaseError as error:
                log.faults.append(f"worker: {error}")
        ended.wait(0.05)
    connection.close()


@pytest.mark.parametrize(
    "seconds", [pytest.param(5, id="5s"), pytest.param(60, id="60s", marks=pytest.mark.faults)]
)
def test_web_and_workers_on_one_database(
    seconds: int, settings: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    settings.OUTBOX_BELL = False
    calendar, log, ended = make_calendar(), Log(), threading.Event()
    numbers = itertools.count()
    Client().get("/a/warm-up/")
    # 500 writes a minute over eight threads: one a second each, and a little more.
    pause, began = WEB / (500 / 60), time.monotonic()
    until = began + seconds
    with ThreadPoolExecutor(WEB + WORKERS) as pool:
        workers = [pool.submit(work, ended, log) for _ in range(WORKERS)]
        web = [
            pool.submit(browse, calendar, numbers, began - pause * (1 - number / WEB), until, pause, log)
            for number in range(WEB)
        ]
        for future in web:
            future.result()
        ended.set()
        for future in workers:
            future.result()
    delivery.send_due(channel=Channel.EMAIL, at=clock.now(), now=clock.now)

    with capsys.disabled():
        print(
            f"\n    {connection.vendor}, {seconds} s: {len(log.seconds)} writes, {log.statuses}, "
            f"faults {len(log.faults)}, p99 {log.p99 * 1000:.0f} ms, slowest {max(log.seconds) * 1000:.0f} ms"
        )
    assert log.faults == []
    assert set(log.statuses) == {0, 204, 302}
    # How many and how quick says the long form, run by itself: a few seconds beside other tests measure those.
    if seconds >= 60:
        assert len(log.seconds) > seconds * 500 / 60 * 0.8
        assert log.p99 < 2
    assert (
        Delivery.objects.filter(
            channel="email", state__in=["claimed", "sending", "unknown", "failed"]
        ).count()
        == 0
    )
