"""Making and changing a patient's card: `patient_new` and `patient_edit`."""

from functools import partial

import pytest
from django.test import Client

from clinic.audit.operations import SYSTEM
from clinic.models import AuditEntry, AuditValue, Patient
from clinic.people.operations import StalePatient, change_patient
from tests.factories.house import NOW, House
from tests.factories.page import Page

CARD = {"name": "Łukasz Żółć", "email": "lukasz@patients.example", "phone": "601 234 567", "language": "pl",
        "version": "1"}  # fmt: skip


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
    typed = {name: value for name, value in {**CARD, **changed}.items() if name not in (field, "version")}
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
        "language": "en", "version": "1",
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


def test_second_person_sees_what_changed_and_keeps_what_they_typed(
    rynek: House, desk: Client, office: Client
) -> None:
    url = rynek.url(f"patients/{rynek.patient.pk}/edit/")
    shown = {name: value for name, value in Page(desk.get(url)).fields.items() if name in CARD}
    office.post(url, {**shown, "phone": "601 234 567", "language": "de"})

    response = desk.post(url, {**shown, "email": "new@patients.example"})

    page = Page(response)
    rynek.patient.refresh_from_db()
    assert response.status_code == 409
    (alert,) = page.alerts
    assert alert.startswith("Somebody else changed this card meanwhile. Nothing was saved;")
    assert rynek.admin.name in alert
    assert "Phone: +48 601 234 567" in alert
    assert "Language of messages: Deutsch" in alert
    assert "E-mail" not in alert
    assert page.fields["email"] == "new@patients.example"
    assert (rynek.patient.email, rynek.patient.phone) == ("zofia@patients.example", "+48601234567")
    # Sent once more from this page, it counts.
    again = {name: value for name, value in page.fields.items() if name in CARD}
    assert desk.post(url, {**again, "phone": "601 234 567"}).status_code == 302
    rynek.patient.refresh_from_db()
    assert (rynek.patient.email, rynek.patient.phone) == ("new@patients.example", "+48601234567")


def test_card_that_two_people_change_alike_is_no_clash(rynek: House, desk: Client, office: Client) -> None:
    url = rynek.url(f"patients/{rynek.patient.pk}/edit/")
    office.post(url, CARD)

    assert desk.post(url, CARD).status_code == 302


def test_two_changes_at_the_same_moment_are_a_clash(rynek: House) -> None:
    mine, theirs = (Patient.objects.select_related("clinic").get(pk=rynek.patient.pk) for _ in range(2))
    change = partial(change_patient, name="Zofia", email="", language="en", version=1, actor=SYSTEM, at=NOW)
    change(patient=mine, phone_number="+48601234567")

    with pytest.raises(StalePatient):
        change(patient=theirs, phone_number="+48601234568")

    rynek.patient.refresh_from_db()
    assert rynek.patient.phone == "+48601234567"


@pytest.mark.parametrize("version", ["", "x", "-1", "99999999999999999999"])
def test_version_that_is_none_changes_nothing(version: str, rynek: House, desk: Client) -> None:
    response = desk.post(rynek.url(f"patients/{rynek.patient.pk}/edit/"), {**CARD, "version": version})

    rynek.patient.refresh_from_db()
    assert response.status_code == 422
    assert rynek.patient.name == "Zofia Pawłowska-Gąsior"


def test_version_that_never_was_is_a_clash(rynek: House, desk: Client) -> None:
    response = desk.post(rynek.url(f"patients/{rynek.patient.pk}/edit/"), {**CARD, "version": "7"})

    assert response.status_code == 409
    assert Page(response).fields["version"] == "1"
