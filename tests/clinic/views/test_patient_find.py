"""The patients to choose from while somebody types, as a part of the page that asks."""

from django.test import Client

from clinic.models import Patient
from clinic.people.queries import MOST_OFFERED
from tests.factories.house import HTMX, NOW, House, make_patient
from tests.factories.page import Page


def found(house: House, desk: Client, **typed: str) -> Page:
    response = desk.post(house.url("patients/find/"), typed, headers=HTMX)
    assert response.status_code == 200
    return Page(response)


def test_answer_is_the_list_alone_with_nothing_chosen(rynek: House, desk: Client) -> None:
    make_patient(rynek.clinic, "Zofia Inna")

    page = found(rynek, desk, text="zof")

    assert page.html.strip().startswith("<ul")
    assert page.html.strip().endswith("</ul>")
    assert page.values("patient") == [
        str(Patient.objects.get(name="Zofia Inna").pk), str(rynek.patient.pk),
    ]  # fmt: skip
    assert page.fields == {}


def test_who_is_chosen_stays_whatever_is_typed(rynek: House, desk: Client) -> None:
    other = make_patient(rynek.clinic, "Jan Kowalski", email="jan@x.example", phone_number="")

    page = found(rynek, desk, text="kow", patient=str(rynek.patient.pk))

    assert page.values("patient") == [str(rynek.patient.pk), str(other.pk)]
    assert page.fields == {"patient": str(rynek.patient.pk)}


def test_another_clinics_patient_is_neither_found_nor_kept(rynek: House, markt: House, desk: Client) -> None:
    page = found(rynek, desk, text="ottilie", patient=str(markt.patient.pk))

    assert page.values("patient") == []
    assert page.text == "Nobody found."


def test_nothing_typed_offers_nobody(rynek: House, desk: Client) -> None:
    assert found(rynek, desk, text=" ").text == ""


def test_long_list_is_cut_and_says_so(rynek: House, desk: Client) -> None:
    for number in range(MOST_OFFERED + 1):
        make_patient(rynek.clinic, f"Adam {number:02}", email="", phone_number="")

    page = found(rynek, desk, text="adam")

    assert len(page.values("patient")) == MOST_OFFERED
    assert "Only the first are shown." in page.text


def test_card_that_went_into_another_is_offered_as_that_one(rynek: House, desk: Client) -> None:
    gone = make_patient(rynek.clinic, "Zofia Dwa")
    Patient.objects.filter(pk=gone.pk).update(merged_into=rynek.patient, merged_at=NOW)

    page = found(rynek, desk, text="", patient=str(gone.pk))

    assert page.fields == {"patient": str(rynek.patient.pk)}


def test_booking_page_asks_as_one_types(rynek: House, desk: Client) -> None:
    page = Page(desk.get(rynek.url("appointments/book/")))

    (field,) = page.all("input", lambda it: it.get("id") == "id_text")
    assert dict(field.attributes)["hx-post"] == rynek.url("patients/find/")
    assert "Find" in page.buttons()
