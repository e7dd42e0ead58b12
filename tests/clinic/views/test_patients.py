"""The list of patients, and the search in it."""

import pytest
from django.test import Client

from tests.factories.house import HTMX, House, make_patient
from tests.factories.page import Page, queries_of


@pytest.fixture
def people(rynek: House) -> None:
    for name in ("Łucja Święcicka", "Ștefan Țurcanu", "Jürgen Groß", "Søren Ødegård", "Jan Kowalski"):
        make_patient(rynek.clinic, name, email=f"{name.split()[1][:3].lower()}@x.example".encode("ascii", "ignore")
                     .decode(), phone_number="")  # fmt: skip


def test_page_lists_patients_by_name(rynek: House, desk: Client, people: None) -> None:
    text = Page(desk.get(rynek.url("patients/"))).text

    assert text.index("Jan Kowalski") < text.index("Jürgen Groß") < text.index("Zofia Pawłowska-Gąsior")


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("łucja", "Łucja Święcicka"), ("LUCJA", "Łucja Święcicka"), ("swiec", "Łucja Święcicka"),
        ("stefan", "Ștefan Țurcanu"), ("Şte", "Ștefan Țurcanu"), ("turc ste", "Ștefan Țurcanu"),
        ("jurgen", "Jürgen Groß"), ("gross", "Jürgen Groß"), ("soren odeg", "Søren Ødegård"),
        ("gasior zof", "Zofia Pawłowska-Gąsior"), ("zofia@patients.example", "Zofia Pawłowska-Gąsior"),
        ("Zofia@Patients.EXAMPLE", "Zofia Pawłowska-Gąsior"), ("512345678", "Zofia Pawłowska-Gąsior"),
        ("+48 512-345-678", "Zofia Pawłowska-Gąsior"), ("0048512345678", "Zofia Pawłowska-Gąsior"),
    ],
)  # fmt: skip
def test_search_finds_by_name_address_and_number(
    text: str, name: str, rynek: House, desk: Client, people: None
) -> None:
    response = desk.post(rynek.url("patients/"), {"text": text})

    page = Page(response)
    rows = [
        link for link in page.links() if "/patients/" in link and link.rstrip("/").split("/")[-1].isdigit()
    ]
    assert len(rows) == 1
    assert name in page.text
    assert page.fields["text"] == text


@pytest.mark.parametrize(
    "text", ["nobody", "\0", "%", "_", "' OR 1=1 --", "patient__name", "\u202e", "x" * 5000]
)
def test_search_that_finds_nobody_says_so(text: str, rynek: House, desk: Client, people: None) -> None:
    response = desk.post(rynek.url("patients/"), {"text": text}, headers=HTMX)

    assert response.status_code == 200
    assert "Nobody found." in Page(response).text


def test_htmx_gets_the_list_alone(rynek: House, desk: Client, people: None) -> None:
    response = desk.post(rynek.url("patients/"), {"text": "jan"}, headers=HTMX)

    assert response.content.strip().startswith(b'<div id="found"')
    assert "Jan Kowalski" in Page(response).text


def test_no_name_stands_in_an_address(rynek: House, desk: Client, people: None) -> None:
    page = Page(desk.post(rynek.url("patients/"), {"text": "kowalski"}))

    assert not [link for link in page.links() if "kowalski" in link.lower()]
    assert {form.attributes for form in page.all("form", lambda it: it.get("method") == "get")} == set()
    assert "Kowalski" in Page(desk.get(rynek.url("patients/?text=nobody"))).text


def test_other_clinics_patients_are_not_found(rynek: House, markt: House, desk: Client) -> None:
    for text in ("Kanarienvogel", "ottilie@patients.example"):
        page = Page(desk.post(rynek.url("patients/"), {"text": text}))

        assert page.text.count("Kanarienvogel") == 0
        assert "Nobody found." in page.text


def test_queries_do_not_grow_with_the_list(rynek: House, desk: Client) -> None:
    one = queries_of(lambda: desk.get(rynek.url("patients/")))
    search = queries_of(lambda: desk.post(rynek.url("patients/"), {"text": "zof"}))
    for number in range(60):
        make_patient(rynek.clinic, f"Zofia {number}")

    assert queries_of(lambda: desk.get(rynek.url("patients/"))) == one <= 5
    assert queries_of(lambda: desk.post(rynek.url("patients/"), {"text": "zof"})) == search <= 6
    assert "Only the first are shown." in Page(desk.get(rynek.url("patients/"))).text


@pytest.mark.parametrize(("many", "is_cut"), [(50, False), (51, True)])
def test_cut_list_says_so_and_begins_at_the_beginning(
    many: int, is_cut: bool, rynek: House, desk: Client
) -> None:
    for number in range(many, 0, -1):
        make_patient(rynek.clinic, f"Żaneta {number:02}", email="", phone_number="")

    text = Page(desk.post(rynek.url("patients/"), {"text": "zaneta"})).text

    assert ("Only the first are shown." in text) == is_cut
    assert text.count("Żaneta") == 50
    assert "Żaneta 01" in text


def test_found_patients_stand_in_the_order_of_the_plain_letters(
    rynek: House, desk: Client, people: None
) -> None:
    make_patient(rynek.clinic, "Zenon Jan", email="", phone_number="")
    make_patient(rynek.clinic, "Łukasz Jan", email="", phone_number="")

    text = Page(desk.post(rynek.url("patients/"), {"text": "jan"})).text

    assert text.index("Jan Kowalski") < text.index("Łukasz Jan") < text.index("Zenon Jan")
