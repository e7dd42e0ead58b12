"""Making and changing a patient's card: `patient_new` and `patient_edit`."""

import pytest
from django.test import Client

from clinic.models import AuditEntry, AuditValue, Patient
from tests.factories.house import House
from tests.factories.page import Page

CARD = {"name": "Łukasz Żółć", "email": "lukasz@patients.example", "phone": "601 234 567", "language": "pl"}


@pytest.fixture(params=["new", "edit"])
def url(request: pytest.FixtureRequest, rynek: House) -> str:
    return rynek.url("patients/new/" if request.param == "new" else f"patients/{rynek.patient.pk}/edit/")


def test_card_is_kept_in_its_normal_form(url: str, rynek: House, desk: Client) -> None:
    response = desk.post(url, {**CARD, "name": "  Łukasz   Żółć ", "email": "Lukasz@PATIENTS.example"})

    card = Patient.objects.get(name="Łukasz Żółć")
    assert response["Location"] == rynek.url(f"patients/{card.pk}/")
    assert (card.email, card.phone, card.language) == ("Lukasz@patients.example", "+48601234567", "pl")


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        pytest.param({"name": ""}, "name", id="nameless"),
        pytest.param({"name": "x" * 121}, "name", id="long"),
        pytest.param({"name": "A\0B"}, "name", id="nul"),
        pytest.param({"name": "\u202eevil"}, "name", id="turned-round"),
        pytest.param({"email": "not an address"}, "email", id="email"),
        pytest.param({"email": "a@b.example\r\nBcc: x@evil.example"}, "email", id="email-header"),
        pytest.param({"email": "a@b.example, c@d.example"}, "email", id="two-addresses"),
        pytest.param({"phone": "123"}, "phone", id="phone"),
        pytest.param({"phone": "\0"}, "phone", id="phone-nul"),
        pytest.param({"language": "xx"}, "language", id="language"),
    ],
)
def test_bad_input_changes_nothing_and_keeps_what_was_typed(
    changed: dict[str, str], field: str, url: str, rynek: House, desk: Client
) -> None:
    before = list(Patient.objects.order_by("pk").values())

    response = desk.post(url, {**CARD, **changed})

    page = Page(response)
    typed = {name: value for name, value in {**CARD, **changed}.items() if name != field}
    assert response.status_code == 422
    assert page.error(field)
    assert {name: page.fields[name] for name in typed} == typed
    assert list(Patient.objects.order_by("pk").values()) == before


def test_name_is_one_line(url: str, rynek: House, desk: Client) -> None:
    desk.post(url, {**CARD, "name": "Ann\r\nBcc: x@evil.example"})

    assert Patient.objects.filter(name="Ann Bcc: x@evil.example").count() == 1


def test_change_is_written_down_with_old_and_new(rynek: House, desk: Client) -> None:
    desk.post(rynek.url(f"patients/{rynek.patient.pk}/edit/"), CARD)

    entry = AuditEntry.objects.get(action="patient.changed")
    value = AuditValue.objects.get(entry=entry)
    assert entry.actor_user == rynek.assistant
    assert value.old["phone"] == "+48512345678"
    assert value.new["phone"] == "+48601234567"


def test_second_press_writes_nothing_more(rynek: House, desk: Client) -> None:
    url = rynek.url(f"patients/{rynek.patient.pk}/edit/")
    desk.post(url, CARD)

    desk.post(url, CARD)

    assert AuditEntry.objects.filter(action="patient.changed").count() == 1


def test_form_shows_the_card(rynek: House, desk: Client) -> None:
    fields = Page(desk.get(rynek.url(f"patients/{rynek.patient.pk}/edit/"))).fields

    assert {name: fields[name] for name in CARD} == {
        "name": "Zofia Pawłowska-Gąsior", "email": "zofia@patients.example", "phone": "+48 512 345 678",
        "language": "en",
    }  # fmt: skip


def test_new_card_speaks_the_clinics_language(rynek: House, desk: Client) -> None:
    assert Page(desk.get(rynek.url("patients/new/"))).fields["language"] == "pl"


def test_fields_that_are_not_asked_for_change_nothing(rynek: House, markt: House, desk: Client) -> None:
    desk.post(
        rynek.url(f"patients/{rynek.patient.pk}/edit/"),
        {**CARD, "clinic": markt.clinic.pk, "clinic_id": markt.clinic.pk, "reference": "X", "id": "9"},
    )

    rynek.patient.refresh_from_db()
    assert (rynek.patient.clinic, rynek.patient.reference) == (rynek.clinic, "")
