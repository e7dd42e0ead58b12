"""The live streams (F1 to F8): `python -m bench.streams`.

Every message goes in turn to the product, to nginx with nchan, to django-eventstream and to the limit (one
process that only sends), while all their streams stand open in one client process; what counts is when
the last of N has it. The product is `config.asgi` under uvicorn with Redis and PostgreSQL, its streams
opened with signed tokens. "Own number" is what a notice to all callers is: one event, a topic for each.

Needs wrk, nginx and nchan (Debian: apt-get install -y wrk nginx libnginx-mod-nchan).
"""

import argparse
import contextlib
import json
import os
import re
import resource
import shutil
import socket
import statistics
import subprocess
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path

import psycopg
import redis

from bench import ground
from bench.ground import Figure
from bench.listeners import Address, Listeners, listeners, stamp
from tests import services

PEERS = (
    "django-eventstream==5.3.*",
    "redis[hiredis]~=8.1",
    "Django~=5.2.0",
    "uvicorn~=0.54",
    "uvloop",
    "httptools",
)
NCHAN = Path("/usr/lib/nginx/modules/ngx_nchan_module.so")
NGINX = """
daemon off; master_process off; pid {folder}/nginx.pid; worker_rlimit_nofile 20000;
load_module {module};
events {{ worker_connections 20000; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
    server {{
        listen 127.0.0.1:{port} backlog=2048;
        location = /listen {{
            nchan_subscriber eventsource; nchan_channel_id all; nchan_subscriber_first_message newest;
        }}
        location = /publish {{ nchan_publisher; nchan_channel_id all; }}
    }}
}}
"""
TEXT = "Dr Lis is running 20 minutes late. You may leave the waiting room; we will call you."
GROUPS = ("limit", "product", "nchan", "eventstream")
WARM_UP = 3
BETWEEN = 0.03
# How many streams F6 opens, and how often in each round: the middle one counts.
OPENED = {"product": 1000, "plain": 400}
OPENINGS = 3
PAGE, PAGE_SECONDS, PAGE_TURNS = "/log-in/", 4, 5


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class Server:
    """One server of a round, as a process of its own.

    Args:
        command: with its port in it.
        address: where its streams are.
        ask: what that many browsers send to open one each.
    """

    def __init__(
        self,
        command: Sequence[str],
        address: Address,
        ask: Callable[[int], Iterator[str]],
        env: dict[str, str],
    ) -> None:
        self.command, self.address, self.ask, self._env = command, address, ask, env
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it, and return when its port answers."""
        self._process = subprocess.Popen(self.command, env=self._env, cwd=ground.ROOT)
        deadline = time.monotonic() + 30
        with socket.socket() as probe:
            while probe.connect_ex(("127.0.0.1", self.address.port)):
                if time.monotonic() > deadline or self._process.poll() is not None:
                    sys.exit(f"{' '.join(self.command)} did not start.")
                time.sleep(0.05)

    def kill(self) -> None:
        """End it as a power cut does."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    @property
    def _proc(self) -> Path:
        assert self._process is not None
        return Path(f"/proc/{self._process.pid}")

    def cpu(self) -> float:
        """Return the processor seconds it has used."""
        total = 0
        for task in (self._proc / "task").iterdir():
            with contextlib.suppress(OSError):
                total += int((task / "schedstat").read_text().split()[0])
        return total / 1e9

    def memory(self) -> int:
        """Return its memory in KiB, its share of what it shares."""
        found = re.search(r"^Pss:\s+(\d+)", (self._proc / "smaps_rollup").read_text(), re.M)
        return int(found[1]) if found else 0

    def settle(self) -> None:
        """Return once it is done with what it was given: streams that end are work too."""
        deadline = time.monotonic() + 10
        used = -1.0
        while self.cpu() - used > 0.01 and time.monotonic() < deadline:
            used = self.cpu()
            time.sleep(0.3)

    def threads(self) -> int:
        """Return how many it has."""
        return len(list((self._proc / "task").iterdir()))


@dataclass
class Sums:
    """What one round found.

    Args:
        ms: of each way and number of streams, when each message came to the last.
        cpu: likewise, the server's processor milliseconds for each message.
        opened: of each server, streams opened a second.
        memory: of each server, KiB for a stream.
    """

    ms: dict[tuple[str, int], list[float]]
    cpu: dict[tuple[str, int], list[float]]
    opened: dict[tuple[str, int], list[float]]
    memory: dict[str, float]
    lost: int = 0
    back_after: float = 0.0
    threads: int = 0
    connections: int = 0
    page_p99: dict[str, float] | None = None


class Bench:
    """The servers of all rounds.

    Args:
        options: the command line's.
    """

    def __init__(
        self, options: argparse.Namespace, folder: str, database: str, redis_url: str, env: dict[str, str]
    ) -> None:
        self._options, self._folder, self._database = options, folder, database
        self._redis_url, self._env = redis_url, env
        self._redis = redis.Redis.from_url(redis_url)
        self._next = 0
        self._peer_publisher: subprocess.Popen[str] | None = None
        self._nchan: HTTPConnection | None = None
        self.servers: dict[str, Server] = {}

    # --- servers -----------------------------------------------------------------------------------

    @contextlib.contextmanager
    def running(self) -> Iterator[None]:
        """Run everything for one round."""
        peer_env = {**self._env, "PYTHONPATH": f"{ground.peers(*PEERS)}:{ground.ROOT}"}
        uvicorn = [sys.executable, "-m", "uvicorn", "--log-level", "error", "--no-access-log"]
        ports = {name: free_port() for name in ("limit", "product", "nchan", "peers")}
        conf = Path(self._folder) / "nginx.conf"
        conf.write_text(NGINX.format(folder=self._folder, module=NCHAN, port=ports["nchan"]))
        peers = [*uvicorn, "bench.streams_peers:application", "--port", str(ports["peers"])]
        # As `manage.py web` runs it.
        product = [*uvicorn, "config.asgi:application", "--port", str(ports["product"]), "--lifespan", "on"]
        product += [
            "--ws",
            "none",
            "--no-server-header",
            "--no-proxy-headers",
            "--timeout-graceful-shutdown",
            "3",
        ]
        from bench.streams_product import requests  # noqa: PLC0415 - after django.setup()

        peer = Server(peers, Address(ports["peers"], "stream-open"), plainly("/events/"), peer_env)
        self.servers = {
            "limit": Server(
                [sys.executable, "-m", "bench.plain_sends", str(ports["limit"])],
                Address(ports["limit"], "\r\n\r\n"),
                plainly("/"),
                self._env,
            ),
            "product": Server(product, Address(ports["product"], "event: sync"), requests, self._env),
            "nchan": Server(
                ["nginx", "-p", self._folder, "-c", str(conf), "-e", f"{self._folder}/nginx.log"],
                Address(ports["nchan"], "\r\n\r\n"),
                plainly("/listen"),
                self._env,
            ),
            "eventstream": peer,
        }
        command = [sys.executable, "-m", "bench.streams_peers"]
        with subprocess.Popen(
            command, env=peer_env, cwd=ground.ROOT, stdin=subprocess.PIPE, text=True
        ) as publisher:
            try:
                for server in self.servers.values():
                    server.start()
                self._peer_publisher = publisher
                self._nchan = HTTPConnection("127.0.0.1", ports["nchan"])
                time.sleep(2)  # the product's upkeep has its connection by then
                yield
            finally:
                publisher.kill()
                for server in self.servers.values():
                    server.kill()

    # --- messages ----------------------------------------------------------------------------------

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
            assert self._nchan is not None
            data = json.dumps({"text": TEXT, "stamp": stamp(number)}, separators=(",", ":"))
            self._nchan.request("POST", "/publish", data, {"X-EventSource-Event": "notice"})
            self._nchan.getresponse().read()
        elif way == "eventstream":
            assert self._peer_publisher is not None
            assert self._peer_publisher.stdin is not None
            self._peer_publisher.stdin.write(f"{number} {json.dumps({'text': TEXT})}\n")
            self._peer_publisher.stdin.flush()
        return number

    def message(self, lines: Listeners, way: str, count: int) -> tuple[float, float, int]:
        """Publish, wait until all have it; return milliseconds, processor milliseconds and how many lack it."""
        group = way.partition(",")[0]
        server = self.servers[group]
        before = server.cpu()
        lacking, took = lines.heard(group, self.publish(way, count))
        used = (server.cpu() - before) * 1000
        time.sleep(BETWEEN)
        return took, used, lacking

    # --- one round ---------------------------------------------------------------------------------

    def round(self, lines: Listeners) -> Sums:
        """Measure everything once."""
        sums = Sums(defaultdict(list), defaultdict(list), defaultdict(list), {})
        product = self.servers["product"]
        for step, count in enumerate(self._options.clients):
            groups = GROUPS if step == 0 else GROUPS[:3]
            for group in groups:
                self._open(lines, sums, group, count, weighed=step == 0)
            ways = ["limit", "product, shared", "product, own number", *groups[2:]]
            for _n in range(WARM_UP):
                for way in ways:
                    self.message(lines, way, count)
            for _n in range(self._options.messages):
                for way in ways:
                    took, used, lacking = self.message(lines, way, count)
                    sums.ms[way, count].append(took)
                    sums.cpu[way, count].append(used)
                    if way.startswith("product"):
                        sums.lost += lacking
                    elif lacking:
                        print(f"{way}: {lacking} of {count} did not get a message", flush=True)
            for way in ways:
                tell_messages(way, count, sums)
            for group in groups:
                if group == "product" and count == self._options.clients[-1]:
                    self._restart(lines, sums, count)
                else:
                    ended = lines.close(group)
                    sums.lost += ended if group == "product" else 0
            for server in self.servers.values():
                server.settle()
        lines.close("product")
        product.settle()
        self._openings(lines, sums)
        sums.page_p99 = self._pages(lines, product)
        return sums

    def _open(self, lines: Listeners, sums: Sums, group: str, count: int, *, weighed: bool) -> None:
        server = self.servers[group]
        texts = list(server.ask(count))
        threads, connections = server.threads(), self._connections()
        memory = server.memory()
        rate = lines.open(group, server.address, texts)
        sums.opened[group, count].append(rate)
        server.settle()
        if weighed:
            sums.memory[group] = (server.memory() - memory) / count
        if weighed and group == "product":
            sums.threads = server.threads() - threads
            sums.connections = self._connections() - connections
        weight = f"{sums.memory[group]:>7.1f} KiB each" if weighed else ""
        print(f"{group:<22}{count:>6} streams {rate:>7.0f} opened/s {weight}", flush=True)

    def _connections(self) -> int:
        with psycopg.connect(self._database, autocommit=True) as it:
            found = it.execute(
                "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
            ).fetchone()
        return int(found[0]) if found else 0

    def _restart(self, lines: Listeners, sums: Sums, count: int) -> None:
        """Kill the server under its streams, start it again, and wait for everybody."""
        server = self.servers["product"]
        lines.come_back("product")
        killed = time.monotonic()
        server.kill()
        server.start()
        served = time.monotonic() - killed
        away, at = lines.back("product")
        sums.back_after = at - killed if not away else float("inf")
        print(
            f"killed: {served:.1f} s until it served, {sums.back_after:.1f} s until all {count} had `sync`",
            flush=True,
        )
        _took, _used, lacking = self.message(lines, "product, shared", count)
        sums.lost += lacking

    def _openings(self, lines: Listeners, sums: Sums) -> None:
        """Open and close, in turn, the product's streams and a plain Django view's."""
        product, peers = self.servers["product"], self.servers["eventstream"]
        plain = Address(peers.address.port, "event: sync")
        for _n in range(OPENINGS):
            for name, address, ask in (
                ("product", product.address, product.ask),
                ("plain", plain, plainly("/plain/")),
            ):
                server = product if name == "product" else peers
                texts, before = list(ask(OPENED[name])), server.cpu()
                rate = lines.open(name, address, texts)
                used = (server.cpu() - before) / OPENED[name] * 1e6
                sums.opened[name, 0].append(rate)
                print(
                    f"{name:<22}{OPENED[name]:>6} streams {rate:>7.0f} opened/s, processor {used:.0f} us each",
                    flush=True,
                )
                lines.close(name)
                server.settle()

    def _pages(self, lines: Listeners, product: Server) -> dict[str, float]:
        """Return the page's p99 (ms) without streams, and with a message to 1,000 each second."""
        address = f"http://127.0.0.1:{product.address.port}{PAGE}"
        wrk(address, 2)
        found: dict[str, list[float]] = {"without": [], "with": []}
        for _n in range(PAGE_TURNS):
            found["without"].append(wrk(address, PAGE_SECONDS))
            lines.open("product", product.address, product.ask(1000))
            with self._notifying():
                found["with"].append(wrk(address, PAGE_SECONDS))
            lines.close("product")
            product.settle()
        p99 = {name: statistics.median(times) for name, times in found.items()}
        print(
            f"{PAGE} p99 {p99['without']:.1f} ms; with 1,000 streams {p99['with']:.1f} ms  "
            + " ".join(f"{a:.0f}/{b:.0f}" for a, b in zip(found["without"], found["with"], strict=True)),
            flush=True,
        )
        return p99

    @contextlib.contextmanager
    def _notifying(self) -> Iterator[None]:
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

    # --- waiting -----------------------------------------------------------------------------------

    def idle(self, lines: Listeners, seconds: float) -> None:
        """Print what a thousand callers who only wait cost."""
        from bench import streams_product  # noqa: PLC0415 - after django.setup()

        server = self.servers["product"]
        lines.open("product", server.address, server.ask(1000))
        lines.say_here(server.address, streams_product.requests(1000, here=True))
        time.sleep(3)
        began, used, before = time.monotonic(), server.cpu(), self._written()
        time.sleep(seconds)
        minutes = (time.monotonic() - began) / 60
        cpu = (server.cpu() - used) / minutes
        statements, rows, transactions = (
            (after - earlier) / minutes for after, earlier in zip(self._written(), before, strict=True)
        )
        print(
            f"1,000 waiting callers: {cpu:.1f} processor seconds a minute; {statements:.0f} UPDATE statements of "
            f"{rows:.0f} rows in {transactions:.0f} transactions a minute, reading ones included",
            flush=True,
        )
        lines.say_here(server.address, [])
        lines.close("product")

    def _written(self) -> tuple[int, int, int]:
        with psycopg.connect(self._database, autocommit=True) as it:
            found = it.execute(
                "SELECT (SELECT last_value FROM bench_writes),"
                " (SELECT n_tup_upd FROM pg_stat_user_tables WHERE relname = 'bench_caller'),"
                " (SELECT xact_commit FROM pg_stat_database WHERE datname = current_database())"
            ).fetchone()
        assert found is not None
        return int(found[0]), int(found[1]), int(found[2])


def plainly(path: str) -> Callable[[int], Iterator[str]]:
    """Return what asks for a stream that is everybody's."""

    def ask(count: int) -> Iterator[str]:
        for _n in range(count):
            yield f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: text/event-stream\r\n\r\n"

    return ask


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


def tell_messages(way: str, count: int, sums: Sums) -> None:
    """Print what the messages of one way took."""
    times, used = sums.ms[way, count], sums.cpu[way, count]
    print(
        f"{way:<22}{count:>6} streams  last after {statistics.median(times):>6.1f} ms, worst {max(times):>6.1f}; "
        f"server's processor {statistics.median(used):>5.1f} ms, worst {max(used):>5.1f}",
        flush=True,
    )


def figures(rounds: Sequence[Sums], clients: Sequence[int]) -> Iterator[Figure]:
    """Return the ratios."""
    few, many = clients[0], clients[-1]

    def ratios(way: str, other: str, count: int) -> list[float]:
        return [
            statistics.median(one.ms[way, count]) / statistics.median(one.ms[other, count]) for one in rounds
        ]

    for way in ("product, shared", "product, own number"):
        yield Figure(f"F1 {way}, {few:,} streams / limit", ratios(way, "limit", few), 2.5, at_most=True)
    for way in ("product, shared", "product, own number"):
        yield Figure(f"F2 {way}, {few:,} streams / nchan", ratios(way, "nchan", few), 2.0, at_most=True)
    for way in ("product, shared", "product, own number"):
        yield Figure(
            f"F3 {way}, {few:,} streams / django-eventstream",
            ratios(way, "eventstream", few),
            0.55,
            at_most=True,
        )
    worst = [worst_to_median(one, "product, shared", many) for one in rounds]
    yield Figure(f"F4 worst message / the median, {many:,} streams", worst, 2, at_most=True)
    yield Figure(
        "F5 deliveries lost, and streams ended", [float(one.lost) for one in rounds], 0, at_most=True
    )
    yield Figure(
        f"F5 seconds from a kill until all {many:,} are back",
        [one.back_after for one in rounds],
        15,
        at_most=True,
    )
    yield Figure(
        "F6 streams opened per second / a plain Django view's",
        [
            statistics.median(one.opened["product", 0]) / statistics.median(one.opened["plain", 0])
            for one in rounds
        ],
        8,
    )
    memory = [one.memory["product"] / one.memory["nchan"] for one in rounds]
    yield Figure("F7 memory of a stream / nchan's", memory, 2, at_most=True)
    yield Figure(
        f"F7 threads added by {few:,} streams", [float(one.threads) for one in rounds], 0, at_most=True
    )
    yield Figure(
        f"F7 database connections added by {few:,} streams",
        [float(one.connections) for one in rounds],
        0,
        at_most=True,
    )
    pages = [one.page_p99["with"] / one.page_p99["without"] for one in rounds if one.page_p99]
    yield Figure(
        "F8 page's p99 with 1,000 streams and a message a second / without", pages, 1.5, at_most=True
    )


def have_programs() -> None:
    """Install what is not Python, or say what to type."""
    missing = [name for name in ("wrk", "nginx") if shutil.which(name) is None]
    missing += [] if NCHAN.exists() else ["libnginx-mod-nchan"]
    if missing:
        command = ["apt-get", "install", "-y", "-qq", *missing]
        if os.geteuid() != 0 or shutil.which("apt-get") is None or subprocess.run(command).returncode:
            sys.exit(f"Type this first: apt-get install -y {' '.join(missing)}")


def main() -> int:
    """Interleave all of them; print times and ratios."""
    parser = argparse.ArgumentParser(prog="python -m bench.streams", description=__doc__)
    parser.add_argument(
        "--clients", type=lambda text: [int(n) for n in text.split(",")], default=[1000, 3000]
    )
    parser.add_argument("--messages", type=int, default=25)
    parser.add_argument("--rounds", type=int, default=ground.ROUNDS)
    parser.add_argument("--idle-seconds", type=float, default=45)
    options = parser.parse_args()
    have_programs()
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    ground.tell_machine()
    rounds = []
    with (
        ground.folder() as folder,
        services.postgresql(durable=True) as database,
        services.valkey() as redis_url,
    ):
        env = ground.environment(folder, DATABASE_URL=database, REDIS_URL=redis_url)
        env["DJANGO_SETTINGS_MODULE"] = "bench.streams_settings"
        os.environ.update(env)
        prepare()
        bench = Bench(options, folder, database, redis_url, env)
        for number in range(options.rounds):
            with bench.running(), listeners() as lines:
                print(f"round {number + 1}, load {os.getloadavg()[0]:.1f}", flush=True)
                rounds.append(bench.round(lines))
                if number == options.rounds - 1:
                    bench.idle(lines, options.idle_seconds)
    code = ground.tell(list(figures(rounds, options.clients)))
    for count in options.clients:
        for other in ("limit", "nchan"):
            ratios = [
                statistics.median(one.cpu["product, own number", count])
                / statistics.median(one.cpu[other, count])
                for one in rounds
            ]
            print(
                f"server's processor time per message, own number, {count:,} streams / {other}: "
                + " / ".join(f"{ratio:.2f}" for ratio in ratios)
            )
    # What a machine with other work on it does to every server.
    for other in ("limit", "nchan"):
        ratios = [worst_to_median(one, other, options.clients[-1]) for one in rounds]
        print(f"F4 of the {other} itself in this run: " + " / ".join(f"{ratio:.2f}" for ratio in ratios))
    return code


def worst_to_median(one: Sums, way: str, count: int) -> float:
    """Return the worst message's time over the median's."""
    return max(one.ms[way, count]) / statistics.median(one.ms[way, count])


def prepare() -> None:
    """Make the product's database and static files, and this process one of its own."""
    import django  # noqa: PLC0415 - reads the environment

    django.setup()
    from django.core.management import call_command  # noqa: PLC0415
    from django.db import connection  # noqa: PLC0415

    from bench.product import make_clinics  # noqa: PLC0415
    from bench.streams_product import TABLE  # noqa: PLC0415

    call_command("migrate", verbosity=0)
    call_command("collectstatic", interactive=False, verbosity=0)
    make_clinics(1)
    with connection.cursor() as cursor:
        cursor.execute(TABLE)


if __name__ == "__main__":
    sys.exit(main())
