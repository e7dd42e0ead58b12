"""What every test stands on: no silent skips, a live server, and a browser that must not complain."""

import os
import threading
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import nullcontext
from typing import Any

import pytest
import uvicorn
from django.conf import settings as product
from django.core.cache import cache
from django.core.management import call_command
from django.db import connection
from hypothesis import settings as hypothesis
from playwright.sync_api import BrowserContext, ConsoleMessage, WebError

from tests.factories.house import desk, markt, morning, office, operator, rynek
from tests.measuring import unmeasured

# A machine that runs three tests at a time is slow at times; that is no fault of a text.
hypothesis.register_profile("patient", deadline=None)
hypothesis.load_profile("patient")

__all__ = ["desk", "markt", "morning", "office", "operator", "rynek"]

# Playwright keeps an event loop in the main thread, where tests use the ORM.
os.environ.setdefault("DJANGO_ALLOW_ASYNC_UNSAFE", "true")

BROWSER = os.environ.get("CHROMIUM", "/usr/bin/chromium")
BROWSER_ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream",
    "--disable-features=WebRtcHideLocalIpsWithMdns",
]
# What Chromium says of every answer that is not 2xx or 3xx; tests ask for such answers on purpose.
EXPECTED_IN_CONSOLE = (
    "Failed to load resource: the server responded with a status of",
    # What htmx says of a request that a later one of the same form replaced (hx-sync).
    "htmx:afterRequest",
    "htmx:sendAbort",
    # What it says of an answer that never came, and that live.js asks for again.
    "htmx:timeout",
)


# --- Which tests run ---------------------------------------------------------------------------


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--faults", action="store_true", help="also run the long tests that kill and cut")


# The longest are begun first: at the end nobody then waits for one alone.
LONGEST = ("test_demo_world.py", "test_up.py", "test_pages_are_sound.py", "test_waiting_area.py")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    def runs(item: pytest.Item) -> bool:
        if item.get_closest_marker("one_engine") and not product.EMBEDDED:
            return False
        return bool(config.getoption("--faults")) or item.get_closest_marker("faults") is None

    left_out = [item for item in items if not runs(item)]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
    items[:] = sorted((item for item in items if runs(item)), key=lambda item: item.path.name not in LONGEST)


# What walks through whole pages covers nothing that the tests of its parts do not; and on the second engine
# only these meet lines that the first has not.
NEVER_MEASURED = ("guards", "journeys")
MEASURED_TWICE = ("clinic/appointments", "clinic/lib", "clinic/live", "clinic/test_backup.py", "messaging")


def _is_measured(item: pytest.Item) -> bool:
    path = item.path.relative_to(item.config.rootpath / "tests").as_posix()
    return path.startswith(MEASURED_TWICE) or (product.EMBEDDED and not path.startswith(NEVER_MEASURED))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    with nullcontext() if _is_measured(item) else unmeasured(item.config):
        return (yield)


@pytest.hookimpl(tryfirst=True)
def pytest_sessionstart(session: pytest.Session) -> None:
    """Compile the catalogues once, before any worker starts: journeys read in four languages."""
    if not hasattr(session.config, "workerinput"):
        call_command("compile_catalogues", verbosity=0)


def _refuse_skip(report: pytest.TestReport | pytest.CollectReport) -> None:
    """Make a failure of what did not run, or was expected to fail (R38)."""
    if report.skipped:
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr
        report.outcome = "failed"
        report.longrepr = f"Skipped, and nothing may be: {getattr(report, 'wasxfail', reason)}"
        if hasattr(report, "wasxfail"):
            del report.wasxfail


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    _refuse_skip(report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(
    collector: pytest.Collector,
) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    report = yield
    _refuse_skip(report)
    return report


# --- The server --------------------------------------------------------------------------------


@pytest.fixture
def server(transactional_db: None, settings: Any) -> Iterator[uvicorn.Server]:
    """Serve the product from a thread, at the address which links then point to as well."""
    server = uvicorn.Server(
        uvicorn.Config(
            "config.asgi:application",
            host="127.0.0.1",
            port=0,
            lifespan="on",
            ws="none",
            log_config=None,
            proxy_headers=False,
            timeout_graceful_shutdown=2,
        )
    )
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        assert thread.is_alive()
        time.sleep(0.01)
    url = f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    settings.PUBLIC_URL = url
    settings.CSRF_TRUSTED_ORIGINS = [url]
    yield server
    server.should_exit = True
    thread.join(10)
    assert not thread.is_alive()
    # The streams' own thread is asked to end, not waited for: what it is just writing would stand in the next
    # test's empty database.
    for other in threading.enumerate():
        if other.name == "live":
            other.join(10)


@pytest.fixture
def live(server: uvicorn.Server, settings: Any) -> str:
    """Return the address at which the product is served."""
    assert server.started
    return str(settings.PUBLIC_URL)


# --- The browser -------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict[str, Any]) -> dict[str, Any]:
    return {**browser_type_launch_args, "executable_path": BROWSER, "args": BROWSER_ARGUMENTS}


@pytest.fixture
def new_context(new_context: Callable[..., BrowserContext]) -> Iterator[Callable[..., BrowserContext]]:
    """Make browser contexts; fail the test on any page error and on any CSP report in their consoles.

    `expected` names the beginnings of what a test causes on purpose.
    """
    complaints: list[str] = []

    def on_error(error: WebError) -> None:
        complaints.append(str(error.error))

    def make(*, expected: tuple[str, ...] = (), **options: Any) -> BrowserContext:
        def on_console(message: ConsoleMessage) -> None:
            if message.type == "error" and not message.text.startswith((*EXPECTED_IN_CONSOLE, *expected)):
                complaints.append(f"{message.location.get('url')}: {message.text}")

        context = new_context(**options)
        context.on("console", on_console)
        context.on("weberror", on_error)
        return context

    yield make
    assert complaints == []


@pytest.fixture(autouse=True)
def _empty_cache() -> Iterator[None]:
    """Leave nothing in the process's cache for the next test."""
    yield
    cache.clear()


@pytest.fixture(scope="session", autouse=True)
def _nobody_else(django_db_setup: None, django_db_blocker: Any) -> Iterator[None]:
    """Let the database be thrown away although a server's last thread has not let go of it yet."""
    yield
    if connection.vendor == "postgresql":
        with django_db_blocker.unblock(), connection.cursor() as cursor:
            cursor.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
