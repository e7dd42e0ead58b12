"""Fills an empty database with visits that each send one e-mail: python -m tests.faults.seed 500

The rows are written as a web process would, but nobody rings the bell: the sweep finds them.
"""

import sys
from datetime import timedelta

import django
from django.conf import settings
from django.core.management import call_command


def main(count: int) -> None:
    """Migrate, then book `count` visits for patients with an e-mail address and no phone."""
    django.setup()
    from django.db import transaction  # noqa: PLC0415 - after setup

    from clinic.lib import clock  # noqa: PLC0415 - after setup
    from tests.factories.clinic import book_visit, make_calendar, make_clinic, make_patient  # noqa: PLC0415

    settings.OUTBOX_BELL = False
    call_command("migrate", verbosity=0)
    now = clock.now().replace(microsecond=0)
    with transaction.atomic():
        houses = [make_calendar(make_clinic(slug)) for slug in ("lipowa", "dluga")]
        for number in range(count):
            calendar = houses[number % 2]
            book_visit(
                calendar=calendar,
                patient=make_patient(calendar.clinic, f"Alice Number{number}", phone=""),
                starts_at=now + timedelta(days=30, minutes=30 * number),
                at=now,
            )


if __name__ == "__main__":
    main(int(sys.argv[1]))
