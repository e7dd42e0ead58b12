"""One round of `bench.streams`: what is done to the servers, and the sums that the figures are made of."""

import statistics
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import psycopg

from bench.listeners import Address, Listeners
from bench.streams_clients import Clients, wrk
from bench.streams_servers import Server, plainly

GROUPS = ("limit", "product", "nchan", "eventstream")
WARM_UP = 3
# How many streams F6 opens, and how often in each round: the middle one counts.
OPENED = {"product": 1000, "plain": 400}
OPENINGS = 3
PAGE, PAGE_SECONDS, PAGE_TURNS = "/log-in/", 4, 5


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


class Round:
    """One round, with servers that nobody has used before.

    Args:
        lines: who listens.
        clients: who publishes.
        database: the product's.
    """

    def __init__(
        self, servers: Mapping[str, Server], lines: Listeners, clients: Clients, database: str
    ) -> None:
        self._servers, self._lines, self._clients, self._database = servers, lines, clients, database

    def measure(self, counts: Sequence[int], messages: int) -> Sums:
        """Measure everything once."""
        sums = Sums(defaultdict(list), defaultdict(list), defaultdict(list), {})
        product = self._servers["product"]
        for step, count in enumerate(counts):
            groups = GROUPS if step == 0 else GROUPS[:3]
            for group in groups:
                self._open(sums, group, count, weighed=step == 0)
            ways = ["limit", "product, shared", "product, own number", *groups[2:]]
            for _n in range(WARM_UP):
                for way in ways:
                    self._clients.message(way, count)
            for _n in range(messages):
                for way in ways:
                    took, used, lacking = self._clients.message(way, count)
                    sums.ms[way, count].append(took)
                    sums.cpu[way, count].append(used)
                    if way.startswith("product"):
                        sums.lost += lacking
                    elif lacking:
                        print(f"{way}: {lacking} of {count} did not get a message", flush=True)
            for way in ways:
                tell_messages(way, count, sums)
            for group in groups:
                if group == "product" and count == counts[-1]:
                    self._restart(sums, count)
                else:
                    ended = self._lines.close(group)
                    sums.lost += ended if group == "product" else 0
            for server in self._servers.values():
                server.settle()
        self._lines.close("product")
        product.settle()
        self._openings(sums)
        sums.page_p99 = self._pages(product)
        return sums

    def _open(self, sums: Sums, group: str, count: int, *, weighed: bool) -> None:
        server = self._servers[group]
        texts = list(server.ask(count))
        threads, connections = server.threads(), self._connections()
        memory = server.memory()
        rate = self._lines.open(group, server.address, texts)
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

    def _restart(self, sums: Sums, count: int) -> None:
        """Kill the server under its streams, start it again, and wait for everybody."""
        server = self._servers["product"]
        self._lines.come_back("product")
        killed = time.monotonic()
        server.kill()
        server.start()
        served = time.monotonic() - killed
        away, at = self._lines.back("product")
        sums.back_after = at - killed if not away else float("inf")
        print(
            f"killed: {served:.1f} s until it served, {sums.back_after:.1f} s until all {count} had `sync`",
            flush=True,
        )
        _took, _used, lacking = self._clients.message("product, shared", count)
        sums.lost += lacking

    def _openings(self, sums: Sums) -> None:
        """Open and close, in turn, the product's streams and a plain Django view's."""
        product, peers = self._servers["product"], self._servers["eventstream"]
        plain = Address(peers.address.port, "event: sync")
        for _n in range(OPENINGS):
            for name, address, ask in (
                ("product", product.address, product.ask),
                ("plain", plain, plainly("/plain/")),
            ):
                server = product if name == "product" else peers
                texts, before = list(ask(OPENED[name])), server.cpu()
                rate = self._lines.open(name, address, texts)
                used = (server.cpu() - before) / OPENED[name] * 1e6
                sums.opened[name, 0].append(rate)
                print(
                    f"{name:<22}{OPENED[name]:>6} streams {rate:>7.0f} opened/s, processor {used:.0f} us each",
                    flush=True,
                )
                self._lines.close(name)
                server.settle()

    def _pages(self, product: Server) -> dict[str, float]:
        """Return the page's p99 (ms) without streams, and with a message to 1,000 each second."""
        address = f"http://127.0.0.1:{product.address.port}{PAGE}"
        wrk(address, 2)
        found: dict[str, list[float]] = {"without": [], "with": []}
        for _n in range(PAGE_TURNS):
            found["without"].append(wrk(address, PAGE_SECONDS))
            self._lines.open("product", product.address, product.ask(1000))
            with self._clients.notifying():
                found["with"].append(wrk(address, PAGE_SECONDS))
            self._lines.close("product")
            product.settle()
        p99 = {name: statistics.median(times) for name, times in found.items()}
        print(
            f"{PAGE} p99 {p99['without']:.1f} ms; with 1,000 streams {p99['with']:.1f} ms  "
            + " ".join(f"{a:.0f}/{b:.0f}" for a, b in zip(found["without"], found["with"], strict=True)),
            flush=True,
        )
        return p99

    def idle(self, seconds: float) -> None:
        """Print what a thousand callers who only wait cost."""
        from bench import streams_product  # noqa: PLC0415 - after django.setup()

        server = self._servers["product"]
        self._lines.open("product", server.address, server.ask(1000))
        self._lines.say_here(server.address, streams_product.requests(1000, here=True))
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
        self._lines.say_here(server.address, [])
        self._lines.close("product")

    def _written(self) -> tuple[int, int, int]:
        with psycopg.connect(self._database, autocommit=True) as it:
            found = it.execute(
                "SELECT (SELECT last_value FROM bench_writes),"
                " (SELECT n_tup_upd FROM pg_stat_user_tables WHERE relname = 'bench_caller'),"
                " (SELECT xact_commit FROM pg_stat_database WHERE datname = current_database())"
            ).fetchone()
        assert found is not None
        return int(found[0]), int(found[1]), int(found[2])


def tell_messages(way: str, count: int, sums: Sums) -> None:
    """Print what the messages of one way took."""
    times, used = sums.ms[way, count], sums.cpu[way, count]
    print(
        f"{way:<22}{count:>6} streams  last after {statistics.median(times):>6.1f} ms, worst {max(times):>6.1f}; "
        f"server's processor {statistics.median(used):>5.1f} ms, worst {max(used):>5.1f}",
        flush=True,
    )
