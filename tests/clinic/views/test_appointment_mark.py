"""Marking what became of an appointment."""

import pytest
from django.test import Client

from clinic.lib import clock
from clinic.models import AuditEntry
from tests.factories.house import House
from tests.factories.page import Answer, Page


def send(client: Client, house: House, **changed: object) -> Answer:
    house.appointment.refresh_from_db()
    data = {"version": house.appointment.version, "status": "done", **changed}
    return client.post(house.url(f"appointments/{house.appointment.pk}/mark/"), data)


@pytest.mark.parametrize("status", ["done", "no_show"])
def test_mark_is_set_and_taken_back(status: str, rynek: House, desk: Client) -> None:
    with clock.held_at(rynek.appointment.starts_at):
        set_it = send(desk, rynek, status=status)
        rynek.appointment.refresh_from_db()
        was = rynek.appointment.status
        taken_back = send(desk, rynek, status="booked")

    rynek.appointment.refresh_from_db()
    assert (set_it.status_code, taken_back.status_code) == (302, 302)
    assert (was, rynek.appointment.status) == (status, "booked")
    assert AuditEntry.objects.filter(action="appointment.marked").count() == 2


def test_no_show_before_the_start_is_refused(rynek: House, desk: Client) -> None:
    response = send(desk, rynek, status="no_show")

    assert response.status_code == 409
    assert Page(response).alerts[0].startswith("This is not possible any more.")


def test_second_press_marks_once_and_says_that_it_was_done(rynek: House, desk: Client) -> None:
    send(desk, rynek)

    response = send(desk, rynek, version=1)

    assert response.status_code == 302
    assert "This was done already." in Page(desk.get(response["Location"])).text
    assert AuditEntry.objects.filter(action="appointment.marked").count() == 1


def test_other_mark_on_a_stale_page_is_a_clash(rynek: House, desk: Client) -> None:
    send(desk, rynek)

    with clock.held_at(rynek.appointment.starts_at):
        response = send(desk, rynek, version=1, status="no_show")

    assert response.status_code == 409
    assert Page(response).alerts[0].endswith("The latest change: marked, 3 May 2027 09:00, Ola Grudzien.")


@pytest.mark.parametrize("status", ["", "cancelled", "held"])
def test_other_states_are_not_marks(status: str, rynek: House, desk: Client) -> None:
    response = send(desk, rynek, status=status)

    rynek.appointment.refresh_from_db()
    assert response.status_code == 422
    assert Page(response).alerts == ["Please choose done or no-show."]
    assert rynek.appointment.status == "booked"
