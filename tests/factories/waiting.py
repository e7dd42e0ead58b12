"""Callers in the waiting area, made through the operations or by the pages."""

import uuid
from datetime import datetime, timedelta
from typing import Any, TypeAlias

from django.core import signing
from django.db import transaction
from django.test import Client

from clinic.audit.operations import PATIENT, user_actor
from clinic.models import User
from messaging.links import token_of
from messaging.models import PersonalLink
from tests.factories.house import MINUTES, NOW, House
from tests.factories.page import Answer
from waiting_area import areas, calls, notices, operations, presence, states
from waiting_area.enums import Status
from waiting_area.models import Broadcast, Call, Caller, Notice, Participation, Pulse, WaitingArea
from waiting_area.views.waiting_screen import COOKIE, SALT

SECONDS = timedelta(seconds=1)
# Everything published, as (name, topics, data).
Told: TypeAlias = list[tuple[str, dict[str, int | None], dict[str, Any]]]


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


def beat(at: datetime) -> None:
    """Let the pulse have been at this instant; from when absences count stays."""
    Pulse.objects.filter(pk=1).update(at=at)


def state(caller: Caller) -> tuple[str, str, bool]:
    """Return a caller's status, how they left, and whether their connection is lost."""
    caller.refresh_from_db()
    return caller.status, caller.how_left, caller.is_lost


def absent(house: House, told: Told) -> Caller:
    """Return a caller who has left after two minutes of silence, with one behind them who has not."""
    caller = arrive(house)
    notify(house, caller, "One")
    arrive(house, "Jan Szary", at=NOW + 119 * SECONDS)
    beat(NOW + 2 * MINUTES)
    presence.sweep(at=NOW + 2 * MINUTES)
    assert state(caller) == ("left", "absent", False)
    told.clear()
    return caller


def caller_of(house: House) -> Caller:
    """Return the house's first caller, who comes in when first asked for."""
    return Caller.objects.filter(clinic=house.clinic).order_by("pk").first() or arrive(house, "Adam Cichy")


def call_of(house: House) -> Call:
    """Return the call that the house's assistant is in, which begins when first asked for."""
    here = Participation.objects.filter(user=house.assistant, gone_at=None).select_related("call").first()
    if here is not None:
        return here.call
    caller_of(house)
    return join(house, arrive(house, "Bea Inside"))


def broadcast_of(house: House) -> Broadcast:
    """Return what the house's assistant sent to everybody, just now when first asked for."""
    found = Broadcast.objects.filter(clinic=house.clinic).first()
    if found is not None:
        return found
    caller = caller_of(house)
    return notices.broadcast(
        clinic=house.clinic, caller_ids=[caller.pk], text="To all", key=uuid.uuid4().hex,
        actor=user_actor(house.assistant), at=NOW,
    ).broadcast  # fmt: skip


def waiting(client: Client, caller: Caller) -> Client:
    """Return the browser as the one in which this caller came in."""
    client.cookies[COOKIE] = signing.dumps(caller.pk, salt=SALT)
    return client


def write(caller: Caller, text: str = "Where are you?", *, at: datetime = NOW, key: str = "") -> Notice:
    """Return a notice from the caller."""
    return notices.write(caller_id=caller.pk, text=text, key=key or uuid.uuid4().hex, at=at)


def message_form(text: str = "Where are you?", **more: str) -> dict[str, str]:
    """Return what a caller's field sends."""
    return {"text": text, "key": uuid.uuid4().hex, **more}


def join(house: House, caller: Caller, *, by: User | None = None, at: datetime = NOW) -> Call:
    """Let somebody of the house, by default its assistant, be with a caller."""
    return calls.join(caller_id=caller.pk, actor=user_actor(by or house.assistant), at=at)


def hold(house: House, caller: Caller, *, at: datetime = NOW) -> None:
    """Put a caller on hold who is in a call with the house's assistant."""
    calls.hold(caller_id=caller.pk, actor=user_actor(house.assistant), at=at)


def switch(house: House, takes: bool) -> None:
    """Switch callers' notices on or off in the house's clinic."""
    areas.set_guest_notices(clinic=house.clinic, takes=takes, actor=user_actor(house.admin), at=NOW)


def second_area(house: House, name: str = "Upstairs") -> WaitingArea:
    """Return one more waiting area of the house's clinic."""
    return areas.add_area(clinic=house.clinic, name=name, actor=user_actor(house.admin), at=NOW)


def way_in_of(house: House) -> PersonalLink:
    """Return the personal link of the house's appointment into its waiting area."""
    return PersonalLink.objects.get(purpose="waiting", object_id=house.appointment.pk)


def by_way_in(link: PersonalLink, **options: Any) -> Client:
    """Return a browser that came by a personal link."""
    client = Client(**options)
    assert client.get(f"/w/p/{token_of(link)}/").status_code == 302
    return client
