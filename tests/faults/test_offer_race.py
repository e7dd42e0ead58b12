"""A hundred press *take it* at once, through whole pages: one has it, nobody loses theirs (R22, E4.6, P8).

Short in the plain suite; 50 rounds of a hundred behind the `faults` marker. On whichever engine the tests run.
"""

import gc
from collections.abc import Callable, Iterator
from datetime import timedelta
from functools import partial

import pytest
from django.db import connection
from django.test import Client

from clinic.appointments import operations as appointments
from clinic.appointments.enums import CancelledBy
from clinic.audit.operations import PATIENT
from clinic.lib import clock
from clinic.models import Appointment, Calendar, Patient
from config.asgi import calm_garbage_collector
from messaging.models import Message
from reminders.offers.models import Freeing, SlotOffer
from tests.factories.booking import open_for_booking
from tests.factories.house import DAYS, NOW, House, book, make_patient
from tests.factories.offers import to_offer
from tests.faults.test_booking_race import Act, Outcome, as_served, book_by_page, free_for_all, sound, workday

pytestmark = [pytest.mark.django_db(transaction=True)]

# All those who are told stand behind every time that is fought for.
BEHIND = NOW + 800 * DAYS


@pytest.fixture(autouse=True, scope="module")
def as_the_server_has_it() -> Iterator[None]:
    """Let garbage be collected as in the process that serves pages."""
    before = gc.get_threshold()
    calm_garbage_collector()
    yield
    gc.set_threshold(*before)
    gc.unfreeze()


@pytest.fixture
def house(rynek: House, monkeypatch: pytest.MonkeyPatch) -> Iterator[House]:
    """A house in which more than ten may be told, so that a crowd comes."""
    monkeypatch.setattr("reminders.offers.rules.MOST_TOLD", 100)
    open_for_booking(rynek, horizon=700)
    Calendar.objects.filter(pk=rynek.calendar.pk).update(online_notice_hours=0)
    with clock.held_at(NOW):
        yield rynek


def crowd(house: House, count: int) -> list[Appointment]:
    """Return appointments of as many patients, far behind everything."""
    found = []
    for number in range(count):
        card = make_patient(
            house.clinic, f"Alice {number}", email=f"alice{number}@patients.example",
            phone_number=f"+48 512 346 {number:03}",
        )  # fmt: skip
        found.append(book(card, house.calendar, BEHIND + number * DAYS))
    return found


def give_up(house: House, card: Patient, number: int) -> Freeing:
    """Let somebody book and give up the workday's time."""
    made = book(card, house.calendar, workday(number))
    appointments.cancel(appointment_id=made.pk, by=CancelledBy.PATIENT, actor=PATIENT, at=NOW)
    return Freeing.objects.get(appointment=made)


def take_by_page(client: Client, url: str) -> int:
    """Press, and follow the winner to their page: 200 is theirs, 409 is somebody's."""
    response = client.post(url)
    if response.status_code == 302:
        page = client.get(response["Location"])
        assert "The new time is yours." in page.content.decode()
        return 200
    assert "Your appointment is unchanged" in response.content.decode()
    return int(response.status_code)


def play(
    house: House,
    people: int,
    *,
    rounds: int,
    presses: int = 1,
    bookers: int = 0,
    race: Callable[[list[Act]], Outcome] = free_for_all,
) -> list[float]:
    """Let everybody who was told press at once, round after round; return how long each answer took."""
    who = crowd(house, people)
    seconds: list[float] = []
    for number in range(rounds):
        leaver = make_patient(
            house.clinic, f"Wera {number}", email=f"wera{number}@patients.example", phone_number=""
        )
        freeing = give_up(house, leaver, number)
        browsers = [to_offer(one) for one in SlotOffer.objects.filter(freeing=freeing).order_by("pk")]
        assert len(browsers) == len(who)
        before = dict(Appointment.objects.filter(status="booked").values_list("pk", "starts_at"))
        acts: list[Act] = [partial(take_by_page, *one) for one in browsers for _press in range(presses)]
        acts += [partial(book_by_page, house, freeing.starts_at, number, seat) for seat in range(bookers)]
        statuses, took = race(acts)
        seconds += took
        # A winner's other presses are told the same; everybody else is told that theirs stands.
        won = statuses[200]
        assert statuses[302] + (won > 0) == 1, statuses
        assert won in {0, presses}, statuses
        assert sum(statuses.values()) == statuses[409] + won + statuses[302]
        after = dict(Appointment.objects.filter(status="booked").values_list("pk", "starts_at"))
        changed = {pk for pk, when in after.items() if before.get(pk) != when}
        assert len(changed) == 1
        assert {after[pk] for pk in changed} == {freeing.starts_at}
        assert before.keys() <= after.keys()
        sound(house)
        freeing.refresh_from_db()
        assert (freeing.ended, freeing.taken_by_id) == ("booked" if not won else "taken", *changed)
        who = [one for one in who if one.pk not in changed]
        if won:
            who = sorted([*who, *crowd_again(house, number)], key=lambda one: one.starts_at)
    return seconds


def crowd_again(house: House, number: int) -> list[Appointment]:
    """Return one more who comes later, in the place of whoever has won."""
    card = make_patient(
        house.clinic, f"Bogna {number}", email=f"bogna{number}@patients.example",
        phone_number=f"+48 512 347 {number:03}",
    )  # fmt: skip
    return [book(card, house.calendar, BEHIND + (200 + number) * DAYS + timedelta(hours=1))]


def test_ten_for_one_earlier_time(house: House) -> None:
    play(house, 10, rounds=3)

    assert Message.objects.filter(kind="moved", reason="moved_by_patient").count() == 3
    assert Freeing.objects.filter(ended="taken").count() == 3


def test_winners_second_press_is_never_told_that_it_is_taken(house: House) -> None:
    """Everybody presses twice, both at once."""
    play(house, 4, rounds=4, presses=2)


def test_takers_and_bookers_at_once(house: House) -> None:
    play(house, 5, rounds=3, bookers=5)


def test_two_offers_at_once_of_people_who_leave_times_that_others_want(house: House) -> None:
    """Each takes the other's way in turn: locks in one order, or they would wait for each other."""
    who = crowd(house, 6)
    spare = [
        make_patient(house.clinic, f"Wera {n}", email=f"w{n}@patients.example", phone_number="")
        for n in range(2)
    ]
    first, second = (give_up(house, card, n) for n, card in enumerate(spare))
    acts: list[Act] = [
        partial(take_or_not, *to_offer(one))
        for freeing in (first, second)
        for one in freeing.offers.order_by("pk")
    ]

    statuses, _seconds = free_for_all(acts)

    assert statuses[302] >= 2
    assert statuses[302] + statuses[409] == 12
    for freeing in (first, second):
        assert Appointment.objects.filter(starts_at=freeing.starts_at, status="booked").count() <= 1
    assert Appointment.objects.filter(pk__in=[one.pk for one in who], status="booked").count() == 6
    sound(house)


def take_or_not(client: Client, url: str) -> int:
    return int(client.post(url).status_code)


@pytest.mark.faults
def test_a_hundred_for_one_earlier_time_fifty_times(house: House) -> None:
    seconds = sorted(play(house, 100, rounds=50, race=as_served))

    middle, late = seconds[len(seconds) // 2], seconds[int(len(seconds) * 0.99) - 1]
    print(
        f"100 takers, 50 rounds, {connection.vendor}: "
        f"p50 {middle:.3f} s, p99 {late:.3f} s, slowest {seconds[-1]:.3f} s"
    )
    assert late < 2


@pytest.mark.faults
def test_a_hundred_at_once_without_turns_fifty_times(house: House) -> None:
    play(house, 100, rounds=50)
