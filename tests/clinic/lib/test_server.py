"""The parts of a start, one by one."""

import errno
import logging
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import uvicorn
from celery import Celery
from django.contrib.auth.models import Group
from django.core.management import call_command
from django.db import DatabaseError, connection
from django.db.migrations.recorder import MigrationRecorder
from django.utils import timezone

from clinic.lib.archive import ArchiveError
from clinic.lib.server import CannotStart, background, options, ports, prepare, web
from clinic.lib.server.locks import data_held


@pytest.fixture
def taken() -> Iterator[int]:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        yield other.getsockname()[1]


@pytest.fixture
def free() -> int:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        port: int = other.getsockname()[1]
        return port


# --- Options, port, certificate ------------------------------------------------------------------


def test_environment_hands_over_folder_and_address(free: int) -> None:
    assert options.environment(["--port", str(free), "--data", "/somewhere/else"]) == {
        "ANTEROOM_SERVED_AT": f"http://127.0.0.1:{free}",
        "ANTEROOM_DATA": "/somewhere/else",
    }


def test_apply_sets_the_environment(free: int, monkeypatch: pytest.MonkeyPatch) -> None:
    variables: dict[str, str] = {}
    monkeypatch.setattr(options.os, "environ", variables)  # type: ignore[attr-defined]

    options.apply(["--port", str(free)])

    assert variables == {"ANTEROOM_SERVED_AT": f"http://127.0.0.1:{free}"}


@pytest.mark.parametrize(("host", "written"), [("192.0.2.5", "192.0.2.5"), ("::1", "[::1]")])
def test_reachable_host_is_the_one_listened_on(host: str, written: str) -> None:
    assert options.reachable_host(host) == written


@pytest.mark.parametrize(("route", "host"), [(True, "192.168.7.7"), (False, "127.0.0.1")])
def test_reachable_host_of_every_address_is_that_in_the_network(
    route: bool, host: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Probe:
        def __init__(self, *args: object) -> None: ...
        def __enter__(self) -> "Probe":
            return self

        def __exit__(self, *args: object) -> None: ...
        def connect(self, address: object) -> None:
            if not route:
                raise OSError

        def getsockname(self) -> tuple[str, int]:
            return ("192.168.7.7", 9)

    monkeypatch.setattr(options.socket, "socket", Probe)  # type: ignore[attr-defined]

    assert options.reachable_host("0.0.0.0") == host


def test_taken_port_is_refused(taken: int) -> None:
    with pytest.raises(CannotStart, match=f"Port {taken} is taken"):
        ports.check_free("127.0.0.1", taken)


def test_port_bound_by_one_that_does_not_listen_yet_is_refused(free: int) -> None:
    with ports.bind("127.0.0.1", free) as other:
        ports.check_free("127.0.0.1", free)
        other.listen()
        with pytest.raises(CannotStart, match="taken"):
            ports.bind("127.0.0.1", free)


@pytest.mark.parametrize("port", [0, 65536, -1])
def test_port_that_does_not_exist_is_refused(port: int) -> None:
    with pytest.raises(CannotStart, match="from 1 to 65535"):
        ports.bind("127.0.0.1", port)


def test_host_that_is_not_ours_is_refused(free: int) -> None:
    with pytest.raises(CannotStart, match="choose another with --host"):
        ports.bind("203.0.113.9", free)
    with pytest.raises(CannotStart, match="no address"):
        ports.bind("not an address", free)


@pytest.mark.parametrize(
    ("number", "words"), [(errno.EACCES, "may not use port 80"), (errno.EIO, "cannot be used")]
)
def test_other_reasons_are_explained(number: int, words: str) -> None:
    assert words in ports.explain(OSError(number, "x"), "127.0.0.1", 80)


def test_certificate_and_key_must_fit(tmp_path: Path) -> None:
    certificate, key = tmp_path / "cert.pem", tmp_path / "key.pem"

    ports.check_certificate(None, None)
    with pytest.raises(CannotStart, match="both"):
        ports.check_certificate(str(certificate), None)
    with pytest.raises(CannotStart, match="cannot be read"):
        ports.check_certificate(str(certificate), str(key))
    certificate.write_text("no certificate")
    key.write_text("no key")
    with pytest.raises(CannotStart, match="cannot be used"):
        ports.check_certificate(str(certificate), str(key))


# --- Data ----------------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_data_is_held_by_one_alone_or_by_many_that_share() -> None:
    with data_held(shared=False, purpose="First"):
        for shared in (True, False):
            with (
                pytest.raises(CannotStart, match="Second: another"),
                data_held(shared=shared, purpose="Second"),
            ):
                pass
    with (
        data_held(shared=True, purpose="First"),
        data_held(shared=True, purpose="Second"),
        pytest.raises(CannotStart, match="Third"),
        data_held(shared=False, purpose="Third"),
    ):
        pass
    with data_held(shared=False, purpose="Again"):
        pass


def test_folder_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(CannotStart, match="cannot be written"):
        prepare.check_folder(tmp_path / "file")


def test_full_disk_is_refused_before_anything_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "anteroom.sqlite3").write_bytes(b"x" * 2_000_000)
    monkeypatch.setattr(prepare.shutil, "disk_usage", lambda path: SimpleNamespace(free=53_000_000))  # type: ignore[attr-defined]

    with pytest.raises(CannotStart, match="53 MB free, 54 MB needed"):
        prepare.check_folder(tmp_path)


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (OSError(errno.ENOSPC, "No space left on device", "/x"), "No space left on device (/x)."),
        (DatabaseError("disk is full\nmore"), "The database cannot be used: disk is full."),
        (ArchiveError("A line."), "A line."),
    ],
)
def test_errors_of_a_start_are_told_in_one_line(error: Exception, line: str) -> None:
    with pytest.raises(CannotStart) as refusal, prepare.told_in_one_line():
        raise error

    assert str(refusal.value) == line


@pytest.fixture
def newer(transactional_db: None) -> Iterator[None]:
    recorder = MigrationRecorder(connection)
    recorder.record_applied("clinic", "9999_later")
    yield
    recorder.record_unapplied("clinic", "9999_later")


def test_newer_database_is_refused(newer: None) -> None:
    with pytest.raises(CannotStart, match="newer version of Anteroom"):
        prepare.refuse_newer_database()


@pytest.fixture
def older(transactional_db: None) -> Iterator[None]:
    call_command("migrate", "sessions", "zero", verbosity=0)
    yield
    call_command("migrate", verbosity=0)


def test_older_database_is_refused_where_it_may_not_be_migrated(older: None) -> None:
    with pytest.raises(CannotStart, match="not up to date"):
        prepare.refuse_old_database()


def test_data_is_backed_up_before_it_is_migrated(older: None, tmp_path: Path, settings: Any) -> None:
    settings.DATA_DIR = tmp_path
    Group.objects.create(name="data")

    path = prepare.migrate(at=timezone.now())

    assert path is not None
    assert path.is_file()
    assert prepare.migrate(at=timezone.now()) is None
    prepare.refuse_old_database()


def test_static_files_are_collected_when_one_has_changed(tmp_path: Path, settings: Any) -> None:
    (tmp_path / "source").mkdir()
    settings.DATA_DIR, settings.STATIC_ROOT = tmp_path, tmp_path / "static"
    settings.STATICFILES_FINDERS = ["django.contrib.staticfiles.finders.FileSystemFinder"]
    settings.STATICFILES_DIRS = [tmp_path / "source"]

    (tmp_path / "source" / "a.css").write_text("a{}")

    assert prepare.collect_static() is True
    assert prepare.collect_static() is False
    (tmp_path / "source" / "b.css").write_text("b{}")
    assert prepare.collect_static() is True


def test_demo_logins_are_those_written_down(tmp_path: Path, settings: Any) -> None:
    settings.DATA_DIR = tmp_path
    assert prepare.demo_logins() == ""

    (tmp_path / "demo-logins.txt").write_text("\n  ada\n")
    assert prepare.demo_logins() == "  ada"


# --- Running -------------------------------------------------------------------------------------


BACKGROUND = """
import threading
from celery import Celery
from clinic.lib.server import background

app = Celery("test", broker="memory://localhost/", set_as_current=False)
app.conf.update(
    task_ignore_result=True,
    worker_hijack_root_logger=False,
    broker_transport_options={"polling_interval": 0.05},
    beat_schedule={"it": {"task": "tests.ring", "schedule": 0.2}},
)
rang = threading.Event()

@app.task(name="tests.ring")
def ring():
    rang.set()

both = background.Background(app)
both.start()
print("rang", rang.wait(60))
both.stop()
print("ended", both.join(20))
"""


def test_background_works_until_it_is_stopped() -> None:
    """In a process of its own: a Celery worker's state belongs to the whole process."""
    found = subprocess.run(
        [sys.executable, "-c", BACKGROUND], capture_output=True, text=True, timeout=120, check=False
    )

    assert found.stdout.split("\n")[:2] == ["rang True", "ended True"], found.stderr


def test_part_that_ends_by_itself_is_started_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(background, "PAUSE", 0.01)
    told: list[str] = []
    monkeypatch.setattr(background.logger, "error", lambda text, *names, **more: told.append(text % names))
    starts: list[int] = []
    app = Celery("test", broker="memory://localhost/", set_as_current=False)

    def fail(self: background.Background) -> None:
        starts.append(1)
        if len(starts) == 3:
            self.stop()
        raise RuntimeError("gone")

    monkeypatch.setattr(background.Background, "_tick", fail)
    clock = background.Background(app, threads=0)
    clock.start()

    assert clock.join(5)
    assert len(starts) == 3
    assert told.count("beat ended by itself; starting it again") == 2


def test_second_signal_does_not_wait_for_clients() -> None:
    stopped: list[bool] = []
    server = web.Server(uvicorn.Config("none:none", log_config=None), stopping=lambda: stopped.append(True))
    level = logging.getLogger("uvicorn.error").level

    server.handle_exit(signal.SIGTERM, None)
    assert (server.should_exit, server.force_exit) == (True, False)
    server.handle_exit(signal.SIGINT, None)

    logging.getLogger("uvicorn.error").setLevel(level)
    assert server.force_exit is True
    assert stopped == [True]


def test_port_taken_in_the_meantime_is_told(free: int) -> None:
    with ports.bind("127.0.0.1", free) as ours:

        class Late(uvicorn.Server):
            def run(self, sockets: list[socket.socket] | None = None) -> None:
                raise OSError(errno.EADDRINUSE, "in use")

        with pytest.raises(CannotStart, match="taken"):
            web.serve(Late(uvicorn.Config("none:none", log_config=None)), ours)


def test_process_leaves_whatever_its_threads_wait_for() -> None:
    program = (
        "import threading, sys; sys.path.insert(0, '.')\n"
        "from clinic.lib.server.web import leave_within\n"
        "threading.Thread(target=threading.Event().wait).start()\n"
        "leave_within(0.2)\n"
    )
    began = time.monotonic()

    ended = subprocess.run([sys.executable, "-c", program], timeout=20, check=False)

    assert ended.returncode == 0
    assert time.monotonic() - began < 15


@pytest.mark.parametrize("started", [True, False])
def test_fault_of_a_running_server_is_no_refusal(free: int, started: bool) -> None:
    with ports.bind("127.0.0.1", free) as ours:

        class Broken(uvicorn.Server):
            def run(self, sockets: list[socket.socket] | None = None) -> None:
                self.started = started
                raise OSError(errno.EIO, "broken")

        with pytest.raises(OSError if started else CannotStart):
            web.serve(Broken(uvicorn.Config("none:none", log_config=None)), ours)


def test_port_taken_between_binding_and_listening_is_refused(
    free: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def taken(self: socket.socket, backlog: int = 0) -> None:
        raise OSError(errno.EADDRINUSE, "in use")

    monkeypatch.setattr(socket.socket, "listen", taken)

    with pytest.raises(CannotStart, match=f"Port {free} is taken"):
        ports.check_free("127.0.0.1", free)


def test_interrupted_demonstration_leaves_nothing_behind(
    transactional_db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    def half(name: str, **_options: object) -> None:
        Group.objects.create(name="half")
        raise KeyboardInterrupt

    monkeypatch.setattr(prepare, "call_command", half)
    with pytest.raises(KeyboardInterrupt):
        prepare.load_demo()
    assert not Group.objects.exists()

    monkeypatch.setattr(prepare, "call_command", lambda name, **_options: Group.objects.create(name=name))
    assert prepare.load_demo() is True
    assert prepare.load_demo() is False  # there is data now
    assert [group.name for group in Group.objects.all()] == ["demo"]
