"""The live streams (F1 to F8): `python -m bench.streams`.

Every message goes in turn to the product, to nginx with nchan, to django-eventstream and to the limit (one
process that only sends), while all their streams stand open in one client process; what counts is when
the last of N has it. The product is `config.asgi` under uvicorn with Redis and PostgreSQL, its streams
opened with signed tokens. "Own number" is what a notice to all callers is: one event, a topic for each.

Needs wrk, nginx and nchan (Debian: apt-get install -y wrk nginx libnginx-mod-nchan).
"""

import argparse
import os
import resource
import shutil
import subprocess
import sys

from bench import ground
from bench.listeners import listeners
from bench.streams_clients import Clients, peers_publisher
from bench.streams_figures import besides, figures
from bench.streams_round import Round
from bench.streams_servers import NCHAN, prepare, running
from tests import services


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
    found = []
    with (
        ground.folder() as folder,
        services.postgresql(durable=True) as database,
        services.valkey() as redis_url,
    ):
        env = ground.environment(folder, DATABASE_URL=database, REDIS_URL=redis_url)
        env["DJANGO_SETTINGS_MODULE"] = "bench.streams_settings"
        os.environ.update(env)
        prepare()
        for number in range(options.rounds):
            with (
                peers_publisher(env) as eventstream,
                running(folder, env) as servers,
                listeners() as lines,
            ):
                print(f"round {number + 1}, load {os.getloadavg()[0]:.1f}", flush=True)
                one = Round(servers, lines, Clients(servers, lines, eventstream, redis_url), database)
                found.append(one.measure(options.clients, options.messages))
                if number == options.rounds - 1:
                    one.idle(options.idle_seconds)
    code = ground.tell(list(figures(found, options.clients)))
    for line in besides(found, options.clients):
        print(line)
    return code


if __name__ == "__main__":
    sys.exit(main())
