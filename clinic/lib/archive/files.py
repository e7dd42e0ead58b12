"""The file of a backup: a zip of one manifest, one list of rows per table, and the secret key.

A zip has fields that nothing checks. So its comment, the last thing in the file, is the digest of
every byte before it: one that changed anywhere is noticed before anything else is looked at.
"""

import hashlib
import json
import os
import zipfile
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO

from clinic.lib.archive import ArchiveError
from clinic.lib.archive.state import Node

FORMAT = 2
DIGEST_LENGTH = 64  # SHA-256 in hexadecimal digits


@dataclass(frozen=True, slots=True)
class Table:
    """One table in the file; rows are lists of values in the order of `columns`."""

    model: str
    columns: list[str]
    rows: int

    @property
    def member(self) -> str:
        """Return the table's name inside the zip."""
        return f"tables/{self.model}.jsonl"


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a backup says about itself."""

    taken_at: datetime
    engine: str
    migrations: list[Node]
    tables: list[Table]


class Writer:
    """Writes a backup piece by piece."""

    def __init__(self, archive: zipfile.ZipFile) -> None:
        self._archive = archive

    def add_rows(self, model: str, columns: list[str], rows: Iterable[list[Any]]) -> Table:
        """Write one table, one JSON list a line, and return its entry for the manifest."""
        count = 0
        with self._archive.open(Table(model, columns, 0).member, "w", force_zip64=True) as member:
            for row in rows:
                member.write(json.dumps(row, ensure_ascii=False, separators=(",", ":")).encode() + b"\n")
                count += 1
        return Table(model, columns, count)

    def finish(self, manifest: Manifest, secret_key: str) -> None:
        """Write what the rows are worth nothing without."""
        content = {"format": FORMAT, **asdict(manifest), "taken_at": manifest.taken_at.isoformat()}
        self._archive.writestr("manifest.json", json.dumps(content, indent=1))
        self._archive.writestr("secret_key", secret_key)
        self._archive.comment = b"-" * DIGEST_LENGTH  # the place for `seal`


def seal(file: BinaryIO) -> None:
    """Write the digest of a finished zip over its comment, which is as long as the digest (X8)."""
    digest = _digest(file)
    file.seek(-DIGEST_LENGTH, os.SEEK_END)
    file.write(digest)


def _digest(file: BinaryIO) -> bytes:
    """Return the digest of a file up to where its own digest stands."""
    left = file.seek(0, os.SEEK_END) - DIGEST_LENGTH
    file.seek(0)
    digest = hashlib.sha256()
    while left > 0 and (piece := file.read(min(left, 1 << 20))):
        digest.update(piece)
        left -= len(piece)
    return digest.hexdigest().encode()


@contextmanager
def written(path: Path) -> Iterator[Writer]:
    """Write a backup beside `path` and put it there when it is complete, readable by its owner alone."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        handle = os.open(draft, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(handle, "w+b") as file:
            with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
                yield Writer(archive)
            seal(file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(draft, path)
    finally:
        draft.unlink(missing_ok=True)


class Reader:
    """Reads a backup whose manifest is understood."""

    def __init__(self, archive: zipfile.ZipFile) -> None:
        self._archive = archive
        content = json.loads(archive.read("manifest.json"))
        if content["format"] > FORMAT:
            raise ArchiveError("This backup was made by a newer version of Anteroom; update first.")
        self.secret_key = archive.read("secret_key").decode()
        self.manifest = Manifest(
            taken_at=datetime.fromisoformat(content["taken_at"]),
            engine=content["engine"],
            migrations=[(app, name) for app, name in content["migrations"]],
            tables=[Table(**table) for table in content["tables"]],
        )

    def rows(self, table: Table) -> Iterator[list[Any]]:
        """Yield the rows of one table."""
        with self._archive.open(table.member) as member:
            for line in member:
                yield json.loads(line)


@contextmanager
def opened(path: Path) -> Iterator[Reader]:
    """Open a backup and check that it is whole, before anything is done with it (X8).

    Raises:
        ArchiveError: the file is missing, damaged, no backup, or from a newer version.
    """
    with ExitStack() as stack:
        try:
            file = stack.enter_context(path.open("rb"))
            if _digest(file) != file.read():
                raise ArchiveError(f"{path} is damaged, or is not a backup of Anteroom.")
            reader = Reader(stack.enter_context(zipfile.ZipFile(file)))
        except OSError as error:
            raise ArchiveError(f"The backup {path} cannot be read ({error.strerror}).") from error
        except (zipfile.BadZipFile, KeyError, ValueError, TypeError) as error:
            raise ArchiveError(f"{path} is not a backup of Anteroom ({error}).") from error
        yield reader
