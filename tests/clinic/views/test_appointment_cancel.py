"""Cancelling by staff, at the patient's wish or the clinic's."""

import pytest
from django.test import Client

from clinic.appointments import operations
from clinic.audit.operations import PATIENT
from clinic.models import AuditEntry
from messaging.models import Message
from tests.factories.house import NOW, House
from tests.factories.page import Answer, Page


def send(client: Client, house: House, **changed: object) -> Answer:
    data = {"version": house.appointment.version, "by": "patient", **changed}
    return client.post(house.url(f"appointments/{house.appointment.pk}/cancel/"), data)


@pytest.mark.parametrize("by", ["patient", "clinic"])
def test_cancelling_writes_down_whose_wish_it_was(by: str, rynek: House, desk: Client) -> None:
    response = send(desk, rynek, by=by)

    rynek.appointment.refresh_from_db()
    assert (response.status_code, response["Location"]) == (
        302, rynek.url(f"appointments/{rynek.appointment.pk}/"),
    )  # fmt: skip
    assert (rynek.appointment.status, rynek.appointment.cancelled_by) == ("cancelled", by)


def test_second_press_cancels_once_and_says_that_it_was_done(rynek: House, desk: Client) -> None:
    send(desk, rynek)

    response = send(desk, rynek)

    assert response.status_code == 302
    assert "This was done already." in Page(desk.get(response["Location"])).text
    assert AuditEntry.objects.filter(action="appointment.cancelled").count() == 1
    assert Message.objects.filter(kind="cancelled").count() == 1


def test_other_wish_than_the_one_on_record_is_a_clash(rynek: House, desk: Client) -> None:
    send(desk, rynek, by="clinic")

    response = send(desk, rynek, by="patient")

    rynek.appointment.refresh_from_db()
    assert response.status_code == 409
    assert rynek.appointment.cancelled_by == "clinic"


def test_stale_page_cancels_nothing(rynek: House, desk: Client) -> None:
    operations.confirm(appointment_id=rynek.appointment.pk, actor=PATIENT, at=NOW)

    response = send(desk, rynek)

    rynek.appointment.refresh_from_db()
    assert response.status_code == 409
    assert Page(response).alerts[0] == (
        "Somebody else changed this appointment meanwhile. Nothing was done; this is how it stands now."
        " The latest change: confirmed, 3 May 2027 09:00, the patient."
    )
    assert rynek.appointment.status == "booked"


@pytest.mark.parametrize("by", ["", "nobody"])
def test_wish_must_be_known(by: str, rynek: House, desk: Client) -> None:
    response = send(desk, rynek, by=by)

    assert response.status_code == 422
    assert Page(response).alerts == ["Please say whose wish it is."]
