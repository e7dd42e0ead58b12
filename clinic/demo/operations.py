"""Loading the demonstration."""

import os
from datetime import datetime
from pathlib import Path

from django.conf import settings
from django.db import transaction

from clinic.demo.acts import PASSWORD, acts
from clinic.demo.house import CLINICS, USERS
from clinic.demo.signals import demo_advanced, demo_filled
from clinic.lib import clock
from clinic.people.models import Clinic


class DemoRefused(Exception):
    """This is no place for made-up data; the text says why in one line."""


@transaction.atomic
def load_demo(*, seed: int, at: datetime) -> int:
    """Fill an empty installation with the demonstration as of `at`; return the number of acts.

    Everything or nothing: a start that is broken off begins anew the next time. Each act happens with
    the clock held at its instant, after the floors above were told that time has come there.

    Raises:
        DemoRefused: this is production, or there are clinics already.
    """
    if settings.PRODUCTION:
        raise DemoRefused("This is a production installation: it takes no demonstration data.")
    if Clinic.objects.exists():
        raise DemoRefused(
            "There are clinics already: demonstration data goes into an empty installation only."
        )
    found = acts(seed, at)
    for act in found:
        with clock.held_at(act.at):
            demo_advanced.send(Clinic, at=act.at)
            act.do()
    with clock.held_at(at):
        demo_advanced.send(Clinic, at=at)
        demo_filled.send(Clinic, seed=seed, at=at)
    transaction.on_commit(_write_logins)
    return len(found)


def logins_text() -> str:
    """Return the demonstration's log-ins as a block of plain text."""
    names = {clinic.slug: clinic.name for clinic in CLINICS}
    width = max(len(user.email) for user in USERS)
    lines = [f"Log-ins of the demonstration; the password is always {PASSWORD}", ""]
    for user in USERS:
        roles = (f"{role.label} of {names[slug]}" for slug, role in user.roles.items())
        lines.append(f"  {user.email:<{width}}  {', '.join(roles) or 'operator'}")
    return "\n".join(lines) + "\n"


def _write_logins() -> None:
    path = Path(settings.DATA_DIR) / "demo-logins.txt"
    draft = path.with_suffix(f".{os.getpid()}")
    draft.write_text(logins_text(), encoding="utf-8")
    draft.replace(path)
