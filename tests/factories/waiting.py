"""Callers in the waiting area, made through the operations or by the pages."""

import uuid
from datetime import datetime
from typing import Any

from django.core import signing
from django.db import transaction
from django.test import Client

from clinic.audit.operations import PATIENT, user_actor
from tests.factories.house import NOW, House
from tests.factories.page import Answer
from waiting_area import notices, operations, presence, states
from waiting_area.enums import Status
from waiting_area.models import Caller, Notice, WaitingArea
from waiting_area.views.waiting_screen import COOKIE, SALT


def area_of(house: House) -> WaitingArea:
    """Return the house's first waiting area."""
    return WaitingArea.objects.select_related("clinic").get(clinic=house.clinic, is_default=True)


def arrive(house: House, name: str = "Ewa Siwa", *, at: datetime = NOW, **more: Any) -> Caller:
    """Return a caller who has just come in."""
    values = {"purpose": "A prescription", "language": "en", "key": uuid.uuid4().hex, **more}
    return operations.arrive(area=area_of(house), name=name, actor=PATIENT, at=at, **values)


def take(caller: Caller, *, at: datetime = NOW) -> None:
    """Let a caller be in a call, whoever is with them."""
    with transaction.atomic():
        states.change(states.locked_one(caller.pk), Status.IN_CALL, at=at, taken_at=at)


def notify(
    house: House, caller: Caller, text: str = "Two minutes.", *, at: datetime = NOW, key: str = ""
) -> Notice:
    """Return a notice from the house's assistant."""
    return notices.notify(
        caller_id=caller.pk,
        text=text,
        key=key or uuid.uuid4().hex,
        actor=user_actor(house.assistant),
        at=at,
    )


def entry_form(**more: str) -> dict[str, str]:
    """Return what a caller fills in at the entry."""
    return {"name": "Ewa Siwa", "purpose": "A prescription", "consent": "on", "key": uuid.uuid4().hex, **more}


def area_form(**more: str) -> dict[str, str]:
    """Return what an administrator sends to save a waiting area's settings."""
    return {
        "name": "Desk", "is_open": "on", "asks_purpose": "required", "asks_phone": "no", "asks_calendar": "no",
        "shows_place": "on", "own_guest_notices": "clinic", "grace_seconds": "60", "resume_minutes": "30",
        "keep_days": "30", "long_wait_minutes": "", "alert_email": "", "alert_phone": "", **more,
    }  # fmt: skip


def door(house: House, page: str = "") -> str:
    """Return one of the callers' addresses."""
    return f"/w/{area_of(house).key}/{page}"


def come_in(client: Client, house: House, **more: str) -> Answer:
    """Enter by the public link."""
    return client.post(door(house), entry_form(**more))


def ping(caller: Caller, at: datetime, *, seen: int = 0, is_visible: bool = True) -> None:
    """Let the caller's page say that it is there."""
    presence.note([presence.Ping(caller.pk, seen, is_visible, at)], at=at)


def caller_of(house: House) -> Caller:
    """Return the house's first caller, who comes in when first asked for."""
    return Caller.objects.filter(clinic=house.clinic).order_by("pk").first() or arrive(house, "Adam Cichy")


def waiting(client: Client, caller: Caller) -> Client:
    """Return the browser as the one in which this caller came in."""
    client.cookies[COOKIE] = signing.dumps(caller.pk, salt=SALT)
    return client
