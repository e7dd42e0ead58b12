"""The phone and mailbox of the embedded installation: `mailbox` and `mailbox_letter`."""

import pytest
from django.test import Client

from messaging.delivery import send_due
from messaging.links import token_of
from messaging.models import Delivery, SentText
from notifications.enums import Channel
from tests.factories.house import DAYS, HOURS, NOW, House, book, make_patient
from tests.factories.page import Page, queries_of


def sweep() -> None:
    for channel in Channel:
        send_due(channel=channel, at=NOW, now=lambda: NOW)


def letter_of(house: House) -> Delivery:
    return Delivery.objects.get(
        message__appointment=house.appointment, message__kind="details", channel="email"
    )


def test_empty_mailbox_says_so(rynek: House, desk: Client) -> None:
    assert "Nothing has been sent yet." in Page(desk.get(rynek.url("mailbox/"))).text


def test_letter_stands_in_a_frame_that_runs_nothing(rynek: House, desk: Client) -> None:
    sweep()

    (frame,) = Page(desk.get(rynek.url("mailbox/"))).all("iframe")

    attributes = dict(frame.attributes)
    assert attributes["sandbox"] == "allow-popups allow-popups-to-escape-sandbox"
    assert attributes["src"] == rynek.url(f"mailbox/{letter_of(rynek).pk}/")


def test_letter_has_working_links_and_a_policy_of_its_own(rynek: House, desk: Client) -> None:
    sweep()

    response = desk.get(rynek.url(f"mailbox/{letter_of(rynek).pk}/"))

    policy = dict(part.split(" ", 1) for part in response["Content-Security-Policy"].split("; "))
    assert token_of(rynek.link) in response.content.decode()
    assert policy == {
        "default-src": "'none'", "style-src": "'unsafe-inline'", "frame-ancestors": "'self'",
        "form-action": "'none'", "base-uri": "'none'", "object-src": "'none'",
    }  # fmt: skip
    assert response["X-Frame-Options"] == "SAMEORIGIN"
    assert response["Cache-Control"] == "no-store"


def test_sms_has_its_link_pressable(rynek: House, desk: Client) -> None:
    book(make_patient(rynek.clinic, "Jan Kowalski", email=""), rynek.calendar, NOW + 3 * DAYS)
    sweep()

    page = Page(desk.get(rynek.url("mailbox/")))

    assert len([link for link in page.links() if "/a/" in link]) == 1
    assert "Jan Kowalski" in page.text


def test_one_patients_messages_alone(rynek: House, desk: Client) -> None:
    other = make_patient(rynek.clinic, "Jan Kowalski")
    book(other, rynek.calendar, NOW + 3 * DAYS)
    sweep()

    page = Page(desk.get(rynek.url(f"mailbox/?patient={other.pk}")))

    assert page.heading == "What Jan Kowalski got"
    assert "Zofia" not in page.text


@pytest.mark.parametrize("query", ["page=x", "page=-1", "page=999", "patient=x", "patient=-1", "patient=%00"])
def test_queries_that_make_no_sense_show_a_page(query: str, rynek: House, desk: Client) -> None:
    assert desk.get(rynek.url(f"mailbox/?{query}")).status_code == 200


def test_other_clinics_letters_are_not_shown(rynek: House, markt: House, desk: Client) -> None:
    sweep()

    assert "Kanarienvogel" not in Page(desk.get(rynek.url("mailbox/"))).text
    assert desk.get(rynek.url(f"mailbox/{letter_of(markt).pk}/")).status_code == 404


def test_letter_whose_links_are_masked_is_not_shown(rynek: House, desk: Client) -> None:
    sweep()
    SentText.objects.update(has_live_links=False)

    assert desk.get(rynek.url(f"mailbox/{letter_of(rynek).pk}/")).status_code == 404


def test_queries_do_not_grow_with_the_letters(rynek: House, desk: Client) -> None:
    sweep()
    one = queries_of(lambda: desk.get(rynek.url("mailbox/")))
    for number in range(35):
        book(make_patient(rynek.clinic, f"Jan {number}"), rynek.calendar, NOW + DAYS + number * HOURS)
    sweep()

    assert queries_of(lambda: desk.get(rynek.url("mailbox/"))) == one <= 6
    assert "Older" in Page(desk.get(rynek.url("mailbox/"))).text
