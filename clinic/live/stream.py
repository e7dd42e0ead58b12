"""One open stream, and how its frames reach the socket."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Generator, MutableMapping
from typing import Any

from clinic.live.subjects import Subject

Message = MutableMapping[str, Any]
Send = Callable[[Message], Awaitable[None]]

log = logging.getLogger("anteroom.live")

# How long a stream that ends may take to send what it still has, in seconds: rights end within thirty.
LAST_WORDS = 10
# Frames a stream may be behind before it is cut; it comes back and asks for what it lacks.
MOST_BEHIND = 256


class Begun:
    """The rest of an awaitable whose first steps were already run, for a task to wait for.

    Args:
        steps: what is left of it.
        waits_for: what it yielded and now waits for.
    """

    def __init__(self, steps: Generator[Any, Any, None], waits_for: Any) -> None:
        self._steps = steps
        self._waits_for = waits_for

    def __await__(self) -> Generator[Any, Any, None]:
        yield self._waits_for
        yield from self._steps


class Stream:
    """One open connection.

    A frame is handed to the server there and then, without waking a task: that is most of what a message
    to a thousand streams costs. Only while the server waits for a slow socket do frames queue up, and a
    task sends them once it may.

    Args:
        subject: whose it is.
        made_at: when its token was made (seconds since 1970).
        send: the server's, for the body of the answer.
        cut: called to end the answer even in the middle of a send that does not return.
    """

    __slots__ = ("_catching_up", "_cut", "_frames", "_send", "beat", "is_over", "made_at", "subject")

    def __init__(self, subject: Subject, *, made_at: float, send: Send, cut: Callable[[], object]) -> None:
        self.subject = subject
        self.made_at = made_at
        self.is_over = False
        self.beat = 0
        self._frames: list[bytes] = []
        self._send = send
        self._cut = cut
        self._catching_up: asyncio.Task[None] | None = None

    def put(self, data: bytes) -> None:
        """Have something sent; a stream too far behind is cut instead: it would only fall further back."""
        if self.is_over:
            return
        if self._catching_up is None:
            self._hand_over({"type": "http.response.body", "body": data, "more_body": True})
        elif len(self._frames) < MOST_BEHIND:
            self._frames.append(data)
        else:
            self.cut()

    def end(self) -> None:
        """End the stream after what it still has to be sent; one that does not read it is cut soon."""
        if not self.is_over:
            self.is_over = True
            if self._catching_up is None:
                self._hand_over({"type": "http.response.body", "body": b"", "more_body": False})
            else:
                asyncio.get_running_loop().call_later(LAST_WORDS, self.cut)

    def cut(self) -> None:
        """End the stream at once."""
        self.close()
        self._cut()

    def close(self) -> None:
        """Send nothing any more."""
        self.is_over = True
        self._frames.clear()
        if self._catching_up is not None:
            self._catching_up.cancel()

    def _hand_over(self, message: Message) -> None:
        """Run the server's `send` as far as it goes without waiting, which nearly always is to its end."""
        steps = self._send(message).__await__()
        try:
            waits_for = next(steps)
        except StopIteration:
            return
        except Exception as error:
            # One stream's failure must not keep the event from the others.
            self._fail(error)
        else:
            self._catching_up = asyncio.create_task(self._catch_up(Begun(steps, waits_for)))

    async def _catch_up(self, begun: Begun) -> None:
        """Send what queues up behind a slow socket."""
        try:
            await begun
            while self._frames:
                data = b"".join(self._frames)
                self._frames.clear()
                await self._send({"type": "http.response.body", "body": data, "more_body": True})
            if self.is_over:
                await self._send({"type": "http.response.body", "body": b"", "more_body": False})
        except Exception as error:
            self._fail(error)
        self._catching_up = None

    def _fail(self, error: Exception) -> None:
        log.warning("a stream could not be written to: %s", type(error).__name__)
        self.cut()
