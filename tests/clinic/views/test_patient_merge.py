"""Two cards side by side, and made one."""

import pytest
from django.test import Client

from clinic.models import Patient
from tests.factories.cards import twin_of
from tests.factories.house import House, make_patient
from tests.factories.page import Page


@pytest.fixture
def twin(rynek: House) -> Patient:
    return make_patient(rynek.clinic, rynek.patient.name, email="zofia@work.example", language="pl")


@pytest.fixture
def url(rynek: House, twin: Patient) -> str:
    return rynek.url(f"patients/{rynek.patient.pk}/merge/{twin.pk}/")


def test_both_cards_stand_side_by_side_and_nothing_happens_yet(
    rynek: House, twin: Patient, url: str, desk: Client
) -> None:
    page = Page(desk.get(url))

    chosen = {"version": "1", "other_version": "1", "email": "this", "language": "this"}
    assert chosen.items() <= page.fields.items()
    assert not {"name", "phone", "reference"} & page.fields.keys()
    assert "1, of them coming: 1" in page.text
    assert Patient.objects.get(pk=twin.pk).merged_into is None


def test_what_was_chosen_stays(rynek: House, twin: Patient, url: str, desk: Client) -> None:
    fields = Page(desk.get(url)).fields

    response = desk.post(url, {**fields, "email": "other"}, follow=True)

    card = Patient.objects.get(pk=rynek.patient.pk)
    assert response.redirect_chain == [(rynek.url(f"patients/{card.pk}/"), 302)]
    assert "Both cards are one now." in Page(response).text
    assert (card.email, card.language) == ("zofia@work.example", "en")


def test_story_names_what_the_merge_changed(rynek: House, twin: Patient, url: str, desk: Client) -> None:
    Patient.objects.filter(pk=twin.pk).update(reference="Z7")

    text = Page(desk.post(url, {**Page(desk.get(url)).fields, "email": "other"}, follow=True)).text

    told = text[text.index("another card went into this one") :]
    assert told.startswith(
        "another card went into this one , E-mail: zofia@patients.example , Reference: – · Ola Grudzien"
    )


def test_address_of_the_card_that_went_leads_to_the_other(
    rynek: House, twin: Patient, url: str, desk: Client
) -> None:
    desk.post(url, Page(desk.get(url)).fields)
    here = rynek.url(f"patients/{rynek.patient.pk}/")

    assert desk.get(rynek.url(f"patients/{twin.pk}/"))["Location"] == here
    assert desk.get(rynek.url(f"patients/{twin.pk}/edit/"))["Location"] == f"{here}edit/"
    assert desk.get(url)["Location"] == here
    assert desk.post(rynek.url(f"patients/{twin.pk}/email-works/"))["Location"] == here
    assert desk.post(rynek.url(f"patients/{twin.pk}/notes/"), {"text": "Late."})["Location"] == here
    assert rynek.patient.notes.get().text == "Late."
    booking = Page(desk.get(rynek.url(f"appointments/book/?patient={twin.pk}")))
    assert booking.fields["patient"] == str(rynek.patient.pk)


def test_second_press_is_no_clash(rynek: House, url: str, desk: Client) -> None:
    fields = Page(desk.get(url)).fields
    desk.post(url, fields)

    assert desk.post(url, fields)["Location"] == rynek.url(f"patients/{rynek.patient.pk}/")


def test_clash_shows_how_the_cards_are_now(
    rynek: House, twin: Patient, url: str, desk: Client, office: Client
) -> None:
    fields = Page(desk.get(url)).fields
    office.post(
        rynek.url(f"patients/{twin.pk}/edit/"),
        {"name": twin.name, "email": "zofia@new.example", "phone": "", "language": "pl", "version": "1"},
    )

    response = desk.post(url, {**fields, "email": "other"})

    page = Page(response)
    assert response.status_code == 409
    assert page.alerts == [
        "One of the cards was changed or put together meanwhile. Nothing was done; this is how they are now."
    ]
    assert "zofia@new.example" in page.text
    assert page.fields["other_version"] == "2"
    assert Patient.objects.get(pk=twin.pk).merged_into is None


def test_clash_with_a_card_that_went_meanwhile_is_put_together_with_the_next_press(
    rynek: House, twin: Patient, url: str, desk: Client, office: Client
) -> None:
    third = make_patient(rynek.clinic, rynek.patient.name, email="zofia@third.example")
    fields = Page(desk.get(url)).fields
    other = rynek.url(f"patients/{third.pk}/merge/{twin.pk}/")
    office.post(other, Page(office.get(other)).fields)

    page = Page(desk.post(url, fields))
    form = page.all("form", lambda found: "merge" in (found.get("action") or ""))[0]
    desk.post(str(dict(form.attributes)["action"]), page.fields)

    assert Patient.objects.get(pk=third.pk).merged_into == rynek.patient


def test_the_other_way_round_meanwhile_says_that_they_are_one(
    rynek: House, twin: Patient, url: str, desk: Client, office: Client
) -> None:
    fields = Page(desk.get(url)).fields
    back = rynek.url(f"patients/{twin.pk}/merge/{rynek.patient.pk}/")
    office.post(back, Page(office.get(back)).fields)

    response = desk.post(url, fields)

    assert response.status_code == 409
    assert rynek.url(f"patients/{twin.pk}/") in Page(response).links()


def test_edit_of_a_card_that_went_meanwhile_keeps_what_was_typed(
    rynek: House, twin: Patient, url: str, desk: Client
) -> None:
    typed = {"name": "Zofia Typed", "email": "", "phone": "", "language": "pl", "version": "1"}
    desk.post(url, Page(desk.get(url)).fields)

    response = desk.post(rynek.url(f"patients/{twin.pk}/edit/"), typed)

    page = Page(response)
    assert response.status_code == 409
    assert page.fields["name"] == "Zofia Typed"
    assert page.fields["version"] == "2"
    assert Patient.objects.get(pk=rynek.patient.pk).name == rynek.patient.name


@pytest.mark.parametrize(
    "wrong", [{"email": "neither"}, {"version": "x"}, {"other_version": ""}, {"language": ""}]
)
def test_incomplete_choice_does_nothing(
    wrong: dict[str, str], rynek: House, twin: Patient, url: str, desk: Client
) -> None:
    response = desk.post(url, {**Page(desk.get(url)).fields, **wrong})

    assert response.status_code == 422
    assert Patient.objects.get(pk=twin.pk).merged_into is None


def test_another_clinics_card_is_not_there(rynek: House, markt: House, desk: Client) -> None:
    theirs = twin_of(markt)

    assert desk.get(rynek.url(f"patients/{rynek.patient.pk}/merge/{theirs.pk}/")).status_code == 404
    assert desk.post(rynek.url(f"patients/{theirs.pk}/merge/{rynek.patient.pk}/")).status_code == 404
