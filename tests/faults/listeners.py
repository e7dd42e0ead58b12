"""Fifty clinics' staff and callers as test_many_streams.py lets them listen.

python -m tests.faults.listeners        prints them, as JSON
"""

import json
import os
from dataclasses import asdict
from datetime import timedelta

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
django.setup()

from django.conf import settings  # noqa: E402
from django.core.management import call_command  # noqa: E402
from django.test import RequestFactory  # noqa: E402

from clinic.lib import clock  # noqa: E402
from clinic.live.bus import channel  # noqa: E402
from clinic.live.subjects import Subject  # noqa: E402
from clinic.people.enums import Role  # noqa: E402
from clinic.people.listening import clinic_topic, member_subject  # noqa: E402
from clinic.people.models import Membership  # noqa: E402
from tests.factories.house import House, logged_in, open_house  # noqa: E402
from tests.factories.waiting import area_of, arrive  # noqa: E402
from waiting_area.announcing import area_topic  # noqa: E402
from waiting_area.listening import caller_subject  # noqa: E402
from waiting_area.presence import Ping, note  # noqa: E402

CLINICS, STAFF, CALLERS = 50, 4, 16


def staff_of(house: House, number: int) -> Subject:
    """Return one log-in of the clinic's staff."""
    user = (house.admin, house.practitioner, house.assistant)[number % 3]
    request = RequestFactory().get("/")
    request.user = user
    request.session = logged_in(user).session  # type: ignore[assignment]
    found = member_subject(request, Membership.objects.get(user=user, clinic=house.clinic))
    assert found is not None
    return found


def main() -> None:
    """Make them, all present for two hours."""
    call_command("migrate", verbosity=0)
    now = clock.now()
    everybody: list[Subject] = []
    topics = {}
    for number in range(CLINICS):
        house = open_house(
            f"clinic{number}", f"Clinic {number}", "PL", "pl", "Europe/Warsaw", doctor="dr Lis",
            patient="Zofia Nowak", phone="+48710001230",
            people={Role.ADMIN: "Anna Maj", Role.PRACTITIONER: "Jan Lis", Role.ASSISTANT: "Ola Ruta"},
        )  # fmt: skip
        topics[house.clinic.pk] = [clinic_topic(house.clinic.pk), area_topic(area_of(house).pk)]
        everybody += [staff_of(house, one) for one in range(STAFF)]
        for one in range(CALLERS):
            caller = arrive(house, f"Caller {one}", at=now)
            note([Ping(caller.pk, 0, True, now + timedelta(hours=2))], at=now)
            everybody.append(caller_subject(caller, language="en"))
    listeners = [asdict(one) for one in everybody]
    print(json.dumps({"listeners": listeners, "topics": topics, "channel": channel()}))
    assert settings.REDIS_URL


if __name__ == "__main__":
    main()
