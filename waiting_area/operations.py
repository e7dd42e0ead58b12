"""Coming and going: who is in a waiting area, and in which status, changes through here only."""

import uuid
from collections.abc import Collection
from datetime import datetime

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils.translation import gettext_lazy as _

from clinic.audit.operations import PATIENT, SYSTEM, Actor, record
from clinic.lib.text import has_control_characters
from clinic.live.operations import revoke
from waiting_area import rules
from waiting_area.announcing import (
    announce_place_left,
    announce_place_taken,
    announce_rows,
    announce_state,
    caller_topic,
)
from waiting_area.enums import Left, Status
from waiting_area.models import Caller, WaitingArea
from waiting_area.queries import place_of


class HasLeft(Exception):
    """The caller is not here any more; nothing was done."""


class CannotResume(Exception):
    """Nobody may come back as this caller: removed, left by themselves, or away for too long."""


class AreaClosed(Exception):
    """The waiting area takes no new callers now."""


def locked(ids: Collection[int]) -> list[Caller]:
    """Return callers with their rows locked, always in the order of their ids."""
    rows = Caller.objects.select_for_update(of=("self",)).select_related("clinic", "area__clinic")
    return list(rows.filter(pk__in=ids).order_by("pk"))


def locked_one(caller_id: int) -> Caller:
    """Return one caller with their row locked."""
    (found,) = locked([caller_id])
    return found


@transaction.atomic
def arrive(
    *, area: WaitingArea, name: str, purpose: str, language: str, key: str, actor: Actor, at: datetime
) -> Caller:
    """Let somebody into the waiting area, with their consent given (W3).

    Args:
        key: of the form that was sent; while its caller is here, a second press returns them.
        language: one of the product's; their page's and their notices'.

    Raises:
        AreaClosed: no new callers now.
        ValidationError: name or purpose are empty, too long or cannot be written, named by field.
    """
    if not area.is_open:
        raise AreaClosed
    told = {"name": " ".join(name.split()), "purpose": " ".join(purpose.split())}
    for field, most in (("name", rules.NAME_LENGTH), ("purpose", rules.PURPOSE_LENGTH)):
        if not 0 < len(told[field]) <= most or has_control_characters(told[field]):
            raise ValidationError({field: _("This text cannot be used.")})
    earlier = Caller.objects.filter(area=area, key=key).first()
    if earlier is not None and earlier.is_present:
        return earlier
    try:
        with transaction.atomic():
            made = Caller.objects.create(
                clinic_id=area.clinic_id,
                area=area,
                key=uuid.uuid4().hex if earlier else key,
                language=language,
                consented_at=at,
                status_since=at,
                arrived_at=at,
                last_seen_at=at,
                **told,
            )
    except IntegrityError:
        # The first press of two was quicker by less than a request.
        return Caller.objects.get(area=area, key=key)
    record(actor, "caller.arrived", made, new=told, at=at)
    announce_rows([made])
    return made


@transaction.atomic
def resume(*, caller_id: int, at: datetime) -> Caller:
    """Let the same browser come back as its caller: arrival time, place and notices are as they were (W4).

    Raises:
        CannotResume: staff removed them, they left by themselves, or it is too long ago.
    """
    caller = locked_one(caller_id)
    if not caller.is_present and not caller.may_resume(at):
        raise CannotResume
    was_away = not caller.is_present
    if not (was_away or caller.is_lost):
        return caller
    if was_away:
        # Nobody is in a call with somebody who was gone.
        back = Status.ON_HOLD if caller.left_from == Status.ON_HOLD else Status.WAITING
        caller.status, caller.left_at, caller.how_left, caller.left_from = back, None, Left.NOT, ""
    caller.last_seen_at, caller.is_lost = at, False
    caller.save(update_fields=["status", "left_at", "how_left", "left_from", "last_seen_at", "is_lost"])
    if was_away:
        record(PATIENT, "caller.resumed", caller, at=at)
        if (place := place_of(caller)) is not None:
            announce_place_taken(caller.area_id, place)
    announce_rows([caller])
    return caller


def _go(caller: Caller, how: Left, *, actor: Actor, at: datetime) -> None:
    """Let a locked, present caller leave."""
    place = place_of(caller)
    caller.left_from, caller.status = caller.status, Status.LEFT
    caller.left_at, caller.how_left, caller.is_lost = at, how, False
    caller.save(update_fields=["left_from", "status", "left_at", "how_left", "is_lost"])
    _close(caller, how, actor=actor, at=at)
    if place is not None:
        announce_place_left(caller.area_id, place)
    announce_rows([caller])


def _close(caller: Caller, how: Left, *, actor: Actor, at: datetime) -> None:
    """Write down how a caller left, and tell their page; who is only absent keeps their stream."""
    action = "caller.removed" if how == Left.REMOVED else "caller.left"
    record(actor, action, caller, new={"how": str(how)}, at=at)
    announce_state(caller)
    if how != Left.ABSENT:
        revoke([caller_topic(caller.pk)])


@transaction.atomic
def leave(*, caller_id: int, how: Left = Left.THEMSELVES, actor: Actor, at: datetime) -> bool:
    """Let a caller leave for good; return False when they had left already.

    Args:
        how: by themselves, or because their call ended.
    """
    caller = locked_one(caller_id)
    if caller.is_present:
        _go(caller, how, actor=actor, at=at)
    elif caller.may_resume(at):
        # They are away; from now on they cannot come back as the same caller.
        caller.how_left = how
        caller.save(update_fields=["how_left"])
        _close(caller, how, actor=actor, at=at)
    else:
        return False
    return True


@transaction.atomic
def remove(*, caller_id: int, actor: Actor, at: datetime) -> bool:
    """Remove a caller: their page says so, and they cannot come back as the same one (W4).

    Returns False when they had left already; who is only absent cannot come back then either.
    """
    return leave(caller_id=caller_id, how=Left.REMOVED, actor=actor, at=at)


@transaction.atomic
def let_go(*, caller_id: int, at: datetime) -> None:
    """Let an absent caller leave, unless their page has been heard meanwhile (W4)."""
    caller = locked_one(caller_id)
    if caller.is_present and caller.last_seen_at <= rules.gone_before(at):
        _go(caller, Left.ABSENT, actor=SYSTEM, at=at)


@transaction.atomic
def take(*, caller_id: int, actor: Actor, at: datetime) -> Caller:
    """Take a caller out of the queue: *in call* from now on (W13).

    Raises:
        HasLeft: they are not here any more.
    """
    caller = locked_one(caller_id)
    if not caller.is_present:
        raise HasLeft
    place = place_of(caller)
    old, caller.status, caller.status_since = caller.status, Status.IN_CALL, at
    caller.taken_at = caller.taken_at or at
    caller.save(update_fields=["status", "status_since", "taken_at"])
    record(actor, "caller.taken", caller, old={"status": old}, new={"status": caller.status}, at=at)
    if place is not None:
        announce_place_left(caller.area_id, place)
    announce_rows([caller])
    announce_state(caller)
    return caller
