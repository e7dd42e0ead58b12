"""What browsers keep for when there is no connection."""

import pytest
from django.test import Client

from tests.factories.house import House, logged_in
from tests.factories.page import Page


@pytest.mark.parametrize(
    ("language", "heading"),
    [
        ("en", "No connection"),
        ("pl", "Brak połączenia"),
        ("de", "Keine Verbindung"),
        ("ro", "Fără conexiune"),
    ],
)
def test_page_is_in_the_language_that_is_asked_for(language: str, heading: str) -> None:
    response = Client().get(f"/offline/?language={language}")

    page = Page(response)
    assert (response.status_code, response["Content-Language"]) == (200, language)
    assert page.heading == heading
    assert dict(page.all("html")[0].attributes)["lang"] == language
    assert "" in page.links()  # this very address: the one that could not be reached


def test_unknown_language_is_not_written_anywhere() -> None:
    response = Client().get("/sw.js?language=xx');alert('")

    assert "alert" not in response.content.decode()


def test_page_is_the_same_for_everybody(rynek: House) -> None:
    answers = {client.get("/offline/?language=pl").content for client in (Client(), logged_in(rynek.admin))}

    assert len(answers) == 1


def test_script_minds_the_whole_site_and_knows_when_the_page_changes() -> None:
    english, polish = (Client().get(f"/sw.js?language={one}") for one in ("en", "pl"))

    assert english["Content-Type"] == "text/javascript; charset=utf-8"
    assert "/offline/?language\\u003Den" in english.content.decode()
    assert english.content != polish.content
    assert english.content == Client().get("/sw.js?language=en").content
