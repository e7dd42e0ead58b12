"""Callers beside their appointments: their own way in, and what becomes of them when it is cancelled (W3, E5.9)."""

import uuid
from collections.abc import Collection
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Q
from django.urls import reverse
from django.utils import translation
from django.utils.translation import gettext as _

from clinic.appointments.enums import Status as Booked
from clinic.appointments.operations import NotAllowed
from clinic.audit.operations import PATIENT, SYSTEM
from clinic.lib import when
from clinic.models import Appointment
from messaging.enums import Purpose
from messaging.links import get_or_make, list_for, token_of
from messaging.models import PersonalLink
from waiting_area import notices, operations, rules
from waiting_area.enums import Left, Status
from waiting_area.models import Caller, Notice
from waiting_area.queries import default_area
from waiting_area.states import locked_with


class Cancelled(Exception):
    """The appointment is cancelled; nobody was let in."""


class NotToday(Exception):
    """The appointment is on another day; nobody was let in."""


# Who sits here for an appointment needs no reminder of it (E8.3).
PRESENT = "present"
# A personal link brings somebody back to their place as long as anybody waits (E5.6).
LINK_LIVES_ON = timedelta(hours=12)


def make_link(appointment: Appointment, *, at: datetime) -> PersonalLink:
    """Return the appointment's own way into the waiting area, made with the booking (W3).

    Pages that are only looked at find it there: they write nothing.
    """
    return get_or_make(
        clinic_id=appointment.clinic_id,
        purpose=Purpose.WAITING,
        object_id=appointment.pk,
        expires_at=max(appointment.ends_at, at) + LINK_LIVES_ON,
        at=at,
    )


def address_of(appointment: Appointment, *, at: datetime) -> str:
    """Return the path of the appointment's own way in; nothing where that is over or was never made."""
    link = list_for(purpose=Purpose.WAITING, object_ids=[appointment.pk]).get(appointment.pk)
    if link is None or link.revoked_at or link.expires_at <= at or appointment.status == Booked.CANCELLED:
        return ""
    return reverse("waiting_area:personal_link", kwargs={"token": token_of(link)})


def may_come(appointment: Appointment, *, at: datetime) -> bool:
    """Return whether the appointment's own way lets somebody in now: on its day, and around its time."""
    zone = appointment.calendar.zone
    is_today = at.astimezone(zone).date() == appointment.starts_at.astimezone(zone).date()
    return is_today or rules.is_around(appointment.starts_at, appointment.ends_at, at)


def find_here(appointment: Appointment, *, at: datetime) -> Caller | None:
    """Return who is here for an appointment, or away so shortly that they may come back (W4)."""
    rows = Caller.objects.filter(appointment=appointment).select_related("area__clinic", "clinic")
    found = rows.filter(~Q(status=Status.LEFT) | Q(how_left=Left.ABSENT)).order_by("-arrived_at")
    return next((one for one in found if one.is_present or one.may_resume(at)), None)


@transaction.atomic
def enter(*, appointment_id: int, language: str, at: datetime) -> Caller:
    """Let an appointment's patient into the waiting area, or back to their place there (E5.6, A47).

    The appointment's row is locked: two devices that ask at once are one caller.

    Args:
        language: one of the product's; their page's and their notices'.

    Raises:
        Cancelled, NotToday: it does not let anybody in.
        AreaClosed: no new callers now.
    """
    appointment = Appointment.objects.whole().select_for_update(of=("self",)).get(pk=appointment_id)
    if appointment.status == Booked.CANCELLED:
        raise Cancelled
    here = find_here(appointment, at=at)
    if here is None and not may_come(appointment, at=at):
        raise NotToday
    area = here.area if here else default_area(appointment.clinic)
    if area is None:
        raise operations.AreaClosed
    patient = appointment.patient
    return operations.arrive(
        area=area, name=patient.name[: rules.NAME_LENGTH], purpose="", phone=patient.phone,
        calendar=appointment.calendar, appointment=appointment, language=language,
        key=uuid.uuid4().hex, actor=PATIENT, at=at,
    )  # fmt: skip


def present_for(appointments: Collection[int]) -> set[int]:
    """Return which of these appointments' patients sit in the waiting area for them (E8.3)."""
    here = Caller.objects.present().filter(appointment__in=appointments)
    return {pk for pk in here.values_list("appointment", flat=True) if pk is not None}


@transaction.atomic
def release(appointment: Appointment, *, at: datetime) -> None:
    """Tell who waits for a cancelled appointment, in their language, and let them go (E5.9)."""
    waiting = Caller.objects.filter(appointment=appointment)
    waiting = waiting.filter(~Q(status=Status.LEFT) | Q(how_left=Left.ABSENT))
    for caller_id in waiting.order_by("pk").values_list("pk", flat=True):
        caller, _others = locked_with(caller_id)
        if not caller.is_present and not caller.may_resume(at):
            continue
        with translation.override(caller.language):
            notices.say(caller, _farewell(appointment, caller), key=_farewell_key(appointment), at=at)
        operations.leave(caller_id=caller_id, how=Left.RELEASED, actor=SYSTEM, at=at)


def check_untold(appointment: Appointment) -> None:
    """See to it that a cancellation is only taken back while nobody was told of it.

    Raises:
        NotAllowed: its patient was told in the waiting area, and has left it.
    """
    if Notice.objects.filter(caller__appointment=appointment, key=_farewell_key(appointment)).exists():
        raise NotAllowed


def _farewell_key(appointment: Appointment) -> str:
    return f"cancelled:{appointment.pk}"


def _farewell(appointment: Appointment, caller: Caller) -> str:
    moment = when.date_and_time(appointment.starts_at, appointment.calendar.zone, caller.language)
    return _(
        "Your appointment was cancelled: %(date_and_time)s. You need not wait any longer. If you have "
        "questions, please call us."
    ) % {"date_and_time": moment}
