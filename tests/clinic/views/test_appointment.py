"""The appointment's page: who, when, what the patient is told, and who did what."""

from django.test import Client

from clinic.appointments import operations
from clinic.appointments.enums import CancelledBy, Status
from clinic.audit.operations import PATIENT, SYSTEM
from clinic.lib import clock
from clinic.models import AuditEntry
from tests.factories.booking import book_online, booked, open_for_booking
from tests.factories.house import DAYS, HOURS, NOW, House, book, logged_in, make_calendar
from tests.factories.page import Page, queries_of


def test_page_shows_when_who_and_what_is_told(rynek: House, desk: Client) -> None:
    page = Page(desk.get(rynek.url(f"appointments/{rynek.appointment.pk}/")))

    assert page.heading == "11:00–11:30 · Zofia Pawłowska-Gąsior"
    for text in ("Thursday 13 May 2027", "dr Tomasz Wilczek", "What the patient is told, and why",
                 "zofia@patients.example", "512 345 678", "Not confirmed yet"):  # fmt: skip
        assert text in page.text
    assert {"Mark done", "Change", "The patient's", "The clinic's"} <= set(page.buttons())
    assert "No-show" not in page.buttons()


def test_story_tells_who_did_what(rynek: House, desk: Client) -> None:
    visit = rynek.appointment
    operations.confirm(appointment_id=visit.pk, actor=PATIENT, at=NOW)
    operations.move(appointment_id=visit.pk, starts_at=NOW + 12 * DAYS, actor=SYSTEM, at=NOW + HOURS)
    operations.cancel(appointment_id=visit.pk, by=CancelledBy.PATIENT, actor=SYSTEM, at=NOW + 2 * HOURS)

    text = Page(desk.get(rynek.url(f"appointments/{visit.pk}/"))).text

    story = text[text.index("What happened") :]
    assert (
        story.index("booked") < story.index("confirmed") < story.index("moved , from") < story.index("wish")
    )
    assert "confirmed · the patient" in story


def test_story_tells_an_online_booking_once(rynek: House, desk: Client, client: Client) -> None:
    open_for_booking(rynek)
    book_online(client, rynek)
    (made,) = booked(rynek)

    text = Page(desk.get(rynek.url(f"appointments/{made.pk}/"))).text

    assert text.count("booked · the patient") == 1
    assert "booked_online" not in text


def test_cancelled_appointment_offers_nothing(rynek: House, desk: Client) -> None:
    operations.cancel(
        appointment_id=rynek.appointment.pk, by=CancelledBy.CLINIC, actor=SYSTEM, at=NOW
    )  # fmt: skip

    page = Page(desk.get(rynek.url(f"appointments/{rynek.appointment.pk}/")))

    assert not {"Mark done", "No-show", "The clinic's"} & set(page.buttons())
    assert "Change the time" not in page.text


def test_mark_can_be_taken_back_after_the_start(rynek: House, desk: Client) -> None:
    operations.mark(appointment_id=rynek.appointment.pk, status=Status.DONE, actor=SYSTEM, at=NOW)

    with clock.held_at(rynek.appointment.ends_at):
        page = Page(desk.get(rynek.url(f"appointments/{rynek.appointment.pk}/")))

    assert {"No-show", "Take the mark back"} <= set(page.buttons())
    assert "Change the time" not in page.text


def test_every_look_is_written_down_with_who_when_and_where(rynek: House) -> None:
    for user in (rynek.assistant, rynek.admin):
        logged_in(user).get(rynek.url(f"appointments/{rynek.appointment.pk}/"))

    seen = AuditEntry.objects.filter(action="appointment.seen").order_by("pk")
    assert [(one.actor_user, one.clinic, one.object_id, one.at) for one in seen] == [
        (rynek.assistant, rynek.clinic, rynek.appointment.pk, NOW),
        (rynek.admin, rynek.clinic, rynek.appointment.pk, NOW),
    ]


def test_queries_do_not_grow_with_the_story(rynek: House, desk: Client) -> None:
    visit = book(rynek.patient, make_calendar(rynek.clinic, "dr Lis"), NOW + 5 * DAYS)
    one = queries_of(lambda: desk.get(rynek.url(f"appointments/{visit.pk}/")))
    for number in range(30):
        operations.move(
            appointment_id=visit.pk,
            starts_at=NOW + (6 + number) * DAYS,
            actor=SYSTEM,
            at=NOW + number * HOURS,
        )

    assert queries_of(lambda: desk.get(rynek.url(f"appointments/{visit.pk}/"))) == one
