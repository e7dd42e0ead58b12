"""The clinic reads, answers and reports what patients wrote (D1)."""

from typing import Any

import pytest
from django.test import Client

from clinic.audit.operations import user_actor
from clinic.directory.reviews import answer_review
from clinic.models import Review, User
from tests.factories.directory import REASON, held, profile_of, reported_of, review_of, write
from tests.factories.house import DAYS, NOW, House, logged_in, make_patient
from tests.factories.page import Page, text_of


def said(response: Any) -> list[str]:
    """Return what each review says."""
    page = Page(response)
    return [text_of(one) for one in page.all("p", lambda it: it.get("class") == "review-head")]


def test_members_see_all_of_their_clinic_and_nothing_else(rynek: House, markt: House, desk: Client) -> None:
    review_of(markt)
    review_of(rynek)
    later = write(
        held(rynek, days_ago=3, patient=make_patient(rynek.clinic, "Jan Szary")), 1, "Bad.", at=NOW + DAYS
    )
    Review.objects.filter(pk=later.pk).update(state="hidden", report_reason=REASON)

    response = desk.get(rynek.url("reviews/"))

    assert said(response) == [
        "1 of 5 stars dr Tomasz Wilczek · Jan S. · 4 May 2027 09:00 hidden",
        "5 of 5 stars dr Tomasz Wilczek · Zofia P. · 3 May 2027 09:00",
    ]
    # The hidden one does not count.
    assert "dr Tomasz Wilczek 5.0 of 5 stars 1 review" in Page(response).text


def test_no_reviews_yet(rynek: House, desk: Client) -> None:
    assert "No reviews yet." in Page(desk.get(rynek.url("reviews/"))).text


def test_answer_is_saved_changed_and_taken_back(rynek: House, desk: Client) -> None:
    review = review_of(rynek)
    url = rynek.url(f"reviews/{review.pk}/answer/")

    for text in ("Thank you.", "Thank you!", ""):
        seen = Page(desk.get(rynek.url("reviews/"))).fields["seen"]
        response = desk.post(url, {"text": text, "seen": seen})

        assert (response.status_code, response["Location"]) == (302, rynek.url("reviews/"))
        review.refresh_from_db()
        assert review.answer == text


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("See www.evil.example", "Please write it without links and e-mail addresses."),
        ("\u202eabc", "This text holds characters that cannot be written."),
        ("x" * 2001, "Ensure this value has at most 2000 characters (it has 2001)."),
    ],
)
def test_bad_answer_comes_back_with_what_is_wrong(text: str, error: str, rynek: House, desk: Client) -> None:
    review = review_of(rynek)

    response = desk.post(rynek.url(f"reviews/{review.pk}/answer/"), {"text": text, "seen": ""})
    page = Page(response)

    assert response.status_code == 422
    assert page.error("text") == error
    assert page.fields["text"].strip() == text
    review.refresh_from_db()
    assert review.answer == ""


def test_two_answers_at_once_are_told_apart(rynek: House, desk: Client) -> None:
    review = review_of(rynek)
    answer_review(review_id=review.pk, text="From Anna.", seen=None, actor=user_actor(rynek.admin), at=NOW)

    response = desk.post(rynek.url(f"reviews/{review.pk}/answer/"), {"text": "From Ola.", "seen": ""})
    page = Page(response)

    assert response.status_code == 409
    assert page.alerts == [
        "Somebody else answered meanwhile. Nothing was saved; what you typed still stands below."
    ]
    assert "From Anna." in page.text
    assert page.fields["text"].strip() == "From Ola."
    again = desk.post(
        rynek.url(f"reviews/{review.pk}/answer/"), {"text": "From Ola.", "seen": page.fields["seen"]}
    )
    assert again.status_code == 302
    review.refresh_from_db()
    assert review.answer == "From Ola."


def test_strange_proof_of_what_was_seen_is_refused(rynek: House, desk: Client) -> None:
    review = review_of(rynek)

    assert desk.post(
        rynek.url(f"reviews/{review.pk}/answer/"), {"text": "x", "seen": "yesterday"}
    ).status_code == 422  # fmt: skip


def test_report_needs_a_reason_and_is_made_once(rynek: House, desk: Client) -> None:
    review = review_of(rynek)
    url = rynek.url(f"reviews/{review.pk}/report/")

    empty = desk.post(url, {"reason": " "})
    made = desk.post(url, {"reason": REASON})
    again = desk.post(url, {"reason": "Other"})

    assert (empty.status_code, made.status_code, again.status_code) == (422, 302, 409)
    assert Page(empty).error("reason") == "Please write what is wrong with it."
    assert Page(again).alerts == ["This review was reported before. It is reported once."]
    review.refresh_from_db()
    assert (review.state, review.report_reason) == ("reported", REASON)


def test_refused_form_comes_back_on_the_page_of_its_review(rynek: House, desk: Client) -> None:
    profile_of(rynek)
    oldest = write(held(rynek, days_ago=30), at=NOW - DAYS)
    for days in range(2, 22):
        write(held(rynek, days_ago=days, patient=make_patient(rynek.clinic, f"Jan {days}")))

    page = Page(desk.post(rynek.url(f"reviews/{oldest.pk}/report/"), {"reason": ""}))

    assert page.error("reason") == "Please write what is wrong with it."
    assert "Page 2 of 2" in page.text


@pytest.mark.parametrize("what", ["answer", "report"])
def test_other_clinics_review_is_not_there(what: str, rynek: House, markt: House, desk: Client) -> None:
    theirs = review_of(markt)

    response = desk.post(rynek.url(f"reviews/{theirs.pk}/{what}/"), {"text": "x", "reason": "x", "seen": ""})

    assert response.status_code == 404
    theirs.refresh_from_db()
    assert (theirs.answer, theirs.state) == ("", "published")


def test_operator_hides_keeps_and_shows_again(rynek: House, operator: User) -> None:
    review, client = reported_of(rynek), logged_in(operator)
    url = f"/reviews/{review.pk}/"

    def decide(hide: str, shown: str) -> tuple[int, str]:
        response = client.post(url, {"hide": hide, "shown": shown})
        review.refresh_from_db()
        return response.status_code, review.state

    assert REASON in Page(client.get("/reviews/")).text
    assert decide("perhaps", "reported") == (422, "reported")
    assert decide("yes", "published") == (409, "reported")
    assert decide("yes", "reported") == (302, "hidden")
    assert decide("no", "reported") == (409, "hidden")
    assert Page(client.get("/reviews/")).buttons()[0] == "Show it again"
    assert decide("no", "hidden") == (302, "published")
    assert "Nothing is reported" in Page(client.get("/reviews/")).text
