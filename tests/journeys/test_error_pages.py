"""What people see when something is in the way."""

from typing import Any

import pytest
from django.test import Client
from playwright.sync_api import expect

from clinic.appointments import views
from messaging.links import revoke, token_of
from tests.factories.house import NOW, House, logged_in
from tests.factories.page import Page
from tests.journeys.conftest import MakeContext, log_in

pytestmark = pytest.mark.one_engine


def test_error_pages_are_pages(live: str, rynek: House, new_context: MakeContext) -> None:
    page = new_context(locale="en-GB").new_page()
    log_in(page, live, rynek)
    heading = page.get_by_role("heading", level=1)

    for path, status, text in (
        ("patients/999/", 404, "There is nothing at this address"),
        ("settings/", 403, "This page is not open to you"),
    ):
        answer = page.goto(live + rynek.url(path))
        assert answer
        assert answer.status == status
        expect(heading).to_have_text(text)
        page.get_by_role("link", name="To the start page").click()
        page.wait_for_url(live + rynek.url())

    token = token_of(rynek.link)
    revoke(rynek.link, at=NOW)
    answer = page.goto(f"{live}/a/{token}/")
    assert answer
    assert answer.status == 410
    expect(heading).to_have_text("This link does not work any more")


def test_old_page_is_told_to_load_again(rynek: House) -> None:
    response = logged_in(rynek.assistant, enforce_csrf_checks=True).post(
        rynek.url("patients/new/"), {"name": "x"}
    )

    assert response.status_code == 403
    assert Page(response).heading == "This page was open for too long"


def test_body_too_large_is_answered_with_a_page(desk: Client, rynek: House) -> None:
    response = desk.post(rynek.url("patients/new/"), {"name": "x" * 2_000_000})

    assert response.status_code == 400
    assert Page(response).heading == "This could not be understood"


@pytest.mark.parametrize(
    ("language", "heading"),
    [
        ("en", "This address cannot be opened by itself"),
        ("pl", "Tego adresu nie można otworzyć bezpośrednio"),
        ("de", "Diese Adresse lässt sich nicht für sich allein öffnen"),
        ("ro", "Această adresă nu poate fi deschisă direct"),
    ],
)
def test_method_that_an_address_does_not_take_is_answered_with_a_page(
    language: str, heading: str, rynek: House
) -> None:
    rynek.assistant.language = language
    rynek.assistant.save()

    for client in (Client(headers={"Accept-Language": language}), logged_in(rynek.assistant)):
        response = client.get(rynek.url(f"appointments/{rynek.appointment.pk}/move/"))

        page = Page(response)
        assert (response.status_code, response["Allow"]) == (405, "POST")
        assert page.heading == heading
        assert "/" in page.links()


@pytest.mark.parametrize("language", ["en", "pl"])
def test_our_own_fault_is_answered_with_a_page(
    language: str, rynek: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(**_more: Any) -> None:
        raise RuntimeError("broken on purpose")

    monkeypatch.setattr(views, "list_day", broken)
    rynek.assistant.language = language
    rynek.assistant.save()
    client = logged_in(rynek.assistant, raise_request_exception=False)

    response = client.get(rynek.url())

    page = Page(response)
    assert response.status_code == 500
    assert page.heading == {"en": "Something went wrong here", "pl": page.heading}[language]
    assert "broken on purpose" not in page.html
    assert "Gąsior" not in page.html
