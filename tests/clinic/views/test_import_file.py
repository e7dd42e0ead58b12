"""Uploading a table: `import_file`, and the empty files for it: what is read, what is refused and why."""

import pytest
from django.test import Client

from clinic.importing.sheet import COLUMNS, MOST_BYTES, MOST_ROWS, Sheet, UnreadableSheet, read_sheet
from clinic.lib.spreadsheet import bare, safe
from clinic.lib.uploads import MOST_BYTES as MOST_UPLOADED
from clinic.models import Patient
from tests.factories.files import Table
from tests.factories.house import House
from tests.factories.page import Answer, Page


@pytest.fixture
def url(rynek: House) -> str:
    return rynek.url("settings/import/")


def upload(office: Client, url: str, content: str | bytes, name: str = "table.csv") -> Answer:
    return office.post(url, {"file": Table(content, name)})


GOOD = "patient_ref;patient_name;email\nN1;Łucja Żółć;lucja@patients.example\n"


@pytest.mark.parametrize("separator", [";", ",", "\t"])
@pytest.mark.parametrize(
    ("encoding", "said"),
    [("utf-8", "UTF-8"), ("utf-8-sig", "UTF-8"), ("cp1250", "Windows-1250")],
)
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_letters_and_separators_of_these_countries_are_read(
    separator: str, encoding: str, said: str, end: str
) -> None:
    content = GOOD.replace(";", separator).replace("\n", end).encode(encoding)

    sheet = read_sheet(content)

    assert (sheet.kind, sheet.encoding, sheet.separator) == ("patients", said, separator)
    (line,) = sheet.lines
    assert (line.number, line.cells["patient_name"]) == (2, "Łucja Żółć")


def test_physical_lines_are_counted_through_quotes_empty_lines_and_the_hint_of_spreadsheets() -> None:
    sheet = read_sheet(b'sep=;\npatient_name;email\n"two\nlines";\n;\n\nEwa;e@patients.example\n')

    assert [(line.number, line.cells["patient_name"]) for line in sheet.lines] == [
        (3, "two\nlines"),
        (7, "Ewa"),
    ]


def test_columns_may_be_spelled_as_people_do_and_unknown_ones_are_named() -> None:
    sheet = read_sheet(b"Patient Name;E-mail;EMAIL\nEwa;x;e@patients.example\n")

    assert sheet.ignored == ("e-mail",)
    assert sheet.lines[0].cells["email"] == "e@patients.example"


def said_of(content: bytes) -> str:
    with pytest.raises(UnreadableSheet) as refusal:
        read_sheet(content)
    return refusal.value.sentence


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "The file is empty."),
        (b"\xef\xbb\xbf", "The file is empty."),
        (b" \n\n", "The file is empty."),
        (
            b"PK\x03\x04\x14\x00",
            "This is a workbook, not a CSV file, whatever its name. Save it in your program as CSV.",
        ),
        (
            b"\xd0\xcf\x11\xe0\xa1",
            "This is a workbook, not a CSV file, whatever its name. Save it in your program as CSV.",
        ),
        (b"patient_name\nEwa\0", "This is not a text file. Save the table as CSV in UTF-8."),
        (GOOD.encode("utf-16"), "This is not a text file. Save the table as CSV in UTF-8."),
        (
            b"patient_name\n\x81\x83\n",
            "The letters of this file are neither in UTF-8 nor in Windows-1250. Save it as CSV in UTF-8.",
        ),
        (b"patient_name;email;email\nEwa;;\n", "The column email stands there twice."),
        (b"name;mail\nEwa;x\n", "The first line must name the columns. Missing: patient_name."),
        (
            b"starts_at;patient_name\n2027-05-20 10:00;Ewa\n",
            "The first line must name the columns. Missing: calendar, service.",
        ),
        (b"patient_name\n", "Below the first line there is nothing to import."),
        (b'"patient_name\n', "The first line cannot be read: its quotation marks do not match."),
        (
            b"patient_name\n" + b"Ewa\n" * (MOST_ROWS + 1),
            "The file has 10001 rows, and at most 10000 are taken at once. Please split it.",
        ),
        (b"x" * (MOST_BYTES + 1), "The file is too large: at most 4 MB."),
    ],
    ids=lambda value: "" if isinstance(value, bytes) else value[:30],
)
def test_what_is_no_table_is_refused_in_one_sentence(content: bytes, sentence: str) -> None:
    assert said_of(content) == sentence


def test_refusal_stands_beside_the_field_and_keeps_nothing(rynek: House, office: Client, url: str) -> None:
    response = upload(office, url, b"PK\x03\x04", "patients.csv")

    assert response.status_code == 422
    assert Page(response).error("file").startswith("This is a workbook")
    assert office.get(rynek.url("settings/import/check/")).status_code == 302


def test_no_file_is_told(office: Client, url: str) -> None:
    response = office.post(url, {})

    assert (response.status_code, Page(response).error("file")) == (422, "Please choose a file.")


def test_upload_far_too_large_is_not_read_to_its_end(office: Client, url: str) -> None:
    response = upload(office, url, b"x" * (MOST_UPLOADED + 100_000))

    assert response.status_code == 422
    assert Page(response).error("file") == "The file is too large: at most 4 MB."


def test_cell_of_a_megabyte_spoils_its_own_line(rynek: House, office: Client, url: str) -> None:
    upload(office, url, f"patient_name;email\n{'x' * 1_000_000};\nEwa Nowa;ewa@patients.example\n")

    page = Page(office.get(rynek.url("settings/import/check/")))

    assert "Line 2 The quotation marks do not match, or a cell is far too long." in page.text
    assert "Line 3 · Ewa Nowa" in page.text


def test_upload_writes_nothing_and_leads_to_what_would_happen(rynek: House, office: Client, url: str) -> None:
    before = Patient.objects.count()

    response = upload(office, url, GOOD)

    assert (response.status_code, response["Location"]) == (302, rynek.url("settings/import/check/"))
    assert Patient.objects.count() == before


@pytest.mark.parametrize("kind", ["patients", "appointments"])
def test_empty_file_has_the_columns_and_is_taken_as_soon_as_it_is_filled(
    kind: str, rynek: House, office: Client, url: str
) -> None:
    response = office.get(f"{url}empty/{kind}/")

    assert response["Content-Disposition"] == f'attachment; filename="{kind}.csv"'
    content = response.content
    assert content == b"\xef\xbb\xbf" + ";".join(COLUMNS[kind]).encode() + b"\r\n"
    sheet = read_sheet(content + b";".join(b"x" for _ in COLUMNS[kind]))
    assert isinstance(sheet, Sheet)
    assert (sheet.kind, sheet.ignored) == (kind, ())


def test_no_other_empty_file(office: Client, url: str) -> None:
    assert office.get(f"{url}empty/members/").status_code == 404


@pytest.mark.parametrize("text", ["=1+1", "+48512345678", "-x", "@x", "\tx", "'=x", "''=x", "＝x", "\n=1"])
def test_formulas_are_quoted_and_come_back(text: str) -> None:
    assert safe(text) == f"'{text}"
    assert bare(safe(text)) == text


@pytest.mark.parametrize("text", ["", "Ewa", "'s-Gravenhage", "a=b", "O'Neil"])
def test_plain_text_stays_as_it_is(text: str) -> None:
    assert safe(text) == text
    assert bare(text) == text
