"""Calls: who of the clinic is with which callers, and how a call is left, held and ended (W13, W14)."""

import secrets
from collections.abc import Collection
from datetime import datetime
from enum import StrEnum

from django.db import IntegrityError, transaction

from clinic.audit.operations import SYSTEM, Actor, record
from waiting_area import rules
from waiting_area.announcing import announce_call, announce_rows, announce_state, announce_watch
from waiting_area.enums import Alert, HowGone, Left, Status
from waiting_area.models import Call, Caller, Participation
from waiting_area.operations import go
from waiting_area.states import HasLeft, WrongState, change, close_if_empty, locked_in, locked_with


class InAnotherCall(Exception):
    """Who wants to join is in another call.

    Attributes:
        call: that one.
    """

    def __init__(self, call: Call) -> None:
        super().__init__(call.pk)
        self.call = call


class NotInCall(Exception):
    """Who acts is not in this call, or not any more; nothing was done."""


class CallOver(Exception):
    """The call has ended; nothing was done."""


class NotHeld(Exception):
    """The last of the clinic would leave callers alone who are not on hold; nothing was done (W14).

    Attributes:
        callers: them.
    """

    def __init__(self, callers: Collection[Caller]) -> None:
        super().__init__(len(callers))
        self.callers = list(callers)


class Rest(StrEnum):
    """What becomes of callers who would be left alone."""

    HOLD = "hold"  # hold and leave
    ALONE = "anyway"  # leave anyway


def _own(actor: Actor, clinic_id: int) -> Participation | None:
    """Return in which call of a clinic somebody is.

    Whoever holds the locks of that call's callers may rely on it; for anybody else it is only the latest.
    """
    rows = Participation.objects.select_related("call")
    return rows.filter(user_id=actor.member_id, clinic_id=clinic_id, gone_at=None).first()


def _is_attended(call: Call) -> bool:
    return call.participations.filter(gone_at=None).exists()


@transaction.atomic
def join(
    *, caller_id: int, actor: Actor, at: datetime, was: Status | None = None, into: Call | None = None
) -> Call:
    """Join a caller: they are *in call* from now on, with whoever is with them already (W13).

    A caller on hold is taken off hold, one left alone is alone no more.

    Args:
        was: the status that the member's screen showed; None: whatever it is.
        into: the member's own call, to bring the caller into it.

    Raises:
        HasLeft: they are not here any more.
        WrongState: they are in another status than the screen showed.
        InAnotherCall: the member is in another call.
        NotInCall: the member is not in the call `into`, or somebody else is with the caller in another.
        CallOver: the call `into` has ended meanwhile.
    """
    caller, others = locked_with(caller_id, *([into.pk] if into else []))
    if not caller.is_present:
        raise HasLeft
    if was is not None and caller.status != was:
        raise WrongState(caller.status)
    own = _own(actor, caller.clinic_id)
    if into is not None and (own is None or own.call_id != into.pk or _is_with_others(caller, into)):
        raise NotInCall
    wanted = into or caller.call
    if own is not None and (wanted is None or own.call_id != wanted.pk):
        raise InAnotherCall(own.call)
    call = _opened(wanted, caller, at=at)
    if own is None:
        _enter(call, actor, at=at)
    old = str(caller.status)
    if caller.status != Status.IN_CALL or caller.call_id != call.pk:
        _bring(caller, call, at=at)
    for one in others:
        if one.call_id == call.pk and (one.alone_since or one.alert):
            one.alone_since, one.alert = None, Alert.NONE
            one.save(update_fields=["alone_since", "alert"])
    record(actor, "caller.joined", caller, old={"status": old}, new={"call": call.pk}, at=at)
    announce_rows([caller, *(one for one in others if one.call_id == call.pk and one.pk != caller.pk)])
    announce_call(call.clinic_id, call.pk)
    announce_watch(call.clinic_id)
    return call


def _is_with_others(caller: Caller, into: Call) -> bool:
    """Return whether somebody of the clinic is with a caller in another call than this."""
    if caller.status != Status.IN_CALL or caller.call is None or caller.call_id == into.pk:
        return False
    return _is_attended(caller.call)


def _opened(wanted: Call | None, caller: Caller, *, at: datetime) -> Call:
    """Return the call to be in, locked or new."""
    if wanted is None:
        return Call.objects.create(clinic_id=caller.clinic_id, key=secrets.token_urlsafe(16), started_at=at)
    call = Call.objects.select_for_update().get(pk=wanted.pk)
    if call.is_over:
        raise CallOver
    return call


def _enter(call: Call, actor: Actor, *, at: datetime) -> None:
    """Let somebody of the clinic be in a call."""
    try:
        with transaction.atomic():
            Participation.objects.create(
                call=call, clinic_id=call.clinic_id, user_id=actor.member_id, joined_at=at, last_seen_at=at
            )
    except IntegrityError:
        # The same member was quicker in another window by less than a request.
        if (own := _own(actor, call.clinic_id)) is None:
            raise
        raise InAnotherCall(own.call) from None


def _bring(caller: Caller, call: Call, *, at: datetime) -> None:
    """Let a locked caller be in a call."""
    if caller.status == Status.IN_CALL:
        # From one call into another: they are nowhere in between.
        was, caller.call = caller.call_id, call
        caller.save(update_fields=["call"])
        announce_state(caller)
        if was:
            announce_call(caller.clinic_id, was)
            close_if_empty(was, at=at)
        return
    change(
        caller, Status.IN_CALL, at=at,
        call=call, taken_at=caller.taken_at or at, alone_since=None, alert=Alert.NONE,
    )  # fmt: skip


@transaction.atomic
def hold(*, caller_id: int, actor: Actor, at: datetime) -> Caller:
    """Put a caller on hold: by whoever is with them, or by anybody when nobody is (W14).

    Raises:
        WrongState: they are not in a call.
        NotInCall: somebody else is with them.
    """
    caller, _others = locked_with(caller_id)
    if caller.status != Status.IN_CALL or caller.call is None:
        raise WrongState(caller.status)
    there = caller.call.participations.filter(gone_at=None)
    if there.exists() and not there.filter(user_id=actor.member_id).exists():
        raise NotInCall
    change(caller, Status.ON_HOLD, at=at, alone_since=None, alert=Alert.NONE)
    record(actor, "caller.held", caller, at=at)
    announce_watch(caller.clinic_id)
    return caller


@transaction.atomic
def leave_call(*, call: Call, actor: Actor, at: datetime, rest: Rest | None = None) -> None:
    """Leave a call; its callers stay in it (W14).

    Args:
        rest: what becomes of callers who are not on hold and with whom nobody stays.

    Raises:
        NotInCall: the member is not in it (any more).
        NotHeld: nobody stays with such callers, and `rest` does not say what becomes of them.
    """
    callers = locked_in(call.pk)
    own = _own(actor, call.clinic_id)
    if own is None or own.call_id != call.pk:
        raise NotInCall
    stay = call.participations.filter(gone_at=None).exclude(pk=own.pk).exists()
    alone = [] if stay else [one for one in callers if one.status == Status.IN_CALL]
    if alone and rest is None:
        raise NotHeld(alone)
    own.gone_at, own.how_gone = at, HowGone.LEFT
    own.save(update_fields=["gone_at", "how_gone"])
    record(actor, "call.left", call, new={"rest": str(rest) if alone else ""}, at=at)
    for one in alone:
        if rest == Rest.HOLD:
            change(one, Status.ON_HOLD, at=at, alone_since=None, alert=Alert.NONE)
        else:
            one.alone_since = at
            one.save(update_fields=["alone_since"])
    announce_rows(callers)
    announce_call(call.clinic_id, call.pk)
    if alone:
        announce_watch(call.clinic_id)


@transaction.atomic
def end_call(*, call: Call, actor: Actor, at: datetime) -> None:
    """End a call: who is in it sees goodbye, who is on hold stays on hold (W14).

    With nobody but callers on hold, it ends for them.

    Raises:
        NotInCall: somebody else is in the call, and the member is not.
        CallOver: it has ended already.
    """
    callers = locked_in(call.pk)
    if Call.objects.select_for_update().get(pk=call.pk).is_over:
        raise CallOver
    own = _own(actor, call.clinic_id)
    if (own is None or own.call_id != call.pk) and _is_attended(call):
        raise NotInCall
    record(actor, "call.ended", call, at=at)
    inside = [one for one in callers if one.status == Status.IN_CALL] or callers
    for one in inside:
        go(one, Left.ENDED, actor=actor, at=at)
    if len(inside) < len(callers):
        call.participations.filter(gone_at=None).update(gone_at=at, how_gone=HowGone.ENDED)
        announce_rows([one for one in callers if one not in inside])
        announce_call(call.clinic_id, call.pk)


# --- What happens by itself --------------------------------------------------------------------------


@transaction.atomic
def vanish(*, participation_id: int, at: datetime) -> None:
    """Let somebody of the clinic be gone whose browser was not heard; who is then alone is on hold (W14)."""
    call = Call.objects.get(participations=participation_id)
    callers = locked_in(call.pk)
    own = Participation.objects.select_for_update(of=("self",)).get(pk=participation_id)
    if own.gone_at is not None or own.last_seen_at > at - rules.VANISHED_AFTER:
        return
    own.gone_at, own.how_gone = at, HowGone.VANISHED
    own.save(update_fields=["gone_at", "how_gone"])
    record(SYSTEM, "call.vanished", call, new={"user": own.user_id}, at=at)
    if not _is_attended(call):
        for one in callers:
            if one.status == Status.IN_CALL:
                change(one, Status.ON_HOLD, at=at, alone_since=None, alert=Alert.VANISHED)
    announce_rows(callers)
    announce_call(call.clinic_id, call.pk)
    announce_watch(call.clinic_id)


@transaction.atomic
def alert_alone(*, caller_id: int, at: datetime) -> None:
    """Call the clinic to a caller whom everybody left without holding them (W14)."""
    caller, _others = locked_with(caller_id)
    since = caller.alone_since
    if since is None or since > at - rules.ALONE_AFTER or caller.alert:
        return
    caller.alert = Alert.ALONE
    caller.save(update_fields=["alert"])
    announce_rows([caller])
    announce_watch(caller.clinic_id)
