"""The threads in which pages are made: few at a time while pages are quick, all of them beside slow ones.

Python makes one page at a time whatever there is of threads, and each question to the database lets another thread
in: eight that work at once need half as long again for the same pages as two do (decision 21). But a page that waits,
for a lock or a provider, must not stop the others. So two are made at once, and whoever takes longer than a
quick page does is not counted any more.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

# Pages made at the same time at most, the slow ones included.
PAGE_THREADS = 8
# Quick ones among them: while one asks the database, the other computes.
QUICK_ONES = 2
# How many seconds a page may take and count as quick: several times what most need.
QUICK = 0.05

T = TypeVar("T")


class PageThreads:
    """Runs what makes pages, in the order in which they come; for one event loop at a time.

    Args:
        threads: how many are made at the same time at most.
        quick_ones: how many of those that have run for less than `quick` seconds.
        quick: in seconds.
    """

    def __init__(
        self, threads: int = PAGE_THREADS, *, quick_ones: int = QUICK_ONES, quick: float = QUICK
    ) -> None:
        self.executor = ThreadPoolExecutor(max_workers=threads, thread_name_prefix="page")
        self._quick_ones, self._quick = quick_ones, quick
        self._loop: asyncio.AbstractEventLoop | None = None
        self._turns = asyncio.Semaphore(quick_ones)

    async def run(self, make: Callable[[], T]) -> T:
        """Return what `make` returns in one of the threads, or raise what it raises."""
        loop = asyncio.get_running_loop()
        if loop is not self._loop:
            # Whoever had a turn in a loop that is gone does not give it back.
            self._loop, self._turns = loop, asyncio.Semaphore(self._quick_ones)
        turns = self._turns
        await turns.acquire()
        try:
            page = loop.run_in_executor(self.executor, make)
        except BaseException:  # the process is ending
            turns.release()
            raise
        # Its turn ends with it, or when it proves to be slow; also if nobody waits for it any more.
        turn = _Turn(turns)
        slow = loop.call_later(self._quick, turn.end)
        page.add_done_callback(lambda _page: slow.cancel())
        page.add_done_callback(lambda _page: turn.end())
        return await page


class _Turn:
    """One page's turn, which ends once."""

    def __init__(self, turns: asyncio.Semaphore) -> None:
        self._turns, self._is_over = turns, False

    def end(self) -> None:
        if not self._is_over:
            self._is_over = True
            self._turns.release()
