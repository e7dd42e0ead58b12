"""The servers of `bench.streams`: the product as it runs, and what it is measured against.

Each is a process of its own and new in every round, so that its processor time and its memory are what
that round cost it.
"""

import contextlib
import re
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from bench import ground
from bench.listeners import Address

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


def plainly(path: str) -> Callable[[int], Iterator[str]]:
    """Return what asks for a stream that is everybody's."""

    def ask(count: int) -> Iterator[str]:
        for _n in range(count):
            yield f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: text/event-stream\r\n\r\n"

    return ask


@contextlib.contextmanager
def running(folder: str, env: dict[str, str]) -> Iterator[dict[str, Server]]:
    """Run everything for one round; yield the servers by the names of their streams."""
    uvicorn = [sys.executable, "-m", "uvicorn", "--log-level", "error", "--no-access-log"]
    ports = {name: free_port() for name in ("limit", "product", "nchan", "peers")}
    conf = Path(folder) / "nginx.conf"
    conf.write_text(NGINX.format(folder=folder, module=NCHAN, port=ports["nchan"]))
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

    servers = {
        "limit": Server(
            [sys.executable, "-m", "bench.plain_sends", str(ports["limit"])],
            Address(ports["limit"], "\r\n\r\n"),
            plainly("/"),
            env,
        ),
        "product": Server(product, Address(ports["product"], "event: sync"), requests, env),
        "nchan": Server(
            ["nginx", "-p", folder, "-c", str(conf), "-e", f"{folder}/nginx.log"],
            Address(ports["nchan"], "\r\n\r\n"),
            plainly("/listen"),
            env,
        ),
        "eventstream": Server(
            peers, Address(ports["peers"], "stream-open"), plainly("/events/"), peers_environment(env)
        ),
    }
    try:
        for server in servers.values():
            server.start()
        time.sleep(2)  # the product's upkeep has its connection by then
        yield servers
    finally:
        for server in servers.values():
            server.kill()


def peers_environment(env: dict[str, str]) -> dict[str, str]:
    """Return the environment of a process with the peers' packages."""
    return {**env, "PYTHONPATH": f"{ground.peers(*PEERS)}:{ground.ROOT}"}


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
