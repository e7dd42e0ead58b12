"""A provider in the process, for what a server cannot be made to do at an exact moment.

`Provider()` takes everything. Scripted answers are used up in order, one for each try of a delivery.
"""

import threading
from collections import Counter, defaultdict, deque
from dataclasses import dataclass, field
from datetime import datetime

from messaging.backends.base import Accepted, Outgoing


@dataclass
class Gate:
    """A try that hangs: it says `reached`, then waits until the test opens it."""

    reached: threading.Event = field(default_factory=threading.Event)
    opened: threading.Event = field(default_factory=threading.Event)
    then: Accepted | Exception = field(default_factory=Accepted)


Answer = Accepted | Exception | Gate


class Provider:
    """What stands at the other end of all lines of a test."""

    def __init__(self) -> None:
        self.sent: list[Outgoing] = []  # every try that reached it
        self.taken: Counter[int] = Counter()  # accepted, by delivery
        self.open_lines = 0
        self.asked: list[int] = []  # look-ups, by delivery
        self.known: dict[int, Accepted | Exception] = {}  # what a look-up finds
        self._script: dict[int, deque[Answer]] = defaultdict(deque)
        self._lock = threading.Lock()

    def script(self, delivery_id: int, *answers: Answer) -> None:
        """Let the next tries of a delivery be answered so."""
        self._script[delivery_id].extend(answers)

    def open(self, channel: str) -> "Line":
        """Stand in for `open_backend`."""
        with self._lock:
            self.open_lines += 1
        return Line(self)

    def answer(self, outgoing: Outgoing) -> Accepted:
        with self._lock:
            self.sent.append(outgoing)
            script = self._script[outgoing.delivery_id]
            answer: Answer = script.popleft() if script else Accepted()
        if isinstance(answer, Gate):
            answer.reached.set()
            assert answer.opened.wait(10)
            answer = answer.then
        if isinstance(answer, Exception):
            raise answer
        with self._lock:
            self.taken[outgoing.delivery_id] += 1
        return answer

    def ids(self) -> list[int]:
        """Return the deliveries of all tries, in order."""
        return [one.delivery_id for one in self.sent]


class Line:
    """One line to the provider."""

    def __init__(self, provider: Provider) -> None:
        self._provider = provider

    def send(self, outgoing: Outgoing) -> Accepted:
        return self._provider.answer(outgoing)

    def find(self, outgoing: Outgoing, *, since: datetime) -> Accepted | None:
        self._provider.asked.append(outgoing.delivery_id)
        found = self._provider.known.get(outgoing.delivery_id)
        if isinstance(found, Exception):
            raise found
        return found

    def close(self) -> None:
        self._provider.open_lines -= 1
