"""The staff calendar's week against a trivial view of the same server (F15): `python -m bench.calendar_week`.

A hundred thousand appointments of ten clinics lie in the table; the page shows one clinic's week, of one
calendar and of all. Both views are asked in turn, so that what else the machine does hits both. Needs wrk
(Debian: apt-get install -y wrk).
"""

import argparse
import re
import shutil
import subprocess
import sys
from datetime import UTC, datetime, timedelta

from bench import ground
from bench.ground import Figure
from bench.pages import uvicorn

CLINICS, CALENDARS, WEEKS, A_DAY = 10, 4, 20, 25
PAGES = {
    "one calendar's week": "/c/c0/calendar/?view=week&day={day}&calendar={calendar}",
    "four calendars' week": "/c/c0/calendar/?view=week&day={day}&calendar=all",
}
TRIVIAL = "/bench/trivial/"
TARGET, MOST_QUERIES = 0.15, 8


def fill() -> None:
    """Fill the table, in the product's own process; print a session, a calendar, how many questions a page asks."""
    from django.conf import settings  # noqa: PLC0415 - the product's process
    from django.db import connection  # noqa: PLC0415
    from django.test import Client  # noqa: PLC0415
    from django.test.utils import CaptureQueriesContext  # noqa: PLC0415

    from bench.product import make_clinics  # noqa: PLC0415
    from clinic.models import (  # noqa: PLC0415
        Appointment,
        Calendar,
        Clinic,
        Membership,
        OpeningHours,
        Patient,
        Practitioner,
        Service,
        User,
    )

    settings.ALLOWED_HOSTS = ["*"]
    clinics = Clinic.objects.in_bulk(make_clinics(CLINICS))
    now = datetime.now(UTC)
    monday = (now - timedelta(days=now.weekday())).replace(hour=7, minute=0, second=0, microsecond=0)
    for clinic in clinics.values():
        for number in range(1, CALENDARS):
            person = Practitioner.objects.create(
                clinic=clinic, name=f"Dr {number}", slug=f"dr-{number}-{clinic.slug}"
            )
            calendar = Calendar.objects.create(
                clinic=clinic, practitioner=person, name=f"Dr {number}", time_zone="Europe/Warsaw"
            )
            Service.objects.create(calendar=calendar, name="Visit", minutes=20)
        patients = Patient.objects.bulk_create(
            Patient(
                clinic=clinic,
                name=f"Patient Number{n} of {clinic.slug}",
                email=f"p{n}@{clinic.slug}.example",
                phone="+48512345678",
                created_at=now,
            )
            for n in range(200)
        )
        for calendar in Calendar.objects.filter(clinic=clinic):
            OpeningHours.objects.bulk_create(
                OpeningHours(calendar=calendar, weekday=day, opens=opens, closes=closes)
                for day in range(5)
                for opens, closes in (("08:00", "13:00"), ("13:30", "17:00"))
            )
            service = calendar.services.get()
            half = WEEKS // 2
            Appointment.objects.bulk_create(
                (
                    Appointment(
                        clinic=clinic,
                        calendar=calendar,
                        patient=patients[(place * 7 + day) % len(patients)],
                        service=service,
                        starts_at=(start := monday + timedelta(weeks=week, days=day, minutes=20 * place)),
                        ends_at=start + timedelta(minutes=20),
                        origin="staff",
                        booked_at=now,
                        set_at=now,
                        confirmed_at=now if place % 3 == 0 else None,
                    )
                    for week in range(-half, WEEKS - half)
                    for day in range(5)
                    for place in range(A_DAY)
                ),
                batch_size=5000,
            )
    user = User.objects.create_user("desk@bench.example", "Desk", "bench")
    home = Clinic.objects.get(slug="c0")
    Membership.objects.create(clinic=home, user=user, role="assistant")
    client = Client()
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    calendar = Calendar.objects.filter(clinic=home).order_by("name")[0]
    asked = []
    for path in PAGES.values():
        with CaptureQueriesContext(connection) as queries:
            answer = client.get(path.format(day=monday.date(), calendar=calendar.pk))
        if answer.status_code != 200 or b'class="visit ' not in answer.content:
            sys.exit(f"{path} answers {answer.status_code}")
        asked.append(len(queries))
    total = Appointment.objects.count()
    name = settings.SESSION_COOKIE_NAME
    print(f"FILLED {total} {name} {client.cookies[name].value} {calendar.pk} {monday.date()} {max(asked)}")


def wrk(address: str, seconds: float, cookie: str) -> float:
    """Return requests per second over eight connections of one person's browser."""
    command = ["wrk", "-t1", "-c8", f"-d{seconds:.0f}s", "-H", f"Cookie: {cookie}", address]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    if "Non-2xx" in said or "Socket errors" in said:
        sys.exit(f"{address} does not answer as it should:\n{said}")
    found = re.search(r"Requests/sec:\s+([\d.]+)", said)
    return float(found[1]) if found else sys.exit(said)


def main() -> int:
    """Fill, serve, ask both in turn, twice; print the ratios."""
    parser = argparse.ArgumentParser(prog="python -m bench.calendar_week", description=__doc__)
    parser.add_argument("--seconds", type=float, default=4)
    options = parser.parse_args()
    if shutil.which("wrk") is None:
        sys.exit("Type this first: apt-get install -y wrk")
    ground.tell_machine()
    with ground.folder() as folder:
        env = ground.environment(folder)
        for command in (["migrate", "-v0"], ["collectstatic", "--noinput", "-v0"]):
            subprocess.run([sys.executable, "manage.py", *command], env=env, cwd=ground.ROOT, check=True)
        made = subprocess.run(
            [
                sys.executable,
                "manage.py",
                "shell",
                "-v0",
                "-c",
                "from bench import calendar_week; calendar_week.fill()",
            ],
            env=env,
            cwd=ground.ROOT,
            check=True,
            capture_output=True,
            text=True,
        ).stdout
        total, name, session, calendar, day, queries = made.split("FILLED ")[1].split()
        print(f"{total} appointments; the page asks the database {queries} times", flush=True)
        rates: dict[str, list[float]] = {}
        with uvicorn("config.asgi:application", env) as address:
            cookie = f"{name}={session}"
            paths = {"trivial view": TRIVIAL, **PAGES}
            paths = {what: path.format(day=day, calendar=calendar) for what, path in paths.items()}
            for path in paths.values():  # warm: threads, templates, caches
                wrk(address + path, 1, cookie)
            for _round in range(ground.ROUNDS):
                for what, path in paths.items():
                    rate = wrk(address + path, options.seconds, cookie)
                    rates.setdefault(what, []).append(rate)
                    print(f"{what:<40}{rate:>8.0f} req/s", flush=True)
    figures = [Figure("F15 questions to the database", [float(queries)], MOST_QUERIES, at_most=True)]
    for what in PAGES:
        ratios = [a / b for a, b in zip(rates[what], rates["trivial view"], strict=True)]
        # What is promised is one calendar's week; all side by side is four times as much page.
        figures.append(Figure(f"F15 {what} / trivial view", ratios, TARGET if "one" in what else 0.0))
    return ground.tell(figures)


if __name__ == "__main__":
    sys.exit(main())
