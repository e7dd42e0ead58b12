"""A patient's card."""

from django.test import Client

from clinic.models import AuditEntry, Patient
from tests.factories.house import DAYS, NOW, House, book, make_patient
from tests.factories.page import Page, queries_of


def test_card_shows_contact_and_appointments(rynek: House, desk: Client) -> None:
    page = Page(desk.get(rynek.url(f"patients/{rynek.patient.pk}/")))

    assert page.heading == "Zofia Pawłowska-Gąsior"
    assert {"mailto:zofia@patients.example", "tel:+48512345678"} <= set(page.links())
    assert rynek.url(f"appointments/{rynek.appointment.pk}/") in page.links()
    assert rynek.url(f"appointments/book/?patient={rynek.patient.pk}") in page.links()


def test_look_is_written_down(rynek: House, desk: Client) -> None:
    desk.get(rynek.url(f"patients/{rynek.patient.pk}/"))

    entry = AuditEntry.objects.get(action="patient.seen")
    assert (entry.actor_user, entry.clinic, entry.object_id, entry.at) == (
        rynek.assistant, rynek.clinic, rynek.patient.pk, NOW,
    )  # fmt: skip


def test_card_without_a_usable_address_is_marked(rynek: House, desk: Client) -> None:
    lost = make_patient(rynek.clinic, "Jan Niemy", phone_number="")
    Patient.objects.filter(pk=lost.pk).update(email_bounced_at=NOW)

    text = Page(desk.get(rynek.url(f"patients/{lost.pk}/"))).text

    assert "does not work since 3 May 2027 09:00" in text
    assert "unreachable" in text


# --- An address that works again -----------------------------------------------------------------


def test_mark_is_taken_back_by_a_press(rynek: House, desk: Client) -> None:
    Patient.objects.filter(pk=rynek.patient.pk).update(email_bounced_at=NOW)
    url = rynek.url(f"patients/{rynek.patient.pk}/")
    assert "Works again" in Page(desk.get(url)).buttons()

    answers = [desk.post(f"{url}email-works/", follow=True) for _press in range(2)]

    assert [answer.redirect_chain for answer in answers] == [[(url, 302)]] * 2
    page = Page(answers[0])
    assert "Messages go to this e-mail address again." in page.text
    assert "does not work" not in page.text
    assert "Works again" not in page.buttons()
    entry = AuditEntry.objects.get(action="patient.email_works")
    assert (entry.actor_user, entry.object_id, entry.at) == (rynek.assistant, rynek.patient.pk, NOW)


def test_an_address_that_works_has_no_button(rynek: House, desk: Client) -> None:
    page = Page(desk.get(rynek.url(f"patients/{rynek.patient.pk}/")))

    assert "Works again" not in page.buttons()


def test_the_appointment_shows_the_mark_without_the_button(rynek: House, desk: Client) -> None:
    Patient.objects.filter(pk=rynek.patient.pk).update(email_bounced_at=NOW)

    page = Page(desk.get(rynek.url(f"appointments/{rynek.appointment.pk}/")))

    assert "does not work since 3 May 2027 09:00" in page.text
    assert "Works again" not in page.buttons()


def test_queries_do_not_grow_with_the_appointments(rynek: House, desk: Client) -> None:
    url = rynek.url(f"patients/{rynek.patient.pk}/")
    one = queries_of(lambda: desk.get(url))
    for number in range(30):
        book(rynek.patient, rynek.calendar, NOW + (20 + number) * DAYS)

    assert queries_of(lambda: desk.get(url)) == one <= 15


def test_coming_stand_first_and_the_past_has_pages(rynek: House, desk: Client) -> None:
    for number in range(25):
        book(rynek.patient, rynek.calendar, NOW - (30 - number) * DAYS, at=NOW - 40 * DAYS)
    url = rynek.url(f"patients/{rynek.patient.pk}/")

    first, second = (Page(desk.get(f"{url}?page={number}")) for number in (1, 2))

    assert first.text.index("Coming appointments") < first.text.index("Earlier, and cancelled")
    rows = [len(page.all("li", lambda it: "row" in it.get("class", "").split())) for page in (first, second)]
    # Beside them stand the three kinds of invitations.
    assert rows == [1 + 20 + 3, 1 + 5 + 3]
    assert "?page=2#past" in first.links()


def test_messages_of_all_appointments_stand_on_the_card(rynek: House, desk: Client) -> None:
    text = Page(desk.get(rynek.url(f"patients/{rynek.patient.pk}/"))).text

    assert "Messages" in text
    assert "Appointment details E-mail" in text
    assert "Reminder" in text


def test_what_happened_to_the_card_says_who_and_what_was_before(rynek: House, desk: Client) -> None:
    url = rynek.url(f"patients/{rynek.patient.pk}/")
    desk.post(
        f"{url}edit/",
        {"name": "Zofia Nowa", "email": rynek.patient.email, "phone": rynek.patient.phone, "language": "en",
         "version": "1"},
    )  # fmt: skip

    text = Page(desk.get(url)).text

    assert "3 May 2027 09:00 changed , Name: Zofia Pawłowska-Gąsior · Ola Grudzien" in text
