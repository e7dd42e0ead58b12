"""Giving an appointment another time."""

from datetime import UTC, datetime

import pytest
from django.test import Client

from clinic.appointments import operations
from clinic.appointments.enums import CancelledBy
from clinic.audit.operations import SYSTEM
from clinic.models import AuditEntry
from tests.factories.house import HOURS, NOW, House, book
from tests.factories.page import Answer, Page


def send(client: Client, house: House, **changed: object) -> Answer:
    data = {"version": house.appointment.version, "day": "2027-05-14", "time": "9:30", **changed}
    return client.post(house.url(f"appointments/{house.appointment.pk}/move/"), data)


def test_move_leads_back_to_the_appointment(rynek: House, desk: Client) -> None:
    response = send(desk, rynek)

    rynek.appointment.refresh_from_db()
    assert (response.status_code, response["Location"]) == (
        302, rynek.url(f"appointments/{rynek.appointment.pk}/"),
    )  # fmt: skip
    assert rynek.appointment.starts_at == datetime(2027, 5, 14, 7, 30, tzinfo=UTC)
    assert AuditEntry.objects.get(action="appointment.moved").actor_user == rynek.assistant
    assert "New time: Friday 14 May 2027 at 09:30." in Page(desk.get(response["Location"])).text


def test_second_press_is_told_and_moves_nothing_twice(rynek: House, desk: Client) -> None:
    send(desk, rynek)

    response = send(desk, rynek)

    rynek.appointment.refresh_from_db()
    assert response.status_code == 302
    assert "This was done already." in Page(desk.get(response["Location"])).text
    assert rynek.appointment.sequence == 1


def test_stale_page_moves_nothing_and_shows_how_it_stands(rynek: House, desk: Client) -> None:
    operations.move(
        appointment_id=rynek.appointment.pk, starts_at=NOW + 24 * HOURS, actor=SYSTEM, at=NOW
    )  # fmt: skip

    response = send(desk, rynek)

    rynek.appointment.refresh_from_db()
    page = Page(response)
    assert response.status_code == 409
    assert page.alerts[0].startswith("Somebody else changed this appointment meanwhile.")
    assert page.heading.startswith("09:00–09:30")
    assert page.fields["version"] == str(rynek.appointment.version)
    assert rynek.appointment.starts_at == NOW + 24 * HOURS
    # What was typed stands there still, open to be sent once more.
    assert (page.fields["day"], page.fields["time"]) == ("2027-05-14", "9:30")
    assert any("open" in dict(details.attributes) for details in page.all("details"))
    assert send(desk, rynek, version=page.fields["version"]).status_code == 302


def test_cancelled_meanwhile_with_the_newest_version_is_refused(rynek: House, desk: Client) -> None:
    operations.cancel(appointment_id=rynek.appointment.pk, by=CancelledBy.CLINIC, actor=SYSTEM, at=NOW)

    response = send(desk, rynek, version=2)

    assert response.status_code == 409
    assert Page(response).alerts[0].startswith("This is not possible any more.")


def test_taken_time_keeps_the_appointment_and_what_was_typed(rynek: House, desk: Client) -> None:
    book(rynek.patient, rynek.calendar, datetime(2027, 5, 14, 7, 30, tzinfo=UTC))
    before = rynek.appointment.starts_at

    response = send(desk, rynek)

    rynek.appointment.refresh_from_db()
    page = Page(response)
    assert response.status_code == 409
    assert page.error("time") == "This time is taken. The appointment is unchanged."
    assert (page.fields["day"], page.fields["time"]) == ("2027-05-14", "9:30")
    assert rynek.appointment.starts_at == before


@pytest.mark.parametrize(
    ("changed", "field", "sentence"),
    [
        pytest.param({"day": "2027-03-28", "time": "02:30"}, "time",
                     "There is no such time on that day: the clocks go forward. Please choose another.",
                     id="spring"),
        pytest.param({"day": "2027-05-03", "time": "8:00"}, "time",
                     "This time has passed. Please choose a later one.", id="past"),
        pytest.param({"time": "noon"}, "time", "This is not a time of day. Write it like 10:20.", id="time"),
        pytest.param({"day": "9999-12-31"}, "day", "This is not a date. Write it like 2027-05-31.", id="far"),
        pytest.param({"day": "0001-01-01"}, "day", "This is not a date. Write it like 2027-05-31.", id="old"),
    ],
)  # fmt: skip
def test_bad_input_stays_with_the_error_beside_it(
    changed: dict[str, str], field: str, sentence: str, rynek: House, desk: Client
) -> None:
    response = send(desk, rynek, **changed)

    page = Page(response)
    typed = {"day": "2027-05-14", "time": "9:30", **changed}
    assert response.status_code == 422
    assert page.error(field) == sentence
    assert {name: page.fields[name] for name in typed} == typed


@pytest.mark.parametrize("version", ["", "x", "-1", "99999999999999999999"])
def test_version_that_is_none_is_bad_input(version: str, rynek: House, desk: Client) -> None:
    assert send(desk, rynek, version=version).status_code == 422


def test_repeated_hour_takes_the_first(rynek: House, desk: Client) -> None:
    response = send(desk, rynek, day="2027-10-31", time="2:30")

    rynek.appointment.refresh_from_db()
    assert rynek.appointment.starts_at == datetime(2027, 10, 31, 0, 30, tzinfo=UTC)
    assert "That hour happens twice on that day." in Page(desk.get(response["Location"])).text
