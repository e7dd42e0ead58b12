"""The import: each record's verdict, and what an import leaves behind."""

import io
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.core.serializers import serialize

from clinic.appointments.enums import CancelledBy, Origin, Status
from clinic.appointments.models import Appointment, Occupancy
from clinic.appointments.operations import book, cancel, move
from clinic.appointments.signals import appointment_booked
from clinic.audit.models import AuditEntry
from clinic.audit.operations import SYSTEM
from clinic.calendars.models import Calendar, Service
from clinic.calendars.operations import change_service, stop_service
from clinic.importing import rules
from clinic.importing.operations import import_bookings
from clinic.importing.places import Misplaced, Places
from clinic.importing.reader import UnreadableFile, clinic_languages, read_bookings
from clinic.importing.rules import COLUMNS, Booking, Fault, Remark, clinic_name, country_of
from clinic.lib import clock
from clinic.people.models import Clinic, Patient, Practitioner
from clinic.people.operations import NAME_LENGTH, RESERVED_SLUGS

HEADER = ",".join(COLUMNS)
NOW = datetime(2027, 4, 1, 12, tzinfo=UTC)


def row(**cells: str) -> str:
    """Return one good record with some cells changed."""
    good = {
        "clinic": "lipowa",
        "calendar": "Lipowa 1",
        "time_zone": "Europe/Warsaw",
        "patient_ref": "A01",
        "patient_name": "Hanna Bąk",
        "email": "hanna@patients.example.org",
        "phone": "+44 7700 900001",
        "language": "pl",
        "service": "Kontrola",
        "booked_at": "2027-04-20T09:00:00",
        "starts_at": "2027-05-05T08:00",
        "minutes": "20",
        "outcome": "",
    }
    return ",".join((good | cells).values())


# The kinds of faults that files have, one to a record; the verdicts stand in SAID.
RECORDS = [
    row(patient_ref="A01"),
    row(patient_ref="A02", starts_at="2027-05-05T08:20", email="nowhere"),
    row(
        patient_ref="A03", starts_at="2027-05-05T08:40", email='"a@patients.example.org\nBcc: b@evil.example"'
    ),
    row(patient_ref="A04", starts_at="2027-05-05T09:00", phone="12"),
    row(patient_ref="A05", starts_at="2027-05-05T09:20", email="", phone=""),
    row(patient_ref="A06", starts_at="2027-03-28T02:30", booked_at="2027-03-20T09:00:00"),
    row(patient_ref="A07", starts_at="2027-10-31T02:30"),
    row(patient_ref="A08", starts_at="2027-05-05T08:10"),
    row(patient_ref="A09", starts_at="2027-05-05T10:00", booked_at="2027-05-06T09:00:00"),
    row(patient_ref="A10", starts_at="2027-05-05T10:20", minutes="0"),
    row(patient_ref="A11", starts_at="2027-05-05T10:40", minutes="-20"),
    row(patient_ref="A12", starts_at="2027-05-05T11:00", time_zone="Mars/Olympus"),
    row(patient_ref="A13", starts_at="2027-05-05T11:20", language="tlh"),
    row(patient_ref="A14", starts_at="5 May at noon"),
    row(patient_ref="A15", starts_at="2027-05-05T11:40", patient_name=""),
    row(patient_ref="A16", starts_at="2027-05-05T12:00", patient_name='"=SUM(""A1"",2)"'),
    row(patient_ref="A17", starts_at="2027-05-05T12:20", patient_name="<script>alert(1)</script>"),
    row(patient_ref="A18", starts_at="2027-05-05T12:40", patient_name="{{ settings }} {% load x %}"),
    row(patient_ref="A19", starts_at="2027-05-05T13:00", patient_name="Żółć Ștefănescu-Müßig"),
    row(patient_ref="A01", starts_at="2027-05-05T13:20", patient_name="Hanna Lis"),
    row(patient_ref="A20", clinic="am-see", calendar="Am See 1", time_zone="Europe/Berlin", language="de"),
    "lipowa,Lipowa 1,Europe/Warsaw,A21,Few Columns,few@patients.example.org",
    row(patient_ref="A22", starts_at="2027-05-05T14:00", outcome="vanished"),
    row(patient_ref="A23", starts_at="9999-12-31T23:50"),
    row(patient_ref="A24", starts_at="2027-05-05T14:20", patient_name="Ń" * 121),
]
BROKEN = "\n".join([HEADER, *RECORDS]) + "\n"

SAID = """\
line 2: clinic: new clinic: Lipowa (Europe/Warsaw, PL, pl)
line 3: bad: email: is not an e-mail address
line 4: bad: email: holds a line break or another character that cannot be written
line 6: bad: phone: is not a phone number
line 7: email: neither e-mail nor phone: this patient cannot be reached
line 8: bad: starts_at: does not exist: the clocks jump over it that night
line 9: starts_at: happens twice that night: the first is taken (UTC+0200)
line 10: bad: starts_at: overlaps A01 in this calendar, 2027-05-05 08:00 to 08:20
line 11: bad: booked_at: lies after starts_at
line 12: bad: minutes: must be from 1 to 1440
line 13: bad: minutes: must be from 1 to 1440
line 14: bad: time_zone: is no time zone; they are called like Europe/Warsaw
line 15: bad: language: must be one of: de, en, pl, ro
line 16: bad: starts_at: is no local time like 2027-04-30T08:00
line 17: bad: patient_name: is empty
line 22: bad: patient_ref: is already used with another name
line 23: clinic: new clinic: Am See (Europe/Berlin, DE, de)
line 24: bad: phone: is missing: too few columns, 6 of 13
line 25: bad: outcome: must be one of: done, no_show, nothing
line 26: bad: starts_at: is out of range: the years 1970 to 2100 are taken
line 27: bad: patient_name: is too long: 121 characters, at most 120
25 records: 8 booked, 0 already there, 17 bad; 2 new clinics, 0 patients to be told.
"""
# What looks like a formula, markup or a template is a name like any other.
GOOD = [
    ("A01", "Hanna Bąk"),
    ("A05", "Hanna Bąk"),
    ("A07", "Hanna Bąk"),
    ("A16", '=SUM("A1",2)'),
    ("A17", "<script>alert(1)</script>"),
    ("A18", "{{ settings }} {% load x %}"),
    ("A19", "Żółć Ștefănescu-Müßig"),
    ("A20", "Hanna Bąk"),
]


@pytest.fixture(autouse=True)
def _noon() -> Any:
    with clock.held_at(NOW):
        yield


@pytest.fixture
def write(tmp_path: Path) -> Callable[[str | bytes], Path]:
    """Return a function that writes a file and returns its path."""

    def write(content: str | bytes) -> Path:
        path = tmp_path / "bookings.csv"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


def table(*rows: str) -> str:
    return "\n".join([HEADER, *rows]) + "\n"


def run(path: Path, *options: str) -> str:
    out = io.StringIO()
    call_command("import_appointments", str(path), "--clinic-from-file", *options, stdout=out)
    return out.getvalue()


def everything() -> str:
    """Return all that an import may write, as text."""
    tables = (Clinic, Practitioner, Calendar, Service, Patient, Appointment, Occupancy, AuditEntry)
    return "".join(serialize("json", model.objects.order_by("pk")) for model in tables)


def judged(**cells: str) -> Booking | Fault:
    (item,) = read_bookings(io.BytesIO(table(row(**cells)).encode()))
    return item


def fault(**cells: str) -> tuple[Remark, ...]:
    item = judged(**cells)
    assert isinstance(item, Fault)
    return item.remarks


# --- Records by themselves -------------------------------------------------------------------------


def test_good_record_is_read_with_instants_and_clean_addresses() -> None:
    assert judged(
        email="Hanna@PATIENTS.example.org", starts_at="2027-05-05 08:00:30", outcome="done"
    ) == Booking(
        line=2,
        clinic="lipowa",
        calendar="Lipowa 1",
        time_zone="Europe/Warsaw",
        patient_ref="A01",
        patient_name="Hanna Bąk",
        email="Hanna@patients.example.org",
        phone="+447700900001",
        language="pl",
        service="Kontrola",
        booked_at=datetime(2027, 4, 20, 7, tzinfo=UTC),
        starts_at=datetime(2027, 5, 5, 6, 0, 30, tzinfo=UTC),
        minutes=20,
        outcome="done",
    )


def test_phone_without_prefix_is_read_as_the_zones_country_writes_it() -> None:
    item = judged(time_zone="Europe/Berlin", phone="0171 3920001")

    assert isinstance(item, Booking)
    assert item.phone == "+491713920001"


@pytest.mark.parametrize(
    ("column", "cell"),
    [
        ("clinic", ""),
        ("clinic", "Klinik Müller"),
        ("clinic", "admin"),
        ("clinic", "../etc"),
        ("clinic", "x" * 61),
        ("calendar", ""),
        ("calendar", "x" * 121),
        ("time_zone", ""),
        ("time_zone", "/etc/passwd"),
        ("patient_ref", ""),
        ("patient_ref", "x" * 41),
        ("patient_name", "Nul\x00"),
        ("patient_name", "turned \u202e round"),
        ("email", "a@b@patients.example.org"),
        ("phone", "call me"),
        ("language", "PL"),
        ("language", ""),
        ("service", ""),
        ("booked_at", ""),
        ("booked_at", "2027-03-28T02:10:00"),
        ("booked_at", "1969-12-31T23:00:00"),
        ("starts_at", "2027-05-05T08:00+02:00"),
        ("starts_at", "2027-02-30T08:00"),
        ("starts_at", "2027-05-05T24:00"),
        ("starts_at", "2101-01-01T08:00"),
        ("minutes", ""),
        ("minutes", "1441"),
        ("minutes", "20.5"),
        ("minutes", "２０"),
        ("minutes", "1_0"),
        ("outcome", "Done"),
    ],
)
def test_bad_cell_is_named_by_its_column(column: str, cell: str) -> None:
    assert [remark.column for remark in fault(**{column: cell})] == [column]


def test_all_faults_of_a_record_are_named_in_the_order_of_columns() -> None:
    remarks = fault(minutes="0", time_zone="Nowhere", patient_name=" ", starts_at="never")

    assert [remark.column for remark in remarks] == ["time_zone", "patient_name", "starts_at", "minutes"]


def test_reasons_never_repeat_what_is_personal() -> None:
    texts = [remark.text for remark in fault(patient_name="Zofia\x07", email="zofia@", phone="zofia")]

    assert not any("ofia" in text for text in texts)
    assert len(texts) == 3


def test_repeated_hour_takes_the_first_of_both_moments() -> None:
    item = judged(booked_at="2027-10-31T02:15:00", starts_at="2027-10-31T02:30")

    assert isinstance(item, Booking)
    assert (item.booked_at, item.starts_at) == (
        datetime(2027, 10, 31, 0, 15, tzinfo=UTC),
        datetime(2027, 10, 31, 0, 30, tzinfo=UTC),
    )
    assert [remark.column for remark in item.remarks] == ["booked_at", "starts_at"]


def test_booked_at_the_start_itself_is_good() -> None:
    assert isinstance(judged(booked_at="2027-05-05T08:00:00"), Booking)
    assert fault(booked_at="2027-05-05T08:00:01") == (Remark("booked_at", "lies after starts_at"),)


def test_lengths_and_reserved_names_are_those_of_the_house() -> None:
    house = {
        "clinic": Clinic._meta.get_field("slug").max_length,
        "calendar": Calendar._meta.get_field("name").max_length,
        "patient_ref": Patient._meta.get_field("reference").max_length,
        "patient_name": NAME_LENGTH,
        "service": Service._meta.get_field("name").max_length,
    }
    assert house == rules.LENGTHS
    assert rules._RESERVED == RESERVED_SLUGS


@pytest.mark.parametrize(
    ("zone", "country"),
    [("Europe/Berlin", "DE"), ("Europe/Bucharest", "RO"), ("Poland", "PL"), ("UTC", "PL"), ("GB", "GB")],
)
def test_country_comes_from_the_zone(zone: str, country: str) -> None:
    assert country_of(zone) == country


@pytest.mark.parametrize(
    ("slug", "calendar", "name"),
    [
        ("zrodlana", "Źródlana 2", "Źródlana"),
        ("zrodlana-1", "Źródlana 1 / 2", "Źródlana 1"),
        ("zrodlana", "dr Wilk", "Zrodlana"),
        ("no-such-clinic", "12", "No such clinic"),
    ],
)
def test_clinic_is_named_after_calendar_or_slug(slug: str, calendar: str, name: str) -> None:
    assert clinic_name(slug, calendar) == name


# --- Files -----------------------------------------------------------------------------------------


def test_physical_lines_count_through_quotes_byte_order_mark_and_empty_lines() -> None:
    rows = [row(patient_name='"two\r\nlines"'), "", row(minutes="0"), row()]
    content = "\r\n".join([HEADER, *rows]).encode("utf-8-sig")

    items = list(read_bookings(io.BytesIO(content)))

    assert [(type(item), item.line) for item in items] == [(Fault, 2), (Fault, 5), (Booking, 6)]


def test_columns_may_come_in_any_order() -> None:
    names = sorted(COLUMNS)
    cells = dict(zip(COLUMNS, row().split(","), strict=True))
    content = ",".join(names) + "\n" + ",".join(cells[name] for name in names) + "\n"

    (item,) = read_bookings(io.BytesIO(content.encode()))

    assert item == judged()


def test_lone_quote_spoils_its_own_stretch_only() -> None:
    content = table(row(patient_name='"open'), row(minutes="20"), row(patient_name='"x"'), row())

    items = list(read_bookings(io.BytesIO(content.encode())))

    assert [(type(item), item.line) for item in items] == [(Fault, 2), (Booking, 5)]
    assert isinstance(items[0], Fault)
    assert items[0].reason == "quotation marks do not match between this line and line 4"


def test_too_many_columns_name_the_last() -> None:
    (item,) = read_bookings(io.BytesIO(table(row() + ",more").encode()))

    assert isinstance(item, Fault)
    assert (item.column, item.reason) == (
        "outcome",
        "is followed by more: 14 columns of 13; a comma may lack its quotes",
    )


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (b"", "The file is empty."),
        (b"\n\n", "The file is empty."),
        (b"a,b\n", "The header lacks: " + ", ".join(COLUMNS) + "."),
        (HEADER.removesuffix(",outcome").encode(), "The header lacks: outcome."),
        (HEADER.encode() + b",note", "The header has unknown columns: 'note'."),
        (HEADER.encode() + b",email", "The header names a column twice."),
        (
            HEADER.replace(",", ";").encode(),
            "The columns are separated by semicolons; save the file with commas.",
        ),
        (HEADER.encode("utf-16"), "The file is in UTF-16; save it as CSV in UTF-8."),
        (table(row()).encode("iso-8859-2"), "Line 2 is not in UTF-8; save the file as CSV in UTF-8."),
        (b"x" * 1_000_001, "Line 1 is longer than any record can be; is this a CSV file?"),
        (
            b'"clinic\n',
            "The header cannot be read: quotation marks do not match between this line and line 1.",
        ),
    ],
)
@pytest.mark.django_db
def test_file_that_is_none_is_refused_in_one_line(
    write: Callable[[str | bytes], Path], content: bytes, text: str
) -> None:
    with pytest.raises(CommandError) as refusal:
        run(write(content))

    assert str(refusal.value) == text


@pytest.mark.django_db
def test_missing_file_is_told_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match=r"nowhere\.csv cannot be read: No such file or directory\.$"):
        run(tmp_path / "nowhere.csv")


def test_command_asks_to_say_where_clinics_come_from(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="--clinic-from-file"):
        call_command("import_appointments", str(tmp_path / "x.csv"))


def test_languages_of_clinics_are_the_most_common() -> None:
    rows = [row(language=language) for language in ("en", "ro", "ro")] + [row(clinic="b", language="de")]

    assert clinic_languages(read_bookings(io.BytesIO(table(*rows).encode()))) == {"lipowa": "ro", "b": "de"}


# --- The whole import ------------------------------------------------------------------------------


@pytest.mark.django_db
def test_every_record_gets_its_verdict(write: Callable[[str], Path]) -> None:
    out = run(write(BROKEN), "--skip-bad")

    assert out == SAID
    assert list(Patient.objects.order_by("reference").values_list("reference", "name")) == GOOD
    assert Appointment.objects.count() == len(GOOD)


@pytest.mark.django_db
def test_dry_run_says_the_same_and_changes_nothing(write: Callable[[str], Path]) -> None:
    out = run(write(BROKEN), "--skip-bad", "--dry-run")

    assert out == SAID + "This was a dry run: nothing was changed.\n"
    assert everything() == "[]" * 8


@pytest.mark.django_db
@pytest.mark.parametrize("options", [(), ("--dry-run",)])
def test_bad_record_keeps_everything_out(write: Callable[[str], Path], options: tuple[str, ...]) -> None:
    with pytest.raises(CommandError) as refusal:
        run(write(BROKEN), *options)

    assert str(refusal.value).startswith("Nothing was imported: ")
    assert refusal.value.returncode == 1
    assert everything() == "[]" * 8


@pytest.mark.django_db
def test_second_import_changes_nothing(write: Callable[[str], Path]) -> None:
    path = write(BROKEN)
    run(path, "--skip-bad")
    before = everything()

    out = run(path, "--skip-bad")

    assert out.splitlines()[-1] == (
        "25 records: 0 booked, 8 already there, 17 bad; 0 new clinics, 0 patients to be told."
    )
    assert [line for line in out.splitlines() if "bad:" in line] == [
        line for line in SAID.splitlines() if "bad:" in line
    ]
    assert everything() == before


@pytest.mark.django_db
def test_second_import_leaves_alone_what_was_cancelled_or_moved_since(write: Callable[[str], Path]) -> None:
    path = write(table(row(), row(patient_ref="A02", starts_at="2027-05-05T09:00")))
    run(path)
    first, second = Appointment.objects.order_by("starts_at")
    cancel(appointment_id=first.pk, by=CancelledBy.CLINIC, actor=SYSTEM, at=NOW)
    move(appointment_id=second.pk, starts_at=datetime(2027, 5, 6, 9, tzinfo=UTC), actor=SYSTEM, at=NOW)
    before = everything()

    out = run(path)

    assert out == "2 records: 0 booked, 2 already there, 0 bad; 0 new clinics, 0 patients to be told.\n"
    assert everything() == before


@pytest.mark.django_db
def test_appointment_is_booked_by_staff_at_its_own_moment(write: Callable[[str], Path]) -> None:
    run(write(table(row(minutes="35"), row(patient_ref="A02", starts_at="2027-05-05T09:00"))))

    first, second = Appointment.objects.whole().order_by("starts_at")
    assert (first.booked_at, first.set_at) == (datetime(2027, 4, 20, 7, tzinfo=UTC),) * 2
    assert (first.origin, first.status, first.minutes) == (Origin.STAFF, Status.BOOKED, 35)
    assert (second.minutes, second.service_id) == (20, first.service_id)
    assert (first.calendar.name, first.calendar.time_zone, first.calendar.practitioner.name) == (
        "Lipowa 1",
        "Europe/Warsaw",
        "Lipowa 1",
    )
    assert (first.clinic.slug, first.clinic.country, first.clinic.language) == ("lipowa", "PL", "pl")
    assert first.patient.is_reachable


@pytest.mark.django_db
def test_outcome_is_marked_as_of_the_end(write: Callable[[str], Path]) -> None:
    later = row(patient_ref="A02", starts_at="2027-05-05T09:00", outcome="no_show")
    run(write(table(row(outcome="done"), later)))

    assert list(Appointment.objects.order_by("starts_at").values_list("status", flat=True)) == [
        "done",
        "no_show",
    ]
    marks = AuditEntry.objects.filter(action="appointment.marked").order_by("at")
    assert [entry.at for entry in marks] == [
        datetime(2027, 5, 5, 6, 20, tzinfo=UTC),
        datetime(2027, 5, 5, 7, 20, tzinfo=UTC),
    ]


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("options", "told", "count"), [((), [False, False], 0), (("--notify",), [False, True], 1)]
)
def test_only_coming_appointments_are_told_and_only_if_asked(
    write: Callable[[str], Path], options: tuple[str, ...], told: list[bool], count: int
) -> None:
    said: list[bool] = []

    def receive(told: bool, **kwargs: Any) -> None:
        said.append(told)

    past = row(patient_ref="A02", booked_at="2027-03-20T09:00:00", starts_at="2027-04-01T14:00")
    appointment_booked.connect(receive)
    try:
        out = run(write(table(past, row())), *options)
    finally:
        appointment_booked.disconnect(receive)

    assert said == told
    assert out.splitlines()[-1].endswith(f"1 new clinics, {count} patients to be told.")


@pytest.mark.django_db
def test_record_of_a_card_merged_under_another_name_is_booked_for_the_other(
    write: Callable[[str], Path],
) -> None:
    run(write(table(row())))
    gone = Patient.objects.get(reference="A01")
    kept = Patient.objects.create(clinic=gone.clinic, name="Hanna Kot", language="en", created_at=NOW)
    Patient.objects.filter(pk=gone.pk).update(merged_into=kept, merged_at=NOW)

    out = run(write(table(row(starts_at="2027-05-05T10:00"))))

    assert "bad" not in out.splitlines()[0]
    assert Appointment.objects.get(patient=kept).starts_at == datetime(2027, 5, 5, 8, tzinfo=UTC)


@pytest.mark.django_db
def test_records_are_judged_against_the_database(write: Callable[[str], Path]) -> None:
    run(write(table(row())))
    rows = [
        row(patient_name="Somebody Else", starts_at="2027-05-05T10:00"),
        row(patient_ref="A02", starts_at="2027-05-05T08:19"),
        row(patient_ref="A03", starts_at="2027-05-05T08:20", time_zone="Europe/Berlin"),
        row(patient_ref="A04", starts_at="2027-05-05T08:20"),
        row(email="other@patients.example.org", starts_at="2027-05-05T08:40", patient_name="Hanna  Bąk"),
    ]

    out = run(write(table(*rows)), "--skip-bad")

    assert out.splitlines() == [
        "line 2: bad: patient_ref: is already used with another name",
        "line 3: bad: starts_at: overlaps A01 in this calendar, 2027-05-05 08:00 to 08:20",
        "line 4: bad: time_zone: differs: this calendar is in Europe/Warsaw",
        "line 6: email: differs from the patient's card, which is kept",
        "5 records: 2 booked, 0 already there, 3 bad; 0 new clinics, 0 patients to be told.",
    ]
    assert sorted(Patient.objects.values_list("reference", "email")) == [
        ("A01", "hanna@patients.example.org"),
        ("A04", "hanna@patients.example.org"),
    ]


@pytest.mark.django_db
def test_hold_that_is_over_does_not_stand_in_the_way(write: Callable[[str], Path]) -> None:
    run(write(table(row())))
    calendar = Calendar.objects.get()
    Occupancy.objects.create(
        calendar=calendar,
        starts_at=datetime(2027, 5, 5, 7, tzinfo=UTC),
        ends_at=datetime(2027, 5, 5, 8, tzinfo=UTC),
        hold="over",
        # After the booking's own moment, before the present.
        expires_at=datetime(2027, 3, 31, tzinfo=UTC),
    )

    out = run(write(table(row(booked_at="2027-03-01T09:00:00", starts_at="2027-05-05T09:00"))))

    assert out == "1 records: 1 booked, 0 already there, 0 bad; 0 new clinics, 0 patients to be told.\n"


@pytest.mark.django_db
def test_patient_of_a_refused_record_is_not_left_behind(write: Callable[[str], Path]) -> None:
    run(write(table(row(), row(patient_ref="A02", starts_at="2027-05-05T08:10"))), "--skip-bad")

    assert list(Patient.objects.values_list("reference", flat=True)) == ["A01"]


@pytest.mark.django_db
def test_references_are_each_clinics_own(write: Callable[[str], Path]) -> None:
    run(write(table(row(), row(clinic="am-see", patient_name="Uwe Jäger"))))

    assert sorted(Patient.objects.values_list("clinic__slug", "reference", "name")) == [
        ("am-see", "A01", "Uwe Jäger"),
        ("lipowa", "A01", "Hanna Bąk"),
    ]


@pytest.mark.django_db
def test_time_lost_to_somebody_else_meanwhile_is_a_fault(
    write: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    run(write(table(row())))
    monkeypatch.setattr("clinic.importing.operations._refuse_overlap", lambda booking, calendar: None)

    outcome = import_bookings(
        path=write(table(row(patient_ref="A02"), row(patient_ref="A02", starts_at="2027-05-05T09:00"))),
        at=NOW,
        skip_bad=True,
        tell=lambda line, remark, is_fault: None,
    )

    assert (outcome.booked, outcome.bad) == (1, 1)
    assert sorted(Patient.objects.values_list("reference", flat=True)) == ["A01", "A02"]


@pytest.mark.django_db
def test_places_make_what_a_record_names_without_booking(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("clinic.importing.places.REMEMBERED", 1)
    items = [
        item
        for item in read_bookings(io.BytesIO(table(row(), row(patient_ref="A02"), row()).encode()))
        if isinstance(item, Booking)
    ]
    places = Places(at=NOW, languages={"lipowa": "en"})

    found = [places.for_row(item) for item in items]

    assert [patient.reference for _calendar, _service, patient in found] == ["A01", "A02", "A01"]
    assert found[0] == found[2]
    assert [clinic.language for clinic in places.made] == ["en"]
    assert (Calendar.objects.count(), Service.objects.count(), Patient.objects.count()) == (1, 1, 2)
    assert not Appointment.objects.exists()
    with pytest.raises(Misplaced) as refusal:
        places.for_row(Booking(**{**_fields(items[0]), "patient_name": "Other"}))
    assert refusal.value.remark == Remark("patient_ref", "is already used with another name")


@pytest.mark.django_db
def test_place_takes_an_appointment_booked_by_hand(write: Callable[[str], Path]) -> None:
    """A patient entered by staff has no reference; the overlap is named without one."""
    run(write(table(row())))
    calendar, service = Calendar.objects.select_related("clinic").get(), Service.objects.get()
    patient = Patient.objects.create(clinic=calendar.clinic, name="By hand", language="pl", created_at=NOW)
    book(
        calendar=calendar,
        patient=patient,
        service=service,
        starts_at=datetime(2027, 5, 6, 8, tzinfo=UTC),
        origin=Origin.STAFF,
        actor=SYSTEM,
        at=NOW,
    )

    with pytest.raises(CommandError):
        run(write(table(row(patient_ref="A02", starts_at="2027-05-06T10:10"))))


@pytest.mark.django_db
def test_header_alone_imports_nothing(write: Callable[[str], Path]) -> None:
    assert run(write(HEADER)) == (
        "0 records: 0 booked, 0 already there, 0 bad; 0 new clinics, 0 patients to be told.\n"
    )


def test_unreadable_file_is_met_on_the_first_step() -> None:
    with pytest.raises(UnreadableFile):
        next(read_bookings(io.BytesIO(b"")))


def _fields(booking: Booking) -> dict[str, Any]:
    return {name: getattr(booking, name) for name in Booking.__dataclass_fields__}


@pytest.mark.django_db
def test_service_that_is_switched_off_is_imported_and_not_offered_again(write: Callable[[str], Path]) -> None:
    run(write(table(row())))
    service = Service.objects.select_related("calendar").get()
    stop_service(service=service, actor=SYSTEM, at=NOW)

    run(write(table(row(starts_at="2027-05-07T08:00"))))

    assert [row.service for row in Appointment.objects.all()] == [service, service]
    assert not Service.objects.get().is_offered


@pytest.mark.django_db
def test_import_takes_a_service_as_it_is_offered_now(write: Callable[[str], Path]) -> None:
    run(write(table(row())))
    old = Service.objects.select_related("calendar").get()
    new = change_service(
        service=old, name=old.name, minutes=old.minutes, price=Decimal(90), actor=SYSTEM, at=NOW
    )

    run(write(table(row(starts_at="2027-05-07T08:00"))))

    assert [row.service for row in Appointment.objects.order_by("starts_at")] == [old, new]
