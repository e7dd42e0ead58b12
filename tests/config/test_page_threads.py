"""Which pages run beside each other: two quick ones, and as many slow ones as there are threads (decision 21)."""

import asyncio
import threading
from collections.abc import Callable, Coroutine
from contextlib import suppress
from functools import partial
from typing import Any

from config.page_threads import PageThreads
from tests.fakes.loops import run

# So long a page counts as quick where a test wants none to be slow, or all of them.
FOR_EVER, NOT_AT_ALL = 3600.0, 0.001


class Doors:
    """Pages that stay in until their door is opened."""

    def __init__(self) -> None:
        self.entered: list[int] = []
        self._opened = [threading.Event() for _ in range(9)]

    def page(self, number: int) -> Callable[[], int]:
        return partial(self._stay, number)

    def _stay(self, number: int) -> int:
        self.entered.append(number)
        assert self._opened[number].wait(30)
        return number

    def open(self, *numbers: int) -> None:
        for number in numbers:
            self._opened[number].set()

    async def until(self, entered: list[int]) -> None:
        async with asyncio.timeout(10):
            while sorted(self.entered) != entered:
                await asyncio.sleep(0.001)


def settled(threads: PageThreads, *makes: Callable[[], int]) -> list[asyncio.Task[int]]:
    return [asyncio.ensure_future(threads.run(make)) for make in makes]


def played(scene: Callable[[Doors], Coroutine[Any, Any, None]]) -> None:
    doors = Doors()
    try:
        run(scene(doors))
    finally:
        doors.open(*range(9))


def test_of_quick_pages_two_run_at_once_in_the_order_they_came() -> None:
    async def scene(doors: Doors) -> None:
        pages = settled(PageThreads(4, quick=FOR_EVER), *map(doors.page, range(4)))
        await doors.until([0, 1])
        await asyncio.sleep(0.02)
        assert sorted(doors.entered) == [0, 1]

        doors.open(1)

        await doors.until([0, 1, 2])
        doors.open(0, 2, 3)
        assert await asyncio.gather(*pages) == [0, 1, 2, 3]

    played(scene)


def test_slow_pages_leave_room_for_others_until_all_threads_are_taken() -> None:
    async def scene(doors: Doors) -> None:
        pages = settled(PageThreads(4, quick=NOT_AT_ALL), *map(doors.page, range(6)))
        await doors.until([0, 1, 2, 3])
        await asyncio.sleep(0.02)
        assert sorted(doors.entered) == [0, 1, 2, 3]

        doors.open(*range(6))

        assert await asyncio.gather(*pages) == [0, 1, 2, 3, 4, 5]

    played(scene)


def test_turn_of_a_slow_page_ends_once() -> None:
    """Else each slow page would let one more of the quick ones in for good."""

    async def scene(doors: Doors) -> None:
        threads = PageThreads(8, quick=0.05)
        slow = settled(threads, doors.page(0), doors.page(1))
        await doors.until([0, 1])
        await asyncio.sleep(0.06)
        doors.open(0, 1)
        await asyncio.gather(*slow)
        threads._quick = FOR_EVER

        quick = settled(threads, *map(doors.page, (2, 3, 4, 5)))
        await doors.until([0, 1, 2, 3])
        await asyncio.sleep(0.02)

        assert sorted(doors.entered) == [0, 1, 2, 3]
        doors.open(2, 3, 4, 5)
        await asyncio.gather(*quick)

    played(scene)


def test_page_that_fails_gives_its_turn_back() -> None:
    def fail() -> int:
        raise ZeroDivisionError

    async def scene(doors: Doors) -> None:
        threads = PageThreads(4, quick=FOR_EVER)
        doors.open(0)

        for _ in range(3):
            with suppress(ZeroDivisionError):
                await threads.run(fail)
                raise AssertionError("did not fail")

        assert await threads.run(doors.page(0)) == 0

    played(scene)


def test_whoever_leaves_the_queue_takes_no_turn_along() -> None:
    async def scene(doors: Doors) -> None:
        threads = PageThreads(4, quick=FOR_EVER)
        pages = settled(threads, *map(doors.page, range(4)))
        await doors.until([0, 1])
        pages[2].cancel()

        doors.open(0)

        await doors.until([0, 1, 3])
        doors.open(1, 3)
        assert await asyncio.gather(*pages[:2], pages[3]) == [0, 1, 3]

    played(scene)


def test_no_thread_takes_a_page_after_the_end() -> None:
    async def scene(doors: Doors) -> None:
        threads = PageThreads(1, quick=FOR_EVER)
        threads.executor.shutdown()

        refused = await asyncio.gather(*settled(threads, *map(doors.page, range(3))), return_exceptions=True)

        assert [type(one) for one in refused] == [RuntimeError] * 3

    played(scene)


def test_next_loop_has_all_turns_again() -> None:
    """A loop that ends while pages are being made takes their turns along."""
    doors = Doors()
    threads = PageThreads(4, quick=FOR_EVER)

    async def left() -> None:
        settled(threads, doors.page(0), doors.page(1))
        await doors.until([0, 1])

    async def scene(doors: Doors) -> None:
        pages = settled(threads, doors.page(2), doors.page(3), doors.page(4))
        await doors.until([0, 1, 2, 3])
        doors.open(0, 1, 2, 3, 4)
        assert await asyncio.gather(*pages) == [2, 3, 4]

    try:
        run(left())
        run(scene(doors))
    finally:
        doors.open(*range(9))
