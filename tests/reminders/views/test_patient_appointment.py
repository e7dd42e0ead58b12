"""The patient's page: shows the present state, acts by a press alone (P6, E2.9, E2.11)."""

from datetime import timedelta

import pytest
from django.test import Client

from clinic.appointments import operations
from clinic.appointments.enums import CancelledBy, Status
from clinic.audit.operations import SYSTEM
from clinic.lib import clock
from clinic.models import Appointment, AuditEntry, Calendar, Patient
from messaging.delivery import send_due
from messaging.links import link_key
from messaging.models import Delivery, Message
from notifications.enums import Channel
from notifications.models import CalendarSettings
from tests.factories.house import DAYS, HOURS, NOW, House, by_link
from tests.factories.page import Answer, Page

SECOND = timedelta(seconds=1)


@pytest.fixture
def patient(rynek: House) -> Client:
    """The patient's browser, come by the link."""
    return by_link(rynek.link)


def url(house: House, act: str = "") -> str:
    return f"/appointment/{link_key(house.link)}/" + (f"{act}/" if act else "")


def press(client: Client, house: House, act: str, sequence: object = 0) -> Answer:
    return client.post(url(house, act), {"sequence": sequence})


def fresh(house: House) -> Appointment:
    return Appointment.objects.get(pk=house.appointment.pk)


def test_page_shows_when_where_and_with_whom(rynek: House, patient: Client) -> None:
    page = Page(patient.get(url(rynek)))

    assert page.heading == "Thursday 13 May 2027, 11:00"
    for text in ("Zofia P.", "Gabinety Rynek", "dr Tomasz Wilczek", "1 Square, Town", "71 000 12 30"):
        assert text in page.text
    assert page.buttons() == ["I will be there", "Yes, cancel it"]
    assert "Nothing changes until you press." in page.text


def test_page_gives_nothing_else_away(rynek: House, patient: Client) -> None:
    html = patient.get(url(rynek)).content.decode()

    for secret in ("Pawłowska", "Gąsior", "512", "345", "zofia@", "patients.example", "Consultation"):
        assert secret not in html


def test_page_speaks_the_patients_language_and_any_other_on_request(rynek: House, patient: Client) -> None:
    Patient.objects.filter(pk=rynek.patient.pk).update(language="pl")

    assert "czwartek, 13 maja 2027" in Page(patient.get(url(rynek))).heading
    for query, start in (("de", "Donnerstag"), ("en", "Thursday"), ("xx", "czwartek"), ("%00", "czwartek")):
        assert Page(patient.get(f"{url(rynek)}?language={query}")).heading.startswith(start)


def test_languages_can_be_changed_after_a_refused_press(rynek: House, patient: Client) -> None:
    page = Page(press(patient, rynek, "confirm", sequence=7))

    links = [link for link in page.links() if link.startswith(f"{url(rynek)}?language=")]
    assert {patient.get(link).status_code for link in links} == {200}
    assert len(links) == 4


# --- Confirming -----------------------------------------------------------------------------------


def test_press_confirms_and_says_thank_you(rynek: House, patient: Client) -> None:
    response = press(patient, rynek, "confirm")

    page = Page(patient.get(response["Location"]))
    assert response.status_code == 302
    assert fresh(rynek).confirmed_at == NOW
    assert "Thank you. We know that you will come." in page.text
    assert "I will be there" not in page.buttons()
    entry = AuditEntry.objects.get(action="appointment.confirmed")
    assert (entry.actor_kind, entry.actor_user) == ("patient", None)


def test_second_press_says_already(rynek: House, patient: Client) -> None:
    press(patient, rynek, "confirm")
    with clock.held_at(NOW + HOURS):
        response = press(patient, rynek, "confirm")

        assert "You had confirmed already. Thank you." in Page(patient.get(response["Location"])).text
    assert fresh(rynek).confirmed_at == NOW
    assert AuditEntry.objects.filter(action="appointment.confirmed").count() == 1


@pytest.mark.parametrize("sequence", ["1", "-1", "", "x", "9" * 30, "²", "\0"])
def test_press_on_another_state_is_refused(sequence: str, rynek: House, patient: Client) -> None:
    for act in ("confirm", "cancel"):
        response = press(patient, rynek, act, sequence)

        page = Page(response)
        assert response.status_code == 409
        assert page.alerts[0].startswith("This appointment has changed since you opened the page.")
    assert (fresh(rynek).status, fresh(rynek).confirmed_at) == ("booked", None)


def test_old_page_after_a_move_shows_the_new_time_and_does_nothing(rynek: House, patient: Client) -> None:
    operations.move(appointment_id=rynek.appointment.pk, starts_at=NOW + 5 * DAYS, actor=SYSTEM, at=NOW)

    response = press(patient, rynek, "confirm")

    page = Page(response)
    assert response.status_code == 409
    assert page.heading == "Saturday 8 May 2027, 09:00"
    assert page.values("sequence") == ["1", "1"]
    assert press(patient, rynek, "confirm", 1).status_code == 302


def test_confirming_what_is_cancelled_is_refused(rynek: House, patient: Client) -> None:
    operations.cancel(appointment_id=rynek.appointment.pk, by=CancelledBy.CLINIC, actor=SYSTEM, at=NOW)

    for sequence in (0, 1):
        response = press(patient, rynek, "confirm", sequence)

        assert response.status_code == 409
        assert "This appointment is cancelled, so there is nothing to confirm." in Page(response).text
        assert "71 000 12 30" in Page(response).text


def test_confirming_after_the_start_is_refused_with_the_phone(rynek: House) -> None:
    with clock.held_at(rynek.appointment.starts_at):
        patient = by_link(rynek.link)
        response = press(patient, rynek, "confirm")

        page = Page(response)
    assert response.status_code == 409
    assert page.alerts == ["This is no longer possible here. Please call us."]
    assert "tel:+48710001230" in page.links()


# --- Cancelling -----------------------------------------------------------------------------------


def test_press_cancels_and_frees_the_time(rynek: House, patient: Client) -> None:
    response = press(patient, rynek, "cancel")

    page = Page(patient.get(response["Location"]))
    assert (fresh(rynek).status, fresh(rynek).cancelled_by) == ("cancelled", "patient")
    assert "The appointment is cancelled. Thank you for telling us." in page.text
    assert page.buttons() == []


def test_second_cancel_says_already_and_writes_nothing(rynek: House, patient: Client) -> None:
    press(patient, rynek, "cancel")
    messages = Message.objects.count()

    response = press(patient, rynek, "cancel")

    assert response.status_code == 200
    assert "The appointment was cancelled already." in Page(response).text
    assert Message.objects.count() == messages
    assert AuditEntry.objects.filter(action="appointment.cancelled").count() == 1


@pytest.mark.parametrize(("before", "status"), [(timedelta(), 409), (SECOND, 302), (-SECOND, 409)])
def test_cancelling_ends_with_the_start(before: timedelta, status: int, rynek: House) -> None:
    with clock.held_at(rynek.appointment.starts_at - before):
        patient = by_link(rynek.link)
        response = press(patient, rynek, "cancel")

    assert response.status_code == status
    assert (fresh(rynek).status == "cancelled") == (status == 302)
    if status == 409:
        assert "tel:+48710001230" in Page(response).links()


@pytest.mark.parametrize(
    ("before", "status"), [(timedelta(hours=24), 302), (timedelta(hours=24) - SECOND, 409)]
)
def test_cancelling_ends_at_the_calendars_hour(before: timedelta, status: int, rynek: House) -> None:
    Calendar.objects.filter(pk=rynek.calendar.pk).update(change_until_hours=24)

    with clock.held_at(rynek.appointment.starts_at - before):
        patient = by_link(rynek.link)
        page = Page(patient.get(url(rynek)))
        response = press(patient, rynek, "cancel")

    assert ("Yes, cancel it" in page.buttons()) == (status == 302)
    assert "I will be there" in page.buttons()
    assert response.status_code == status


@pytest.mark.parametrize("status", [Status.DONE, Status.NO_SHOW])
def test_what_is_over_cannot_be_changed(status: Status, rynek: House) -> None:
    Appointment.objects.filter(pk=rynek.appointment.pk).update(status=status)

    with clock.held_at(rynek.appointment.ends_at):
        patient = by_link(rynek.link)
        page = Page(patient.get(url(rynek)))

        assert page.buttons() == []
        assert "This appointment has begun or is over." in page.text
        for act in ("confirm", "cancel"):
            assert press(patient, rynek, act).status_code == 409


# --- Self-service off -----------------------------------------------------------------------------


def test_page_without_self_service_shows_the_phone_alone(rynek: House, patient: Client) -> None:
    CalendarSettings.objects.create(calendar=rynek.calendar, self_service=False)

    page = Page(patient.get(url(rynek)))

    assert page.buttons() == []
    assert "tel:+48710001230" in page.links()
    for act in ("confirm", "cancel"):
        response = press(patient, rynek, act)
        assert response.status_code == 403
        assert Page(response).alerts == [
            "Appointments of this calendar are changed by phone. Please call us."
        ]
    assert (fresh(rynek).status, fresh(rynek).confirmed_at) == ("booked", None)


# --- Read (P11) -----------------------------------------------------------------------------------


def email_states(house: House) -> dict[str, tuple[str, str]]:
    rows = Delivery.objects.filter(message__appointment=house.appointment, message__kind="details")
    return {row.channel: (row.state, row.reason) for row in rows}


@pytest.mark.parametrize("act", ["seen", "confirm", "cancel"])
def test_act_counts_as_read_and_the_planned_sms_is_dropped(act: str, rynek: House, patient: Client) -> None:
    send_due(channel=Channel.EMAIL, at=NOW, now=lambda: NOW)
    assert email_states(rynek) == {"email": ("sent", ""), "sms": ("planned", "if_unread")}

    press(patient, rynek, act)

    assert email_states(rynek) == {"email": ("read", ""), "sms": ("skipped", "read")}


def test_seen_twice_is_read_once(rynek: House, patient: Client) -> None:
    send_due(channel=Channel.EMAIL, at=NOW, now=lambda: NOW)
    press(patient, rynek, "seen")

    with clock.held_at(NOW + HOURS):
        response = press(patient, rynek, "seen")

    email = Delivery.objects.get(
        message__appointment=rynek.appointment, message__kind="details", channel="email"
    )
    assert (response.status_code, response.content, email.read_at) == (204, b"", NOW)
