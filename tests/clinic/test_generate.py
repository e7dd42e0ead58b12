"""Made-up booking files: valid throughout, of the shape of real ones, the same for the same seed."""

import hashlib
import io
import re
from collections import Counter, defaultdict
from datetime import date, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from clinic.appointments.models import Appointment
from clinic.demo.bookings import make_rows
from clinic.demo.cast import plain
from clinic.importing.reader import read_bookings
from clinic.importing.rules import COLUMNS, Booking

FICTIONAL = re.compile(r"\+44 7700 900[0-9]{3}|\+49 171 39200[0-9]{2}|\+49 30 23125[0-9]{3}")


def generate(path: Path, *options: str) -> bytes:
    call_command("generate_bookings", str(path), *options, stdout=io.StringIO())
    return path.read_bytes()


def read(path: Path) -> list[Booking]:
    items = list(read_bookings(path))
    good = [item for item in items if isinstance(item, Booking)]
    assert len(good) == len(items)
    return good


def test_same_seed_writes_the_same_bytes(tmp_path: Path) -> None:
    first = generate(tmp_path / "a.csv", "--seed", "7", "--rows", "300")

    assert generate(tmp_path / "b.csv", "--seed", "7", "--rows", "300") == first
    assert generate(tmp_path / "c.csv", "--seed", "8", "--rows", "300") != first
    assert (
        hashlib.sha256(first).hexdigest()
        == "63e70a53a5533fe5dcf5ce24d4a55a9958edb521c49832a42482bf631f2239d2"
    )


@pytest.mark.parametrize("rows", [0, 1, 1000])
def test_file_has_so_many_good_rows(tmp_path: Path, rows: int) -> None:
    generate(tmp_path / "a.csv", "--seed", "7", "--rows", str(rows))

    assert len(read(tmp_path / "a.csv")) == rows


def test_nothing_overlaps_and_nobody_is_in_two_places(tmp_path: Path) -> None:
    generate(tmp_path / "a.csv", "--seed", "7", "--rows", "2000")
    spans: dict[tuple[str, str], list[Booking]] = defaultdict(list)
    for booking in read(tmp_path / "a.csv"):
        spans[booking.clinic, booking.calendar].append(booking)
        spans[booking.clinic, booking.patient_ref].append(booking)

    for found in spans.values():
        found.sort(key=lambda booking: booking.starts_at)
        assert all(before.ends_at <= after.starts_at for before, after in pairwise(found))


def test_shape_is_that_of_a_real_day(tmp_path: Path) -> None:
    generate(tmp_path / "a.csv", "--seed", "7", "--rows", "3000")
    bookings = read(tmp_path / "a.csv")
    leads = [booking.starts_at - booking.booked_at for booking in bookings]
    visits = Counter((booking.clinic, booking.patient_ref) for booking in bookings)

    assert {booking.starts_at.date() for booking in bookings} == {date(2027, 4, 30)}
    assert {booking.language for booking in bookings} == {"pl", "de", "ro", "en"}
    assert {booking.minutes for booking in bookings} == {10, 20, 40}
    assert {booking.outcome for booking in bookings} == {"", "done", "no_show"}
    assert min(leads) < timedelta(hours=1)
    assert timedelta(days=80) < max(leads) < timedelta(days=90)
    # Every band of the reminder's rule is met often: under 36 h, up to 72 h, above.
    bands = Counter(
        "none" if lead < timedelta(hours=36) else "day" if lead <= timedelta(hours=72) else "two"
        for lead in leads
    )
    assert min(bands.values()) > 200
    assert sum(count > 1 for count in visits.values()) > 100
    assert 10 < sum(not booking.email and not booking.phone for booking in bookings) < 40
    assert 250 < sum(not booking.email for booking in bookings) < 450
    assert 100 < sum(not booking.phone for booking in bookings) < 200


def test_one_reference_is_one_person() -> None:
    people: dict[tuple[str, str], set[tuple[str, ...]]] = defaultdict(set)
    for row in make_rows(seed=7, rows=2000):
        people[row["clinic"], row["patient_ref"]].add(
            (row["patient_name"], row["email"], row["phone"], row["language"])
        )

    assert {len(cards) for cards in people.values()} == {1}


def test_numbers_and_addresses_belong_to_nobody() -> None:
    rows = list(make_rows(seed=7, rows=2000))

    assert all(FICTIONAL.fullmatch(row["phone"]) for row in rows if row["phone"])
    assert all(row["email"].endswith("@patients.example.org") for row in rows if row["email"])
    assert any(ord(letter) > 0x17F for row in rows for letter in row["patient_name"])


def test_day_can_be_chosen(tmp_path: Path) -> None:
    generate(tmp_path / "a.csv", "--rows", "20", "--day", "2027-10-31")

    assert {booking.starts_at.date() for booking in read(tmp_path / "a.csv")} == {date(2027, 10, 31)}


@pytest.mark.parametrize("day", [date(2027, 3, 28), date(2027, 6, 15), date(2027, 10, 31)])
def test_every_seed_and_day_is_valid(tmp_path: Path, day: date) -> None:
    """Also with a clock change on the day, or within the leads."""
    for seed in range(5):
        generate(tmp_path / "a.csv", "--seed", str(seed), "--rows", "200", "--day", day.isoformat())
        assert len(read(tmp_path / "a.csv")) == 200


def test_header_and_times_are_written_as_files_have_them() -> None:
    (row,) = make_rows(seed=7, rows=1)

    assert tuple(sorted(row)) == tuple(sorted(COLUMNS))
    assert re.fullmatch(r"2027-04-30T[0-9]{2}:[0-9]{2}", row["starts_at"])
    assert datetime.fromisoformat(row["booked_at"]).second >= 0


@pytest.mark.django_db
def test_file_is_imported_whole(tmp_path: Path) -> None:
    generate(tmp_path / "a.csv", "--seed", "7", "--rows", "150")
    out = io.StringIO()

    call_command("import_appointments", str(tmp_path / "a.csv"), "--clinic-from-file", stdout=out)

    assert Appointment.objects.count() == 150
    assert " 0 bad;" in out.getvalue().splitlines()[-1]


def test_folder_that_is_not_there_is_told_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match=r"a\.csv cannot be written: No such file or directory\.$"):
        generate(tmp_path / "nowhere" / "a.csv")


@pytest.mark.parametrize(
    ("text", "expected"),
    [("Łucja Żółć", "lucja.zolc"), ("Großmüller", "grossmuller"), ("Ștefan Țîrlea", "stefan.tirlea")],
)
def test_plain_letters_for_addresses(text: str, expected: str) -> None:
    assert plain(text) == expected
