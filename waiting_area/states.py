"""The one writer of a caller's status, and the locks under which it is written."""

from collections.abc import Callable, Collection
from contextlib import suppress
from datetime import datetime
from typing import Any

from django.db import transaction

from waiting_area.announcing import (
    announce_call,
    announce_place_left,
    announce_place_taken,
    announce_rows,
    announce_state,
)
from waiting_area.enums import TRANSITIONS, HowGone, Status
from waiting_area.models import Call, Caller, WaitingArea
from waiting_area.queries import place_of

# How often callers are locked anew because somebody came into their call meanwhile.
TRIES = 10


class _Again(Exception):
    """Somebody came into a call while its callers were locked."""


class HasLeft(Exception):
    """The caller is not here any more; nothing was done."""


class Attended(Exception):
    """Somebody else of the clinic is with the caller; nothing was done.

    Attributes:
        names: who.
    """

    def __init__(self, names: Collection[str]) -> None:
        super().__init__(len(names))
        self.names = list(names)


class WrongState(Exception):
    """What was asked for does not follow the caller's present state; nothing was done.

    Attributes:
        status: what that is.
    """

    def __init__(self, status: str) -> None:
        super().__init__(status)
        self.status = Status(status)


def locked(ids: Collection[int]) -> list[Caller]:
    """Return callers with their rows locked, always in the order of their ids."""
    rows = list(Caller.objects.select_for_update().filter(pk__in=ids).order_by("pk"))
    # Read only now, and once for all: PostgreSQL leaves out of a joined read whoever was moved to another
    # area while their row was waited for.
    areas = WaitingArea.objects.select_related("clinic").in_bulk({row.area_id for row in rows})
    for row in rows:
        row.area = areas[row.area_id]
        row.clinic = row.area.clinic
    return rows


def locked_one(caller_id: int) -> Caller:
    """Return one caller with their row locked."""
    (found,) = locked([caller_id])
    return found


def locked_with(caller_id: int, *calls: int) -> tuple[Caller, list[Caller]]:
    """Return a caller, and all who are in one call with them or in one of `calls`, with their rows locked.

    Callers are locked before the call they are in, everywhere.
    """

    def wanted() -> set[int]:
        own = Caller.objects.values_list("call_id", flat=True).get(pk=caller_id)
        return {caller_id, *_ids_in({*calls, *([own] if own else [])})}

    rows = _locked_all(wanted)
    return next(row for row in rows if row.pk == caller_id), rows


def locked_in(call_id: int) -> list[Caller]:
    """Return all callers in a call with their rows locked."""
    return [row for row in _locked_all(lambda: _ids_in({call_id})) if row.call_id == call_id]


def _locked_all(wanted: Callable[[], set[int]]) -> list[Caller]:
    """Return callers locked, when nobody more is wanted once they are; else anew."""
    for _try in range(TRIES):
        # Who came in meanwhile may have a lower id than those held already, and nothing is waited for out of
        # order: the savepoint lets every lock go.
        with suppress(_Again), transaction.atomic():
            rows = locked(wanted())
            if wanted() <= {row.pk for row in rows}:
                return rows
            raise _Again
    raise RuntimeError("callers could not be locked")


def _ids_in(calls: Collection[int]) -> set[int]:
    return set(Caller.objects.filter(call_id__in=calls).values_list("pk", flat=True)) if calls else set()


def change(caller: Caller, to: Status, *, at: datetime, since: datetime | None = None, **more: Any) -> None:
    """Give a locked caller another status, and tell everybody whom that concerns.

    Args:
        since: from when on they are in it, by default `at`.
        more: other fields of theirs that change with it.

    Raises:
        WrongState: it does not follow the present one.
    """
    if to not in TRANSITIONS[Status(caller.status)]:
        raise WrongState(caller.status)
    was_in, was_with, had_place = caller.area_id, caller.call_id, place_of(caller)
    caller.status, caller.status_since = to, since or at
    for name, value in more.items():
        setattr(caller, name, value)
    caller.save(update_fields=["status", "status_since", *more])
    has_place = place_of(caller)
    if had_place is not None:
        announce_place_left(was_in, had_place)
    if has_place is not None:
        announce_place_taken(caller.area_id, has_place)
    announce_rows([caller])
    announce_state(caller)
    for call_id in {was_with, caller.call_id}:
        if call_id is not None:
            announce_call(caller.clinic_id, call_id)
    if was_with is not None and was_with != caller.call_id:
        close_if_empty(was_with, at=at)


def close_if_empty(call_id: int, *, at: datetime) -> None:
    """End a call that no caller is in any more; everybody of the clinic in it is then free again."""
    call = Call.objects.select_for_update().get(pk=call_id)
    if call.is_over or call.callers.exists():
        return
    call.ended_at = at
    call.save(update_fields=["ended_at"])
    # In the order of their ids, as whoever writes down their pings locks them.
    there = call.participations.select_for_update().filter(gone_at=None).order_by("pk")
    ids = list(there.values_list("pk", flat=True))
    call.participations.filter(pk__in=ids).update(gone_at=at, how_gone=HowGone.ENDED)
    announce_call(call.clinic_id, call.pk)
