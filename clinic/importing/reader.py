"""Reading a bookings file as it is on disk: encoding, quotes, physical lines; nothing is kept in memory."""

import codecs
import csv
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import BinaryIO

from clinic.importing.rules import COLUMNS, Booking, Fault, Remark, judge
from clinic.lib import mail_address, phone

# Longer than any record; a file without line ends must not be read into memory whole.
LONGEST_LINE = 1_000_000


class UnreadableFile(Exception):
    """The file is not a bookings file at all; the text says why in one line."""


def read_bookings(source: Path | str | BinaryIO) -> Iterator[Booking | Fault]:
    """Yield the records of a bookings file in its order, each judged by itself.

    What only the whole file or the database can tell (overlaps, a patient's other name) is not judged here.

    Args:
        source: a path, or an open binary file.

    Raises:
        UnreadableFile: on the first step or later: it cannot be opened, is empty, not UTF-8, or its header
            lacks, repeats or does not know a column.
    """
    with ExitStack() as stack:
        if isinstance(source, str | Path):
            try:
                file: BinaryIO = stack.enter_context(Path(source).open("rb"))
            except OSError as error:
                raise UnreadableFile(f"{source} cannot be read: {error.strerror}.") from error
        else:
            file = source
        records = _records(_lines(file))
        header = _header(next(records, None))
        for line, cells in records:
            yield cells if isinstance(cells, Fault) else _judged(header, line, cells)


def clinic_languages(items: Iterable[Booking | Fault]) -> dict[str, str]:
    """Return each clinic's most common language among its good records; at a tie the one met first."""
    counts: dict[str, Counter[str]] = {}
    for item in items:
        if isinstance(item, Booking):
            counts.setdefault(item.clinic, Counter())[item.language] += 1
    return {clinic: count.most_common(1)[0][0] for clinic, count in counts.items()}


def _lines(file: BinaryIO) -> Iterator[str]:
    """Yield physical lines as text; a byte order mark is dropped."""
    number = 0
    while raw := file.readline(LONGEST_LINE + 1):
        number += 1
        if len(raw) > LONGEST_LINE:
            raise UnreadableFile(f"Line {number} is longer than any record can be; is this a CSV file?")
        if number == 1:
            if raw.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
                raise UnreadableFile("The file is in UTF-16; save it as CSV in UTF-8.")
            raw = raw.removeprefix(codecs.BOM_UTF8)
        try:
            yield raw.decode("utf-8")
        except UnicodeDecodeError:
            raise UnreadableFile(f"Line {number} is not in UTF-8; save the file as CSV in UTF-8.") from None


def _records(lines: Iterator[str]) -> Iterator[tuple[int, list[str] | Fault]]:
    """Yield each record's first physical line with its cells; empty lines are passed over."""
    rows = csv.reader(lines, strict=True)
    while True:
        first = rows.line_num + 1
        try:
            cells = next(rows)
        except StopIteration:
            return
        except csv.Error:
            # The reader starts afresh with the next line.
            text = f"quotation marks do not match between this line and line {rows.line_num}"
            yield first, Fault(first, (Remark(COLUMNS[0], text),))
        else:
            if cells:
                yield first, cells


def _header(record: tuple[int, list[str] | Fault] | None) -> list[str]:
    """Return the columns in the file's order."""
    if record is None:
        raise UnreadableFile("The file is empty.")
    cells = record[1]
    if isinstance(cells, Fault):
        raise UnreadableFile("The header cannot be read: " + cells.reason + ".")
    names = [cell.strip() for cell in cells]
    if len(names) == 1 and names[0].count(";") > 1:
        raise UnreadableFile("The columns are separated by semicolons; save the file with commas.")
    if missing := [name for name in COLUMNS if name not in names]:
        raise UnreadableFile("The header lacks: " + ", ".join(missing) + ".")
    if unknown := [name for name in names if name not in COLUMNS]:
        raise UnreadableFile("The header has unknown columns: " + ", ".join(map(ascii, unknown[:5])) + ".")
    if len(names) > len(COLUMNS):
        raise UnreadableFile("The header names a column twice.")
    return names


def _judged(header: list[str], line: int, cells: list[str]) -> Booking | Fault:
    if len(cells) < len(header):
        text = f"is missing: too few columns, {len(cells)} of {len(header)}"
        return Fault(line, (Remark(header[len(cells)], text),))
    if len(cells) > len(header):
        text = f"is followed by more: {len(cells)} columns of {len(header)}; a comma may lack its quotes"
        return Fault(line, (Remark(header[-1], text),))
    return judge(
        dict(zip(header, cells, strict=True)),
        line=line,
        clean_email=mail_address.normalise,
        clean_phone=lambda number, country: phone.normalise(number, country=country).e164,
    )
