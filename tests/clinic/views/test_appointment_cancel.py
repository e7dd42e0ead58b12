"""Cancelling by staff, at the patient's wish or the clinic's."""

import pytest
from django.http import HttpResponse
from django.test import Client

from clinic.appointments import operations
from clinic.audit.operations import PATIENT
from clinic.models import AuditEntry
from messaging.models import Message
from tests.factories.house import NOW, House
from tests.factories.page import Page


def send(client: Client, house: House, **changed: object) -> HttpResponse:
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


def test_second_press_cancels_once_and_shows_that_it_is_cancelled(rynek: House, desk: Client) -> None:
    send(desk, rynek)

    response = send(desk, rynek)

    assert response.status_code == 409
    assert "cancelled" in Page(response).text
    assert AuditEntry.objects.filter(action="appointment.cancelled").count() == 1
    assert Message.objects.filter(kind="cancelled").count() == 1


def test_stale_page_cancels_nothing(rynek: House, desk: Client) -> None:
    operations.confirm(appointment_id=rynek.appointment.pk, actor=PATIENT, at=NOW)

    response = send(desk, rynek)

    rynek.appointment.refresh_from_db()
    assert response.status_code == 409
    assert Page(response).alerts[0].startswith("Somebody else changed this appointment meanwhile.")
    assert rynek.appointment.status == "booked"


@pytest.mark.parametrize("by", ["", "nobody"])
def test_wish_must_be_known(by: str, rynek: House, desk: Client) -> None:
    response = send(desk, rynek, by=by)

    assert response.status_code == 422
    assert Page(response).alerts == ["Please say whose wish it is."]
