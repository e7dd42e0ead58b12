"""What SQLite's synchronous=FULL costs against NORMAL: `python -m bench.durability`.

Under WAL, NORMAL leaves the last commits to the operating system: a power cut may forget that a message
was sent. FULL waits for the disk at every commit (docs/decisions/0009). Commits of one row, and one
sweep of e-mails into an SMTP sink in a process of its own, over 8 lines.
"""

import argparse
import os
import sys
import time
from datetime import UTC, datetime

from bench import ground
from bench.ground import Figure

COMMITS = 1000


def use(level: str) -> None:
    """Reconnect with this level of durability."""
    from django.db import connection  # noqa: PLC0415 - after django.setup()

    connection.close()
    connection.settings_dict["OPTIONS"]["init_command"] = (
        f"PRAGMA journal_mode=WAL;PRAGMA synchronous={level};PRAGMA foreign_keys=ON;"
    )
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def commits() -> float:
    """Return commits of one changed row per second."""
    from clinic.models import Clinic  # noqa: PLC0415

    began = time.perf_counter()
    for n in range(COMMITS):
        Clinic.objects.filter(slug="c0").update(name=f"Clinic {n}")
    return COMMITS / (time.perf_counter() - began)


def mail(what: str, count: int) -> float:
    """Queue so many and return messages per second until all are sent."""
    from bench import product  # noqa: PLC0415
    from messaging.delivery import send_due  # noqa: PLC0415
    from messaging.models import Delivery  # noqa: PLC0415
    from notifications.enums import Channel  # noqa: PLC0415

    product.empty_outbox()
    {"plain": product.fill_plain, "appointments": product.fill_appointments}[what](count)
    began = time.perf_counter()
    while Delivery.objects.filter(channel="email", sent_at=None).exists():
        send_due(channel=Channel.EMAIL, at=datetime.now(UTC), now=lambda: datetime.now(UTC))
        if time.perf_counter() - began > 300:
            sys.exit("the sweep does not come to an end")
    return count / (time.perf_counter() - began)


def main() -> int:
    """Let the two take turns; print rates and ratios."""
    parser = argparse.ArgumentParser(prog="python -m bench.durability", description=__doc__)
    parser.add_argument("--count", type=int, default=1500)
    parser.add_argument("--rounds", type=int, default=4)
    options = parser.parse_args()
    ground.tell_machine()
    with ground.folder() as folder, ground.served("tests.fakes.smtp_sink") as port:
        os.environ.update(ground.environment(folder, EMAIL_URL=f"smtp://127.0.0.1:{port}"))
        import django  # noqa: PLC0415 - reads the environment

        django.setup()
        from django.core.management import call_command  # noqa: PLC0415

        from bench import product  # noqa: PLC0415

        call_command("migrate", verbosity=0)
        product.make_clinics(12)
        rates: dict[tuple[str, str], list[float]] = {}
        for number in range(options.rounds):
            for level in ("NORMAL", "FULL") if number % 2 else ("FULL", "NORMAL"):
                use(level)
                for name, rate in (
                    ("commits", commits()),
                    ("plain mail", mail("plain", options.count)),
                    ("appointment mail", mail("appointments", options.count)),
                ):
                    rates.setdefault((name, level), []).append(rate)
                    print(f"{name + ', ' + level:<44}{rate:>9.0f}/s", flush=True)
    return ground.tell(
        [
            Figure(
                f"{name}, FULL / NORMAL",
                [a / b for a, b in zip(rates[name, "FULL"], rates[name, "NORMAL"], strict=True)],
                0.8,
            )
            for name in ("plain mail", "appointment mail")
        ]
    )


if __name__ == "__main__":
    sys.exit(main())
