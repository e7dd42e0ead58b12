"""What every benchmark stands on: servers for the length of a run, the product's environment, the table."""

import hashlib
import os
import platform
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
ROUNDS = 2


@dataclass(frozen=True, slots=True)
class Figure:
    """One ratio: what two rounds gave and what it is held to; the worse round counts."""

    name: str
    rounds: Sequence[float]
    target: float
    at_most: bool = False

    @property
    def worse(self) -> float:
        return (max if self.at_most else min)(self.rounds)

    @property
    def holds(self) -> bool:
        return self.worse <= self.target if self.at_most else self.worse >= self.target

    def __str__(self) -> str:
        values = " / ".join(_short(value) for value in self.rounds)
        bound = f"{'<=' if self.at_most else '>='} {_short(self.target)}"
        return f"{self.name:<64} {values:>19}   {bound:<9} {'ok' if self.holds else 'MISSED'}"


def _short(value: float) -> str:
    return f"{value:.4f}" if abs(value) < 0.1 and value else f"{value:.2f}"


def tell(figures: Sequence[Figure]) -> int:
    """Print the ratios; return the exit code: 1 when one misses its target."""
    print()
    for figure in figures:
        print(figure)
    return 0 if all(figure.holds for figure in figures) else 1


def tell_machine() -> None:
    """Print what the numbers were measured on."""
    import django  # noqa: PLC0415 - the peers' processes have their own

    print(
        f"{os.cpu_count()} cores, Python {platform.python_version()}, Django {django.__version__}", flush=True
    )


def environment(folder: str, **more: str) -> dict[str, str]:
    """Return the environment of a product process that keeps its state in `folder`."""
    mine = {
        "ANTEROOM_ENV_FILE": os.devnull,
        "ANTEROOM_DATA": folder,
        "DJANGO_SETTINGS_MODULE": "bench.product_settings",
        "LOG_LEVEL": "ERROR",
        "PYTHONPATH": str(ROOT),
    }
    unwanted = {"DATABASE_URL", "REDIS_URL", "EMAIL_URL", "PUBLIC_URL", "SECRET_KEY", "ANTEROOM_PRODUCTION"}
    return {**{k: v for k, v in os.environ.items() if k not in unwanted}, **mine, **more}


def run(module: str, *arguments: str, env: Mapping[str, str]) -> str:
    """Run `python -m module` to its end and return what it printed."""
    done = subprocess.run(
        [sys.executable, "-m", module, *arguments], env=dict(env), cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    if done.returncode:
        sys.exit(f"{module} {' '.join(arguments)} ended with {done.returncode}")
    return done.stdout


@contextmanager
def served(module: str, *arguments: str) -> Iterator[int]:
    """Run a fake server as a process of its own on a free port; yield the port."""
    with subprocess.Popen(
        [sys.executable, "-m", module, "--port", "0", *arguments], cwd=ROOT, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout is not None
            found = re.search(r":(\d+)\s*$", process.stdout.readline())
            if found is None:
                sys.exit(f"{module} did not start.")
            yield int(found[1])
        finally:
            process.terminate()
            process.communicate()


@contextmanager
def folder() -> Iterator[str]:
    """Yield a folder that is gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="anteroom-bench-") as name:
        yield name


def peers(*requirements: str) -> str:
    """Return a folder with these packages and all they need, apart from ours; made once per machine."""
    key = hashlib.sha256(" ".join((platform.python_version(), *requirements)).encode()).hexdigest()[:12]
    target = Path(tempfile.gettempdir()) / f"anteroom-bench-peers-{key}"
    if not (target / "complete").exists():
        command = [sys.executable, "-m", "pip", "install", "-qq", "--target", str(target), *requirements]
        subprocess.run(command, check=True)
        (target / "complete").touch()
    return str(target)
