"""Waiting areas and their settings: made with their clinic, found by a public address (W3, W9)."""

import secrets
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.text import slugify
from django.utils.translation import gettext_lazy as _

from clinic.audit.operations import Actor, record
from clinic.calendars.rules import written_hours
from clinic.lib.text import has_control_characters
from clinic.people.models import Clinic
from clinic.people.queries import folded
from waiting_area import rules
from waiting_area.announcing import announce_area
from waiting_area.models import AreaHours, WaitingArea, WaitingSettings
from waiting_area.notices import clean_text
from waiting_area.queries import Week, default_area, hours_of, takes_guest_notices

# Letters and digits that nobody takes for one another when they type an address from paper.
_READABLE = "23456789abcdefghjkmnpqrstuvwxyz"
_KEY_END = 10


def readable_key(name: str) -> str:
    """Return an area's public key: the name, and an end that nobody guesses from it (W3)."""
    end = "".join(secrets.choice(_READABLE) for _ in range(_KEY_END))
    return f"{slugify(folded(name))[:50].strip('-') or 'clinic'}-{end}"


@transaction.atomic
def make_area(*, clinic: Clinic, actor: Actor, at: datetime) -> WaitingArea:
    """Return the clinic's waiting area, made if there is none."""
    if (found := default_area(clinic)) is not None:
        return found
    made = WaitingArea.objects.create(
        clinic=clinic,
        key=readable_key(clinic.name),
        name=clinic.name,
        is_default=True,
        guest_notices=takes_guest_notices(clinic),
    )
    record(actor, "waiting_area.created", made, new={"name": made.name}, at=at)
    return made


@transaction.atomic
def add_area(*, clinic: Clinic, name: str, actor: Actor, at: datetime) -> WaitingArea:
    """Give the clinic one more waiting area.

    Raises:
        ValidationError: the name is empty, too long or taken, by field.
    """
    cleaned = _clean_name(name, clinic)
    made = WaitingArea.objects.create(
        clinic=clinic,
        key=readable_key(f"{clinic.name} {cleaned}"),
        name=cleaned,
        guest_notices=takes_guest_notices(clinic),
    )
    record(actor, "waiting_area.created", made, new={"name": cleaned}, at=at)
    return made


def _clean_name(name: str, clinic: Clinic, *, but: int = 0) -> str:
    cleaned = " ".join(name.split())
    if not 0 < len(cleaned) <= rules.NAME_LENGTH or has_control_characters(cleaned):
        raise ValidationError({"name": _("Please enter a name.")})
    if WaitingArea.objects.filter(clinic=clinic, name=cleaned).exclude(pk=but).exists():
        raise ValidationError({"name": _("Another waiting area has this name.")})
    return cleaned


# What `change_area` takes, apart from name, welcomes and hours.
PLAIN = (
    "is_open", "asks_purpose", "asks_phone", "asks_calendar", "shows_place", "confirms_name",
    "grace_seconds", "resume_minutes", "keep_days", "long_wait_minutes", "alert_email", "alert_phone",
    "own_guest_notices",
)  # fmt: skip


@transaction.atomic
def change_area(*, area: WaitingArea, actor: Actor, at: datetime, **wanted: Any) -> None:
    """Change an area's settings; open pages of its callers follow at once (W9).

    Args:
        wanted: any of `PLAIN`; `name`; `welcomes`: by language, what callers read while they wait; `hours`:
            by weekday (Monday 0), the wall times between which new callers are taken.

    Raises:
        ValidationError: a text cannot be used, named by field (`welcome_pl` for a language's text).
    """
    area = WaitingArea.objects.select_for_update(of=("self",)).select_related("clinic").get(pk=area.pk)
    new = {name: wanted[name] for name in PLAIN if name in wanted}
    if "name" in wanted:
        new["name"] = _clean_name(wanted["name"], area.clinic, but=area.pk)
    if "welcomes" in wanted:
        new["welcomes"] = _clean_welcomes(wanted["welcomes"])
    if "own_guest_notices" in new:
        own = new["own_guest_notices"]
        new["guest_notices"] = takes_guest_notices(area.clinic) if own is None else own
    changed = {name: value for name, value in new.items() if getattr(area, name) != value}
    old = {name: getattr(area, name) for name in changed}
    for name, value in changed.items():
        setattr(area, name, value)
    area.save(update_fields=list(changed))
    # A form has a line for each weekday, also for those without hours.
    week = {weekday: sorted(spans) for weekday, spans in wanted.get("hours", {}).items() if spans}
    if "hours" in wanted and week != (hours := hours_of(area)):
        old["hours"], changed["hours"] = _written(hours), _written(week)
        area.hours.all().delete()
        AreaHours.objects.bulk_create(
            AreaHours(area=area, weekday=weekday, opens=opens, closes=closes)
            for weekday, spans in week.items()
            for opens, closes in spans
        )
    if changed:
        record(actor, "waiting_area.changed", area, old=old, new=changed, at=at)
        announce_area(area.clinic_id, area.pk)


def _written(week: Week) -> dict[str, str]:
    return {str(weekday): written_hours(spans) for weekday, spans in week.items()}


def _clean_welcomes(welcomes: Mapping[str, str]) -> dict[str, str]:
    cleaned, errors = {}, {}
    for language, text in welcomes.items():
        if not text.strip():
            continue
        try:
            cleaned[language] = clean_text(text)
        except ValidationError as error:
            errors[f"welcome_{language}"] = error.messages
    if errors:
        raise ValidationError(errors)
    return cleaned


@transaction.atomic
def set_guest_notices(*, clinic: Clinic, takes: bool, actor: Actor, at: datetime) -> None:
    """Switch callers' notices on or off in all areas of a clinic that have no switch of their own (W9)."""
    settings, _made = WaitingSettings.objects.select_for_update().get_or_create(clinic=clinic)
    if settings.guest_notices == takes:
        return
    settings.guest_notices = takes
    settings.save(update_fields=["guest_notices"])
    # All of them are locked: one may just be giving up its own switch.
    areas = WaitingArea.objects.select_for_update().filter(clinic=clinic).order_by("pk")
    ids = [area.pk for area in areas if area.own_guest_notices is None]
    WaitingArea.objects.filter(pk__in=ids).update(guest_notices=takes)
    new = {"guest_notices": takes}
    record(actor, "waiting_settings.changed", clinic, old={"guest_notices": not takes}, new=new, at=at)
    for area_id in ids:
        announce_area(clinic.pk, area_id)
