"""Coming and going: who is in a waiting area, from their arrival until they left (W3, W4)."""

import uuid
from datetime import datetime

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils.translation import gettext_lazy as _

from clinic.audit.operations import PATIENT, SYSTEM, Actor, record
from clinic.lib import phone as phones
from clinic.lib.text import has_control_characters
from clinic.live.operations import revoke
from clinic.models import Appointment, Calendar
from waiting_area import rules
from waiting_area.announcing import (
    announce_area,
    announce_place_left,
    announce_place_taken,
    announce_rows,
    announce_state,
    announce_watch,
    caller_topic,
)
from waiting_area.enums import Alert, Asked, Left, Status
from waiting_area.models import Caller, Participation, WaitingArea
from waiting_area.queries import is_taking_callers, place_of
from waiting_area.states import Attended, HasLeft, change, locked_one, locked_with


class CannotResume(Exception):
    """Nobody may come back as this caller: removed, left by themselves, or away for too long."""


class AreaClosed(Exception):
    """The waiting area takes no new callers now."""


@transaction.atomic
def arrive(
    *,
    area: WaitingArea,
    name: str,
    purpose: str,
    language: str,
    key: str,
    actor: Actor,
    at: datetime,
    phone: str = "",
    calendar: Calendar | None = None,
    appointment: Appointment | None = None,
) -> Caller:
    """Let somebody into the waiting area, with their consent given (W3).

    Args:
        key: of the form that was sent; while its caller is here, a second press returns them.
        language: one of the product's; their page's and their notices'.
        phone: as they wrote it.
        calendar: whom they come to see, one of the clinic's own.
        appointment: beside which they stand; whoever is here for it already is returned (A47).

    Raises:
        AreaClosed: no new callers now.
        ValidationError: what the area asks for is missing, too long or cannot be written, named by field.
    """
    if appointment is not None and (there := _here_for(appointment, at=at)) is not None:
        return there
    if not is_taking_callers(area, at):
        raise AreaClosed
    told = _told(area, name=name, purpose=purpose, phone=phone, calendar=calendar, appointment=appointment)
    # In all the clinic's areas: they may have been sent to another since.
    with_key = Caller.objects.filter(area__clinic_id=area.clinic_id)
    while (earlier := with_key.filter(key=key).first()) is not None:
        if earlier.is_present:
            return earlier
        # They left, and come anew with the same form; two presses of that are one again.
        key = uuid.uuid5(uuid.NAMESPACE_OID, f"{key} {earlier.pk}").hex
    try:
        with transaction.atomic():
            made = Caller.objects.create(
                clinic_id=area.clinic_id,
                area=area,
                key=key,
                language=language,
                consented_at=at,
                status_since=at,
                arrived_at=at,
                last_seen_at=at,
                calendar=calendar,
                appointment=appointment,
                **told,
            )
    except IntegrityError:
        # The first press of two was quicker by less than a request.
        return Caller.objects.get(area=area, key=key)
    record(actor, "caller.arrived", made, new=told, at=at)
    announce_rows([made])
    announce_watch(made.clinic_id)
    return made


def _here_for(appointment: Appointment, *, at: datetime) -> Caller | None:
    """Return who is here for an appointment, or away so shortly that they come back with this (W4).

    The appointment's row is locked: of two tabs that come in at once, one finds the other's caller (A47).
    """
    Appointment.objects.select_for_update().get(pk=appointment.pk)
    rows = Caller.objects.filter(appointment=appointment).select_related("area").order_by("-arrived_at")
    for found in rows:
        if found.is_present:
            return found
        if found.may_resume(at):
            return resume(caller_id=found.pk, at=at)
    return None


def _told(
    area: WaitingArea,
    *,
    name: str,
    purpose: str,
    phone: str,
    calendar: Calendar | None,
    appointment: Appointment | None,
) -> dict[str, str]:
    """Return what a caller said as it is kept.

    Raises:
        ValidationError: with the field's name as key and a sentence for the reader.
    """
    told = {"name": " ".join(name.split()), "purpose": " ".join(purpose.split()), "phone": ""}
    errors: dict[str, object] = {}
    purpose_may_lack = appointment is not None or area.asks_purpose != Asked.REQUIRED
    for field, most in (("name", rules.NAME_LENGTH), ("purpose", rules.PURPOSE_LENGTH)):
        least = 0 if field == "purpose" and purpose_may_lack else 1
        if not least <= len(told[field]) <= most or has_control_characters(told[field]):
            errors[field] = _("This text cannot be used.")
    if phone.strip():
        try:
            told["phone"] = phones.normalise(phone, country=area.clinic.country).e164
        except phones.BadPhone:
            errors["phone"] = _(
                "This is not a phone number. Write it with its country code, like +48 22 555 01 23."
            )
    elif area.asks_phone == Asked.REQUIRED and appointment is None:
        errors["phone"] = _("Please enter your phone number.")
    asks_calendar = area.asks_calendar == Asked.REQUIRED and appointment is None
    # A clinic that has none lets people in all the same.
    if calendar is None and asks_calendar and Calendar.objects.filter(clinic=area.clinic_id).exists():
        errors["calendar"] = _("Please choose whom you come to see.")
    if calendar is not None and calendar.clinic_id != area.clinic_id:
        errors["calendar"] = _("Please choose whom you come to see.")
    if errors:
        raise ValidationError(errors)
    return told


@transaction.atomic
def resume(*, caller_id: int, at: datetime) -> Caller:
    """Let the same browser come back as its caller: arrival time, place and notices are as they were (W4).

    Raises:
        CannotResume: staff removed them, they left by themselves, or it is too long ago.
    """
    caller = locked_one(caller_id)
    if not caller.is_present and not caller.may_resume(at):
        raise CannotResume
    if caller.is_present:
        if caller.is_lost:
            caller.last_seen_at, caller.is_lost = at, False
            caller.save(update_fields=["last_seen_at", "is_lost"])
            announce_rows([caller])
        return caller
    # Nobody is in a call with somebody who was gone: they wait, from now on.
    back = Status.ON_HOLD if caller.left_from == Status.ON_HOLD else Status.WAITING
    change(
        caller, back, at=at, since=at if caller.left_from == Status.IN_CALL else caller.status_since,
        left_at=None, how_left=Left.NOT, left_from="", last_seen_at=at, is_lost=False,
    )  # fmt: skip
    record(PATIENT, "caller.resumed", caller, at=at)
    announce_watch(caller.clinic_id)
    return caller


def go(caller: Caller, how: Left, *, actor: Actor, at: datetime) -> None:
    """Let a locked, present caller leave."""
    change(
        caller, Status.LEFT, at=at, since=caller.status_since,
        left_from=caller.status, left_at=at, how_left=how, is_lost=False, call=None, alone_since=None,
        alert=Alert.NONE,
    )  # fmt: skip
    _close(caller, how, actor=actor, at=at)


def _close(caller: Caller, how: Left, *, actor: Actor, at: datetime) -> None:
    """Write down how a caller left; who is only absent keeps their stream."""
    action = "caller.removed" if how == Left.REMOVED else "caller.left"
    record(actor, action, caller, new={"how": str(how)}, at=at)
    announce_watch(caller.clinic_id)
    if how != Left.ABSENT:
        revoke([caller_topic(caller.pk)])


@transaction.atomic
def leave(*, caller_id: int, how: Left = Left.THEMSELVES, actor: Actor, at: datetime) -> bool:
    """Let a caller leave for good; return False when they had left already.

    Args:
        how: by themselves, or because their call ended.
    """
    caller, _others = locked_with(caller_id)
    if caller.is_present:
        go(caller, how, actor=actor, at=at)
    elif caller.may_resume(at):
        # They are away; from now on they cannot come back as the same caller.
        caller.how_left = how
        caller.save(update_fields=["how_left"])
        announce_rows([caller])
        announce_state(caller)
        _close(caller, how, actor=actor, at=at)
    else:
        return False
    return True


@transaction.atomic
def remove(*, caller_id: int, actor: Actor, at: datetime) -> bool:
    """Remove a caller: their page says so, and they cannot come back as the same one (W4).

    Returns False when they had left already; who is only absent cannot come back then either.

    Raises:
        Attended: somebody else is in a call with them.
    """
    caller, _others = locked_with(caller_id)
    _refuse_if_attended(caller, actor)
    return leave(caller_id=caller_id, how=Left.REMOVED, actor=actor, at=at)


def _refuse_if_attended(caller: Caller, actor: Actor) -> None:
    """Take nobody out of a colleague's call without a word (W14)."""
    if caller.status != Status.IN_CALL or caller.call_id is None or actor.user_id is None:
        return
    there = Participation.objects.filter(call=caller.call_id, gone_at=None).select_related("user")
    found = list(there)
    if found and all(one.user_id != actor.user_id for one in found):
        raise Attended([one.user.name for one in found])


@transaction.atomic
def let_go(*, caller_id: int, at: datetime) -> None:
    """Let an absent caller leave, unless their page has been heard meanwhile (W4)."""
    caller, _others = locked_with(caller_id)
    if caller.is_present and caller.last_seen_at <= rules.gone_before(at, caller.area.grace):
        go(caller, Left.ABSENT, actor=SYSTEM, at=at)


@transaction.atomic
def transfer(
    *, caller_id: int, area: WaitingArea, calendar: Calendar | None, actor: Actor, at: datetime
) -> Caller:
    """Send a caller to another waiting area of the clinic, or to another practitioner (W15, E5.8).

    They wait there from now on, with all their notices, at the place that their arrival gives them.

    Args:
        area, calendar: of the caller's own clinic.

    Raises:
        HasLeft: they are not here any more.
        Attended: somebody else is in a call with them.
        ValueError: the area or the calendar belongs to another clinic.
    """
    caller, _others = locked_with(caller_id)
    if caller.clinic_id != area.clinic_id or (calendar and calendar.clinic_id != caller.clinic_id):
        raise ValueError("only within one clinic")
    if not caller.is_present:
        raise HasLeft
    _refuse_if_attended(caller, actor)
    was_in, was_alerted = caller.area_id, bool(caller.alert)
    old = {"area": was_in, "calendar": caller.calendar_id, "status": str(caller.status)}
    if caller.status == Status.WAITING:
        _move_queue(caller, area, calendar)
    else:
        change(
            caller, Status.WAITING, at=at,
            area=area, calendar=calendar, call=None, alone_since=None, alert=Alert.NONE,
        )  # fmt: skip
        if area.pk != was_in:
            # How long they waited counts for the usual wait of the other area now.
            announce_area(caller.clinic_id, was_in)
        if was_alerted:
            announce_watch(caller.clinic_id)
    new = {"area": area.pk, "calendar": calendar.pk if calendar else None, "status": str(caller.status)}
    record(actor, "caller.transferred", caller, old=old, new=new, at=at)
    return caller


def _move_queue(caller: Caller, area: WaitingArea, calendar: Calendar | None) -> None:
    """Let somebody who waits go on waiting elsewhere."""
    if area.pk != caller.area_id and (left := place_of(caller)) is not None:
        announce_place_left(caller.area_id, left)
    moved, caller.area, caller.calendar = area.pk != caller.area_id, area, calendar
    caller.save(update_fields=["area", "calendar"])
    if moved and (taken := place_of(caller)) is not None:
        announce_place_taken(area.pk, taken)
    announce_rows([caller])
    announce_state(caller)
