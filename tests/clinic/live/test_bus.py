"""From a commit to the stream, whatever is lost on the way (R4, R26, R28, W11)."""

import errno
import select
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import uvicorn
from django.db import transaction

from clinic.live import bus, hub, subjects
from clinic.live.bus import publish
from clinic.live.events import Event, pack
from clinic.live.stream import MOST_BEHIND
from clinic.live.subjects import Presence
from clinic.live.upkeep import Upkeep
from clinic.models import LiveEvent
from clinic.people.listening import KIND, clinic_topic
from tests.clinic.live.conftest import Listen, at_today, eventually, stream_of
from tests.factories.house import House
from tests.fakes.listener import Heard
from tests.services import _free_port, _redis_program

# --- Slow and gone browsers ----------------------------------------------------------------------


def test_browser_that_does_not_read_is_cut_and_nobody_waits_for_it(
    rynek: House, live: str, server: uvicorn.Server, listen: Listen
) -> None:
    slow, healthy = at_today(rynek, rynek.admin), listen(at_today(rynek, rynek.assistant))
    healthy.take("sync")
    path, cookies = stream_of(slow)
    address = urlsplit(live)
    with socket.socket() as deaf:
        deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        deaf.connect((address.hostname, address.port))
        deaf.sendall(
            f"GET {path} HTTP/1.1\r\nHost: {address.netloc}\r\nCookie: live={cookies['live']}\r\n\r\n".encode()
        )
        eventually(lambda: len(hub.hub) == 2)

        topic, text = clinic_topic(rynek.clinic.pk), "x" * 40_000
        heard = 0
        while len(hub.hub) == 2 and heard < 5000:
            publish("notice", {topic: heard}, {"text": text})
            assert healthy.take("notice").number == heard
            heard += 1

        # It was cut with a bounded number of events waiting, and the healthy one heard every one.
        assert MOST_BEHIND <= heard < 5000
        assert len(hub.hub) == 1
        # Nothing is kept for it, here or in the system: it is reset without having read a byte.
        end = select.poll()
        end.register(deaf, select.POLLERR)
        assert end.poll(10_000)
        assert deaf.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == errno.ECONNRESET
        eventually(lambda: len(server.server_state.connections) == 1)
    back = listen(slow)
    assert back.take() == Heard("sync", None, {})


@pytest.mark.skipif(not hasattr(socket, "TCP_USER_TIMEOUT"), reason="Linux only")
def test_client_gone_without_a_word_is_given_up_after_a_minute(
    rynek: House, server: uvicorn.Server, listen: Listen
) -> None:
    listen(at_today(rynek, rynek.assistant)).take("sync")
    (connection,) = server.server_state.connections
    held = connection.transport.get_extra_info("socket")  # type: ignore[union-attr]
    assert held.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == 60_000


def test_closed_tab_leaves_nothing_behind(rynek: House, listen: Listen) -> None:
    stream = listen(at_today(rynek, rynek.assistant))
    stream.take("sync")
    assert len(hub.hub) == 1
    stream.close()
    eventually(lambda: len(hub.hub) == 0)
    assert not hub.hub._by_topic
    assert not hub.hub._by_scope


def test_server_that_stops_ends_streams_at_once(rynek: House, listen: Listen) -> None:
    stream = listen(at_today(rynek, rynek.assistant))
    stream.take("sync")
    hub.hub.stop()
    stream.wait_closed(1.0)


# --- Processes beside the server -----------------------------------------------------------------


@pytest.fixture
def embedded(settings: Any) -> None:
    """No Redis, whatever this run has."""
    settings.REDIS_URL = ""


@pytest.mark.django_db
def test_command_beside_the_server_leaves_a_row_with_its_transaction(rynek: House, embedded: None) -> None:
    LiveEvent.objects.all().delete()
    with transaction.atomic():
        publish("appointment", {"clinic:1": None}, {"ids": [1]})
        transaction.set_rollback(True)
    assert not LiveEvent.objects.exists()
    publish("appointment", {"clinic:1": 5}, {"ids": [2]})
    assert LiveEvent.objects.get().packed == '{"n":"appointment","t":{"clinic:1":5},"d":{"ids":[2]}}'


def test_server_takes_the_rows_in_their_order(embedded: None, rynek: House, listen: Listen) -> None:
    stream = listen(at_today(rynek, rynek.assistant))
    stream.take("sync")
    topic = clinic_topic(rynek.clinic.pk)
    LiveEvent.objects.bulk_create(LiveEvent(packed=pack(Event("count", {topic: n}))) for n in range(700))
    assert [stream.take("count").number for _ in range(700)] == list(range(700))
    eventually(lambda: not LiveEvent.objects.exists())


# --- Redis comes and goes ------------------------------------------------------------------------


@contextmanager
def valkey_at(port: int, folder: Path) -> Iterator[None]:
    """Run a Valkey at this port."""
    options = ["--port", str(port), "--bind", "127.0.0.1", "--appendonly", "no", "--save", ""]
    with subprocess.Popen(
        [_redis_program(), *options, "--dir", str(folder)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:

        def answers() -> bool:
            with socket.socket() as probe:
                return probe.connect_ex(("127.0.0.1", port)) == 0

        eventually(answers)
        yield
        process.kill()


@pytest.fixture
def lost_bus(settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], Any]]:
    """A Redis of our own; the value returned runs it again at the same address."""
    port = _free_port()
    settings.REDIS_URL = f"redis://127.0.0.1:{port}/0"
    bus.connection.cache_clear()
    bus.channel.cache_clear()
    monkeypatch.setattr(bus, "LEFT_ALONE", 0.1)
    monkeypatch.setattr(bus, "line", bus.Line())
    yield lambda: valkey_at(port, tmp_path)
    bus.line._owes_sync = False
    if bus.line._paying is not None:
        bus.line._paying.join(5)
    bus.connection().close()
    bus.connection.cache_clear()
    bus.channel.cache_clear()


def test_what_was_said_while_the_bus_was_away_is_fetched_when_it_is_back(
    lost_bus: Callable[[], Any], rynek: House, listen: Listen
) -> None:
    topic: dict[str, int | None] = {clinic_topic(rynek.clinic.pk): None}
    with lost_bus():
        stream = listen(at_today(rynek, rynek.assistant))
        stream.take("sync")
        # The subscription itself says `sync` once it stands: whatever was said before is fetched.
        stream.take("sync")
        publish("heard", topic)
        stream.take("heard")
    began = time.monotonic()
    publish("lost", topic)
    assert time.monotonic() - began < 1.2
    with lost_bus():
        stream.take("sync")
        eventually(lambda: _says(topic))
        stream.take("heard again")


def _says(topic: dict[str, int | None]) -> bool:
    """Publish until Redis takes it."""
    bus.line._owes_sync = False
    publish("heard again", topic)
    return not bus.line._owes_sync


def test_what_could_not_be_said_is_paid_as_a_sync_by_whoever_owes_it(lost_bus: Callable[[], Any]) -> None:
    bus.line.send(Event("lost", {"clinic:1": None}))
    assert bus.line._owes_sync
    bus.line._rest_until = time.monotonic() + 3600  # until somebody listens
    with lost_bus():
        subscription = bus.connection().pubsub()
        subscription.subscribe(bus.channel())
        eventually(lambda: subscription.get_message(timeout=1) is not None)
        bus.line._rest_until = 0.0
        found = subscription.get_message(timeout=10)
        assert found is not None
        assert found["data"] == b'{"n":"-sync"}'
        eventually(lambda: not bus.line._owes_sync)
        subscription.close()


# --- What pages say of themselves ------------------------------------------------------------------


def test_presence_is_written_for_many_pages_at_once(
    rynek: House, live: str, listen: Listen, monkeypatch: pytest.MonkeyPatch
) -> None:
    written: list[Presence] = []
    kind = subjects.Kind(KIND.name, KIND.still_allowed, written.extend)
    monkeypatch.setitem(subjects._kinds, KIND.name, kind)
    client = at_today(rynek, rynek.assistant)
    path, cookies = stream_of(client)

    def say(body: str, **headers: str) -> int:
        return post(live, f"{path}here", body, {"Cookie": f"live={cookies['live']}", **headers})

    assert say('{"seen": 5, "visible": true}') == 204
    assert say('{"seen": 3, "visible": false}', Origin=live) == 204
    Upkeep(hub.hub).write_presence()
    eventually(lambda: len(written) > 0)
    assert [(one.seen, one.is_visible, one.subject.clinic) for one in written][-1] == (
        5,
        False,
        rynek.clinic.pk,
    )
    before = len(written)
    assert say('{"seen": 1, "visible": true}', Origin="https://evil.example") == 403
    assert say('{"seen": 1, "visible": true}', **{"Sec-Fetch-Site": "cross-site"}) == 403
    assert [say(body) for body in ("", "[]", "{", '{"seen": "a"}', '{"seen": -1, "visible": true}')] == [
        400
    ] * 5
    assert say(" " * 501 + '{"seen": 1, "visible": true}') == 400
    assert post(live, f"{path}here", "{}", {}) == 401
    Upkeep(hub.hub).write_presence()
    assert len(written) == before


def post(base: str, path: str, body: str, headers: dict[str, str]) -> int:
    """Return the status that a POST without a browser gets."""
    from http.client import HTTPConnection  # noqa: PLC0415

    connection = HTTPConnection(urlsplit(base).netloc, timeout=10)
    try:
        connection.request("POST", path, body, headers)
        return connection.getresponse().status
    finally:
        connection.close()


def test_only_what_a_stream_knows_is_answered(rynek: House, live: str) -> None:
    path, cookies = stream_of(at_today(rynek, rynek.assistant))
    cookie = {"Cookie": f"live={cookies['live']}"}
    assert post(live, path, "", cookie) == 405
    assert post(live, f"{path}elsewhere", "", cookie) == 404


def test_upkeep_outlives_a_database_that_is_away(
    rynek: House, listen: Listen, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("clinic.live.upkeep.TICK", 0.01)
    monkeypatch.setattr("clinic.live.upkeep.RECHECK_SECONDS", 0.01)
    tried = threading.Event()

    def fail(_self: Upkeep) -> None:
        tried.set()
        from django.db import OperationalError  # noqa: PLC0415

        raise OperationalError

    with monkeypatch.context() as broken:
        broken.setattr(Upkeep, "recheck", fail)
        upkeep = Upkeep(hub.hub)
        upkeep.start()
        assert tried.wait(5)
    looked = threading.Event()
    monkeypatch.setattr(Upkeep, "recheck", lambda _self: looked.set())
    assert looked.wait(5)
    upkeep.stop()
    upkeep._thread.join(5)
    assert not upkeep._thread.is_alive()
