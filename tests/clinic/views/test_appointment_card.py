"""What is done in the dialog over the calendar: look, mark, cancel, take back, move after a look (D3)."""

import json
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from clinic.appointments.enums import CancelledBy, Status
from clinic.appointments.operations import cancel, move
from clinic.audit.models import AuditEntry
from clinic.audit.operations import SYSTEM, user_actor
from clinic.lib import clock
from clinic.models import Appointment, Calendar
from notifications.models import AppointmentSwitch
from tests.factories.house import DAYS, HOURS, HTMX, NOW, House, book, make_calendar, make_patient
from tests.factories.page import Answer, Page

SECOND = timedelta(seconds=1)


def path(house: House, name: str) -> str:
    return house.url(f"appointments/{house.appointment.pk}/{name}/")


def post(client: Client, house: House, name: str, **data: Any) -> Answer:
    fresh = Appointment.objects.get(pk=house.appointment.pk)
    return client.post(path(house, name), {"version": fresh.version, **data}, headers=HTMX)


def is_done(response: Answer, pk: int) -> bool:
    """Whether the answer closes the dialog."""
    return response.status_code == 200 and json.loads(response["HX-Trigger"]) == {"calendar:done": {"id": pk}}


def test_card_shows_what_the_desk_needs_and_is_written_down(rynek: House, desk: Client) -> None:
    response = desk.get(path(rynek, "card"), headers=HTMX)

    page = Page(response)
    assert "11:00–11:30 · Zofia Pawłowska-Gąsior" in page.text
    assert "+48 512 345 678" in page.text
    assert "Not confirmed yet" in page.text
    assert not page.all("html")
    assert AuditEntry.objects.filter(action="appointment.seen", object_id=rynek.appointment.pk).count() == 1


def test_card_without_script_is_the_page(rynek: House, desk: Client) -> None:
    response = desk.get(path(rynek, "card"))

    assert (response.status_code, response["Location"]) == (
        302, rynek.url(f"appointments/{rynek.appointment.pk}/"),
    )  # fmt: skip


def test_mark_closes_the_dialog(rynek: House, desk: Client) -> None:
    response = post(desk, rynek, "mark", status="done")

    assert is_done(response, rynek.appointment.pk)
    assert "Marked as done." in Page(response).text
    assert Appointment.objects.get(pk=rynek.appointment.pk).status == Status.DONE


def test_cancel_says_what_is_sent_and_offers_undo(rynek: House, desk: Client) -> None:
    response = post(desk, rynek, "cancel", by="clinic")

    assert is_done(response, rynek.appointment.pk)
    page = Page(response)
    assert "Cancelled appointment: E-mail at once; SMS at once" in page.text
    (form,) = page.all("form")
    assert dict(form.attributes)["data-seconds"] == "10"
    assert dict(form.attributes)["action"] == path(rynek, "restore")

    with clock.held_at(NOW + 9 * SECOND):
        again = desk.post(path(rynek, "restore"), page.fields, headers=HTMX)

    assert is_done(again, rynek.appointment.pk)
    assert "The appointment stands again." in Page(again).text
    assert Appointment.objects.get(pk=rynek.appointment.pk).status == Status.BOOKED


def test_undo_without_script_stands_on_the_page_for_its_seconds(rynek: House, desk: Client) -> None:
    url = rynek.url(f"appointments/{rynek.appointment.pk}/")
    desk.post(path(rynek, "cancel"), {"version": rynek.appointment.version, "by": "clinic"})
    page = Page(desk.get(url))
    assert "Take the cancellation back" in page.buttons()

    with clock.held_at(NOW + 14 * SECOND):
        assert "Take the cancellation back" not in Page(desk.get(url)).buttons()
        late = desk.post(path(rynek, "restore"), {"version": rynek.appointment.version + 1})
    with clock.held_at(NOW + 13 * SECOND):
        response = desk.post(path(rynek, "restore"), {"version": rynek.appointment.version + 1})

    assert late.status_code == 409
    assert (response.status_code, response["Location"]) == (302, url)
    assert Appointment.objects.get(pk=rynek.appointment.pk).status == Status.BOOKED


def test_undo_of_a_time_that_is_gone_says_so(rynek: House, desk: Client) -> None:
    post(desk, rynek, "cancel", by="clinic")
    book(make_patient(rynek.clinic, "Adam Nowy"), rynek.calendar, rynek.appointment.starts_at)

    response = post(desk, rynek, "restore")

    assert response.status_code == 409
    assert Page(response).alerts == [
        "This time was just given to somebody else. The appointment stays cancelled."
    ]
    assert Appointment.objects.get(pk=rynek.appointment.pk).status == Status.CANCELLED


# --- A move is looked at first ---------------------------------------------------------------------


def test_look_at_a_move_changes_nothing_and_tells_what_follows(rynek: House, desk: Client) -> None:
    before = Appointment.objects.values().get(pk=rynek.appointment.pk)

    response = post(desk, rynek, "move", ask="1", day="2027-05-14", time="9:05")

    page = Page(response)
    assert response.status_code == 200
    assert "From Thursday 13 May 2027, 11:00–11:30" in page.text
    assert "To Friday 14 May 2027, 09:05–09:35" in page.text
    assert "Moved appointment: E-mail at once; SMS only if the e-mail is not read within 4 hours" in page.text
    # 48 hours before the new time, in the calendar's zone.
    assert "Reminder: E-mail 12 May 2027 09:05; SMS 12 May 2027 09:05" in page.text
    assert Appointment.objects.values().get(pk=rynek.appointment.pk) == before

    done = desk.post(path(rynek, "move"), page.fields, headers=HTMX)

    assert is_done(done, rynek.appointment.pk)
    fresh = Appointment.objects.get(pk=rynek.appointment.pk)
    assert fresh.starts_at == NOW + 11 * DAYS + timedelta(minutes=5)
    assert "New time: Friday 14 May 2027 at 09:05." in Page(done).text


def test_look_says_when_nobody_is_told(rynek: House, desk: Client) -> None:
    AppointmentSwitch.objects.create(appointment=rynek.appointment, kind="moved", is_on=False)

    page = Page(post(desk, rynek, "move", ask="1", day="2027-05-04", time="9:00"))

    assert "Moved appointment: not sent, switched off for this appointment" in page.text
    assert "Reminder: not sent, no reminder: booked 24 hours ahead, less than 36" in page.text


def test_move_to_another_calendar_of_the_clinic(rynek: House, desk: Client) -> None:
    other = make_calendar(rynek.clinic, "dr Alicja Lis")

    page = Page(post(desk, rynek, "move", ask="1", day="2027-05-14", time="20:00", calendar=other.pk))

    assert "dr Alicja Lis" in page.text
    assert "Outside the opening hours, or during an absence." in page.text
    assert is_done(desk.post(path(rynek, "move"), page.fields, headers=HTMX), rynek.appointment.pk)
    assert Appointment.objects.get(pk=rynek.appointment.pk).calendar == other


@pytest.mark.parametrize("ask", [{"ask": "1"}, {}], ids=["look", "move"])
def test_another_clinics_calendar_is_refused(ask: dict, rynek: House, markt: House, desk: Client) -> None:
    response = post(desk, rynek, "move", day="2027-05-14", time="9:00", calendar=markt.calendar.pk, **ask)

    assert response.status_code == 422
    assert "Storch" not in response.content.decode()
    assert Appointment.objects.get(pk=rynek.appointment.pk).calendar == rynek.calendar


@pytest.mark.parametrize("ask", [{"ask": "1"}, {}], ids=["look", "move"])
def test_taken_time_keeps_what_was_typed(ask: dict, rynek: House, desk: Client) -> None:
    book(make_patient(rynek.clinic, "Adam Nowy"), rynek.calendar, NOW + DAYS)

    response = post(desk, rynek, "move", day="2027-05-04", time="9:10", **ask)

    page = Page(response)
    assert response.status_code == 409
    assert page.error("time") == "This time is taken. The appointment is unchanged."
    assert (page.fields["day"], page.fields["time"]) == ("2027-05-04", "9:10")


@pytest.mark.parametrize("ask", [{"ask": "1"}, {}], ids=["look", "move"])
def test_changed_meanwhile_shows_the_true_state_and_keeps_what_was_typed(
    ask: dict, rynek: House, desk: Client
) -> None:
    old = rynek.appointment.version
    move(appointment_id=rynek.appointment.pk, starts_at=NOW + 2 * DAYS, actor=user_actor(rynek.admin), at=NOW)

    response = desk.post(
        path(rynek, "move"), {"version": old, "day": "2027-05-14", "time": "9:05", **ask}, headers=HTMX
    )

    page = Page(response)
    assert response.status_code == 409
    assert "09:00–09:30 · Zofia" in page.text
    assert "Wednesday 5 May 2027" in page.text
    assert "Anna Maj" in page.alerts[0]
    fields = [form for form in page.all("form") if dict(form.attributes)["action"] == path(rynek, "move")]
    assert len(fields) == 1
    assert (page.fields["day"], page.fields["time"]) == ("2027-05-14", "9:05")
    assert set(page.values("version")) == {str(old + 1)}
    # The same press again, on what is shown now.
    assert desk.post(path(rynek, "move"), page.fields | {"ask": "1"}, headers=HTMX).status_code == 200


def test_cancelled_meanwhile_cannot_be_moved(rynek: House, desk: Client) -> None:
    old = rynek.appointment.version
    cancel(appointment_id=rynek.appointment.pk, by=CancelledBy.PATIENT, actor=SYSTEM, at=NOW)

    response = desk.post(
        path(rynek, "move"), {"version": old, "day": "2027-05-14", "time": "9:05", "ask": "1"}, headers=HTMX
    )

    assert response.status_code == 409
    assert "cancelled" in Page(response).text


# --- Booking in the dialog ---------------------------------------------------------------------------


def booking(house: House, **more: Any) -> dict[str, Any]:
    return {
        "dialog": "1", "calendar": house.calendar.pk, "service": house.service.pk, "day": "2027-05-20",
        "time": "10:05", "patient": house.patient.pk, **more,
    }  # fmt: skip


def test_pressed_time_is_filled_in(rynek: House, desk: Client) -> None:
    other = make_calendar(rynek.clinic, "dr Alicja Lis")

    page = Page(
        desk.get(
            rynek.url(f"appointments/book/?dialog=1&calendar={other.pk}&day=2027-05-20&time=10:05"),
            headers=HTMX,
        )
    )

    fields = page.fields
    assert (fields["calendar"], fields["day"], fields["time"]) == (str(other.pk), "2027-05-20", "10:05")
    assert fields["dialog"] == "1"
    assert "tell-details" in fields
    assert not page.all("html")


def test_booked_in_the_dialog_closes_it_and_says_what_is_sent(rynek: House, desk: Client) -> None:
    response = desk.post(rynek.url("appointments/book/"), booking(rynek, book="1"), headers=HTMX)

    made = Appointment.objects.latest("pk")
    assert is_done(response, made.pk)
    text = Page(response).text
    assert "Booked." in text
    assert "Appointment details: E-mail at once" in text
    assert "Reminder: E-mail 18 May 2027 10:05" in text


def test_taken_in_the_dialog_keeps_everything(rynek: House, desk: Client) -> None:
    book(make_patient(rynek.clinic, "Adam Nowy"), rynek.calendar, NOW + 17 * DAYS + HOURS)
    typed = {
        "patient": "new",
        "new-name": "Ewa Nowak",
        "new-email": "ewa@patients.example",
        "new-language": "pl",
    }

    response = desk.post(rynek.url("appointments/book/"), booking(rynek, book="1", **typed), headers=HTMX)

    page = Page(response)
    assert response.status_code == 409
    assert page.fields["time"] == "10:05"
    assert (page.fields["new-name"], page.fields["new-email"]) == ("Ewa Nowak", "ewa@patients.example")
    assert page.fields["dialog"] == "1"
    assert Calendar.objects.count() == 1
