"""What journeys share: a browser at the desk, a patient's phone, and the outbox at work."""

import time
from collections.abc import Callable
from datetime import datetime
from threading import Thread

import pytest
from django.db import connection
from playwright.sync_api import BrowserContext, Page, expect

from messaging.delivery import send_due
from notifications.enums import Channel
from tests.factories.house import NOW, PASSWORD, House

# What is right is there at once; on a machine that runs three tests at a time, at once takes longer.
expect.set_options(timeout=20_000)

MakeContext = Callable[..., BrowserContext]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give a journey that fails a second try, alone.

    Hundreds of pages load beside each other on a machine that has other work too; one that a browser kept waiting
    says nothing of the product. The run counts them ("1 rerun"), and what fails twice fails.
    """
    for item in items:
        if "tests/journeys/" in item.path.as_posix() and item.get_closest_marker("faults") is None:
            item.add_marker(pytest.mark.flaky(reruns=1))


@pytest.fixture
def sweep(transactional_db: None) -> Callable[..., None]:
    """Send what is due, as the worker does: in a thread of its own."""

    def run(at: datetime = NOW) -> None:
        def work() -> None:
            for channel in Channel:
                send_due(channel=channel, at=at, now=lambda: at)
            connection.close()

        thread = Thread(target=work)
        thread.start()
        thread.join(30)
        assert not thread.is_alive()

    return run


def log_in(page: Page, live: str, house: House) -> None:
    """Log in as the house's assistant."""
    page.goto(f"{live}/log-in/")
    page.get_by_label("E-mail").fill(house.assistant.email)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()
    page.wait_for_url(f"{live}/c/{house.slug}/")


def until(page: Page, holds: Callable[[], bool], seconds: float = 30.0) -> None:
    """Wait until something holds, and let Playwright do its work meanwhile."""
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end
        page.wait_for_timeout(10)
