"""The second screen of online booking: a week of free times, one of which is kept for a moment (D2, A2, A14)."""

from datetime import date, datetime, time, timedelta

import pytest
from django.test import Client

from clinic.appointments import occupancy
from clinic.audit.operations import SYSTEM
from clinic.calendars.absences import add_absence
from clinic.calendars.day_hours import set_day_exception
from clinic.directory import limits
from clinic.directory.slot_picker import code_of
from clinic.directory.views import booking as views
from clinic.lib import clock
from tests.factories.booking import START, booked, booking_url, choose, holds, open_for_booking
from tests.factories.house import DAYS, HOURS, MINUTES, NOW, House, book, logged_in, make_patient
from tests.factories.page import Page, text_of


@pytest.fixture
def url(rynek: House) -> str:
    open_for_booking(rynek)
    return booking_url(rynek)


def days(page: Page) -> list[str]:
    return [text_of(node) for node in page.all("h2")]


def offered(page: Page) -> list[str]:
    """Return the codes of the times in the week, without the earliest one's own button."""
    slots = page.all("button", lambda it: "slot" in it.get("class", "").split())
    return [str(dict(node.attributes)["value"]) for node in slots]


def test_the_earliest_comes_first_and_the_week_begins_with_its_day(url: str, client: Client) -> None:
    page = Page(client.get(url))

    # Now it is 9:00 on Monday; two hours of notice.
    assert page.buttons()[0] == "Earliest: Monday 3 May 2027, 11:00"
    assert days(page) == [
        "Monday 3 May 2027", "Tuesday 4 May 2027", "Wednesday 5 May 2027", "Thursday 6 May 2027",
        "Friday 7 May 2027",
    ]  # fmt: skip
    assert offered(page)[:4] == ["20270503t0900z", "20270503t0930z", "20270503t1100z", "20270503t1130z"]


def test_notice_counts_from_the_hour_exactly(rynek: House, url: str, client: Client) -> None:
    with clock.held_at(NOW + timedelta(microseconds=1)):
        assert offered(Page(client.get(url)))[0] == "20270503t0930z"


def test_weeks_go_on_to_the_horizon_and_back(rynek: House, client: Client) -> None:
    open_for_booking(rynek, horizon=9)  # until Wednesday 12 May
    url = booking_url(rynek)

    later = Page(client.get(f"{url}?from=2027-05-10"))

    assert days(later) == ["Monday 10 May 2027", "Tuesday 11 May 2027", "Wednesday 12 May 2027"]
    assert f"{url}?from=2027-05-03#times" in later.links()
    assert not [link for link in later.links() if "2027-05-17" in link]
    # Beyond the horizon and before today it ends with the last and the first day.
    assert days(Page(client.get(f"{url}?from=2999-01-01"))) == ["Wednesday 12 May 2027"]
    assert days(Page(client.get(f"{url}?from=0001-01-01")))[0] == "Monday 3 May 2027"
    for strange in ("x", "2027-13-01", "%00", "10000-01-01"):
        assert days(Page(client.get(f"{url}?from={strange}")))[0] == "Monday 3 May 2027"


def test_a_week_without_a_free_time_names_the_next_day_with_one(
    rynek: House, url: str, client: Client
) -> None:
    add_absence(
        practitioner=rynek.calendar.practitioner, starts_at=NOW + 7 * DAYS, ends_at=NOW + 15 * DAYS,
        actor=SYSTEM, at=NOW,
    )  # fmt: skip

    page = Page(client.get(f"{url}?from=2027-05-11"))

    assert days(page) == []
    assert "No free time in this week." in page.text
    assert f"{url}?from=2027-05-18#times" in page.links()
    assert "Next free time: 18 May 2027" in page.text


def test_nothing_free_up_to_the_horizon_says_so(rynek: House, url: str, client: Client) -> None:
    add_absence(practitioner=rynek.calendar.practitioner, starts_at=NOW, ends_at=None, actor=SYSTEM, at=NOW)

    page = Page(client.get(url))

    assert "There is no free time to choose at the moment. Please call us." in page.text
    assert page.buttons() == []


def test_what_is_taken_is_not_offered(rynek: House, url: str, client: Client) -> None:
    book(make_patient(rynek.clinic, "Jan Inny"), rynek.calendar, NOW + 2 * HOURS + 15 * MINUTES)

    assert offered(Page(client.get(url)))[:2] == ["20270503t1100z", "20270503t1130z"]


def test_the_hour_that_comes_twice_is_told_apart(rynek: House, client: Client) -> None:
    open_for_booking(rynek, horizon=365)
    night = date(2027, 10, 31)
    set_day_exception(calendar=rynek.calendar, day=night, hours=[(time(1), time(4))], actor=SYSTEM, at=NOW)

    page = Page(client.get(f"{booking_url(rynek)}?from=2027-10-31"))

    assert page.buttons()[:9] == [
        "01:00", "01:30", "02:00 CEST", "02:30 CEST", "02:00 CET", "02:30 CET", "03:00", "03:30", "08:00",
    ]  # fmt: skip
    # The second one can be chosen: an instant is posted, not a time of the wall.
    second = datetime(2027, 10, 31, 1, 0, tzinfo=NOW.tzinfo)
    assert choose(client, rynek, second).status_code == 302
    assert holds()[0][0] == second


# --- Choosing -------------------------------------------------------------------------------------


def test_choosing_keeps_the_time_for_ten_minutes_and_goes_on(rynek: House, url: str, client: Client) -> None:
    response = choose(client, rynek)

    assert response["Location"] == booking_url(rynek, START)
    assert holds() == [(START, START + 30 * MINUTES, NOW + 10 * MINUTES)]
    cookie = response.cookies["booking"]
    assert (cookie["path"], cookie["httponly"], cookie["samesite"]) == (
        f"/p/{rynek.calendar.practitioner.slug}/book/", True, "Lax",
    )  # fmt: skip
    assert booked(rynek) == []
    # To everybody else it is taken; to the one who chose it, it is free.
    code = code_of(START)
    assert code not in offered(Page(Client().get(f"{url}?from=2027-05-20")))
    assert code in offered(Page(client.get(f"{url}?from=2027-05-20")))


def test_another_choice_lets_go_of_the_first(rynek: House, url: str, client: Client) -> None:
    choose(client, rynek)
    choose(client, rynek, START + HOURS)

    assert holds() == [(START + HOURS, START + 90 * MINUTES, NOW + 10 * MINUTES)]


def test_the_same_choice_again_is_kept_no_longer(rynek: House, url: str, client: Client) -> None:
    choose(client, rynek)
    with clock.held_at(NOW + 9 * MINUTES):
        choose(client, rynek)

    assert holds() == [(START, START + 30 * MINUTES, NOW + 10 * MINUTES)]


def test_a_hold_ends_by_itself(rynek: House, url: str, client: Client) -> None:
    choose(client, rynek)

    with clock.held_at(NOW + 10 * MINUTES):
        assert choose(Client(), rynek).status_code == 302
    assert holds() == [(START, START + 30 * MINUTES, NOW + 20 * MINUTES)]


def test_a_time_that_somebody_else_keeps_is_said_to_be_taken(rynek: House, url: str, client: Client) -> None:
    choose(Client(), rynek)

    response = choose(client, rynek)

    page = Page(response)
    assert response.status_code == 409
    assert page.alerts == ["This time was just taken. Please choose another one."]
    assert days(page)[0] == "Thursday 20 May 2027"  # that day's other times
    assert code_of(START) not in offered(page)
    assert len(holds()) == 1


@pytest.mark.parametrize(
    "start",
    [
        pytest.param(NOW - DAYS, id="past"),
        pytest.param(NOW + HOURS, id="within the notice"),
        pytest.param(START + 15 * MINUTES, id="off the grid"),
        pytest.param(START + 2 * HOURS, id="in the break"),
        pytest.param(START + 12 * HOURS, id="closed"),
        pytest.param(NOW + 5 * DAYS + 2 * HOURS, id="Saturday"),
        pytest.param(NOW + 28 * DAYS + 2 * HOURS, id="absent"),
        pytest.param(NOW + 91 * DAYS + 2 * HOURS, id="beyond the horizon"),
        pytest.param(NOW + 3650 * DAYS, id="in ten years"),
    ],
)
def test_a_forged_time_is_refused(start: datetime, rynek: House, url: str, client: Client) -> None:
    """A2."""
    add_absence(
        practitioner=rynek.calendar.practitioner, starts_at=NOW + 27 * DAYS, ends_at=NOW + 30 * DAYS,
        actor=SYSTEM, at=NOW,
    )  # fmt: skip

    response = choose(client, rynek, start)

    assert response.status_code == 422
    assert Page(response).alerts == ["This time cannot be chosen. Please choose one of these."]
    assert holds() == []


@pytest.mark.parametrize(
    "code",
    ["", "x", "20270520t0800", "2027-05-20", "20271320t0800z", "٢٠٢٧٠٥٢٠t0800z", "a\0", "99991231t2359z"],
)
def test_what_is_no_time_is_refused(code: str, rynek: House, url: str, client: Client) -> None:
    assert client.post(url, {"start": code}).status_code == 422
    assert holds() == []


def test_the_last_day_of_the_horizon_still_counts(rynek: House, client: Client) -> None:
    open_for_booking(rynek, horizon=17)

    assert choose(client, rynek).status_code == 302
    assert choose(client, rynek, START + DAYS).status_code == 422


# --- Too many (A14) -------------------------------------------------------------------------------


def test_one_connection_keeps_only_so_many(rynek: House, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "NEW_HOLDS", (2, 5, 600))
    starts = [START + number * 30 * MINUTES for number in range(4)]

    # Beyond it nothing is kept, and nobody is turned away.
    assert [choose(Client(), rynek, start).status_code for start in starts] == [302] * 4
    assert [start for start, _end, _until in holds()] == starts[:2]
    # What a header says is no connection of its own (A7).
    choose(Client(headers={"X-Forwarded-For": "9.9.9.9"}), rynek, starts[3])
    assert len(holds()) == 2
    choose(Client(REMOTE_ADDR="192.0.2.7"), rynek, starts[3])
    assert len(holds()) == 3
    choose(logged_in(rynek.assistant), rynek, starts[2])
    assert len(holds()) == 4


def test_one_network_keeps_only_so_many(rynek: House, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "NEW_HOLDS", (2, 3, 600))
    for number in range(5):
        choose(Client(REMOTE_ADDR=f"192.0.2.{number}"), rynek, START + number * 30 * MINUTES)

    assert len(holds()) == 3


def test_one_browser_that_changes_its_mind_for_ever_keeps_nothing_in_the_end(
    rynek: House, url: str, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(views, "MOST_HOLDS", 3)
    for number in range(5):
        assert choose(client, rynek, START + number % 2 * HOURS).status_code == 302

    assert holds() == [(START, START + 30 * MINUTES, NOW + 10 * MINUTES)]


def test_a_forged_key_is_none(rynek: House, url: str, client: Client) -> None:
    occupancy.hold(
        calendar_id=rynek.calendar.pk, key="somebody", start=START, end=START + 30 * MINUTES,
        expires_at=NOW + HOURS, at=NOW,
    )  # fmt: skip
    client.cookies["booking"] = "somebody"

    assert choose(client, rynek).status_code == 409
