"""Public profiles in the clinic's settings (D1)."""

from typing import Any

import pytest
from django.test import Client

from clinic.models import AuditEntry, Listing, Practitioner
from tests.factories.directory import listed
from tests.factories.house import House
from tests.factories.page import Page

FORM = {"is_listed": "on", "specialty": "  Dermatologia  dziecięca ", "about": "One.\r\n\r\nTwo. "}


@pytest.fixture
def url(rynek: House) -> str:
    return rynek.url(f"settings/practitioners/{rynek.calendar.practitioner_id}/")


def test_saved_profile_is_public_at_once(rynek: House, office: Client, url: str, settings: Any) -> None:
    assert Client().get("/p/dr-tomasz-wilczek/").status_code == 404
    assert f"{settings.PUBLIC_URL}/p/dr-tomasz-wilczek/" in Page(office.get(url)).text

    response = office.post(url, FORM)

    assert (response.status_code, response["Location"]) == (302, url)
    saved = Practitioner.objects.get(pk=rynek.calendar.practitioner_id)
    assert (saved.is_listed, saved.specialty, saved.about) == (True, "Dermatologia dziecięca", "One.\n\nTwo.")
    assert "Dermatologia dziecięca" in Page(Client().get("/p/dr-tomasz-wilczek/")).text
    assert Listing.objects.get().what == "dermatologia dziecieca consultation"
    entry = AuditEntry.objects.get(action="practitioner.profile_changed")
    assert entry.actor_user == rynek.admin
    assert entry.value.old == {"is_listed": False, "specialty": "", "about": ""}


def test_saving_the_same_again_writes_nothing(rynek: House, office: Client, url: str) -> None:
    office.post(url, FORM)
    office.post(url, FORM)

    assert AuditEntry.objects.filter(action="practitioner.profile_changed").count() == 1


def test_profile_is_taken_back(rynek: House, office: Client, url: str) -> None:
    listed(rynek.calendar)

    office.post(url, {"specialty": "dermatology", "about": ""})

    assert Client().get("/p/dr-tomasz-wilczek/").status_code == 404
    assert not Listing.objects.exists()


@pytest.mark.parametrize(
    ("field", "text", "error"),
    [
        ("specialty", "a\u202eb", "This name holds characters that cannot be written."),
        ("specialty", "x" * 121, "Ensure this value has at most 120 characters (it has 121)."),
        ("about", "a\u2066b", "This text holds characters that cannot be written."),
        ("about", "x" * 2001, "Ensure this value has at most 2000 characters (it has 2001)."),
    ],
)
def test_wrong_field_says_so_and_keeps_all(
    field: str, text: str, error: str, rynek: House, office: Client, url: str
) -> None:
    response = office.post(url, {**FORM, field: text})
    page = Page(response)

    assert response.status_code == 422
    assert page.error(field) == error
    assert page.fields[field].strip() == text
    assert not Practitioner.objects.get(pk=rynek.calendar.practitioner_id).is_listed


def test_settings_lead_to_every_profile(rynek: House, office: Client, url: str) -> None:
    hrefs = [dict(one.attributes).get("href") for one in Page(office.get(rynek.url("settings/"))).all("a")]

    assert url in hrefs
    assert rynek.url("settings/profile/") in hrefs


def test_clinic_says_something_of_itself(rynek: House, office: Client) -> None:
    listed(rynek.calendar)
    here = rynek.url("settings/profile/")

    assert office.post(here, {"about": "Second floor."}).status_code == 302
    refused = office.post(here, {"about": "\u202e"})

    assert "Second floor." in Page(Client().get("/clinic/rynek/")).text
    assert (refused.status_code, Page(refused).error("about")) == (
        422, "This text holds characters that cannot be written.",
    )  # fmt: skip
    assert AuditEntry.objects.get(action="clinic.about_changed").value.new == {"about": "Second floor."}
