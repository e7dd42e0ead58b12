"""Backup and restore: the same data, on whichever engine the tests run, and nothing sent by it (X8)."""

import json
import stat
import zipfile
from collections.abc import Callable
from datetime import UTC, datetime
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.apps import apps
from django.conf import settings as product
from django.contrib.auth.models import Group
from django.core.management import call_command
from django.db import connection, models
from django.db.migrations.recorder import MigrationRecorder

from clinic.audit.models import AuditValue
from clinic.lib.archive import ArchiveError, dump, files, load, state, values
from clinic.lib.signals import data_restored

pytestmark = pytest.mark.django_db(transaction=True)

TAKEN = datetime(2026, 3, 1, 9, 0, tzinfo=UTC)
RESTORED = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


@pytest.fixture(autouse=True)
def bookings(tmp_path: Path) -> None:
    """Fill the database by the product's own import."""
    call_command("generate_bookings", str(tmp_path / "bookings.csv"), rows=20, stdout=StringIO())
    call_command(
        "import_appointments",
        str(tmp_path / "bookings.csv"),
        clinic_from_file=True,
        notify=True,
        stdout=StringIO(),
    )


def everything() -> dict[str, list[dict[str, Any]]]:
    """Return every row of every table, by model."""
    return {
        model._meta.label: list(model._base_manager.order_by("pk").values())
        for model in apps.get_models(include_auto_created=True)
        if model._meta.managed
    }


def wipe() -> None:
    call_command("flush", interactive=False, verbosity=0)


def saved(path: Path) -> Path:
    dump.save(path, taken_at=TAKEN)
    return path


def test_restore_brings_back_every_row(tmp_path: Path) -> None:
    before = everything()
    path = saved(tmp_path / "it.zip")
    wipe()

    load.restore(path, restored_at=RESTORED)

    assert everything() == before
    assert len(before["clinic.Appointment"]) > 10
    connection.check_constraints()


def test_new_rows_get_new_numbers_after_a_restore(tmp_path: Path) -> None:
    load.restore(saved(tmp_path / "it.zip"), restored_at=RESTORED)
    first = Group.objects.create(name="first")
    load.restore(saved(tmp_path / "it.zip"), restored_at=RESTORED)

    assert Group.objects.create(name="second").pk > first.pk


@pytest.mark.one_engine
def test_file_is_for_its_owner_alone_and_holds_the_key(tmp_path: Path) -> None:
    path = saved(tmp_path / "it.zip")

    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    with zipfile.ZipFile(path) as archive:
        assert archive.read("secret_key").decode() == product.SECRET_KEY
    assert [found.name for found in tmp_path.iterdir() if "it.zip" in found.name] == ["it.zip"]


@pytest.mark.one_engine
def test_restore_announces_both_instants(tmp_path: Path) -> None:
    path = saved(tmp_path / "it.zip")
    heard: list[tuple[datetime, datetime]] = []

    def hear(sender: object, *, taken_at: datetime, restored_at: datetime, **kwargs: object) -> None:
        heard.append((taken_at, restored_at))

    data_restored.connect(hear)
    try:
        load.restore(path, restored_at=RESTORED)
    finally:
        data_restored.disconnect(hear)

    assert heard == [(TAKEN, RESTORED)]


def test_failing_receiver_undoes_the_restore(tmp_path: Path) -> None:
    path = saved(tmp_path / "it.zip")
    Group.objects.create(name="later")
    before = everything()

    def fail(sender: object, **kwargs: object) -> None:
        raise ArchiveError("no")

    data_restored.connect(fail)
    try:
        with pytest.raises(ArchiveError):
            load.restore(path, restored_at=RESTORED)
    finally:
        data_restored.disconnect(fail)

    assert everything() == before


def rewritten(path: Path, change: Any) -> Path:
    """Return a copy of a backup whose manifest `change` has been at."""
    copy = path.with_name("changed.zip")
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(copy, "w") as new:
        for name in old.namelist():
            content = old.read(name)
            if name == "manifest.json":
                manifest = json.loads(content)
                change(manifest)
                content = json.dumps(manifest).encode()
            new.writestr(name, content)
        new.comment = b"-" * files.DIGEST_LENGTH
    with copy.open("r+b") as file:
        files.seal(file)
    return copy


def one_row_more(manifest: dict[str, Any]) -> None:
    manifest["tables"][0]["rows"] += 1


def one_table_less(manifest: dict[str, Any]) -> None:
    manifest["tables"].pop()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda manifest: manifest["migrations"].append(["clinic", "9999_later"]), "newer version"),
        (lambda manifest: manifest.update(format=99), "newer version"),
        (lambda manifest: manifest.pop("tables"), "not a backup"),
        (one_row_more, "rows instead of"),
        (one_table_less, "does not fit"),
    ],
    ids=["newer-migration", "newer-format", "incomplete", "row-missing", "table-missing"],
)
def test_what_cannot_be_restored_changes_nothing(tmp_path: Path, change: Any, words: str) -> None:
    path = rewritten(saved(tmp_path / "it.zip"), change)
    before = everything()

    with pytest.raises(ArchiveError, match=words):
        load.restore(path, restored_at=RESTORED)

    assert everything() == before


@pytest.mark.one_engine
def test_files_that_are_no_backups_are_refused(tmp_path: Path) -> None:
    (tmp_path / "text.zip").write_text("hello")
    (tmp_path / "empty.zip").touch()
    with zipfile.ZipFile(tmp_path / "other.zip", "w") as other:
        other.writestr("photo", b"")

    for name, words in {
        "none.zip": "cannot be read",
        "text.zip": "not a backup",
        "empty.zip": "not a backup",
        "other.zip": "not a backup",
    }.items():
        with pytest.raises(ArchiveError, match=words):
            load.restore(tmp_path / name, restored_at=RESTORED)


def flipped(whole: bytes, position: int) -> bytes:
    changed = bytearray(whole)
    changed[position] ^= 1
    return bytes(changed)


@pytest.mark.one_engine
def test_one_changed_byte_anywhere_is_refused(tmp_path: Path) -> None:
    whole, damaged = saved(tmp_path / "it.zip").read_bytes(), tmp_path / "damaged.zip"
    # A zip itself does not mind a changed date (the tenth byte), for one.
    places = {0, 10, len(whole) // 2, len(whole) - 100, len(whole) - 65, len(whole) - 64, len(whole) - 1}
    for position in places | set(range(0, len(whole), len(whole) // 60)):
        damaged.write_bytes(flipped(whole, position))
        with pytest.raises(ArchiveError, match="damaged"), files.opened(damaged):
            pytest.fail(f"byte {position} went unnoticed")


@pytest.mark.one_engine
@pytest.mark.parametrize(
    "damage",
    [
        lambda whole: flipped(whole, 0),
        lambda whole: flipped(whole, len(whole) // 2),
        lambda whole: flipped(whole, len(whole) - 1),
        lambda whole: whole[:-1],
        lambda whole: whole[: len(whole) // 2],
        lambda whole: whole[:40],
        lambda whole: whole + b"-",
    ],
    ids=["first-byte", "a-byte-inside", "last-byte", "end-lost", "half-lost", "almost-all-lost", "longer"],
)
def test_damaged_backup_is_refused_in_one_line_and_harms_nothing(
    tmp_path: Path, settings: Any, damage: Callable[[bytes], bytes]
) -> None:
    settings.DATA_DIR = tmp_path
    path = saved(tmp_path / "it.zip")
    path.write_bytes(damage(path.read_bytes()))
    before = everything()

    said = StringIO()
    with pytest.raises(SystemExit) as refusal:
        call_command("restore", str(path), yes=True, stdout=said)

    assert said.getvalue() == ""
    assert not (tmp_path / "backups").exists()
    assert str(refusal.value) == f"{path} is damaged, or is not a backup of Anteroom."
    assert everything() == before


def test_backup_of_an_older_version_is_brought_up_to_date(tmp_path: Path) -> None:
    """The newest migration that adds nothing but itself is taken off the backup again."""
    path = saved(tmp_path / "it.zip")
    before = everything()
    sessions = {"sessions.session"}

    def older(manifest: dict[str, Any]) -> None:
        manifest["migrations"] = [node for node in manifest["migrations"] if node[0] != "sessions"]
        manifest["tables"] = [table for table in manifest["tables"] if table["model"] not in sessions]

    load.restore(rewritten(path, older), restored_at=RESTORED)

    assert everything() == before
    assert not state.pending(connection)


def test_database_of_a_newer_version_is_not_backed_up(tmp_path: Path) -> None:
    recorder = MigrationRecorder(connection)
    recorder.record_applied("clinic", "9999_later")
    try:
        with pytest.raises(ArchiveError, match="newer version"):
            saved(tmp_path / "it.zip")
    finally:
        recorder.record_unapplied("clinic", "9999_later")

    assert not (tmp_path / "it.zip").exists()


@pytest.mark.one_engine
def test_commands_ask_before_they_replace(tmp_path: Path) -> None:
    said = StringIO()
    path = tmp_path / "it.zip"
    call_command("backup", str(path), stdout=said)
    before = everything()

    with pytest.raises(SystemExit, match="--yes"):
        call_command("restore", str(path), stdout=said)
    call_command("restore", str(path), yes=True, stdout=said)

    assert everything() == before
    kept = list((Path(product.DATA_DIR) / "backups").glob("*-before-restoring.zip"))
    assert len(kept) == 1
    kept[0].unlink()
    assert "are back" in said.getvalue()


@pytest.mark.one_engine
def test_key_of_the_backup_takes_the_place_of_the_kept_one(tmp_path: Path, settings: Any) -> None:
    kept = tmp_path / "secret_key"
    kept.write_text(settings.SECRET_KEY)
    settings.DATA_DIR = tmp_path
    path = tmp_path / "it.zip"
    call_command("backup", str(path), stdout=StringIO())
    original, settings.SECRET_KEY = settings.SECRET_KEY, "another"
    kept.write_text("another")

    call_command("restore", str(path), yes=True, stdout=StringIO())

    assert kept.read_text() == original
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600


@pytest.mark.one_engine
def test_key_in_the_environment_is_left_to_the_operator(tmp_path: Path, settings: Any) -> None:
    settings.DATA_DIR = tmp_path
    path = tmp_path / "it.zip"
    said = StringIO()
    call_command("backup", str(path), stdout=said)
    settings.SECRET_KEY = "from the environment"

    call_command("restore", str(path), yes=True, stdout=said)

    assert "SECRET_KEY_FALLBACKS" in said.getvalue()
    assert not (tmp_path / "secret_key").exists()


def test_rows_are_put_back_a_batch_at_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, before = saved(tmp_path / "it.zip"), everything()
    wipe()
    monkeypatch.setattr(load, "ROWS_AT_ONCE", 7)

    load.restore(path, restored_at=RESTORED)

    assert everything() == before


def test_json_keeps_its_own_null_apart_from_no_value() -> None:
    field = AuditValue._meta.get_field("old")

    assert values.to_json(field, None) is None
    assert values.to_json(field, {"a": [1, None]}) == {"json": {"a": [1, None]}}
    # A column that must hold something gets JSON's null, not the database's.
    assert values.from_json(field, None, connection) is not None


def test_column_that_only_one_engine_has_is_refused() -> None:
    class Odd(models.TextField):  # type: ignore[type-arg]
        def get_prep_value(self, value: Any) -> Any:
            return {value}

    field = Odd(name="odd")
    field.model = AuditValue

    with pytest.raises(ArchiveError, match="odd cannot be put into a backup"):
        values.to_json(field, "a")
