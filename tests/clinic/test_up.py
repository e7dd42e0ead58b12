"""The commands as an operator meets them: processes, signals, one line when something is wrong (X7)."""

import os
import re
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import time
import urllib.error
import urllib.request
import zipfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

import pytest

from tests.services import valkey

pytestmark = pytest.mark.one_engine

ROOT = Path(__file__).resolve().parent.parent.parent
# Seconds a start may take on a busy machine.
PATIENCE = 60.0


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def surroundings(data: Path, **more: str) -> dict[str, str]:
    foreign = re.compile("DATABASE_URL|REDIS_URL|ANTEROOM_|DJANGO_|SECRET_KEY|PUBLIC_URL")
    own = {name: value for name, value in os.environ.items() if not foreign.match(name)}
    return {**own, "ANTEROOM_ENV_FILE": os.devnull, "ANTEROOM_DATA": str(data), **more}


def manage(*arguments: str, env: dict[str, str]) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, str(ROOT / "manage.py"), *arguments],
        env=env,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        cwd="/",
    )


def refusal(*arguments: str, env: dict[str, str]) -> str:
    """Return what a command says that must refuse."""
    with manage(*arguments, env=env) as process:
        said, _ = process.communicate(timeout=PATIENCE)
    assert process.returncode == 1, said
    return said


@contextmanager
def running(
    *arguments: str, port: int, env: dict[str, str], patience: float = PATIENCE
) -> Iterator["subprocess.Popen[str]"]:
    """Run a server until the body ends; the body begins when a page has been answered."""
    process = manage(*arguments, "--port", str(port), env=env)
    try:
        deadline = time.monotonic() + patience
        while not answers(port):
            assert process.poll() is None, process.communicate()[0]
            assert time.monotonic() < deadline
            time.sleep(0.05)
        yield process
    finally:
        process.kill()
        process.communicate()


def answers(port: int) -> bool:
    try:
        urllib.request.urlopen(f"http://127.0.0.1:{port}/nothing-is-here", timeout=10).close()
    except urllib.error.HTTPError as error:
        return error.code == 404
    except OSError:
        return False
    return True


def ended(process: "subprocess.Popen[str]", *numbers: int) -> tuple[str, float]:
    """Send signals; return what was said and the seconds until the process ended with code 0."""
    began = time.monotonic()
    for number in numbers:
        process.send_signal(number)
        time.sleep(0.2)
    said, _ = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0, said
    assert "Traceback" not in said
    return said, time.monotonic() - began


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a data folder after a first start, to be copied."""
    data = tmp_path_factory.mktemp("prepared") / "var"
    with running("up", "--no-demo", port=free_port(), env=surroundings(data)) as process:
        ended(process, signal.SIGTERM)
    return data


@pytest.fixture
def data(prepared: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(prepared, tmp_path / "var"))


@pytest.mark.parametrize(
    "numbers", [(signal.SIGTERM,), (signal.SIGINT, signal.SIGINT)], ids=["term", "ctrl-c-twice"]
)
def test_up_ends_cleanly_while_slow_clients_are_connected(data: Path, numbers: tuple[int, ...]) -> None:
    port = free_port()
    with running("up", "--no-demo", port=port, env=surroundings(data)) as process, ExitStack() as stack:
        for head in (b"GET / HTTP/1.1\r\nHost:", b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\na"):
            client = stack.enter_context(socket.create_connection(("127.0.0.1", port)))
            client.sendall(head)
        time.sleep(0.3)

        said, seconds = ended(process, *numbers)

    assert f"http://127.0.0.1:{port}" in said
    assert seconds < 20  # 5 on a machine that does nothing else; for ever if it waited for them


def test_second_start_prepares_nothing_again(data: Path) -> None:
    with running("up", "--no-demo", port=free_port(), env=surroundings(data)) as process:
        said, _seconds = ended(process, signal.SIGTERM)
    assert said.splitlines()[-1] == "Stopped."
    assert not [word for word in ("compiled", "collected", "migrated", "loaded") if word in said]


def test_taken_port_is_refused_before_the_folder_is_made(tmp_path: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]

        said = refusal("up", "--port", str(port), env=surroundings(tmp_path / "new"))

    assert said == f"Port {port} is taken by another program; choose another with --port.\n"
    assert not (tmp_path / "new").exists()


def test_data_in_use_is_refused(data: Path) -> None:
    env = surroundings(data)
    with running("up", "--no-demo", port=free_port(), env=env):
        for command in (("up", "--port", str(free_port())), ("restore", "/nowhere.zip")):
            said = refusal(*command, env=env)
            assert f"another Anteroom process is using the data in {data}.\n" in said
            assert said.count("\n") == 1


def test_newer_database_is_refused(data: Path) -> None:
    with closing(sqlite3.connect(data / "anteroom.sqlite3")) as database:
        database.execute("INSERT INTO django_migrations (app, name, applied) VALUES ('clinic', '9999_x', '')")
        database.commit()
    before = (data / "anteroom.sqlite3").read_bytes()

    said = refusal("up", "--port", str(free_port()), env=surroundings(data))

    assert "The data is from a newer version of Anteroom" in said
    assert said.count("\n") == 1
    assert (data / "anteroom.sqlite3").read_bytes() == before


def test_folder_that_is_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    said = refusal("up", "--port", str(free_port()), env=surroundings(tmp_path / "file"))

    assert "cannot be used" in said
    assert said.count("\n") == 1


@pytest.mark.parametrize("command", ["web", "worker", "beat"])
def test_one_of_many_processes_needs_redis(data: Path, command: str) -> None:
    assert "needs REDIS_URL" in refusal(command, env=surroundings(data))


def until_it_awaits_its_end(process: "subprocess.Popen[str]") -> None:
    """Wait until a worker or beat is up: it blocks the signals before it starts its threads.

    Its mask of blocked signals does not tell: the kernel takes out of it those that are waited for.
    """
    deadline = time.monotonic() + PATIENCE
    while len(list(Path(f"/proc/{process.pid}/task").iterdir())) < 2:
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_processes_run_side_by_side_and_end_cleanly(data: Path) -> None:
    port = free_port()
    with valkey() as redis, ExitStack() as stack:
        env = surroundings(data, REDIS_URL=redis)
        web = stack.enter_context(running("web", port=port, env=env))
        others = [manage(name, env=env) for name in ("worker", "beat")]
        for other in others:
            stack.callback(other.kill)
        for other in others:
            until_it_awaits_its_end(other)

        assert answers(port)
        for process in (*others, web):
            ended(process, signal.SIGTERM)


def test_several_web_processes_share_a_port_and_end_cleanly(data: Path) -> None:
    port = free_port()
    with valkey() as redis:
        env = surroundings(data, REDIS_URL=redis)
        with running("web", "--workers", "2", port=port, env=env) as web:
            assert all(answers(port) for _ in range(10))
            ended(web, signal.SIGTERM)
        assert not answers(port)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_start_that_is_interrupted_ends_cleanly(tmp_path: Path, number: int) -> None:
    """The signal comes while the data is being prepared, long before a page is answered."""
    process = manage("up", "--port", str(free_port()), env=surroundings(tmp_path / "new"))
    deadline = time.monotonic() + PATIENCE
    while not (tmp_path / "new" / "lock").exists():
        assert time.monotonic() < deadline
        time.sleep(0.01)

    said, _seconds = ended(process, number)

    assert said.splitlines()[-1] == "Stopped."
    assert "Ctrl-C" not in said


def test_older_data_is_kept_before_it_is_brought_up_to_date(data: Path) -> None:
    env = surroundings(data)
    with closing(sqlite3.connect(data / "anteroom.sqlite3")) as database:
        database.execute("INSERT INTO auth_group (name) VALUES ('kept')")
        database.commit()
    with manage("migrate", "sessions", "zero", env=env) as process:
        process.communicate(timeout=PATIENCE)

    with running("up", "--no-demo", port=free_port(), env=env) as server:
        said, _seconds = ended(server, signal.SIGTERM)

    (kept,) = (data / "backups").iterdir()
    assert f"Data migrated; a backup of what it was is in {kept}\n" in said
    with zipfile.ZipFile(kept) as archive:
        assert b'"kept"' in archive.read("tables/auth.group.jsonl")


def test_demonstration_is_loaded_once_and_its_log_ins_are_told(tmp_path: Path) -> None:
    # Unmeasured: test_demo_world.py goes through the same in its own process.
    env = {name: value for name, value in surroundings(tmp_path / "new").items() if "COV" not in name}
    said = []
    for _start in range(2):
        with running("up", port=free_port(), env=env, patience=5 * PATIENCE) as process:
            said.append(ended(process, signal.SIGTERM)[0])

    assert ["Demonstration data loaded." in text for text in said] == [True, False]
    assert all("anna@rynek.example" in text for text in said)


def test_backup_of_an_empty_database_is_refused(tmp_path: Path) -> None:
    said = refusal("backup", str(tmp_path / "it.zip"), env=surroundings(tmp_path / "empty"))

    assert said == "There is nothing to back up: the database is empty.\n"


def spoil_a_page(database: Path) -> None:
    """Write nonsense over the last page, which nothing reads before the copy is checked."""
    damaged = bytearray(database.read_bytes())
    damaged[-4096:-4032] = b"\xff" * 64
    database.write_bytes(damaged)


def lose_an_index(database: Path) -> None:
    """Forget an index whose pages are still there."""
    with closing(sqlite3.connect(database)) as opened:
        opened.execute("PRAGMA writable_schema = ON")
        opened.execute("DELETE FROM sqlite_master WHERE name = 'patient_name'")
        opened.commit()


@pytest.mark.parametrize(
    ("damage", "line"),
    [
        (spoil_a_page, "The database cannot be used: database disk image is malformed.\n"),
        (lose_an_index, r"The database is damaged \(.*never used\); restore an earlier backup\.\n"),
    ],
)
def test_backup_of_a_damaged_database_is_refused_in_one_line(
    damage: Callable[[Path], None], line: str, data: Path, tmp_path: Path
) -> None:
    damage(data / "anteroom.sqlite3")

    said = refusal("backup", str(tmp_path / "it.zip"), env=surroundings(data))

    assert re.fullmatch(line, said), said
    assert not (tmp_path / "it.zip").exists()


def test_production_names_what_is_missing(tmp_path: Path) -> None:
    said = refusal("web", env=surroundings(tmp_path, ANTEROOM_PRODUCTION="1"))

    assert "set SECRET_KEY, DATABASE_URL, REDIS_URL, PUBLIC_URL" in said
    assert said.count("\n") == 1
