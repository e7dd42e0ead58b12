"""The patient gives the appointment another time, by themselves (P6, E2.10): the same slots as for booking."""

from datetime import datetime

from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from clinic.appointments import operations as appointments
from clinic.appointments.online import Offer, Standing
from clinic.appointments.operations import NotAllowed, StaleAppointment, Taken
from clinic.audit.operations import PATIENT
from clinic.directory.slot_picker import pick, start_of
from clinic.lib import clock, when
from clinic.lib.page_language import language_of
from clinic.models import Appointment
from notifications.queries import get_wishes
from reminders.operations import record_read
from reminders.views.appointment import for_patient, go_on, mind_sms, read_sequence, show


class NotOffered(Exception):
    """A time that no patient may choose."""


@require_http_methods(["GET", "POST"])
@for_patient
def patient_move(request: HttpRequest, key: str, appointment: Appointment) -> HttpResponse:
    """Show free times of the same calendar for the same service; a POST moves.

    Whatever happened meanwhile, the old time stays until the new one is the patient's.
    """
    if not get_wishes(appointment).self_service:
        return show(request, key, appointment, status=403, problem="self_service_off")
    if request.method == "POST":
        return _move(request, key, appointment)
    if not _may_move(appointment, clock.now()):
        return redirect(reverse("reminders:patient_appointment", kwargs={"key": key}))
    return _times(request, key, appointment, asked=request.GET.get("from", ""))


def _may_move(appointment: Appointment, at: datetime) -> bool:
    return appointment.is_active and appointment.is_changeable_at(at)


def _offer(appointment: Appointment, at: datetime) -> Offer:
    return Offer(
        appointment.calendar,
        appointment.minutes,
        at,
        appointment_id=appointment.pk,
        but_start=appointment.starts_at,
    )


def _move(request: HttpRequest, key: str, appointment: Appointment) -> HttpResponse:
    at, sequence, start = clock.now(), read_sequence(request), start_of(request.POST.get("start", ""))
    record_read(appointment, at=at)
    if start is None and _may_move(appointment, at):
        return _times(request, key, appointment, status=422, problem=_("Please choose one of these times."))
    try:
        if start is None:
            raise NotAllowed
        if _may_move(appointment, at) and appointment.sequence == sequence:
            # Whoever comes too late is told so before anything is locked for them.
            _check(_offer(appointment, at), start)
        with transaction.atomic():
            _move_if_offered(appointment.pk, start, sequence=sequence, at=at)
            mind_sms(request, appointment)
    except Taken:
        return _times(request, key, appointment, status=409, problem=_taken(appointment), asked=start)
    except NotOffered:
        problem = _("This time cannot be chosen. Your appointment is unchanged.")
        return _times(request, key, appointment, status=422, problem=problem)
    except (StaleAppointment, NotAllowed) as error:
        fresh = Appointment.objects.whole().get(pk=appointment.pk)
        if fresh.is_active and fresh.starts_at == start and fresh.sequence == sequence + 1:
            return go_on(request, key, "moved")  # a second press of the same form
        # A cancelled appointment is said to be that, whatever the page had shown (E2.9).
        is_stale = isinstance(error, StaleAppointment) and fresh.is_active
        return show(request, key, fresh, status=409, problem="stale" if is_stale else "not_allowed")
    return go_on(request, key, "moved")


def _move_if_offered(pk: int, start: datetime, *, sequence: int, at: datetime) -> None:
    """Move to a time that patients may choose, judged while nobody else can change the appointment.

    Raises:
        StaleAppointment, NotAllowed, Taken: as `move`; NotOffered: no patient may choose this time.
    """
    appointment = Appointment.objects.whole().select_for_update(of=("self",)).get(pk=pk)
    if not _may_move(appointment, at):
        raise NotAllowed
    if appointment.sequence != sequence:
        raise StaleAppointment
    offer = _offer(appointment, at)
    if offer.is_taken(start):
        raise Taken
    _check(offer, start)
    appointments.move(appointment_id=pk, starts_at=start, sequence=sequence, actor=PATIENT, at=at)


def _check(offer: Offer, start: datetime) -> None:
    standing = offer.standing(start)
    if standing is Standing.TAKEN:
        raise Taken
    if standing is Standing.NOT_OFFERED:
        raise NotOffered


def _taken(appointment: Appointment) -> str:
    language = (get_language() or "en")[:2]
    now = when.date_and_time(appointment.starts_at, appointment.calendar.zone, language)
    return _("This time was just taken. Your appointment is unchanged: %(when)s.") % {"when": now}


def _times(
    request: HttpRequest,
    key: str,
    appointment: Appointment,
    *,
    asked: str | datetime | None = "",
    status: int = 200,
    problem: str = "",
) -> HttpResponse:
    calendar, language = appointment.calendar, language_of(request, "")
    if isinstance(asked, datetime):
        asked = asked.astimezone(calendar.zone).date().isoformat()
    page = reverse("reminders:patient_move", kwargs={"key": key})
    request.shown_at = page  # type: ignore[attr-defined]
    context = {
        "key": key,
        "clinic": appointment.clinic,
        "appointment": appointment,
        "calendar": calendar,
        "practitioner": calendar.practitioner.name,
        "zone": calendar.zone,
        "picker": pick(_offer(appointment, clock.now()), asked or ""),
        "page_url": page,
        "week_url": f"{page}?language={language}&" if language else f"{page}?",
        "query": f"?language={language}" if language else "",
        "problem": problem,
    }
    return render(request, "reminders/patient_move.html", context, status=status)
