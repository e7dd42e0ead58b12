"""*Notify* to a thousand callers, from the press to the last of their streams: `python -m bench.notify`.

A member's POST goes through the whole page: it is read, the callers are locked, a thousand notices are
written, and one event carries them out, on PostgreSQL and Redis. In turn with it the limit (one process that only
sends) sends one message to as many streams.
"""

import argparse
import os
import re
import resource
import statistics
import sys
import time
import uuid
from collections.abc import Iterator
from datetime import timedelta
from http.client import HTTPConnection
from urllib.parse import urlencode

import redis

from bench import ground
from bench.listeners import Address, listeners, stamp
from bench.streams_servers import Server, free_port, plainly
from tests import services

# The press and everything behind it, in seconds (issue's own bound).
PRESS = 1.0
TEXT = "Dr Lis is running 20 minutes late. You may leave the waiting room; we will call you."


class House:
    """A clinic with callers who wait, and a member who is logged in."""

    def __init__(self, callers: int) -> None:
        import django  # noqa: PLC0415 - reads the environment

        django.setup()
        from django.core.management import call_command  # noqa: PLC0415

        call_command("migrate", verbosity=0)
        call_command("collectstatic", interactive=False, verbosity=0)
        from tests.factories.house import logged_in, open_house  # noqa: PLC0415 - as above
        from waiting_area.models import WaitingArea  # noqa: PLC0415

        self.house = open_house(
            "rynek", "Rynek", "PL", "pl", "Europe/Warsaw", doctor="dr Lis", patient="Zofia Nowak",
            phone="+48710001230", people=_people(),
        )  # fmt: skip
        self.area = WaitingArea.objects.get(clinic=self.house.clinic)
        self.session = logged_in(self.house.assistant).cookies["session"].value
        self.callers = self._fill(callers)

    def _fill(self, count: int) -> list[int]:
        from django.utils import timezone  # noqa: PLC0415

        from waiting_area.models import Caller  # noqa: PLC0415

        now = timezone.now()
        made = Caller.objects.bulk_create(
            Caller(
                clinic=self.house.clinic, area=self.area, key=uuid.uuid4().hex, name=f"Caller {n}",
                purpose="A prescription", language=("pl", "en", "de", "ro")[n % 4], consented_at=now,
                status_since=now, arrived_at=now, last_seen_at=now + timedelta(hours=8),
            )
            for n in range(count)
        )  # fmt: skip
        return [one.pk for one in made]

    def requests(self, _count: int) -> Iterator[str]:
        """Return what the callers' browsers send to open their streams."""
        from clinic.live import tokens  # noqa: PLC0415
        from waiting_area.listening import caller_subject  # noqa: PLC0415
        from waiting_area.models import Caller  # noqa: PLC0415

        for caller in Caller.objects.filter(pk__in=self.callers):
            subject = caller_subject(caller, language=caller.language)
            cookie = f"{tokens.cookie_name()}={tokens.sign(subject)}"
            yield (
                f"GET {tokens.stream_path(subject)} HTTP/1.1\r\nHost: 127.0.0.1\r\nCookie: {cookie}\r\n"
                "Accept: text/event-stream\r\n\r\n"
            )


def _people() -> dict:
    from clinic.people.enums import Role  # noqa: PLC0415 - after django.setup()

    return {Role.ADMIN: "Anna Maj", Role.PRACTITIONER: "Jan Lis", Role.ASSISTANT: "Ola Ruta"}


class Desk:
    """The member's browser."""

    def __init__(self, port: int, house: House) -> None:
        self._line = HTTPConnection("127.0.0.1", port)
        self._cookies = {"session": house.session}
        self._to = ",".join(map(str, house.callers))
        page = self._ask("GET", "/c/rynek/waiting/")
        found = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page)
        if found is None:
            sys.exit("the waiting area's page has no token")
        self._token = found[1]

    def notify(self, number: int) -> float:
        """Press *Send*; return how long the answer took, in ms."""
        began = time.monotonic()
        form = {
            "csrfmiddlewaretoken": self._token, "to": self._to, "key": uuid.uuid4().hex,
            "text": f"{TEXT} {stamp(number)}",
        }  # fmt: skip
        self._ask("POST", "/c/rynek/waiting/notify/", urlencode(form))
        return (time.monotonic() - began) * 1000

    def _ask(self, method: str, path: str, body: str | None = None) -> str:
        headers = {"Cookie": "; ".join(f"{name}={value}" for name, value in self._cookies.items())}
        if body is not None:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        self._line.request(method, path, body, headers)
        answer = self._line.getresponse()
        said = answer.read().decode()
        if answer.status not in (200, 302):
            sys.exit(f"{method} {path}: {answer.status}")
        for header in answer.headers.get_all("Set-Cookie") or []:
            name, _equals, value = header.partition(";")[0].partition("=")
            self._cookies[name] = value
        return said


def main() -> int:
    """Press, in turn with the limit; print times and whether they hold."""
    parser = argparse.ArgumentParser(prog="python -m bench.notify", description=__doc__)
    parser.add_argument("--callers", type=int, default=1000)
    parser.add_argument("--presses", type=int, default=15)
    parser.add_argument("--rounds", type=int, default=ground.ROUNDS)
    options = parser.parse_args()
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    ground.tell_machine()
    slowest, ratios = [], []
    with ground.folder() as folder, services.postgresql(durable=True) as url, services.valkey() as redis_url:
        env = ground.environment(folder, DATABASE_URL=url, REDIS_URL=redis_url)
        os.environ.update(env)
        house = House(options.callers)
        for _n in range(options.rounds):
            took, limit, answered = _round(options, house, env, redis_url)
            slowest.append(max(took) / 1000)
            ratios.append(statistics.median(took) / statistics.median(limit))
            print(
                f"press to last of {options.callers}: median {statistics.median(took):.0f} ms, worst {max(took):.0f}; "
                f"the answer after {statistics.median(answered):.0f} ms; limit {statistics.median(limit):.1f} ms",
                flush=True,
            )
    code = ground.tell(
        [ground.Figure("press to the last stream, worst, seconds", slowest, PRESS, at_most=True)]
    )
    print(
        f"press / limit: {' / '.join(f'{ratio:.1f}' for ratio in ratios)} (the page and the database included)"
    )
    return code


def _round(
    options: argparse.Namespace, house: House, env: dict[str, str], redis_url: str
) -> tuple[list[float], list[float], list[float]]:
    ports = {"limit": free_port(), "product": free_port()}
    command = [
        sys.executable, "-m", "uvicorn", "--log-level", "error", "--no-access-log", "config.asgi:application",
        "--port", str(ports["product"]), "--lifespan", "on", "--ws", "none",
    ]  # fmt: skip
    product = Server(command, Address(ports["product"], "event: sync"), house.requests, env)
    plain = [sys.executable, "-m", "bench.plain_sends", str(ports["limit"])]
    limit = Server(plain, Address(ports["limit"], "\r\n\r\n"), plainly("/"), env)
    bus = redis.Redis.from_url(redis_url)
    took: list[float] = []
    floor: list[float] = []
    answered: list[float] = []
    try:
        with listeners() as lines:
            for name, server in (("limit", limit), ("product", product)):
                server.start()
                time.sleep(2)
                lines.open(name, server.address, server.ask(options.callers))
                server.settle()
            desk = Desk(ports["product"], house)
            for number in range(1, options.presses + 4):
                answer = desk.notify(number)
                lacking, press = lines.heard("product", number)
                if lacking:
                    sys.exit(f"{lacking} of {options.callers} did not get a notice")
                said = f"event: notice\ndata: {stamp(1000 + number)}\n\n"
                bus.publish("bench:limit", said)
                _lacking, sent = lines.heard("limit", 1000 + number)
                if number > 3:  # warm
                    took.append(press)
                    floor.append(sent)
                    answered.append(answer)
    finally:
        product.kill()
        limit.kill()
    return took, floor, answered


if __name__ == "__main__":
    sys.exit(main())
