"""The settings of the clinic and of one calendar: `settings` and `calendar_settings`."""

import pytest
from django.test import Client

from clinic.models import AuditEntry, OpeningHours, Service
from tests.factories.house import House, make_calendar
from tests.factories.page import Page, queries_of

FORM = {"name": "dr Nowy", "address": "2 Square", "city": "Town", "phone": "71 000 12 31", "change_until_hours": "4",
        "online_notice_hours": "3", "online_horizon_days": "45",
        "hours_0": "8-12, 13:00–16:30", "hours_1": "", "hours_2": "9.00-11.00"}  # fmt: skip


@pytest.fixture
def url(rynek: House) -> str:
    return rynek.url(f"settings/calendars/{rynek.calendar.pk}/")


def test_list_shows_the_clinics_calendars(rynek: House, markt: House, office: Client) -> None:
    page = Page(office.get(rynek.url("settings/")))

    assert rynek.url(f"settings/calendars/{rynek.calendar.pk}/") in page.links()
    assert "Storch" not in page.text
    assert "Yes, pause all sending" in page.buttons()


def test_form_shows_the_calendar_as_it_is(rynek: House, office: Client, url: str) -> None:
    page = Page(office.get(url))

    assert page.fields["name"] == "dr Tomasz Wilczek"
    assert page.fields["hours_0"] == "08:00–12:00, 13:00–16:00"
    assert page.fields["hours_6"] == ""
    assert f"{url}communication/" in page.links()


def test_saving_changes_calendar_and_week(rynek: House, office: Client, url: str) -> None:
    response = office.post(url, FORM)

    rynek.calendar.refresh_from_db()
    week = [
        str(row) for row in OpeningHours.objects.filter(calendar=rynek.calendar).order_by("weekday", "opens")
    ]
    assert response["Location"] == url
    assert (rynek.calendar.name, rynek.calendar.phone, rynek.calendar.change_until_hours) == (
        "dr Nowy", "+48710001231", 4,
    )  # fmt: skip
    assert week == ["0 08:00-12:00", "0 13:00-16:30", "2 09:00-11:00"]


def test_saving_opens_the_calendar_for_online_booking(rynek: House, office: Client, url: str) -> None:
    office.post(url, {**FORM, "books_online": "on"})

    rynek.calendar.refresh_from_db()
    assert (
        rynek.calendar.books_online, rynek.calendar.online_notice_hours, rynek.calendar.online_horizon_days,
    ) == (True, 3, 45)  # fmt: skip
    entry = AuditEntry.objects.get(action="calendar.online_booking_set")
    assert entry.actor_user == rynek.admin
    assert (entry.value.old, entry.value.new) == (
        {"books_online": False, "online_notice_hours": 2, "online_horizon_days": 90},
        {"books_online": True, "online_notice_hours": 3, "online_horizon_days": 45},
    )
    # The page now says where patients book.
    assert f"/p/{rynek.calendar.practitioner.slug}/book/" in Page(office.get(url)).links()


def test_what_a_page_shows_can_be_saved_without_a_change(rynek: House, office: Client, url: str) -> None:
    fields = Page(office.get(url)).fields
    before = AuditEntry.objects.count()

    office.post(url, {name: value for name, value in fields.items() if not name.startswith("service-")})

    assert AuditEntry.objects.count() == before


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        pytest.param({"name": ""}, "name", id="nameless"),
        pytest.param({"name": "dr Alicja Lis"}, "name", id="name-of-another"),
        pytest.param({"name": "a\0"}, "name", id="nul"),
        pytest.param({"name": "a\u202eb"}, "name", id="turned-round"),
        pytest.param({"address": "a\u2028b\u202e"}, "address", id="address-turned"),
        pytest.param({"phone": "1"}, "phone", id="phone"),
        pytest.param({"change_until_hours": "-1"}, "change_until_hours", id="negative"),
        pytest.param({"change_until_hours": "9" * 30}, "change_until_hours", id="huge"),
        pytest.param({"change_until_hours": ""}, "change_until_hours", id="empty"),
        pytest.param({"online_notice_hours": "-1"}, "online_notice_hours", id="negative-notice"),
        pytest.param({"online_horizon_days": "731"}, "online_horizon_days", id="far-horizon"),
        pytest.param({"online_horizon_days": ""}, "online_horizon_days", id="no-horizon"),
        pytest.param({"hours_3": "morning"}, "hours_3", id="words"),
        pytest.param({"hours_3": "12:00-8:00"}, "hours_3", id="backwards"),
        pytest.param({"hours_3": "25:00-26:00"}, "hours_3", id="no-such-hour"),
        pytest.param({"hours_3": "8:00-12:00, 11:00-13:00"}, "hours_3", id="overlapping"),
        pytest.param({"hours_3": "8-12\0"}, "hours_3", id="hours-nul"),
    ],
)
def test_bad_input_changes_nothing_and_keeps_what_was_typed(
    changed: dict[str, str], field: str, rynek: House, office: Client, url: str
) -> None:
    make_calendar(rynek.clinic, "dr Alicja Lis")

    response = office.post(url, {**FORM, **changed})

    page = Page(response)
    typed = {name: value for name, value in {**FORM, **changed}.items() if name != field}
    rynek.calendar.refresh_from_db()
    assert response.status_code == 422
    assert page.error(field)
    assert {name: page.fields[name] for name in typed} == typed
    assert rynek.calendar.name == "dr Tomasz Wilczek"
    assert OpeningHours.objects.filter(calendar=rynek.calendar).count() == 10


def test_service_is_added(rynek: House, office: Client, url: str) -> None:
    data = {
        "add_service": "1",
        "service-name": "Check-up",
        "service-minutes": "20",
        "service-price": "150.00",
    }

    response = office.post(url, data)

    made = Service.objects.get(name="Check-up")
    assert response["Location"] == url
    assert (made.calendar, made.minutes, str(made.price)) == (rynek.calendar, 20, "150.00")
    assert "Check-up" in Page(office.get(url)).text


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        pytest.param({"service-name": "Consultation"}, "service-name", id="twice"),
        pytest.param({"service-name": ""}, "service-name", id="nameless"),
        pytest.param({"service-name": "a\0"}, "service-name", id="nul"),
        pytest.param({"service-minutes": "0"}, "service-minutes", id="no-time"),
        pytest.param({"service-minutes": "1441"}, "service-minutes", id="more-than-a-day"),
        pytest.param({"service-price": "-1"}, "service-price", id="negative"),
        pytest.param({"service-price": "NaN"}, "service-price", id="nan"),
        pytest.param({"service-price": "1e9"}, "service-price", id="exponent"),
    ],
)
def test_bad_service_is_not_added(
    changed: dict[str, str], field: str, rynek: House, office: Client, url: str
) -> None:
    data = {"add_service": "1", "service-name": "Check-up", "service-minutes": "20", "service-price": "150"}

    response = office.post(url, {**data, **changed})

    page = Page(response)
    assert response.status_code == 422
    assert page.error(field)
    assert (
        page.fields["service-name"] == {**data, **changed}["service-name"] or "\0" in changed["service-name"]
    )
    assert page.fields["name"] == "dr Tomasz Wilczek"
    assert Service.objects.filter(calendar=rynek.calendar).count() == 1


def test_refused_tries_are_written_down(rynek: House, desk: Client, url: str) -> None:
    assert desk.post(url, FORM).status_code == 403

    entry = AuditEntry.objects.get(action="settings.write.refused")
    assert (entry.actor_user, entry.clinic) == (rynek.assistant, rynek.clinic)


def test_queries_do_not_grow_with_the_calendars(rynek: House, office: Client) -> None:
    one = queries_of(lambda: office.get(rynek.url("settings/")))
    for number in range(30):
        make_calendar(rynek.clinic, f"dr {number}")

    assert queries_of(lambda: office.get(rynek.url("settings/"))) == one <= 9
