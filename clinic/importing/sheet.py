"""Reading an uploaded table: encoding, separator, header and lines, whatever a spreadsheet made of them (D5)."""

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from clinic.lib.spreadsheet import bare

MOST_BYTES = 4_000_000
MOST_ROWS = 10_000
# How many unknown columns a message names.
MOST_NAMED = 5

PATIENTS, APPOINTMENTS = "patients", "appointments"
# The columns of both tables, as the export writes them; those with True must be there.
COLUMNS: dict[str, dict[str, bool]] = {
    PATIENTS: {"patient_ref": False, "patient_name": True, "email": False, "phone": False, "language": False},
    APPOINTMENTS: {
        "calendar": True,
        "patient_ref": False,
        "patient_name": True,
        "email": False,
        "phone": False,
        "language": False,
        "service": True,
        "booked_at": False,
        "starts_at": True,
        "minutes": False,
        "outcome": False,
    },
}
# Columns of the command's file that say what the page knows by itself: checked where they are filled.
KNOWN_BY_THE_PAGE = frozenset({"clinic", "time_zone"})
SEPARATORS = {";": _("semicolons"), ",": _("commas"), "\t": _("tabs")}


class UnreadableSheet(Exception):
    """It is no table that can be imported; `sentence` says why in the reader's language."""

    def __init__(self, sentence: str | Promise) -> None:
        super().__init__()
        self.sentence = str(sentence)


@dataclass(frozen=True, slots=True)
class Line:
    """One record: the physical line where it starts, and its cells by column, or why it has none (`code`)."""

    number: int
    cells: dict[str, str]
    code: str = ""


@dataclass(frozen=True, slots=True)
class Sheet:
    """A table as it was read."""

    kind: str  # PATIENTS or APPOINTMENTS
    encoding: str
    separator: str
    lines: list[Line]
    ignored: tuple[str, ...]  # columns of the file that mean nothing here


def read_sheet(content: bytes) -> Sheet:
    """Return what an uploaded file holds.

    Which of both tables it is follows from its columns: appointments have a start.

    Raises:
        UnreadableSheet: no text, no header that is known, nothing below it, or more than can be taken.
    """
    text, encoding = _decoded(content)
    text, first = _without_hint(text)
    separator = _separator(text)
    records = _records(text, separator, first)
    _number, header = next(records, (0, []))
    if header is None:
        raise UnreadableSheet(_("The first line cannot be read: its quotation marks do not match."))
    names = ["_".join(bare(cell).strip().lower().split()) for cell in header]
    while names and not names[-1]:
        names.pop()
    if not names:
        raise UnreadableSheet(_("The file is empty."))
    kind = _kind(names)
    lines = [_line(names, at, cells) for at, cells in records if cells is None or any(map(str.strip, cells))]
    if not lines:
        raise UnreadableSheet(_("Below the first line there is nothing to import."))
    if len(lines) > MOST_ROWS:
        raise UnreadableSheet(
            _("The file has %(rows)s rows, and at most %(most)s are taken at once. Please split it.")
            % {"rows": len(lines), "most": MOST_ROWS}
        )
    known = COLUMNS[kind].keys() | KNOWN_BY_THE_PAGE
    ignored = tuple(name[:40] for name in names if name and name not in known)
    return Sheet(kind, encoding, separator, lines, ignored)


def _decoded(content: bytes) -> tuple[str, str]:
    if len(content) > MOST_BYTES:
        raise UnreadableSheet(too_large())
    if not content.strip():
        raise UnreadableSheet(_("The file is empty."))
    if content.startswith((b"PK\x03\x04", b"\xd0\xcf\x11\xe0")):
        raise UnreadableSheet(
            _("This is a workbook, not a CSV file, whatever its name. Save it in your program as CSV.")
        )
    if b"\0" in content:
        raise UnreadableSheet(_("This is not a text file. Save the table as CSV in UTF-8."))
    for encoding in ("utf-8-sig", "cp1250"):
        try:
            return content.decode(encoding), "UTF-8" if encoding == "utf-8-sig" else "Windows-1250"
        except UnicodeDecodeError:
            continue
    raise UnreadableSheet(
        _("The letters of this file are neither in UTF-8 nor in Windows-1250. Save it as CSV in UTF-8.")
    )


def too_large() -> str:
    """Return what is said of a file that is larger than what is taken."""
    return _("The file is too large: at most %(most)s MB.") % {"most": MOST_BYTES // 1_000_000}


def _without_hint(text: str) -> tuple[str, int]:
    """Return the text without the line by which spreadsheets tell one another the separator, and its first line."""
    head, _end, rest = text.partition("\n")
    if head.strip().lower() in {"sep=;", "sep=,", "sep=\t", "sep="}:
        return rest, 2
    return text, 1


def _separator(text: str) -> str:
    """Return what parts the columns: whichever finds most of the known ones in the first line."""
    known = {name for columns in COLUMNS.values() for name in columns}
    head = text.lstrip().partition("\n")[0].lower()
    found = {mark: len({cell.strip(" \"\r'") for cell in head.split(mark)} & known) for mark in SEPARATORS}
    return max(found, key=lambda mark: found[mark])


def _kind(names: list[str]) -> str:
    """Return which table has such a header.

    Raises:
        UnreadableSheet: a column stands twice, or one is missing.
    """
    for name in names:
        if name and names.count(name) > 1:
            raise UnreadableSheet(_("The column %(column)s stands there twice.") % {"column": name[:40]})
    kind = APPOINTMENTS if {"starts_at", "calendar", "service"} & set(names) else PATIENTS
    missing = [name for name, is_needed in COLUMNS[kind].items() if is_needed and name not in names]
    if missing:
        raise UnreadableSheet(
            _("The first line must name the columns. Missing: %(columns)s.")
            % {"columns": ", ".join(missing[:MOST_NAMED])}
        )
    return kind


class _Lines:
    """The physical lines of a text, and how many of them were read."""

    def __init__(self, text: str, first: int) -> None:
        self._lines = io.StringIO(text, newline="")
        self.read = first - 1

    def __iter__(self) -> "_Lines":
        return self

    def __next__(self) -> str:
        line = next(self._lines)
        self.read += 1
        return line


def _records(text: str, separator: str, first: int) -> Iterator[tuple[int, list[str] | None]]:
    """Yield each record's first physical line with its cells; None where they cannot be read."""
    lines = _Lines(text, first)
    rows = csv.reader(lines, delimiter=separator, strict=True)
    while True:
        number = lines.read + 1
        try:
            cells = next(rows)
        except StopIteration:
            return
        except csv.Error:
            # Quotation marks that do not match, or a cell larger than any; the next line begins afresh.
            yield number, None
        else:
            if cells:
                yield number, cells


def _line(names: list[str], number: int, cells: list[str] | None) -> Line:
    if cells is None:
        return Line(number, {}, "quotes")
    if len(cells) < len(names):
        return Line(number, {}, "few")
    if any(cell.strip() for cell in cells[len(names) :]):
        return Line(number, {}, "many")
    return Line(number, {name: bare(cell) for name, cell in zip(names, cells, strict=False) if name})
