"""Exports of patients and appointments: `export_file`, and that the import finds nothing to do in them."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from django.core.cache import cache
from django.test import Client

from clinic.appointments.enums import CancelledBy, Status
from clinic.appointments.operations import cancel, mark
from clinic.audit.operations import SYSTEM
from clinic.exporting.tables import wall_time
from clinic.exporting.views import MOST
from clinic.models import Appointment, AuditEntry, AuditValue, Patient
from tests.clinic.views.test_import_plan import look, numbers
from tests.factories.house import DAYS, HOURS, MINUTES, NOW, House, book, logged_in, make_patient
from tests.factories.page import Answer, Page


@pytest.fixture(autouse=True)
def _fresh() -> Iterator[None]:
    cache.clear()
    yield
    cache.clear()


@pytest.fixture
def url(rynek: House) -> str:
    return rynek.url("settings/export/")


def text_of(response: Answer) -> str:
    assert response.status_code == 200
    return b"".join(response.streaming_content).decode()


def test_patients_are_written_so_that_spreadsheets_read_them(rynek: House, office: Client, url: str) -> None:
    make_patient(rynek.clinic, "=cmd|' /C calc'!A0", email="", phone_number="", reference="-1")
    given_up = make_patient(rynek.clinic, "Given Up")
    Patient.objects.filter(pk=given_up.pk).update(merged_into=rynek.patient, merged_at=NOW)

    response = office.post(url, {"patients": "1"})

    assert response["Content-Type"] == "text/csv; charset=utf-8"
    assert response["Content-Disposition"] == 'attachment; filename="patients-rynek-2027-05-03.csv"'
    assert response["Cache-Control"] == "no-store"
    assert text_of(response) == (
        "\ufeffpatient_ref;patient_name;email;phone;language\r\n"
        "'-1;'=cmd|' /C calc'!A0;;;en\r\n"
        ";Zofia Pawłowska-Gąsior;zofia@patients.example;'+48512345678;en\r\n"
    )


def test_appointments_of_the_span_are_written_with_both_its_days(
    rynek: House, office: Client, url: str
) -> None:
    for days in (-1, 1):
        book(rynek.patient, rynek.calendar, rynek.appointment.starts_at + days * DAYS)

    response = office.post(url, {"appointments": "1", "first": "2027-05-13", "last": "2027-05-13"})

    assert text_of(response) == (
        "\ufeffcalendar;patient_ref;patient_name;email;phone;language;service;booked_at;starts_at;minutes;outcome\r\n"
        "dr Tomasz Wilczek;;Zofia Pawłowska-Gąsior;zofia@patients.example;'+48512345678;en;Consultation;"
        "2027-05-03 09:00;2027-05-13 11:00;30;\r\n"
    )


def test_import_of_an_export_has_nothing_to_do(rynek: House, office: Client, url: str) -> None:
    # Two cards that say the same, names that look like formulas, both hours of an autumn night, all outcomes.
    twins = [make_patient(rynek.clinic, "Ada Twin", email="", phone_number="") for _ in range(2)]
    odd = make_patient(rynek.clinic, '\'=1+1; "quoted"', reference="=R;1")
    for number, card in enumerate((*twins, odd)):
        book(card, rynek.calendar, NOW + (20 + number) * DAYS)
    for hour in (0, 1):
        book(odd, rynek.calendar, datetime(2027, 10, 31, hour, 30, tzinfo=UTC))
    first, second, *_others = Appointment.objects.order_by("pk")
    cancel(appointment_id=first.pk, by=CancelledBy.CLINIC, actor=SYSTEM, at=NOW)
    mark(appointment_id=second.pk, status=Status.DONE, actor=SYSTEM, at=NOW)
    book(odd, rynek.calendar, first.starts_at + 10 * MINUTES)

    patients = text_of(office.post(url, {"patients": "1"}))
    span = {"appointments": "1", "first": "2027-01-01", "last": "2027-12-31"}
    appointments = text_of(office.post(url, span))

    assert numbers(look(office, rynek, patients)) == {
        "New patient cards": "0", "Changed patient cards": "0", "Left as they are": "4", "Bad rows": "0",
    }  # fmt: skip
    assert numbers(look(office, rynek, appointments)) == {
        "New appointments": "0", "Left as they are": "7", "Bad rows": "0",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("at", "text"),
    [
        (datetime(2027, 10, 31, 0, 30, tzinfo=UTC), "2027-10-31 02:30"),
        (datetime(2027, 10, 31, 1, 30, tzinfo=UTC), "2027-10-31 02:30+01:00"),
        (datetime(2027, 3, 28, 1, 0, tzinfo=UTC), "2027-03-28 03:00"),
        (datetime(2027, 5, 3, 7, 0, 5, 9, tzinfo=UTC), "2027-05-03 09:00:05"),
    ],
)
def test_hour_that_happens_twice_names_its_offset(at: datetime, text: str, rynek: House) -> None:
    assert wall_time(at, rynek.calendar.zone) == text


def test_nothing_of_another_clinic_is_written(rynek: House, markt: House, office: Client, url: str) -> None:
    span = {"appointments": "1", "first": "2027-01-01", "last": "2027-12-31"}
    text = text_of(office.post(url, {"patients": "1"})) + text_of(office.post(url, span))

    assert "Zofia" in text
    assert "Kanarienvogel" not in text


def test_each_export_is_written_down(rynek: House, office: Client, url: str) -> None:
    office.post(url, {"patients": "1"})
    office.post(url, {"appointments": "1", "first": "2027-05-01", "last": "2027-05-31"})

    entries = AuditEntry.objects.filter(action__endswith="_exported").order_by("pk")
    assert [(one.action, one.actor_user, AuditValue.objects.get(entry=one).new) for one in entries] == [
        ("clinic.patients_exported", rynek.admin, {"rows": 1}),
        (
            "clinic.appointments_exported", rynek.admin,
            {"rows": 1, "first": "2027-05-01", "last": "2027-05-31"},
        ),
    ]  # fmt: skip


def test_too_many_exports_within_an_hour_are_refused_in_words(rynek: House, office: Client, url: str) -> None:
    for _ in range(MOST):
        assert office.post(url, {"patients": "1"}).status_code == 200

    response = office.post(url, {"patients": "1"})

    assert response.status_code == 429
    assert Page(response).alerts == ["There were 10 exports within an hour. Please try again later."]
    assert AuditEntry.objects.filter(action="clinic.patients_exported").count() == MOST


@pytest.mark.parametrize(
    ("span", "field", "sentence"),
    [
        ({"first": "2027-05-02", "last": "2027-05-01"}, "last", "This day comes before the first."),
        ({"first": "2020-01-01", "last": "2027-01-01"}, "last", "At most five years at once."),
        ({"first": "0001-01-01", "last": "2027-01-01"}, "first", "This year cannot be meant."),
        ({"first": "soon", "last": "2027-01-01"}, "first", "Enter a valid date."),
        ({"first": "", "last": "2027-01-01"}, "first", "This field is required."),
    ],
)
def test_span_that_is_none_is_refused_beside_its_field(
    span: dict[str, str], field: str, sentence: str, office: Client, url: str
) -> None:
    response = office.post(url, {"appointments": "1", **span})

    page = Page(response)
    assert (response.status_code, page.error(field)) == (422, sentence)
    assert page.fields[field] == span[field]


def test_looking_at_the_page_exports_nothing(rynek: House, office: Client, url: str) -> None:
    assert Page(office.get(url)).fields["first"] == "2027-04-03"
    assert office.post(url, {}).status_code == 422
    assert logged_in(rynek.assistant).post(url, {"patients": "1"}).status_code == 403
    assert not AuditEntry.objects.filter(action__endswith="_exported").exists()
    assert HOURS * 24 == DAYS
