"""The page behind an offer: every state, whoever comes, however often they press (P8, E4.6, E4.9, A19 to A27)."""

from collections.abc import Callable

import pytest
from django.test import Client

from clinic.appointments import operations as appointments
from clinic.appointments.enums import CancelledBy
from clinic.audit.operations import PATIENT, SYSTEM
from clinic.calendars.absences import add_absence
from clinic.lib import clock
from clinic.models import Appointment, AuditEntry, Patient
from messaging.links import link_key, revoke, token_of
from messaging.models import PersonalLink
from reminders.offers.models import SlotOffer
from reminders.offers.voice import offer_address
from tests.factories.booking import open_for_booking
from tests.factories.house import DAYS, HOURS, NOW, House, book, by_link, make_patient
from tests.factories.offers import SLOT, give_up, later, offer_link_of, taken, to_offer
from tests.factories.page import Page
from tests.factories.whole_database import everything


@pytest.fixture
def offer(rynek: House) -> SlotOffer:
    """The house's appointment was cancelled; somebody comes four days later."""
    later(rynek)
    return give_up(rynek.appointment).offers.get()


def test_page_shows_both_times_and_no_surname(offer: SlotOffer) -> None:
    client, url = to_offer(offer)

    page = Page(client.get(url))

    assert page.heading == "An earlier time is free"
    assert "Monday 17 May 2027, 09:00" in page.text
    assert "Thursday 13 May 2027, 11:00" in page.text
    assert "Appointment of Janb N." in page.text
    for secret in ("Nowak", "512", "janb@", "Zofia"):
        assert secret not in page.text


def test_looking_changes_nothing(offer: SlotOffer) -> None:
    client, url = to_offer(offer)
    before = everything()

    for _ in range(3):
        for look in (client.get, client.head):
            assert look(url).status_code == 200
            assert look("/o/" + offer_address(offer, at=NOW).split("/o/")[1]).status_code == 302

    assert everything() == before


def test_press_takes_it_and_a_second_press_says_the_same(offer: SlotOffer) -> None:
    client, url = to_offer(offer)

    answers = [client.post(url), client.post(url)]

    assert [(one.status_code, one["Location"]) for one in answers] == [(302, url)] * 2
    page = Page(client.get(url))
    assert "The new time is yours." in page.text
    assert page.heading == "Thursday 13 May 2027, 11:00"
    assert "taken" not in page.text
    offer.appointment.refresh_from_db()
    assert (offer.appointment.starts_at, offer.appointment.sequence) == (SLOT, 1)
    moved = AuditEntry.objects.filter(action="appointment.moved", object_id=offer.appointment_id)
    assert [entry.actor_kind for entry in moved] == ["patient"]


def test_press_goes_on_in_the_language_of_the_page(offer: SlotOffer) -> None:
    client, url = to_offer(offer)

    assert client.post(f"{url}?language=de")["Location"] == f"{url}?language=de"
    assert "Der neue Termin gehört Ihnen." in Page(client.get(f"{url}?language=de")).text


@pytest.mark.parametrize(
    ("language", "heading"),
    [
        ("pl", "Wolny jest wcześniejszy termin"),
        ("de", "Ein früherer Termin ist frei"),
        ("ro", "Este liberă o oră mai devreme"),
    ],
)
def test_page_speaks_the_patients_language(language: str, heading: str, offer: SlotOffer) -> None:
    Patient.objects.filter(pk=offer.appointment.patient_id).update(language=language)
    client, url = to_offer(offer)

    assert Page(client.get(url)).heading == heading


def test_loser_is_told_that_theirs_is_unchanged(rynek: House) -> None:
    first, second = later(rynek, 1), later(rynek, 2)
    freeing = give_up(rynek.appointment)
    client, url = to_offer(freeing.offers.get(appointment=second))
    taken(freeing.offers.get(appointment=first).pk, at=NOW)

    refused, shown = client.post(url), client.get(url)

    assert (refused.status_code, shown.status_code) == (409, 200)
    for answer in (refused, shown):
        page = Page(answer)
        assert page.heading == "This time is already taken"
        assert "Your appointment is unchanged: Monday 17 May 2027, 09:30." in page.text
        assert "Take the new time" not in page.text
    second.refresh_from_db()
    assert (second.starts_at, second.sequence) == (first.starts_at + HOURS / 2, 0)


def cancelled(offer: SlotOffer) -> None:
    appointments.cancel(appointment_id=offer.appointment_id, by=CancelledBy.PATIENT, actor=PATIENT, at=NOW)


def earlier(offer: SlotOffer) -> None:
    appointments.move(appointment_id=offer.appointment_id, starts_at=SLOT - 1 * DAYS, actor=PATIENT, at=NOW)


def booked(offer: SlotOffer) -> None:
    calendar = offer.freeing.calendar
    book(make_patient(calendar.clinic, "Ewa Druga"), calendar, SLOT)


def absent(offer: SlotOffer) -> None:
    practitioner = offer.freeing.calendar.practitioner
    add_absence(practitioner=practitioner, starts_at=SLOT, ends_at=SLOT + HOURS, actor=SYSTEM, at=NOW)


def fixed(offer: SlotOffer) -> None:
    calendar = offer.freeing.calendar
    calendar.change_until_hours = 15 * 24
    calendar.save(update_fields=["change_until_hours"])


@pytest.mark.parametrize(
    ("happen", "heading", "says"),
    [
        (cancelled, "You have no later appointment to move", "cancelled or over"),
        (earlier, "This earlier time is not for your present appointment", "Wednesday 12 May 2027, 11:00"),
        (booked, "This time is already taken", "Your appointment is unchanged"),
        (absent, "This time is no longer available", "Your appointment is unchanged"),
        (fixed, "This is no longer possible here. Please call us.", "Your appointment is unchanged"),
    ],
    ids=["cancelled", "earlier", "booked", "absent", "fixed"],
)
def test_page_shows_what_is_true_now(
    happen: Callable[[SlotOffer], None], heading: str, says: str, offer: SlotOffer
) -> None:
    client, url = to_offer(offer)
    happen(offer)
    before = Appointment.objects.get(pk=offer.appointment_id)

    refused, shown = client.post(url), client.get(url)

    assert (refused.status_code, shown.status_code) == (409, 200)
    for answer in (refused, shown):
        page = Page(answer)
        assert page.heading == heading
        assert says in page.text
    after = Appointment.objects.get(pk=offer.appointment_id)
    assert (after.starts_at, after.status, after.sequence) == (
        before.starts_at,
        before.status,
        before.sequence,
    )


def test_cut_off_is_said(offer: SlotOffer) -> None:
    client, url = to_offer(offer)

    with clock.held_at(SLOT - 1 * HOURS):
        answers = client.get(url), client.post(url)

    assert [one.status_code for one in answers] == [200, 409]
    assert {Page(one).heading for one in answers} == {"This time is no longer available"}


def test_who_has_none_to_move_may_book_like_anyone_while_it_is_free(rynek: House, offer: SlotOffer) -> None:
    client, url = to_offer(offer)
    cancelled(offer)
    booking = f"/p/{rynek.calendar.practitioner.slug}/book/{rynek.service.pk}/"

    assert booking not in client.get(url).content.decode()
    open_for_booking(rynek)
    assert f'href="{booking}"' in client.get(url).content.decode()
    assert f'href="{booking}?language=de"' in client.get(f"{url}?language=de").content.decode()
    booked(offer)
    assert booking not in client.get(url).content.decode()


# --- Who may come here ----------------------------------------------------------------------------


def test_forged_and_foreign_tokens_open_nothing(rynek: House, markt: House, offer: SlotOffer) -> None:
    token = offer_address(offer, at=NOW).split("/o/")[1].strip("/")
    client = Client()

    for forged in (token[:-1], token + "A", token.swapcase(), token_of(rynek.link), "0-" + token, "%00"):
        assert client.get(f"/o/{forged}/").status_code == 404
    # Nor does an offer's token open the appointment.
    assert client.get(f"/a/{token}/").status_code == 404
    assert client.get(f"/r/{token}/").status_code == 404


def test_one_browser_opens_its_own_offer_alone(rynek: House, markt: House) -> None:
    mine, theirs = offer_link_of(rynek), offer_link_of(markt)
    client = Client()
    assert client.get(f"/o/{token_of(mine)}/").status_code == 302
    client.cookies["link"]["path"] = "/"

    assert client.get(f"/offer/{link_key(mine)}/").status_code == 200
    for method in (client.get, client.post):
        assert method(f"/offer/{link_key(theirs)}/").status_code == 404
        assert method(f"/appointment/{link_key(rynek.link)}/").status_code in {404, 405}
    assert by_link(rynek.link).post(f"/offer/{link_key(mine)}/").status_code == 404
    markt.appointment.refresh_from_db()
    assert markt.appointment.starts_at == SLOT


@pytest.mark.parametrize("how", ["revoked", "erased"])
def test_link_that_was_good_once_is_gone(how: str, rynek: House) -> None:
    link = offer_link_of(rynek)
    client = Client()
    client.get(f"/o/{token_of(link)}/")
    if how == "revoked":
        revoke(link, at=NOW)
    else:
        PersonalLink.objects.filter(pk=link.pk).update(object_id=987_654_321)

    for answer in (client.get(f"/offer/{link_key(link)}/"), client.post(f"/offer/{link_key(link)}/")):
        assert answer.status_code == 410
        assert "Zofia" not in answer.content.decode()


def test_press_from_another_site_does_nothing(rynek: House) -> None:
    link = offer_link_of(rynek)
    client = Client(enforce_csrf_checks=True)
    client.get(f"/o/{token_of(link)}/")

    assert client.post(f"/offer/{link_key(link)}/").status_code == 403
    rynek.appointment.refresh_from_db()
    assert rynek.appointment.starts_at == SLOT
