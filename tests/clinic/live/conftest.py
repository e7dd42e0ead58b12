"""Streams as tests open them."""

import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.test import Client

from clinic.models import User
from tests.factories.house import House, logged_in
from tests.fakes.listener import Listener

Listen = Callable[..., Listener]


@pytest.fixture
def listen(live: str) -> Iterator[Listen]:
    """Open streams with the cookies that a page or a renewal gave a client."""
    opened: list[Listener] = []

    def open_one(client: Client, path: str | None = None, **more: Any) -> Listener:
        mine, cookies = stream_of(client)
        one = Listener(live, path or mine, cookies, more.get("headers"))
        opened.append(one)
        return one

    yield open_one
    for one in opened:
        one.close()


def stream_of(client: Client) -> tuple[str, dict[str, str]]:
    """Return the path of the stream that this browser holds a token for, and the cookie."""
    cookie = client.cookies["live"]
    return cookie["path"], {"live": cookie.value}


def at_today(house: House, user: User) -> Client:
    """Return a browser with the day's page open, and so with a token."""
    client = logged_in(user)
    assert client.get(house.url()).status_code == 200
    return client


def eventually(holds: Callable[[], bool], seconds: float = 10.0) -> None:
    """Wait until something holds."""
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.01)
