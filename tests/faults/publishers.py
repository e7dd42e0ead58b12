"""Callers to write to, and a Celery worker that writes to half of them: what test_publishers.py starts.

python -m tests.faults.publishers seed            prints who they are, as JSON
python -m tests.faults.publishers COMMAND ...     manage.py COMMAND, with the task and who asks for it
"""

import json
import os
import sys
import threading
import time
import uuid
from datetime import timedelta
from pathlib import Path

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
django.setup()

from django.conf import settings  # noqa: E402
from django.core.management import call_command, execute_from_command_line  # noqa: E402

from clinic.audit.operations import SYSTEM  # noqa: E402
from clinic.lib import clock  # noqa: E402
from clinic.live import tokens  # noqa: E402
from clinic.people.enums import Role  # noqa: E402
from config.celery import app  # noqa: E402
from tests.factories.house import logged_in, open_house  # noqa: E402
from tests.factories.waiting import arrive  # noqa: E402
from waiting_area.listening import caller_subject  # noqa: E402
from waiting_area.notices import notify  # noqa: E402
from waiting_area.presence import Ping, note  # noqa: E402

EACH = 1250
CALLERS = 8
FILE = Path(settings.DATA_DIR) / "callers.json"
GO = Path(settings.DATA_DIR) / "go"


@app.task(name="tests.faults.write")
def write(caller_id: int) -> None:
    """Write to one caller, a notice after the other."""
    for number in range(1, EACH + 1):
        notify(caller_id=caller_id, text=str(number), key=uuid.uuid4().hex, actor=SYSTEM, at=clock.now())


def ask_when_told() -> None:
    """Ask the worker to write to the second half of the callers."""
    while not GO.exists():
        time.sleep(0.05)
    for one in json.loads(FILE.read_text())["callers"][CALLERS // 2 :]:
        write.delay(one["pk"])


def seed() -> None:
    """Make a clinic with callers; print how to write to them and how to listen as they do."""
    call_command("migrate", verbosity=0)
    house = open_house(
        "rynek", "Gabinety Rynek", "PL", "pl", "Europe/Warsaw", doctor="dr Tomasz Wilczek",
        patient="Zofia Pawłowska-Gąsior", phone="+48710001230",
        people={Role.ADMIN: "Anna Maj", Role.PRACTITIONER: "Tomasz Wilczek", Role.ASSISTANT: "Ola Grudzien"},
    )  # fmt: skip
    made = []
    for number in range(CALLERS):
        caller = arrive(house, f"Caller {number}", at=clock.now())
        # No page pings for them.
        note([Ping(caller.pk, 0, True, clock.now() + timedelta(hours=1))], at=clock.now())
        subject = caller_subject(caller, language="en")
        made.append({"pk": caller.pk, "path": tokens.stream_path(subject), "token": tokens.sign(subject)})
    session = logged_in(house.assistant).cookies[settings.SESSION_COOKIE_NAME].value
    cookies = {settings.SESSION_COOKIE_NAME: session, settings.CSRF_COOKIE_NAME: "a" * 32}
    told = json.dumps({"callers": made, "cookies": cookies, "url": house.url("waiting/")})
    FILE.write_text(told)
    print(told)


if __name__ == "__main__":
    if sys.argv[1] == "seed":
        seed()
    else:
        if sys.argv[1] in {"up", "worker"}:
            threading.Thread(target=ask_when_told, daemon=True).start()
        execute_from_command_line(["manage.py", *sys.argv[1:]])
