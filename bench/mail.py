"""E-mail throughput of one worker command (F10 to F12): `python -m bench.mail`.

The product is its own `manage.py worker`, rung once with everything queued and timed until the outbox is
empty. Peers: django-post_office (`send_queued_mail`, 2 processes, 5 threads each) and django-mailer
(`send_all`). Limit: a raw socket, one connection, commands pipelined. All send 0.7 KB of text into one
SMTP sink in a process of its own, and keep their queue in one PostgreSQL that writes through to the disk.
"""

import argparse
import contextlib
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator

import psycopg

from bench import ground
from bench.ground import Figure
from tests import services

PEERS = ("django-post_office==3.12.*", "django-mailer==2.3.*", "Django~=5.2.0", "psycopg[binary]~=3.3")
LEFT = "SELECT count(*) FROM messaging_delivery WHERE channel = 'email' AND state IN ('planned','claimed','sending')"
DELAY_MS = 20


def limit(port: int, count: int, text: str) -> float:
    """Return messages per second over one raw socket: the commands in one write, then the text."""
    body = f"Subject: x\r\n\r\n{text}\r\n.\r\n".encode()
    with socket.create_connection(("127.0.0.1", port)) as sock:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        lines = sock.makefile("rb")
        lines.readline()
        sock.sendall(b"EHLO bench\r\n")
        while lines.readline()[3:4] == b"-":
            pass
        began = time.perf_counter()
        for n in range(count):
            sock.sendall(b"MAIL FROM:<a@b.example>\r\nRCPT TO:<p%d@patients.example>\r\nDATA\r\n" % n)
            for _reply in range(3):
                lines.readline()
            sock.sendall(body)
            if not lines.readline().startswith(b"250 "):
                sys.exit("the sink did not take a message of the limit's")
        return count / (time.perf_counter() - began)


class Product:
    """The product's worker command on its own database; one instance for each number of lines."""

    def __init__(self, env: dict[str, str], database: str) -> None:
        self._env, self._database = env, database

    @contextlib.contextmanager
    def worker(self, connections: int, port: int) -> Iterator[None]:
        """Run `manage.py worker`, warmed up."""
        env = {**self._env, "SEND_CONNECTIONS": str(connections), "EMAIL_URL": f"smtp://127.0.0.1:{port}"}
        with subprocess.Popen([sys.executable, "manage.py", "worker"], env=env, cwd=ground.ROOT) as process:
            try:
                self.measure("plain", 30)
                yield
            finally:
                process.terminate()
                process.wait()

    def measure(self, what: str, count: int) -> float:
        """Queue, ring the bell, and return messages per second until nothing is left."""
        from celery import current_app  # noqa: PLC0415 - after django.setup()

        from bench import product  # noqa: PLC0415

        product.empty_outbox()
        {"plain": product.fill_plain, "appointments": product.fill_appointments}[what](count)
        with psycopg.connect(self._database, autocommit=True) as watcher:
            began = time.perf_counter()
            current_app.send_task("messaging.send_due", kwargs={"channel": "email"})
            while watcher.execute(LEFT).fetchone() != (0,):
                if time.perf_counter() - began > 300:
                    sys.exit("the worker does not come to an end")
                time.sleep(0.005)
            took = time.perf_counter() - began
            sent = watcher.execute(
                "SELECT count(*) FROM messaging_delivery WHERE sent_at IS NOT NULL"
            ).fetchone()
        if sent != (count,):
            sys.exit(f"the product sent {sent} of {count}")
        return count / took


def peer(which: str, folder: str, database: str, port: int, count: int) -> float:
    """Return a peer's messages per second."""
    from bench import product  # noqa: PLC0415 - after django.setup()

    env = {
        **os.environ,
        "PYTHONPATH": f"{ground.peers(*PEERS)}:{ground.ROOT}",
        "ANTEROOM_DATA": folder,
        "BENCH_SUBJECT": product.SUBJECT,
        "BENCH_TEXT": product.TEXT,
    }
    return count / float(ground.run("bench.mail_peers", which, database, str(port), str(count), env=env))


def main() -> int:
    """Interleave all of them twice; print rates and ratios."""
    parser = argparse.ArgumentParser(prog="python -m bench.mail", description=__doc__)
    parser.add_argument("--count", type=int, default=4000)
    parser.add_argument("--slow-count", type=int, default=600, help=f"with {DELAY_MS} ms before each answer")
    parser.add_argument(
        "--only", default="", help="a part of the names to run: limit, product, post_office, ..."
    )
    options = parser.parse_args()
    ground.tell_machine()
    with ground.folder() as folder, services.postgresql(durable=True) as database, services.valkey() as redis:
        env = ground.environment(folder, DATABASE_URL=database, REDIS_URL=redis)
        os.environ.update(env)
        product, peers_database = _prepare(env, database)
        rates: dict[str, list[float]] = {}
        for _round in range(ground.ROUNDS):
            for name, rate in _one_round(product, folder, peers_database, options):
                rates.setdefault(name, []).append(rate)
                print(f"{name:<44}{rate:>9.0f}/s", flush=True)
    return ground.tell(list(_figures(rates)))


def _prepare(env: dict[str, str], database: str) -> tuple[Product, str]:
    import django  # noqa: PLC0415 - reads the environment

    django.setup()
    from django.core.management import call_command  # noqa: PLC0415

    from bench import product  # noqa: PLC0415
    from config.celery import app  # noqa: F401, PLC0415 - the broker of this run

    call_command("migrate", verbosity=0)
    product.make_clinics(12)
    with psycopg.connect(database, autocommit=True) as it:
        it.execute("CREATE DATABASE peers")
    return Product(env, database), database.rpartition("/")[0] + "/peers"


def _one_round(
    product: Product, folder: str, database: str, options: argparse.Namespace
) -> Iterator[tuple[str, float]]:
    from bench.product import TEXT  # noqa: PLC0415 - after django.setup()

    def wanted(name: str) -> bool:
        return options.only in name

    count = options.count
    with ground.served("tests.fakes.smtp_sink") as port:
        if wanted("limit"):
            yield "limit", limit(port, count * 4, TEXT)
        for lines in (4, 8):
            if wanted("product"):
                with product.worker(lines, port):
                    yield f"product, {lines} lines", product.measure("plain", count)
                    yield (
                        f"product, {lines} lines, appointment mail",
                        product.measure("appointments", count // 2),
                    )
        if wanted("post_office"):
            yield "post_office, 2 processes", peer("post_office", folder, database, port, count)
        if wanted("mailer"):
            yield "mailer", peer("mailer", folder, database, port, count // 4)
    with ground.served("tests.fakes.smtp_sink", "--delay-ms", str(DELAY_MS)) as port:
        slow = f", {DELAY_MS} ms"
        for lines in (4, 8, 12):
            if wanted("product"):
                with product.worker(lines, port):
                    yield f"product, {lines} lines{slow}", product.measure("plain", options.slow_count)
                    if lines == 8:
                        yield (
                            f"product, {lines} lines, appointment mail{slow}",
                            product.measure("appointments", options.slow_count),
                        )
        if wanted("post_office"):
            yield (
                f"post_office, 2 processes{slow}",
                peer("post_office", folder, database, port, options.slow_count),
            )


def _figures(rates: dict[str, list[float]]) -> Iterator[Figure]:
    slow = f", {DELAY_MS} ms"
    pairs = [
        ("F10", "product, {} lines", "post_office, 2 processes", 1.2),
        ("F11", "product, {} lines", "mailer", 4.0),
        ("F12", "product, {} lines", "limit", 0.35),
        ("F12", "product, {} lines" + slow, "post_office, 2 processes" + slow, 2.0),
    ]
    for number, mine, other, target in pairs:
        for lines in (4, 8, 12):  # the peer holds ten
            mine_here = mine.format(lines)
            if mine_here in rates and other in rates:
                ratios = [a / b for a, b in zip(rates[mine_here], rates[other], strict=True)]
                yield Figure(f"{number} {mine_here} / {other.partition(',')[0]}", ratios, target)


if __name__ == "__main__":
    sys.exit(main())
