"""One service of a calendar: `calendar_service`. What is booked keeps what it was booked as."""

from typing import Any

import pytest
from django.test import Client

from clinic.models import AuditEntry, AuditValue, Service
from tests.factories.house import House
from tests.factories.page import Answer, Page

FORM = {
    "service-name": "Check-up", "service-minutes": "20", "service-price": "150.00", "service-is_online": "on",
}  # fmt: skip


@pytest.fixture
def url(rynek: House) -> str:
    return rynek.url(f"settings/calendars/{rynek.calendar.pk}/services/{rynek.service.pk}/")


def settings_page(rynek: House, office: Client) -> Page:
    return Page(office.get(rynek.url(f"settings/calendars/{rynek.calendar.pk}/")))


def offered(house: House) -> list[tuple[str, int, str | None]]:
    rows = Service.objects.filter(calendar=house.calendar, is_offered=True).order_by("name")
    return [(row.name, row.minutes, str(row.price) if row.price is not None else None) for row in rows]


def what_was_written(action: str) -> tuple[Any, Any]:
    value = AuditValue.objects.get(entry__action=action)
    return value.old, value.new


def bookable(house: House, client: Client) -> str:
    return Page(client.get(house.url("appointments/book/"))).text


def test_page_shows_the_service_and_the_settings_lead_to_it(rynek: House, office: Client, url: str) -> None:
    page = Page(office.get(url))

    assert url in settings_page(rynek, office).links()
    assert {name: page.fields[name] for name in FORM} == {
        "service-name": "Consultation", "service-minutes": "30", "service-price": "", "service-is_online": "on",
    }  # fmt: skip


def test_change_is_offered_from_now_on_and_what_is_booked_stays(
    rynek: House, office: Client, url: str
) -> None:
    before = rynek.appointment.starts_at, rynek.appointment.ends_at

    response = office.post(url, FORM)

    rynek.appointment.refresh_from_db()
    assert response["Location"] == rynek.url(f"settings/calendars/{rynek.calendar.pk}/")
    assert offered(rynek) == [("Check-up", 20, "150.00")]
    assert "Check-up" in bookable(rynek, office)
    assert "Consultation" not in bookable(rynek, office)
    assert (rynek.appointment.starts_at, rynek.appointment.ends_at) == before
    assert "Consultation" in Page(office.get(rynek.url(f"appointments/{rynek.appointment.pk}/"))).text
    assert what_was_written("calendar.service_changed") == (
        {"name": "Consultation", "minutes": 30, "price": None, "is_online": True},
        {"name": "Check-up", "minutes": 20, "price": "150.00", "is_online": True},
    )
    assert AuditEntry.objects.get(action="calendar.service_changed").actor_user == rynek.admin


def test_saving_without_a_change_writes_nothing(rynek: House, office: Client, url: str) -> None:
    same = {"service-name": "Consultation", "service-minutes": "30", "service-price": ""}
    office.post(url, {**same, "service-is_online": "on"})

    assert Service.objects.filter(calendar=rynek.calendar).count() == 1
    assert not AuditEntry.objects.filter(action="calendar.service_changed").exists()


def test_service_is_switched_off_and_on_again(rynek: House, office: Client, url: str) -> None:
    office.post(url, {"stop": "1"})

    assert offered(rynek) == []
    assert "Not offered any more: Consultation" in settings_page(rynek, office).text
    assert "Offer again" in Page(office.get(url)).buttons()
    assert "Save" not in Page(office.get(url)).buttons()
    assert what_was_written("calendar.service_stopped")[0]["name"] == "Consultation"

    office.post(
        url,
        {**FORM, "service-name": "Consultation", "service-minutes": "30", "service-price": "", "again": "1"},
    )

    assert offered(rynek) == [("Consultation", 30, None)]
    assert Service.objects.get().pk == rynek.service.pk
    assert "Not offered any more" not in settings_page(rynek, office).text
    assert AuditEntry.objects.filter(action="calendar.service_offered").count() == 1


def test_service_can_be_kept_from_online_booking(rynek: House, office: Client, url: str) -> None:
    office.post(url, {name: text for name, text in FORM.items() if name != "service-is_online"})

    made = Service.objects.get(calendar=rynek.calendar, is_offered=True)
    assert (made.name, made.is_online) == ("Check-up", False)
    assert "Check-up 20 minutes · 150.00 · not online" in settings_page(rynek, office).text
    # Staff book it all the same.
    assert "Check-up" in bookable(rynek, office)


def test_service_that_is_off_cannot_be_booked_from_an_old_page(
    rynek: House, office: Client, url: str
) -> None:
    office.post(url, {"stop": "1"})
    office.post(url, {**FORM, "again": "1"})

    response = office.post(
        rynek.url("appointments/book/"),
        {"book": "1", "calendar": rynek.calendar.pk, "service": rynek.service.pk, "day": "2027-05-20",
         "time": "10:00", "patient": rynek.patient.pk},
    )  # fmt: skip

    assert response.status_code == 422


@pytest.mark.parametrize(
    "posted",
    [FORM, {"stop": "1"}, {**FORM, "again": "1"}],
    ids=["changed-before", "stopped-before", "offered-before"],
)
def test_somebody_elses_change_is_not_overrun(
    posted: dict[str, str], rynek: House, office: Client, url: str
) -> None:
    if "again" not in posted:  # a page that shows it as offered is old once it is not
        office.post(url, {"service-name": "Somebody's", "service-minutes": "10"})
    before = offered(rynek)

    response = office.post(url, {**FORM, **posted})

    page = Page(response)
    assert response.status_code == 409
    assert page.alerts == ["Somebody else changed this service meanwhile. Nothing was saved."]
    assert {name: page.fields[name] for name in FORM} == FORM
    assert offered(rynek) == before


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        pytest.param({"service-name": "Check-up"}, "service-name", id="name-of-another"),
        pytest.param({"service-name": ""}, "service-name", id="nameless"),
        pytest.param({"service-minutes": "0"}, "service-minutes", id="no-time"),
        pytest.param({"service-price": "-1"}, "service-price", id="negative"),
    ],
)
def test_bad_input_changes_nothing_and_keeps_what_was_typed(
    changed: dict[str, str], field: str, rynek: House, office: Client, url: str
) -> None:
    office.post(rynek.url(f"settings/calendars/{rynek.calendar.pk}/"), {**FORM, "add_service": "1"})
    before = offered(rynek)

    response: Answer = office.post(url, {**FORM, "service-name": "Other", **changed})

    page = Page(response)
    assert response.status_code == 422
    assert page.error(field)
    assert page.fields["service-name"] == {"service-name": "Other", **changed}["service-name"]
    assert offered(rynek) == before


def test_service_of_another_calendar_is_not_found(rynek: House, markt: House, office: Client) -> None:
    theirs = rynek.url(f"settings/calendars/{rynek.calendar.pk}/services/{markt.service.pk}/")

    assert office.get(theirs).status_code == 404
    assert office.post(theirs, {"stop": "1"}).status_code == 404
    assert offered(markt) != []
