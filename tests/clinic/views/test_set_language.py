"""Changing the language."""

import pytest
from django.test import Client

from tests.factories.house import House
from tests.factories.page import Page


def test_members_choice_is_kept_with_them(rynek: House, desk: Client) -> None:
    response = desk.post("/language/", {"language": "pl", "next": rynek.url("patients/")})

    rynek.assistant.refresh_from_db()
    assert response["Location"] == rynek.url("patients/")
    assert rynek.assistant.language == "pl"
    assert 'lang="pl"' in desk.get(rynek.url()).content.decode()


def test_anybodys_choice_is_kept_in_a_cookie(rynek: House) -> None:
    client = Client(HTTP_ACCEPT_LANGUAGE="en")

    client.post("/language/", {"language": "de", "next": "/log-in/"})

    assert Page(client.get("/log-in/")).heading == "Anmelden"


def test_browsers_language_is_used_without_a_choice(rynek: House) -> None:
    assert 'lang="ro"' in Client(HTTP_ACCEPT_LANGUAGE="ro-RO").get("/log-in/").content.decode()


@pytest.mark.parametrize("language", ["", "xx", "../../etc", "en\0", "EN"])
def test_language_we_do_not_speak_changes_nothing(language: str, rynek: House, desk: Client) -> None:
    response = desk.post("/language/", {"language": language})

    rynek.assistant.refresh_from_db()
    assert (response.status_code, response["Location"]) == (302, "/")
    assert rynek.assistant.language == "en"
    assert "language" not in response.cookies


@pytest.mark.parametrize(
    "target",
    ["https://evil.example/", "//evil.example", "/\\evil.example", "javascript:alert(1)", "", "ftp://x/"],
)
def test_redirect_stays_in_the_house(target: str, rynek: House) -> None:
    assert Client().post("/language/", {"language": "de", "next": target})["Location"] == "/"


@pytest.mark.parametrize("target", ["somewhere", "clinic:today", "?day=2027-05-04", "\r\nSet-Cookie: a=b"])
def test_odd_target_breaks_nothing(target: str, rynek: House) -> None:
    response = Client().post("/language/", {"language": "de", "next": target})

    assert response.status_code == 302
    assert "a" not in response.cookies


def test_page_shown_after_a_refused_post_can_change_the_language(rynek: House, desk: Client) -> None:
    page = Page(desk.post(rynek.url(f"appointments/{rynek.appointment.pk}/cancel/"), {"version": "1"}))

    response = desk.post("/language/", {"language": "de", "next": page.fields["next"]})

    assert desk.get(response["Location"]).status_code == 200
