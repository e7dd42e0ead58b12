"""Pages through the product's guard against Django's own ASGI handler (F16): `python -m bench.pages`.

Both are one uvicorn process with the same views, settings and database. Beside them, in half of the
runs, 50 clients read their pages at 100 bytes a second. Needs wrk (Debian: apt-get install -y wrk).
"""

import argparse
import asyncio
import contextlib
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator

from bench import ground
from bench.ground import Figure

SERVERS = {"product": "config.asgi:application", "plain": "bench.plain_asgi:application"}
PAGES = {"trivial view": "/bench/trivial/", "50-row table": "/bench/rows/", "log-in page": "/log-in/"}
SLOW_CLIENTS, BYTES_PER_SECOND = 50, 100


@contextlib.contextmanager
def uvicorn(application: str, env: dict[str, str]) -> Iterator[str]:
    """Serve an ASGI application; yield its address."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "uvicorn", application, "--port", str(port), "--log-level", "error"]
    with subprocess.Popen([*command, "--no-access-log"], env=env, cwd=ground.ROOT) as process:
        try:
            address = f"http://127.0.0.1:{port}"
            deadline = time.monotonic() + 30
            while True:
                try:
                    urllib.request.urlopen(address + PAGES["trivial view"]).read()
                    break
                except OSError:
                    if time.monotonic() > deadline or process.poll() is not None:
                        sys.exit(f"{application} did not start.")
                    time.sleep(0.1)
            yield address
        finally:
            process.kill()


def wrk(address: str, seconds: float) -> float:
    """Return requests per second over eight connections."""
    said = subprocess.run(
        ["wrk", "-t1", "-c8", f"-d{seconds:.0f}s", address], capture_output=True, text=True, check=True
    ).stdout
    if "Non-2xx" in said or "Socket errors" in said:
        sys.exit(f"{address} does not answer as it should:\n{said}")
    found = re.search(r"Requests/sec:\s+([\d.]+)", said)
    return float(found[1]) if found else sys.exit(said)


@contextlib.contextmanager
def slow_clients(address: str) -> Iterator[None]:
    """Keep clients reading slowly, in a process of their own."""
    command = [sys.executable, "-m", "bench.pages", "--read-slowly", address]
    with subprocess.Popen(command, cwd=ground.ROOT, stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout is not None
            process.stdout.readline()
            yield
        finally:
            process.kill()


async def read_slowly(address: str) -> None:
    """Ask for the page on every connection, read a little each second, and ask again after the end."""
    host, _, rest = address.removeprefix("http://").partition(":")
    port, _, path = rest.partition("/")

    async def client() -> None:
        while True:
            sock = socket.socket()
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
            sock.setblocking(False)
            loop = asyncio.get_running_loop()
            await loop.sock_connect(sock, (host, int(port)))
            ask = f"GET /{path} HTTP/1.1\r\nHost: {host}:{port}\r\nConnection: close\r\n\r\n"
            await loop.sock_sendall(sock, ask.encode())
            while await loop.sock_recv(sock, BYTES_PER_SECOND):
                await asyncio.sleep(1)
            sock.close()

    clients = [asyncio.create_task(client()) for _n in range(SLOW_CLIENTS)]
    await asyncio.sleep(1)
    print("reading", flush=True)
    await asyncio.gather(*clients)


def main() -> int:
    """Measure every page on both servers, alone and beside slow clients, twice; print the ratios."""
    parser = argparse.ArgumentParser(prog="python -m bench.pages", description=__doc__)
    parser.add_argument("--seconds", type=float, default=4)
    parser.add_argument("--read-slowly", metavar="ADDRESS", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.read_slowly:
        asyncio.run(read_slowly(options.read_slowly))
    if shutil.which("wrk") is None:
        sys.exit("Type this first: apt-get install -y wrk")
    ground.tell_machine()
    rates: dict[tuple[str, str], list[float]] = {}
    with ground.folder() as folder:
        env = ground.environment(folder)
        make = "from bench import product; product.make_clinics(1)"
        for command in (
            ["migrate", "-v0"],
            ["collectstatic", "--noinput", "-v0"],
            ["shell", "-v0", "-c", make],
        ):
            subprocess.run([sys.executable, "manage.py", *command], env=env, cwd=ground.ROOT, check=True)
        with contextlib.ExitStack() as stack:
            addresses = {name: stack.enter_context(uvicorn(app, env)) for name, app in SERVERS.items()}
            for address in addresses.values():  # warm: threads, templates, caches
                for path in PAGES.values():
                    wrk(address + path, 1)
            for _round in range(ground.ROUNDS):
                for page, path in PAGES.items():
                    for company in ("", f", {SLOW_CLIENTS} slow readers"):
                        for server, address in addresses.items():
                            with slow_clients(address + path) if company else contextlib.nullcontext():
                                rate = wrk(address + path, options.seconds)
                            rates.setdefault((page + company, server), []).append(rate)
                            print(f"{page + company:<40}{server:<10}{rate:>8.0f} req/s", flush=True)
    figures = []
    for what in dict.fromkeys(name for name, _server in rates):
        ratios = [a / b for a, b in zip(rates[what, "product"], rates[what, "plain"], strict=True)]
        figures.append(Figure(f"F16 {what}: product / plain ASGI", ratios, 2.5))
    return ground.tell(figures)


if __name__ == "__main__":
    sys.exit(main())
