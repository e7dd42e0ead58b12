"""Public profiles: what they say, and what the search finds them by (D1)."""

from datetime import datetime

from django.db import transaction

from clinic.audit.operations import Actor, record
from clinic.calendars.models import Calendar, Service
from clinic.directory.models import Listing
from clinic.people.models import Clinic, Practitioner
from clinic.people.queries import folded


@transaction.atomic
def change_profile(
    *, practitioner: Practitioner, is_listed: bool, specialty: str, about: str, actor: Actor, at: datetime
) -> None:
    """Change a practitioner's public profile; who is not listed has none, and is not found."""
    practitioner = Practitioner.objects.select_for_update().get(pk=practitioner.pk)
    wanted = {"is_listed": is_listed, "specialty": specialty, "about": about}
    old = {field: getattr(practitioner, field) for field in wanted}
    if old == wanted:
        return
    Practitioner.objects.filter(pk=practitioner.pk).update(**wanted)
    record(actor, "practitioner.profile_changed", practitioner, old=old, new=wanted, at=at)
    if not is_listed:
        Listing.objects.filter(practitioner=practitioner).delete()
    for calendar in practitioner.calendars.all():
        refresh_listing(calendar)


@transaction.atomic
def change_about(*, clinic: Clinic, about: str, actor: Actor, at: datetime) -> None:
    """Change what the clinic's public profile says of it."""
    clinic = Clinic.objects.select_for_update().get(pk=clinic.pk)
    if clinic.about == about:
        return
    Clinic.objects.filter(pk=clinic.pk).update(about=about)
    record(actor, "clinic.about_changed", clinic, old={"about": clinic.about}, new={"about": about}, at=at)


@transaction.atomic
def refresh_listing(calendar: Calendar) -> None:
    """Let the search find a calendar's practitioner by what is true now; nothing for who is not listed.

    The practitioner's row is locked: of two changes at once the later to write has read the other's.
    """
    rows = Practitioner.objects.select_for_update(of=("self",)).select_related("clinic")
    practitioner = rows.get(pk=calendar.practitioner_id)
    if not practitioner.is_listed:
        return
    now = Calendar.objects.get(pk=calendar.pk)
    services = Service.objects.filter(calendar=now, is_offered=True).order_by("name")
    what = [practitioner.specialty, *services.values_list("name", flat=True)]
    Listing.objects.update_or_create(
        calendar=now,
        defaults={
            "clinic_id": now.clinic_id,
            "practitioner": practitioner,
            # Letters and digits alone: on these the engines' orders agree.
            "name": "".join(sign for sign in folded(practitioner.name) if sign.isalnum()),
            "who": _line(f"{practitioner.name} {practitioner.clinic.name}"),
            "what": _line(" ".join(what)),
            "city": _line(now.city),
            "latitude": now.latitude,
            "longitude": now.longitude,
        },
    )


def _line(text: str) -> str:
    return " ".join(folded(text).split())
