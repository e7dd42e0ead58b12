"""The patient moves by themselves: on the same slots as for booking, and never loses the old time (P6, E2.10)."""

from datetime import datetime, timedelta

import pytest
from django.test import Client

from clinic.appointments import operations
from clinic.appointments.enums import CancelledBy, Status
from clinic.appointments.models import Occupancy
from clinic.audit.operations import SYSTEM
from clinic.calendars.absences import add_absence
from clinic.directory.slot_picker import code_of
from clinic.lib import clock
from clinic.models import Appointment, AuditEntry, Calendar, Patient
from messaging.links import link_key
from messaging.models import Delivery, Message
from notifications.models import CalendarSettings
from tests.factories.booking import START
from tests.factories.house import DAYS, HOURS, MINUTES, NOW, House, book, by_link, link_of, make_patient
from tests.factories.page import Answer, Page

SECOND = timedelta(seconds=1)
WAS = NOW + 10 * DAYS + 2 * HOURS
TAKEN = "This time was just taken. Your appointment is unchanged: Thursday 13 May 2027 at 11:00."


@pytest.fixture
def patient(rynek: House) -> Client:
    """The patient's browser, come by the link."""
    return by_link(rynek.link)


def url(house: House, query: str = "") -> str:
    return f"/appointment/{link_key(house.link)}/move/{query}"


def press(
    client: Client, house: House, start: datetime | str = START, sequence: object = 0, query: str = ""
) -> Answer:
    code = start if isinstance(start, str) else code_of(start)
    return client.post(url(house, query), {"start": code, "sequence": sequence})


def stands(house: House) -> tuple[datetime, int, int]:
    """Return the appointment's start, sequence, and how many spans of the calendar are taken."""
    row = Appointment.objects.get(pk=house.appointment.pk)
    return row.starts_at, row.sequence, Occupancy.objects.filter(calendar=house.calendar).count()


def test_page_leads_to_free_times_of_the_same_calendar(rynek: House, patient: Client) -> None:
    first = Page(patient.get(f"/appointment/{link_key(rynek.link)}/"))
    assert f"{url(rynek)}?language=en" in first.links()

    page = Page(patient.get(url(rynek)))

    assert page.buttons()[0] == "Earliest: Monday 3 May 2027, 11:00"
    assert "Now: Thursday 13 May 2027, 11:00" in page.text
    assert "Your old time stays yours until you press a new one." in page.text
    for secret in ("Pawłowska", "zofia@", "512"):
        assert secret not in page.html


def test_press_moves_and_tells_by_e_mail(rynek: House, patient: Client) -> None:
    operations.confirm(appointment_id=rynek.appointment.pk, actor=SYSTEM, at=NOW)

    response = press(patient, rynek, query="?language=de")

    assert response["Location"] == f"/appointment/{link_key(rynek.link)}/?done=moved&language=de"
    assert stands(rynek) == (START, 1, 1)
    row = Appointment.objects.get(pk=rynek.appointment.pk)
    assert (row.minutes, row.service, row.calendar, row.confirmed_at, row.set_at) == (
        30, rynek.service, rynek.calendar, None, NOW,
    )  # fmt: skip
    told = Message.objects.get(appointment=row, kind="moved")
    assert told.reason == "moved_by_patient"
    assert [each.channel for each in told.deliveries.all()] == ["email"]
    assert AuditEntry.objects.get(action="appointment.moved").actor_kind == "patient"
    page = Page(patient.get(f"/appointment/{link_key(rynek.link)}/?done=moved"))
    assert page.heading == "Thursday 20 May 2027, 10:00"
    assert "The appointment is moved to this time." in page.text


def test_a_second_press_finds_it_done(rynek: House, patient: Client) -> None:
    first, second = press(patient, rynek), press(patient, rynek)

    assert first["Location"] == second["Location"]
    assert stands(rynek) == (START, 1, 1)
    assert Message.objects.filter(kind="moved").count() == 1


def test_ones_own_time_is_free_to_oneself(rynek: House, patient: Client) -> None:
    Appointment.objects.filter(pk=rynek.appointment.pk).update(ends_at=WAS + 60 * MINUTES)
    Occupancy.objects.filter(appointment=rynek.appointment).update(ends_at=WAS + 60 * MINUTES)

    response = press(patient, rynek, WAS - 30 * MINUTES)

    assert response.status_code == 302
    assert stands(rynek)[0] == WAS - 30 * MINUTES


def test_ones_own_time_is_none_to_move_to(rynek: House, patient: Client) -> None:
    """Pressed as the earliest one it would have said that the appointment was moved."""
    page = Page(patient.get(url(rynek, f"?from={WAS:%Y-%m-%d}")))

    assert "10:30" in page.buttons()
    assert "11:30" in page.buttons()
    assert "11:00" not in page.buttons()[: page.buttons().index("11:30")]


def test_time_taken_meanwhile_leaves_everything_as_it_was(rynek: House, patient: Client) -> None:
    book(make_patient(rynek.clinic, "Jan Inny"), rynek.calendar, START)

    response = press(patient, rynek)

    page = Page(response)
    assert response.status_code == 409
    assert page.alerts == [TAKEN]
    assert "09:30" in page.buttons()  # other times of that day
    assert stands(rynek) == (WAS, 0, 2)
    assert not Message.objects.filter(kind="moved").exists()


@pytest.mark.parametrize(
    "start",
    [
        pytest.param(NOW - DAYS, id="past"),
        pytest.param(NOW + HOURS, id="within the notice"),
        pytest.param(START + 15 * MINUTES, id="off the grid"),
        pytest.param(START + 12 * HOURS, id="closed"),
        pytest.param(NOW + 28 * DAYS + 2 * HOURS, id="absent"),
        pytest.param(NOW + 91 * DAYS, id="beyond the horizon"),
        pytest.param("x", id="no time"),
        pytest.param("99991231t2359z", id="the last instant of all"),
        pytest.param("", id="nothing"),
    ],
)
def test_a_forged_time_is_refused(start: datetime | str, rynek: House, patient: Client) -> None:
    add_absence(
        practitioner=rynek.calendar.practitioner, starts_at=NOW + 27 * DAYS, ends_at=NOW + 30 * DAYS,
        actor=SYSTEM, at=NOW,
    )  # fmt: skip

    response = press(patient, rynek, start)

    assert response.status_code == 422
    assert len(Page(response).alerts) == 1
    assert stands(rynek) == (WAS, 0, 1)


def test_what_changed_since_the_page_was_shown_is_shown_first(rynek: House, patient: Client) -> None:
    operations.move(appointment_id=rynek.appointment.pk, starts_at=WAS + DAYS, actor=SYSTEM, at=NOW)

    response = press(patient, rynek)

    assert response.status_code == 409
    assert Page(response).heading == "Friday 14 May 2027, 11:00"
    assert stands(rynek) == (WAS + DAYS, 1, 1)
    for forged in ("", "x", "-1", "9" * 40):
        assert press(patient, rynek, sequence=forged).status_code == 409


def test_a_cancelled_appointment_does_not_move(rynek: House, patient: Client) -> None:
    operations.cancel(appointment_id=rynek.appointment.pk, by=CancelledBy.CLINIC, actor=SYSTEM, at=NOW)

    for sequence in (0, 1):
        response = press(patient, rynek, sequence=sequence)
        assert response.status_code == 409
        assert "This appointment is cancelled." in Page(response).text
    assert patient.get(url(rynek))["Location"] == f"/appointment/{link_key(rynek.link)}/"
    assert stands(rynek) == (WAS, 1, 0)


@pytest.mark.parametrize("status", [Status.DONE, Status.NO_SHOW])
def test_what_is_over_does_not_move(status: Status, rynek: House, patient: Client) -> None:
    Appointment.objects.filter(pk=rynek.appointment.pk).update(status=status)

    response = press(patient, rynek)

    assert response.status_code == 409
    assert Page(response).alerts == ["This is no longer possible here. Please call us."]
    assert patient.get(url(rynek)).status_code == 302


@pytest.mark.parametrize(
    ("before", "status"), [(timedelta(hours=24), 302), (timedelta(hours=24) - SECOND, 409)]
)
def test_moving_ends_at_the_calendars_hour(before: timedelta, status: int, rynek: House) -> None:
    Calendar.objects.filter(pk=rynek.calendar.pk).update(change_until_hours=24)

    with clock.held_at(rynek.appointment.starts_at - before):
        patient = by_link(rynek.link)
        assert patient.get(url(rynek)).status_code == (200 if status == 302 else 302)
        response = press(patient, rynek)

    assert response.status_code == status
    assert stands(rynek)[0] == (START if status == 302 else WAS)


def test_switched_off_means_off(rynek: House, patient: Client) -> None:
    CalendarSettings.objects.create(calendar=rynek.calendar, self_service=False)

    for response in (patient.get(url(rynek)), press(patient, rynek)):
        assert response.status_code == 403
        assert Page(response).alerts == [
            "Appointments of this calendar are changed by phone. Please call us."
        ]
    assert stands(rynek) == (WAS, 0, 1)


def test_another_appointments_link_moves_nothing(rynek: House, markt: House) -> None:
    other = link_of(book(make_patient(rynek.clinic, "Jan Inny"), rynek.calendar, START + DAYS))
    for stranger in (by_link(markt.link), by_link(other), Client()):
        assert press(stranger, rynek).status_code == 404
        assert stranger.get(url(rynek)).status_code == 404
    assert stands(rynek)[0] == WAS


def test_moving_counts_as_read(rynek: House, patient: Client) -> None:
    Delivery.objects.filter(message__kind="details", channel="email").update(state="sent", sent_at=NOW)

    press(patient, rynek)

    assert (
        Delivery.objects.get(
            message__kind="details", message__appointment=rynek.appointment, channel="email"
        ).state
        == "read"
    )


def test_weeks_and_languages_stand_in_the_address(rynek: House, patient: Client) -> None:
    page = Page(patient.get(url(rynek, "?language=pl&from=2027-05-17")))

    assert f"{url(rynek)}?language=pl&from=2027-05-24#times" in page.links()
    assert "czwartek, 20 maja 2027" in page.text
    assert dict(page.all("form")[0].attributes)["action"] == url(rynek, "?language=pl")


def test_too_many_moves_spare_the_receipt_and_never_the_reminder(rynek: House, patient: Client) -> None:
    """A6: whoever has no e-mail address is told by SMS alone, and has one reminder however often they move."""
    Patient.objects.filter(pk=rynek.patient.pk).update(email="")
    for number in range(4):
        assert press(patient, rynek, START + number * 30 * MINUTES, number).status_code == 302

    rows = Delivery.objects.filter(message__version=4, channel="sms").order_by("message__kind")
    assert [(row.message.kind, row.state, row.reason) for row in rows.select_related("message")] == [
        ("moved", "skipped", "sms_capped"), ("next_appointment", "planned", "instead_of_push"),
        ("reminder", "planned", "instead_of_push"), ("review", "planned", "instead_of_push"),
    ]  # fmt: skip
