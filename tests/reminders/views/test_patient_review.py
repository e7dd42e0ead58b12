"""The page on which a patient writes a review, by a link of its own (D1, A11, A19, A21, A34)."""

from typing import Any

import pytest
from django.test import Client

from clinic.appointments.enums import CancelledBy
from clinic.appointments.operations import cancel
from clinic.audit.operations import SYSTEM
from clinic.lib import clock
from clinic.models import Appointment, Review
from messaging.links import link_key, token_of
from messaging.models import PersonalLink
from reminders.planning import review_address
from tests.factories.directory import held, listed, review_link_of, to_review
from tests.factories.house import DAYS, NOW, House, by_link
from tests.factories.page import Page
from tests.factories.whole_database import everything


@pytest.fixture
def visit(rynek: House) -> Appointment:
    """An appointment that ended on Saturday, of a practitioner with a public profile."""
    listed(rynek.calendar)
    return held(rynek)


def test_review_is_written_and_public(visit: Appointment) -> None:
    client, page = to_review(visit)
    shown = Page(client.get(page))
    assert shown.heading == "Your review: dr Tomasz Wilczek"
    assert shown.values("stars") == ["5", "4", "3", "2", "1"]
    assert "stars" not in shown.fields
    assert "It is shown as from Zofia P." in shown.text

    response = client.post(page, {"stars": "4", "text": "Kind.\r\nClear."})

    assert (response.status_code, response["Location"]) == (302, f"{page}?done=yes")
    review = Review.objects.get()
    assert (review.stars, review.text, review.author, review.appointment) == (
        4,
        "Kind.\nClear.",
        "Zofia P.",
        visit,
    )
    assert "Thank you." in Page(client.get(response["Location"])).text
    assert "Kind." in Page(Client().get("/p/dr-tomasz-wilczek/")).text


def test_looking_changes_nothing(visit: Appointment) -> None:
    address = review_address(visit, at=NOW)
    before = everything()

    client = Client(headers={"User-Agent": "LinkScanner/1.0"})
    for _ in range(5):
        for look in (client.get, client.head, client.options):
            assert look(address, follow=True).status_code in {200, 405}

    assert everything() == before


def test_second_visit_changes_what_was_written(visit: Appointment) -> None:
    client, page = to_review(visit)
    client.post(page, {"stars": "2", "text": "Hurried."})

    shown = Page(client.get(page))
    assert (shown.fields["stars"], shown.fields["text"].strip()) == ("2", "Hurried.")
    client.post(page, {"stars": "3", "text": ""})

    assert [(one.stars, one.text) for one in Review.objects.all()] == [(3, "")]


@pytest.mark.parametrize(
    ("sent", "field", "error"),
    [
        ({"stars": "", "text": "Kind."}, "stars", "Please choose one to five stars."),
        (
            {"stars": "6", "text": "Kind."},
            "stars",
            "Select a valid choice. 6 is not one of the available choices.",
        ),
        (
            {"stars": "5", "text": "Go to evil.example"},
            "text",
            "Please write it without links and e-mail addresses.",
        ),
        ({"stars": "5", "text": "a\u202eb"}, "text", "This text holds characters that cannot be written."),
        (
            {"stars": "5", "text": "x" * 2001},
            "text",
            "Ensure this value has at most 2000 characters (it has 2001).",
        ),
    ],
)
def test_wrong_field_says_so_and_keeps_the_words(
    sent: dict[str, str], field: str, error: str, visit: Appointment
) -> None:
    client, page = to_review(visit)

    response = client.post(page, sent)

    assert response.status_code == 422
    assert Page(response).error(field) == error
    assert Page(response).fields["text"].strip() == sent["text"]
    assert not Review.objects.exists()


@pytest.mark.parametrize(
    ("why", "said"),
    [
        ("cancelled", "This appointment did not take place, so there is nothing to review."),
        ("coming", "You can write a review here when the appointment is over."),
        ("hidden", "Your review is not shown: it did not keep to the rules."),
        ("reported", "Your review was reported and is being looked at. It cannot be changed meanwhile."),
        ("late", "Your review cannot be changed any more: it was written more than 14 days ago."),
    ],
)
def test_refusal_is_said_and_a_press_does_nothing(
    why: str, said: str, rynek: House, visit: Appointment
) -> None:
    about = rynek.appointment if why in {"cancelled", "coming"} else visit
    client, page = to_review(about)
    if why == "cancelled":
        cancel(appointment_id=about.pk, by=CancelledBy.PATIENT, actor=SYSTEM, at=NOW)
    elif why != "coming":
        client.post(page, {"stars": "2", "text": "First words."})
        Review.objects.update(state=why if why != "late" else "published")
    at = NOW + 14 * DAYS + DAYS / 24 if why in {"cancelled", "late"} else NOW
    before = list(Review.objects.values())

    with clock.held_at(at):
        client, page = to_review(about)
        shown = client.get(page)
        pressed = [client.post(page, sent) for sent in ({"stars": "5", "text": "Others"}, {"stars": "x"})]

    assert (shown.status_code, [one.status_code for one in pressed]) == (200, [409, 409])
    for response in (shown, *pressed):
        assert said in Page(response).text
        assert "stars" not in Page(response).fields
    assert list(Review.objects.values()) == before


def test_nothing_leads_elsewhere(visit: Appointment) -> None:
    client, page = to_review(visit)
    evil = "https://evil.example/"

    for url in (f"{page}?next={evil}&done={evil}&language={evil}", page):
        response = client.post(url, {"stars": "5", "next": evil, "return": evil})

        assert response["Location"] == f"{page}?done=yes"
    assert "evil.example" not in client.get(f"{page}?next={evil}&done={evil}").content.decode()
    assert client.get(f"{review_address(visit, at=NOW)}?next={evil}")["Location"] == page


def test_links_of_other_purposes_do_not_open_it(rynek: House, visit: Appointment) -> None:
    link = review_link_of(rynek)
    assert Client().get(f"/r/{token_of(rynek.link)}/").status_code == 404
    assert Client().get(f"/a/{token_of(link)}/").status_code == 404
    client = by_link(rynek.link)
    client.cookies["link"]["path"] = "/"

    for key in (link_key(rynek.link), link_key(link)):
        assert client.get(f"/review/{key}/").status_code == 404
        assert client.post(f"/review/{key}/", {"stars": "5"}).status_code == 404
    assert not Review.objects.exists()


def test_link_ends_ninety_days_after(visit: Appointment) -> None:
    address = review_address(visit, at=NOW)
    assert PersonalLink.objects.get(purpose="review").expires_at == NOW + 90 * DAYS

    with clock.held_at(NOW + 91 * DAYS):
        assert Client().get(address).status_code == 410


def test_page_is_in_the_patients_language_and_any_other(visit: Appointment) -> None:
    client, page = to_review(visit)

    german = client.get(f"{page}?language=de")
    written = client.post(f"{page}?language=de", {"stars": "5"})

    assert german["Content-Language"] == "de"
    assert written["Location"] == f"{page}?done=yes&language=de"
    assert client.get(page)["Content-Language"] == "en"


def test_words_are_only_words(visit: Appointment) -> None:
    said = "<img src=x onerror=alert(1)> {{ settings.SECRET_KEY }} {0.__class__}"
    client, page = to_review(visit)
    client.post(page, {"stars": "1", "text": said})

    for response in (client.get(page), Client().get("/p/dr-tomasz-wilczek/")):
        shown: Any = Page(response)
        assert said in shown.text or said in shown.fields.get("text", "")
        assert not shown.all("img")
