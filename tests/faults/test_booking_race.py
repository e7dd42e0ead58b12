"""A hundred for one public time, through whole pages; bookings and moves mixed (R22, R24, A18, E2.10).

Short in the plain suite; 50 rounds of a hundred behind the `faults` marker. On whichever engine the tests run.
"""

import asyncio
import gc
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from functools import partial
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.db import connection
from django.test import Client

from clinic.appointments.models import Occupancy
from clinic.directory import booking
from clinic.directory.slot_picker import code_of
from clinic.lib import clock
from clinic.models import Appointment, AuditEntry, Calendar, Patient
from config.asgi import calm_garbage_collector
from config.page_threads import PAGE_THREADS, PageThreads
from messaging.links import link_key
from messaging.models import Message, PersonalLink
from tests.factories.booking import booking_form, open_for_booking
from tests.factories.house import DAYS, MINUTES, NOW, House, book, by_link, link_of, make_patient
from tests.fakes.loops import run

pytestmark = [pytest.mark.django_db(transaction=True)]

Act = Callable[[], int]
Outcome = tuple[Counter[int], list[float]]
# More than the server has: what is right does not depend on how few it makes at a time.
MANY_THREADS = 4 * PAGE_THREADS
WARSAW = ZoneInfo("Europe/Warsaw")


def free_for_all(acts: list[Act]) -> Outcome:
    """Let all come at one moment, many more at once than any server process makes pages."""
    ready = threading.Barrier(min(MANY_THREADS, len(acts)))
    waiting = iter(acts)
    next_one = threading.Lock()

    def work() -> list[tuple[int, float]]:
        done: list[tuple[int, float]] = []
        try:
            connection.ensure_connection()
            ready.wait(120)
            began = time.monotonic()
            while True:
                with next_one:
                    act = next(waiting, None)
                if act is None:
                    return done
                status = act()
                done.append((status, time.monotonic() - began))
        finally:
            connection.close()

    with ThreadPoolExecutor(ready.parties) as pool:
        futures = [pool.submit(work) for _ in range(ready.parties)]
    return _outcome([one for future in futures for one in future.result()])


def as_served(acts: list[Act]) -> Outcome:
    """Let all come at one moment to the page threads of one server process."""

    async def scene() -> list[tuple[int, float]]:
        pages = PageThreads()
        began = time.monotonic()

        def timed(act: Act) -> tuple[int, float]:
            return act(), time.monotonic() - began

        def leave() -> None:
            all_of_them.wait(120)
            connection.close()

        all_of_them = threading.Barrier(PAGE_THREADS)
        try:
            return await asyncio.gather(*(pages.run(partial(timed, act)) for act in acts))
        finally:
            with pages.executor as pool:
                for _ in range(PAGE_THREADS):
                    pool.submit(leave)

    return _outcome(run(scene()))


def _outcome(answers: list[tuple[int, float]]) -> Outcome:
    """Return how often each status came, and how many seconds each waited for its answer, the queue included."""
    return Counter(status for status, _seconds in answers), [seconds for _status, seconds in answers]


@pytest.fixture(autouse=True, scope="module")
def as_the_server_has_it() -> Iterator[None]:
    """Let garbage be collected as in the process that serves pages."""
    before = gc.get_threshold()
    calm_garbage_collector()
    yield
    gc.set_threshold(*before)
    gc.unfreeze()


@pytest.fixture
def house(rynek: House) -> Iterator[House]:
    open_for_booking(rynek, horizon=700)
    Calendar.objects.filter(pk=rynek.calendar.pk).update(online_notice_hours=0)
    with clock.held_at(NOW):
        yield rynek


def workday(number: int) -> datetime:
    """Return 10:00 in Warsaw on the workday so many after the house's free one."""
    day, left = date(2027, 5, 20), number
    while left:
        day += timedelta(days=1)
        left -= day.weekday() < 5
    return datetime(day.year, day.month, day.day, 10, tzinfo=WARSAW).astimezone(UTC)


def book_by_page(house: House, start: datetime, number: int, seat: int) -> int:
    """Book as one of many, each from a connection of their own, for another person."""
    client = Client(REMOTE_ADDR=f"10.{seat}.{number % 250}.7")
    form = booking_form(name=f"Adam {number} {seat}", email=f"adam-{number}-{seat}@patients.example")
    url = f"/p/{house.calendar.practitioner.slug}/book/{house.service.pk}/{code_of(start)}/"
    return int(client.post(url, form).status_code)


def move_by_page(link: PersonalLink, client: Client, start: datetime, sequence: int) -> int:
    body = {"start": code_of(start), "sequence": sequence}
    return int(client.post(f"/appointment/{link_key(link)}/move/", body).status_code)


def sound(house: House) -> None:
    """Fail if any time was given to two, or any appointment has another time than its own."""
    rows = Occupancy.objects.filter(calendar=house.calendar, hold=None)
    spans = sorted(rows.values_list("starts_at", "ends_at"))
    assert all(before[1] <= after[0] for before, after in pairwise(spans))
    booked = Appointment.objects.filter(calendar=house.calendar, status="booked")
    assert sorted(booked.values_list("pk", "starts_at", "ends_at")) == sorted(
        rows.values_list("appointment_id", "starts_at", "ends_at")
    )


def play(
    house: House,
    *,
    bookers: int,
    movers: int,
    rounds: int,
    race: Callable[[list[Act]], Outcome] = free_for_all,
) -> list[float]:
    """Let bookers and movers meet for one time, round after round; return how long each answer took."""
    links, browsers = [], []
    for number in range(movers):
        patient = make_patient(house.clinic, f"Alice {number}", email=f"alice{number}@patients.example")
        # Their own times lie far behind all that is fought for.
        made = book(patient, house.calendar, NOW + (800 + number) * DAYS)
        links.append(link_of(made))
        browsers.append(by_link(links[-1]))
    seconds: list[float] = []
    for number in range(rounds):
        start = workday(number)
        before = dict(Appointment.objects.filter(status="booked").values_list("pk", "starts_at"))
        sequences = dict(Appointment.objects.values_list("pk", "sequence"))
        acts: list[Act] = [partial(book_by_page, house, start, number, seat) for seat in range(bookers)]
        acts += [
            partial(move_by_page, link, browser, start, sequences[link.object_id])
            for link, browser in zip(links, browsers, strict=True)
        ]
        statuses, took = race(acts)
        seconds += took
        assert statuses == {302: 1, 409: len(acts) - 1}, statuses
        assert Appointment.objects.filter(starts_at=start, status="booked").count() == 1
        # Whoever lost has what they had.
        after = dict(Appointment.objects.filter(status="booked").values_list("pk", "starts_at"))
        changed = {pk for pk, when in after.items() if before.get(pk) != when}
        assert len(changed) == 1
        assert before.keys() <= after.keys()
        sound(house)
    return seconds


def test_two_first_bookings_of_one_person_make_one_card(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both look for the card before either has made it, unless one waits for the other."""
    both = threading.Barrier(2)

    def find_card(**wanted: Any) -> Patient | None:
        found = real(**wanted)
        with suppress(threading.BrokenBarrierError):
            both.wait(0.5)
        return found

    real = booking.find_card
    monkeypatch.setattr(booking, "find_card", find_card)

    def press(number: int, more: dict[str, str]) -> int:
        form = {**booking_form(name="Nowa Osoba", email="nowa@patients.example"), **more}
        url = f"/p/{house.calendar.practitioner.slug}/book/{house.service.pk}/{code_of(workday(number))}/"
        return int(Client(REMOTE_ADDR=f"10.9.{number}.7").post(url, form).status_code)

    upper = {"email": "Nowa@Patients.example"}
    statuses, _seconds = free_for_all([partial(press, 1, {}), partial(press, 2, upper)])

    assert statuses == {302: 2}
    cards = Patient.objects.filter(name="Nowa Osoba")
    assert [card.appointments.count() for card in cards] == [2]


def test_ten_for_one_public_time(house: House) -> None:
    play(house, bookers=10, movers=0, rounds=3)

    assert Appointment.objects.filter(origin="patient").count() == 3
    assert AuditEntry.objects.filter(action="appointment.booked_online").count() == 3
    assert Message.objects.filter(kind="details", appointment__origin="patient").count() == 3


@pytest.mark.parametrize("race", [free_for_all, as_served])
def test_bookings_and_moves_for_one_time(race: Callable[[list[Act]], Outcome], house: House) -> None:
    play(house, bookers=5, movers=5, rounds=3, race=race)


def test_two_presses_of_one_form_at_one_moment(house: House) -> None:
    for number in range(3):
        start = workday(number)
        url = f"/p/{house.calendar.practitioner.slug}/book/{house.service.pk}/{code_of(start)}/"
        form = booking_form(email=f"adam{number}@patients.example")

        def press(url: str = url, form: dict[str, str] = form) -> int:
            return int(Client().post(url, form).status_code)

        statuses, _seconds = free_for_all([press] * 2)

        assert statuses == {302: 2}
    assert Appointment.objects.filter(origin="patient").count() == 3


def test_holds_that_ended_at_one_moment_hinder_nobody(house: House) -> None:
    """Everybody who comes clears them away: in one order, or they would wait for each other."""
    browsers = [Client(REMOTE_ADDR=f"10.0.{seat}.7") for seat in range(8)]
    base = f"/p/{house.calendar.practitioner.slug}/book/{house.service.pk}/"
    starts = [workday(0) + seat % 4 * 30 * MINUTES + seat // 4 * DAYS for seat in range(8)]
    for browser, start in zip(browsers, starts, strict=True):
        assert browser.post(base, {"start": code_of(start)}).status_code == 302

    with clock.held_at(NOW + 10 * MINUTES):
        statuses, _seconds = free_for_all(
            [
                partial(
                    lambda browser, start, seat: int(
                        browser.post(
                            f"{base}{code_of(start)}/", booking_form(email=f"adam{seat}@patients.example")
                        ).status_code
                    ),
                    browser, start, seat,
                )
                for seat, (browser, start) in enumerate(zip(browsers, starts, strict=True))
            ]
        )  # fmt: skip

    assert statuses == {302: 8}
    sound(house)


HUNDREDS = pytest.mark.parametrize(("bookers", "movers"), [(100, 0), (50, 50)], ids=["bookings", "mixed"])


@pytest.mark.faults
@HUNDREDS
def test_a_hundred_for_one_time_fifty_times(bookers: int, movers: int, house: House) -> None:
    seconds = sorted(play(house, bookers=bookers, movers=movers, rounds=50, race=as_served))

    middle, late = seconds[len(seconds) // 2], seconds[int(len(seconds) * 0.99) - 1]
    print(
        f"{bookers} bookings and {movers} moves, 50 rounds, {connection.vendor}: "
        f"p50 {middle:.3f} s, p99 {late:.3f} s, slowest {seconds[-1]:.3f} s"
    )
    assert late < 2


@pytest.mark.faults
@HUNDREDS
def test_a_hundred_at_once_without_turns_fifty_times(bookers: int, movers: int, house: House) -> None:
    play(house, bookers=bookers, movers=movers, rounds=50)
