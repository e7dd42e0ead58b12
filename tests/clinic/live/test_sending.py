"""From the hub to the server's `send`: straight where it can, in order where it must wait, for each alone."""

import asyncio
import threading
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from clinic.live import hub as hub_module
from clinic.live.events import REVOKE, Event
from clinic.live.hub import AT_ONCE, PING_SECONDS, Hub
from clinic.live.stream import MOST_BEHIND, Stream
from clinic.live.subjects import Subject


class Socket:
    """What a server gives to an answer: takes bodies, slowly or not at all if so told."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []
        self.is_ended = False
        self.is_cut = False
        self.free = asyncio.Event()
        self.free.set()
        self.fails: Exception | None = None

    async def send(self, message: Any) -> None:
        await self.free.wait()
        if self.fails:
            raise self.fails
        assert not self.is_ended
        self.is_ended = not message["more_body"]
        if message["body"]:
            self.bodies.append(message["body"])

    def cut(self) -> None:
        self.is_cut = True


def make(number: int = 0, *topics: str) -> tuple[Stream, Socket]:
    """Make a stream and its socket."""
    socket = Socket()
    subject = Subject("member", str(number), 1, topics or ("all",))
    return Stream(subject, made_at=0.0, send=socket.send, cut=socket.cut), socket


def on_a_loop(work: Callable[[], Awaitable[None]]) -> None:
    """Run a coroutine in a thread of its own: Playwright keeps a loop in this one."""
    failures: list[BaseException] = []

    def run() -> None:
        try:
            asyncio.run(work())  # type: ignore[arg-type]
        except BaseException as failure:
            failures.append(failure)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    if failures:
        raise failures[0]


async def turns(number: int = 5) -> None:
    for _ in range(number):
        await asyncio.sleep(0)


def test_frame_is_sent_before_put_returns() -> None:
    async def work() -> None:
        stream, socket = make()
        before = asyncio.all_tasks()
        stream.put(b"1")
        stream.put(b"2")
        stream.end()
        stream.put(b"too late")
        assert (socket.bodies, socket.is_ended) == ([b"1", b"2"], True)
        assert asyncio.all_tasks() == before

    on_a_loop(work)


def test_slow_socket_gets_everything_in_order_and_then_the_end() -> None:
    async def work() -> None:
        stream, socket = make()
        socket.free.clear()
        for frame in (b"1", b"2", b"3"):
            stream.put(frame)
        stream.end()
        await turns()
        assert socket.bodies == []
        socket.free.set()
        await turns()
        assert (socket.bodies, socket.is_ended) == ([b"1", b"23"], True)

    on_a_loop(work)


def test_socket_that_was_slow_is_served_straight_again() -> None:
    async def work() -> None:
        stream, socket = make()
        socket.free.clear()
        stream.put(b"1")
        socket.free.set()
        await turns()
        stream.put(b"2")
        assert socket.bodies == [b"1", b"2"]

    on_a_loop(work)


def test_stream_too_far_behind_is_cut() -> None:
    async def work() -> None:
        stream, socket = make()
        socket.free.clear()
        for _ in range(MOST_BEHIND + 1):  # the first is under way
            stream.put(b"x")
        assert not socket.is_cut
        stream.put(b"x")
        assert socket.is_cut
        socket.free.set()
        await turns()
        assert socket.bodies == []

    on_a_loop(work)


@pytest.mark.parametrize("is_slow", [False, True])
def test_failure_of_one_stream_does_not_reach_the_next(is_slow: bool) -> None:
    async def work() -> None:
        hub = Hub()
        hub.start()
        (broken, broken_socket), (sound, sound_socket) = make(1), make(2)
        hub.add(broken)
        hub.add(sound)
        broken_socket.fails = OSError("gone")
        if is_slow:
            broken_socket.free.clear()
        hub.deliver_soon(Event("notice", {"all": 1}))
        await turns()
        broken_socket.free.set()
        await turns()
        assert broken_socket.is_cut
        assert not sound_socket.is_cut
        assert sound_socket.bodies[1:] == [b'id: 1\ndata: {"name":"notice","data":{}}\n\n']
        hub.stop()

    on_a_loop(work)


def test_message_to_many_lets_the_loop_have_its_turn_and_keeps_the_order() -> None:
    async def work() -> None:
        hub = Hub()
        hub.start()
        all_of_them = [make(number) for number in range(3 * AT_ONCE)]
        for stream, socket in all_of_them:
            hub.add(stream)
            socket.bodies.clear()
        for number in (1, 2):
            hub.deliver_soon(Event("notice", {"all": number}))
        seen = set()
        while not all(len(socket.bodies) == 2 for _, socket in all_of_them):
            seen.add(sum(len(socket.bodies) for _, socket in all_of_them))
            await asyncio.sleep(0)
        assert len(seen) >= 6
        for _, socket in all_of_them:
            assert [body[:5] for body in socket.bodies] == [b"id: 1", b"id: 2"]
        hub.stop()

    on_a_loop(work)


def test_event_that_cannot_be_read_does_not_stop_the_next() -> None:
    async def work() -> None:
        hub = Hub()
        hub.start()
        stream, socket = make()
        hub.add(stream)
        hub.deliver_soon(Event(REVOKE, {}))
        hub.deliver_soon(Event("notice", {"all": None}))
        await turns()
        assert len(socket.bodies) == 2
        hub.stop()

    on_a_loop(work)


def test_each_stream_is_pinged_once_in_a_round_and_never_all_together(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def work() -> None:
        real, seconds = asyncio.sleep, 0

        async def one_second(_seconds: float) -> None:
            nonlocal seconds
            seconds += 1
            if seconds > PING_SECONDS:
                await asyncio.Event().wait()
            pinged.append(sum(len(socket.bodies) for _, socket in all_of_them))
            await real(0)

        hub = Hub()
        all_of_them = [make(number) for number in range(3 * PING_SECONDS)]
        for stream, socket in all_of_them:
            hub.add(stream)
            socket.bodies.clear()
        pinged: list[int] = []
        with monkeypatch.context() as patched:
            patched.setattr(hub_module.asyncio, "sleep", one_second)
            hub.start()
            while seconds <= PING_SECONDS:
                await real(0)
        assert [socket.bodies for _, socket in all_of_them] == [[b"event: ping\ndata: {}\n\n"]] * len(
            all_of_them
        )
        assert pinged == [3 * second for second in range(PING_SECONDS)]
        hub.stop()

    on_a_loop(work)
