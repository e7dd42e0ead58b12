"""The Django peers of `bench.streams`, in a process with their packages.

`/events/` is django-eventstream with Redis; `/plain/` a view with an async generator, as Django's own
documentation shows it. Both behind the middleware that a new project has.
"""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import django
from django.conf import settings
from django.http import HttpRequest, StreamingHttpResponse
from django.urls import include, path

CHANNEL = "all"
FOLDER = Path(os.environ["ANTEROOM_DATA"])
REDIS = urlsplit(os.environ["REDIS_URL"])

settings.configure(
    SECRET_KEY="bench",
    ALLOWED_HOSTS=["127.0.0.1"],
    ROOT_URLCONF=__name__,
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": FOLDER / "peers.sqlite3"}},
    INSTALLED_APPS=[
        "django.contrib.auth",
        "django.contrib.contenttypes",
        "django.contrib.sessions",
        "django.contrib.messages",
        "django_eventstream",
    ],
    MIDDLEWARE=[
        "django.middleware.security.SecurityMiddleware",
        "django.contrib.sessions.middleware.SessionMiddleware",
        "django.middleware.common.CommonMiddleware",
        "django.middleware.csrf.CsrfViewMiddleware",
        "django.contrib.auth.middleware.AuthenticationMiddleware",
        "django.contrib.messages.middleware.MessageMiddleware",
        "django.middleware.clickjacking.XFrameOptionsMiddleware",
    ],
    EVENTSTREAM_REDIS={"host": REDIS.hostname, "port": REDIS.port, "db": 0},
    LOGGING_CONFIG=None,
)
django.setup()


async def plain(request: HttpRequest) -> StreamingHttpResponse:
    """Say hello, then wait."""

    async def events() -> AsyncIterator[bytes]:
        yield b"event: sync\ndata: {}\n\n"
        await asyncio.Event().wait()

    return StreamingHttpResponse(events(), content_type="text/event-stream")


urlpatterns = [
    path("plain/", plain),
    path("events/", include("django_eventstream.urls"), {"channels": [CHANNEL]}),
]

if __name__ != "__main__":
    from django.core.asgi import get_asgi_application

    application = get_asgi_application()


def publish() -> None:
    """Send an event for each line read: a number, a space, the text."""
    from django_eventstream import send_event  # noqa: PLC0415

    from bench.listeners import stamp  # noqa: PLC0415

    for line in sys.stdin:
        number, _, text = line.rstrip("\n").partition(" ")
        data: dict[str, Any] = json.loads(text)
        send_event(CHANNEL, "notice", {**data, "stamp": stamp(int(number))})


if __name__ == "__main__":
    settings.ROOT_URLCONF = "bench.streams_peers"
    publish()
