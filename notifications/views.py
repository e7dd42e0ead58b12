"""The *Communication* tab of a calendar's settings, and the switches of one appointment."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from clinic.access import Member, get_for, staff
from clinic.lib import clock
from clinic.models import Appointment, Calendar, Patient
from notifications.enums import ToldBy
from notifications.forms import CommunicationForm, SwitchesForm
from notifications.invitations import opt_in, opt_out, set_consent_needed
from notifications.operations import (
    StaleSettings,
    pause_sending,
    resume_sending,
    set_appointment_switches,
    set_calendar_communication,
)
from notifications.queries import get_settings, get_wishes, switches_of_calendar
from notifications.registry import list_invitations, list_kinds


@require_http_methods(["GET", "POST"])
@staff("settings.write")
def calendar_communication(request: HttpRequest, member: Member, pk: int) -> HttpResponse:
    """Show and save which messages a calendar's patients get (P1, P6, P14): one *Save* for all of it."""
    calendar = get_for(member, Calendar.objects.select_related("clinic"), pk, "settings.write")
    data = request.POST if request.method == "POST" else None
    form = CommunicationForm(data, get_settings(calendar))
    switches = SwitchesForm(data, is_on=switches_of_calendar(calendar))
    status = 200
    if data is not None:
        if form.is_valid() and switches.is_valid():
            try:
                set_calendar_communication(
                    calendar=calendar,
                    switches=switches.switches,
                    actor=member.actor,
                    at=clock.now(),
                    **form.cleaned_data,
                )
            except StaleSettings:
                form.add_error(
                    None,
                    _("Somebody else saved these settings meanwhile. Please look at them again, then save."),
                )
                form.data = {**data.dict(), "version": str(get_settings(calendar).version)}
                status = 409
            else:
                messages.success(request, _("Saved. Messages that are not sent yet follow the new settings."))
                return redirect("notifications:calendar_communication", slug=member.clinic.slug, pk=pk)
        else:
            status = 422
    return render(
        request,
        "notifications/calendar_communication.html",
        {"calendar": calendar, "form": form, "switches": switches},
        status=status,
    )


@require_POST
@staff("appointment.write")
def appointment_switches(request: HttpRequest, member: Member, pk: int) -> HttpResponse:
    """Switch messages for one appointment alone (P2)."""
    appointment = get_for(member, Appointment.objects.whole(), pk, "appointment.write")
    wishes = get_wishes(appointment)
    form = SwitchesForm(
        request.POST, is_on={kind.name: wishes.wants(kind.name) for kind in list_kinds()}, prefix="tell"
    )
    if form.is_valid():
        set_appointment_switches(
            appointment=appointment, switches=form.switches, actor=member.actor, at=clock.now()
        )
        messages.success(request, _("Saved for this appointment."))
    return redirect("clinic:appointment", slug=member.clinic.slug, pk=pk)


@require_POST
@staff("patient.write")
def patient_invitations(request: HttpRequest, member: Member, pk: int) -> HttpResponse:
    """Write down what a patient told the clinic about a kind of invitation (P16)."""
    patient = get_for(member, Patient.objects.filter(merged_into=None), pk, "patient.write")
    kinds = {kind.name: kind.label for kind in list_invitations()}
    kind, word = request.POST.get("kind", ""), request.POST.get("word", "")
    if kind in kinds and word in {"wants", "refuses"}:
        say = opt_in if word == "wants" else opt_out
        say(patient=patient, kind=kind, told_by=ToldBy.STAFF, actor=member.actor, at=clock.now())
        messages.success(request, _("Saved: %(kind)s.") % {"kind": kinds[kind]})
    return redirect("clinic:patient", slug=member.clinic.slug, pk=pk)


@require_POST
@staff("settings.write")
def clinic_invitations(request: HttpRequest, member: Member) -> HttpResponse:
    """Say whether the clinic invites only patients who agreed (P16)."""
    if request.POST.get("consent") in {"yes", "no"}:
        set_consent_needed(
            clinic=member.clinic,
            is_needed=request.POST["consent"] == "yes",
            actor=member.actor,
            at=clock.now(),
        )
        messages.success(request, _("Saved. Invitations that are not sent yet follow it."))
    return redirect("clinic:settings", slug=member.clinic.slug)


@require_POST
@staff("settings.write")
def sending_pause(request: HttpRequest, member: Member) -> HttpResponse:
    """Pause all sending of the clinic, or go on with it (P15)."""
    if request.POST.get("pause") == "yes":
        pause_sending(clinic=member.clinic, actor=member.actor, at=clock.now())
        messages.warning(request, _("All sending stands still until somebody goes on with it."))
    elif request.POST.get("pause") == "no":
        resume_sending(clinic=member.clinic, actor=member.actor, at=clock.now())
        messages.success(request, _("Sending goes on."))
    return redirect("clinic:today", slug=member.clinic.slug)
