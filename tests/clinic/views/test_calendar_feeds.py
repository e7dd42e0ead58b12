"""The secret addresses of a calendar: `calendar_feeds`, `feed_revoke`, `feed_rotate`, and `feed` itself."""

import logging
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.core.cache import cache
from django.test import Client
from icalendar import Calendar as File

from clinic.appointments.enums import CancelledBy
from clinic.appointments.operations import cancel, move, restore
from clinic.audit.operations import SYSTEM, user_actor
from clinic.calendars.absences import add_absence
from clinic.feeds.icalendar_file import initials
from clinic.feeds.operations import INITIALS, MOST_FEEDS
from clinic.feeds.views import FETCHES, WRONG
from clinic.lib import clock
from clinic.models import AuditEntry, CalendarFeed
from tests.factories.files import feed_of, feed_token
from tests.factories.house import DAYS, HOURS, NOW, House, book, logged_in, make_calendar
from tests.factories.page import Answer, Page, queries_of


@pytest.fixture(autouse=True)
def _fresh() -> Iterator[None]:
    cache.clear()
    yield
    cache.clear()


@pytest.fixture
def url(rynek: House) -> str:
    return rynek.url(f"settings/calendars/{rynek.calendar.pk}/feeds/")


@pytest.fixture
def address(rynek: House) -> str:
    """An address that says "Busy"."""
    feed_of(rynek)
    return f"/feed/{feed_token(rynek)}/calendar.ics"


def made(office: Client, url: str, shows: str = "b") -> str:
    """Press *Make an address* and return its path."""
    return path_in(office.post(url, {"shows": shows}))


def path_in(response: Answer) -> str:
    (field,) = Page(response).all("input", lambda it: it.get("id") == "address")
    return "/feed/" + str(dict(field.attributes)["value"]).split("/feed/")[1]


def events(path: str, **headers: str) -> list[Any]:
    response = Client().get(path, headers=headers)
    assert response.status_code == 200
    return parsed(response.content)


def parsed(content: bytes) -> list[Any]:
    return list(File.from_ical(content).walk("VEVENT"))


# --- Settings --------------------------------------------------------------------------------------


def test_address_is_shown_once_and_kept_as_a_hash(rynek: House, office: Client, url: str) -> None:
    path = made(office, url)

    token = path.split("/")[2]
    feed = CalendarFeed.objects.get()
    assert (feed.calendar, feed.created_by, len(feed.key), feed.key[0]) == (
        rynek.calendar,
        rynek.admin,
        43,
        "b",
    )
    assert token not in feed.key
    assert len(token) == 44
    page = Page(office.get(url))
    assert token not in page.html
    assert "“Busy” only" in page.text
    assert "never fetched" in page.text
    assert Client().get(path).status_code == 200
    assert "last fetched 3 May 2027 09:00" in Page(office.get(url)).text
    assert AuditEntry.objects.get(action="feed.created").actor_user == rynek.admin


def test_revoked_address_leads_nowhere_at_once(rynek: House, office: Client, url: str) -> None:
    path = made(office, url)
    feed = CalendarFeed.objects.get()

    for _press in range(2):
        response = office.post(rynek.url(f"settings/feeds/{feed.pk}/revoke/"))
        assert (response.status_code, response["Location"]) == (302, url)

    assert Client().get(path).status_code == 404
    assert "Nobody reads this calendar from outside." in Page(office.get(url)).text
    assert AuditEntry.objects.filter(action="feed.revoked").count() == 1


def test_new_address_takes_the_place_of_the_old_and_shows_the_same(
    rynek: House, office: Client, url: str
) -> None:
    old = made(office, url, INITIALS)
    feed = CalendarFeed.objects.get()

    new = path_in(office.post(rynek.url(f"settings/feeds/{feed.pk}/replace/")))

    assert Client().get(old).status_code == 404
    assert [str(one["SUMMARY"]) for one in events(new)] == ["Z. P."]
    again = office.post(rynek.url(f"settings/feeds/{feed.pk}/replace/"))
    assert again.status_code == 409
    assert CalendarFeed.objects.filter(revoked_at=None).count() == 1


def test_second_press_of_the_same_form_shows_the_address_of_the_first(office: Client, url: str) -> None:
    typed = {"shows": INITIALS, "key": Page(office.get(url)).fields["key"]}

    first, second = (path_in(office.post(url, typed)) for _press in range(2))

    assert first == second
    assert len(events(second)) == 1
    feed = CalendarFeed.objects.get()
    assert AuditEntry.objects.filter(action="feed.created").count() == 1
    other = path_in(office.post(url, {**typed, "key": Page(office.get(url)).fields["key"]}))
    assert other != first
    CalendarFeed.objects.filter(pk=feed.pk).update(revoked_at=NOW)
    late = office.post(url, typed)
    assert late.status_code == 409
    assert Page(late).alerts == ["This address was revoked meanwhile. Make a new one if you need it."]
    assert Client().get(first).status_code == 404


def test_same_key_of_two_calendars_or_installations_is_not_the_same_address(
    rynek: House, settings: Any, office: Client, url: str
) -> None:
    other = make_calendar(rynek.clinic, "dr Alicja Lis")
    typed = {"shows": "b", "key": "0" * 32}
    first = path_in(office.post(url, typed))
    second = path_in(office.post(rynek.url(f"settings/calendars/{other.pk}/feeds/"), typed))

    settings.SECRET_KEY = "another"
    office.force_login(rynek.admin, backend="django.contrib.auth.backends.ModelBackend")
    third = path_in(office.post(url, typed))

    assert len({first, second, third}) == 3


def test_second_press_of_replacing_shows_the_address_of_the_first(
    rynek: House, office: Client, url: str
) -> None:
    made(office, url)
    feed = CalendarFeed.objects.get()
    replace = rynek.url(f"settings/feeds/{feed.pk}/replace/")
    key = "0123456789abcdef" * 2

    first, second = (path_in(office.post(replace, {"key": key})) for _press in range(2))

    assert first == second
    assert CalendarFeed.objects.filter(revoked_at=None).count() == 1
    assert len(events(second)) == 1


def test_number_of_addresses_is_bounded(rynek: House, office: Client, url: str) -> None:
    for _ in range(MOST_FEEDS):
        made(office, url)

    response = office.post(url, {"shows": "b"})

    assert response.status_code == 409
    assert Page(response).alerts == ["There are as many addresses as there can be. Revoke one first."]


@pytest.mark.parametrize("shows", ["", "names", "x"])
def test_nothing_else_can_be_shown(shows: str, office: Client, url: str) -> None:
    assert office.post(url, {"shows": shows}).status_code == 422
    assert not CalendarFeed.objects.exists()


def test_settings_lead_here(rynek: House, office: Client, url: str) -> None:
    links = Page(office.get(rynek.url("settings/"))).links()

    assert {url, rynek.url("settings/import/"), rynek.url("settings/export/")} <= set(links)


# --- The file --------------------------------------------------------------------------------------


def test_appointment_is_busy_time_without_a_name(rynek: House, address: str) -> None:
    response = Client().get(address)

    assert response["Content-Type"] == "text/calendar; charset=utf-8"
    assert not response.cookies
    for name in ("Zofia", "Paw", "zofia@", "512", "Consultation"):
        assert name not in response.content.decode()
    (event,) = parsed(response.content)
    start = datetime(2027, 5, 13, 9, tzinfo=UTC)
    assert event["DTSTART"].params["TZID"] == "Europe/Warsaw"
    assert (event["DTSTART"].dt, event["DTEND"].dt) == (start, start + timedelta(minutes=30))
    assert (str(event["SUMMARY"]), str(event["STATUS"]), event["SEQUENCE"]) == ("Zajęte", "CONFIRMED", 0)
    assert event["LAST-MODIFIED"].dt == NOW
    assert "BEGIN:VTIMEZONE" in response.content.decode()


def test_moved_and_cancelled_keep_their_uid_and_raise_the_sequence(rynek: House, address: str) -> None:
    (before,) = events(address)
    move(
        appointment_id=rynek.appointment.pk, starts_at=rynek.appointment.starts_at + HOURS, actor=SYSTEM,
        at=NOW + HOURS,
    )  # fmt: skip
    (moved,) = events(address)
    cancel(appointment_id=rynek.appointment.pk, by=CancelledBy.CLINIC, actor=SYSTEM, at=NOW + 2 * HOURS)
    (cancelled,) = events(address)

    assert before["UID"] == moved["UID"] == cancelled["UID"]
    assert [one["SEQUENCE"] for one in (before, moved, cancelled)] == [0, 1, 2]
    assert [str(one["STATUS"]) for one in (before, moved, cancelled)] == [
        "CONFIRMED",
        "CONFIRMED",
        "CANCELLED",
    ]
    assert moved["DTSTART"].dt == rynek.appointment.starts_at + HOURS
    assert cancelled["LAST-MODIFIED"].dt == NOW + 2 * HOURS


def test_sequence_grows_with_an_undo_too(rynek: House, address: str) -> None:
    pk, who = rynek.appointment.pk, user_actor(rynek.assistant)
    move(appointment_id=pk, starts_at=rynek.appointment.starts_at + HOURS, actor=who, at=NOW)
    cancel(appointment_id=pk, by=CancelledBy.CLINIC, actor=who, at=NOW)
    (cancelled,) = events(address)
    restore(appointment_id=pk, actor=who, at=NOW)
    (restored,) = events(address)
    cancel(appointment_id=pk, by=CancelledBy.CLINIC, actor=who, at=NOW)
    (again,) = events(address)

    assert [one["SEQUENCE"] for one in (cancelled, restored, again)] == [2, 3, 4]
    assert str(restored["STATUS"]) == "CONFIRMED"


def test_absences_stand_there_and_one_without_an_end_lasts_as_long_as_the_file(
    rynek: House, address: str
) -> None:
    practitioner = rynek.calendar.practitioner
    add_absence(practitioner=practitioner, starts_at=NOW + DAYS, ends_at=NOW + 2 * DAYS, actor=SYSTEM, at=NOW)
    add_absence(practitioner=practitioner, starts_at=NOW + 30 * DAYS, ends_at=None, actor=SYSTEM, at=NOW)

    away = [one for one in events(address) if str(one["SUMMARY"]) == "Nieobecność"]

    assert [(one["DTSTART"].dt, one["DTEND"].dt) for one in away] == [
        (NOW + DAYS, NOW + 2 * DAYS),
        (NOW + 30 * DAYS, datetime(2028, 5, 3, tzinfo=UTC)),
    ]


def test_file_reaches_from_thirty_days_back_to_a_year_ahead(rynek: House, address: str) -> None:
    kept = [datetime(2027, 4, 3, 8, tzinfo=UTC), datetime(2028, 5, 2, 8, tzinfo=UTC)]
    for at in (*kept, kept[0] - DAYS, kept[1] + DAYS):
        book(rynek.patient, rynek.calendar, at, at=at - DAYS)

    starts = {one["DTSTART"].dt for one in events(address)}

    assert starts == {*kept, rynek.appointment.starts_at}


def test_both_hours_of_an_autumn_night_are_told_apart(rynek: House, address: str) -> None:
    for hour in (0, 1):
        book(rynek.patient, rynek.calendar, datetime(2027, 10, 31, hour, 30, tzinfo=UTC))

    night = [one["DTSTART"].dt for one in events(address) if one["DTSTART"].dt.month == 10]

    assert [at.astimezone(UTC).hour for at in night] == [0, 1]


def test_unchanged_file_is_not_sent_again(rynek: House, address: str) -> None:
    first = Client().get(address)
    tag = first["ETag"]

    again = Client().get(address, headers={"If-None-Match": tag})
    with clock.held_at(NOW + HOURS):
        later = Client().get(address, headers={"If-None-Match": f'"other", {tag}'})
    book(rynek.patient, rynek.calendar, NOW + 20 * DAYS)
    changed = Client().get(address, headers={"If-None-Match": tag})

    assert [one.status_code for one in (first, again, later, changed)] == [200, 304, 304, 200]
    assert (again.content, again["ETag"]) == (b"", tag)
    assert again["Cache-Control"] == first["Cache-Control"] == "private, no-cache"


@pytest.mark.parametrize(
    ("name", "said"),
    [("Zofia Pawłowska-Gąsior", "Z. P."), ("Ola", "O."), ("Jan Maria Kot", "J. K."), ("!!", "")],
)
def test_initials_are_first_and_last(name: str, said: str) -> None:
    assert initials(name) == said


def test_as_many_queries_for_many_appointments_as_for_one(rynek: House, address: str) -> None:
    Client().get(address)
    one = queries_of(lambda: Client().get(address))
    for days in range(20, 40):
        book(rynek.patient, rynek.calendar, NOW + days * DAYS)

    assert queries_of(lambda: Client().get(address)) == one == 3


@pytest.mark.parametrize("method", ["post", "put", "patch", "delete", "options", "trace"])
def test_address_can_only_be_read(method: str, rynek: House, address: str) -> None:
    response = getattr(Client(enforce_csrf_checks=True), method)(address)

    assert (response.status_code, response["Allow"]) == (405, "GET, HEAD")
    assert feed_of(rynek).revoked_at is None


def test_head_is_answered_without_the_file(address: str) -> None:
    response = Client().head(address)

    assert (response.status_code, response.content) == (200, b"")


def test_who_guesses_is_slowed_down(rynek: House, address: str) -> None:
    for number in range(WRONG):
        assert Client().get(f"/feed/b-wrong-{number}/calendar.ics").status_code == 404

    refused = Client().get(f"/feed/b-wrong-{'x' * 5000}/calendar.ics")

    assert (refused.status_code, refused["Retry-After"]) == (429, "600")
    assert Client().get(address).status_code == 200


def test_one_address_is_fetched_only_so_often(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("clinic.feeds.views.FETCHES", 2)

    assert [Client().get(address).status_code for _ in range(3)] == [200, 200, 429]
    assert FETCHES == 120


def test_address_never_stands_in_the_log(
    rynek: House, address: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("clinic.feeds.views.FETCHES", 1)
    with caplog.at_level(logging.DEBUG):
        answers = [Client().get(address), Client().get(address), Client().post(address)]
        CalendarFeed.objects.update(revoked_at=NOW)
        answers.append(Client().get(address))

    assert [one.status_code for one in answers] == [200, 429, 405, 404]
    assert feed_token(rynek) not in caplog.text


def test_what_an_address_shows_cannot_be_changed_in_it(rynek: House, address: str) -> None:
    other = address.replace("/feed/b", "/feed/i")

    assert Client().get(other).status_code == 404


def test_other_clinics_address_cannot_be_revoked(rynek: House, markt: House) -> None:
    theirs = feed_of(markt)

    response = logged_in(rynek.admin).post(rynek.url(f"settings/feeds/{theirs.pk}/revoke/"))

    theirs.refresh_from_db()
    assert (response.status_code, theirs.revoked_at) == (404, None)
