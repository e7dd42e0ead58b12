"""Who uses the servers of `bench.streams`: those who publish each way, and those who read a page meanwhile.

Those who listen are a process of their own: `bench.listeners`.
"""

import contextlib
import json
import re
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from http.client import HTTPConnection

import redis

from bench import ground
from bench.listeners import Listeners, stamp
from bench.streams_servers import Server, peers_environment

TEXT = "Dr Lis is running 20 minutes late. You may leave the waiting room; we will call you."
BETWEEN = 0.03


@contextlib.contextmanager
def peers_publisher(env: dict[str, str]) -> Iterator["subprocess.Popen[str]"]:
    """Run the process that publishes for django-eventstream, with its packages."""
    with subprocess.Popen(
        [sys.executable, "-m", "bench.streams_peers"],
        env=peers_environment(env),
        cwd=ground.ROOT,
        stdin=subprocess.PIPE,
        text=True,
    ) as publisher:
        try:
            yield publisher
        finally:
            publisher.kill()


class Clients:
    """Who publishes in one round.

    Args:
        lines: who listens.
        eventstream: the peers' publisher.
    """

    def __init__(
        self,
        servers: Mapping[str, Server],
        lines: Listeners,
        eventstream: "subprocess.Popen[str]",
        redis_url: str,
    ) -> None:
        self._servers, self._lines, self._eventstream = servers, lines, eventstream
        self._redis = redis.Redis.from_url(redis_url)
        self._nchan = HTTPConnection("127.0.0.1", servers["nchan"].address.port)
        self._next = 0

    def publish(self, way: str, count: int) -> int:
        """Publish a message one way; return its number."""
        from bench import streams_product  # noqa: PLC0415 - after django.setup()
        from clinic.live import bus  # noqa: PLC0415

        self._next += 1
        number = self._next
        if way == "product, shared":
            bus.publish("notice", {streams_product.EVERYBODY: None}, {"text": TEXT, "stamp": stamp(number)})
        elif way == "product, own number":
            # Made before it is stamped, as the notice's own transaction makes it before the commit.
            topics = {streams_product.own_topic(n): number for n in range(count)}
            said = {"text": TEXT, "stamp": stamp(number)}
            bus.publish(
                "notice", topics, by_language={language: said for language in streams_product.LANGUAGES}
            )
        elif way == "limit":
            data = json.dumps({"text": TEXT, "stamp": stamp(number)}, separators=(",", ":"))
            self._redis.publish("bench:limit", f"event: notice\ndata: {data}\n\n")
        elif way == "nchan":
            data = json.dumps({"text": TEXT, "stamp": stamp(number)}, separators=(",", ":"))
            self._nchan.request("POST", "/publish", data, {"X-EventSource-Event": "notice"})
            self._nchan.getresponse().read()
        elif way == "eventstream":
            assert self._eventstream.stdin is not None
            self._eventstream.stdin.write(f"{number} {json.dumps({'text': TEXT})}\n")
            self._eventstream.stdin.flush()
        return number

    def message(self, way: str, count: int) -> tuple[float, float, int]:
        """Publish, wait until all have it; return milliseconds, processor milliseconds and how many lack it."""
        group = way.partition(",")[0]
        server = self._servers[group]
        before = server.cpu()
        lacking, took = self._lines.heard(group, self.publish(way, count))
        used = (server.cpu() - before) * 1000
        time.sleep(BETWEEN)
        return took, used, lacking

    @contextlib.contextmanager
    def notifying(self) -> Iterator[None]:
        """Send all callers a message each second."""
        end = threading.Event()

        def notify() -> None:
            while not end.wait(1):
                self.publish("product, own number", 1000)

        thread = threading.Thread(target=notify)
        thread.start()
        yield
        end.set()
        thread.join()


def wrk(address: str, seconds: int) -> float:
    """Return the 99th percentile of a page's times, in ms, over eight connections."""
    said = subprocess.run(
        ["wrk", "-t1", "-c8", f"-d{seconds}s", "--latency", address],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    found = re.search(r"99%\s+([\d.]+)(us|ms|s)\b", said)
    if found is None or "Non-2xx" in said:
        sys.exit(f"{address} does not answer as it should:\n{said}")
    return float(found[1]) * {"us": 0.001, "ms": 1, "s": 1000}[found[2]]
