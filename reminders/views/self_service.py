"""All of a patient's own: opened by a code that went to the address on their card, for half an hour (D6, E2.11)."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.conf import settings
from django.core import signing
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from clinic.appointments.enums import Status
from clinic.audit.operations import PATIENT, record
from clinic.directory import limits
from clinic.lib import clock
from clinic.lib.page_language import language_of
from clinic.models import Appointment, Patient
from clinic.people.operations import StalePatient, change_patient
from messaging.enums import Purpose
from messaging.links import list_for, token_of
from reminders import codes
from reminders.choices import choices_token
from reminders.export import collect
from reminders.forms import CodeForm, ContactForm
from reminders.views.appointment import for_patient

View = Callable[..., HttpResponse]

COOKIE, SALT = "card", "anteroom.card-session"
LIFE = 30 * 60  # seconds
CODES = (5, limits.HOUR)
CODES_FROM_HERE = (20, 60, limits.HOUR)
TRIES_FROM_HERE = (30, 90, limits.HOUR)
# Every change sends something to an address that stood there before, whoever's that was (A4).
CHANGES = (5, limits.HOUR)
CHANGES_FROM_HERE = (20, 60, limits.HOUR)
EXPORTS = (5, limits.HOUR)
MOST_SHOWN = 50


def _to(request: HttpRequest, name: str, key: str, mark: str = "") -> str:
    language = language_of(request, "")
    parts = [part for part in (mark, f"language={language}" if language else "") if part]
    return reverse(f"reminders:{name}", kwargs={"key": key}) + ("?" + "&".join(parts) if parts else "")


def _query(request: HttpRequest) -> str:
    language = language_of(request, "")
    return f"?language={language}" if language else ""


# --- The code -------------------------------------------------------------------------------------


@require_http_methods(["GET", "POST"])
@for_patient
def patient_code(request: HttpRequest, key: str, appointment: Appointment) -> HttpResponse:
    """Send a code to the address on file (*send*), or take one in."""
    patient = appointment.patient
    if request.method != "POST":
        return _ask(request, key, patient, is_sent="sent" in request.GET)
    if "send" in request.POST:
        return _send(request, key, patient)
    form = CodeForm(request.POST)
    if not form.is_valid():
        return _ask(request, key, patient, form=form, is_sent=True, status=422)
    if not limits.from_here("code-tries", request, patient.clinic, TRIES_FROM_HERE):
        return _ask(request, key, patient, form=form, is_sent=True, too_many=True, status=429)
    if not codes.use_code(patient=patient, code=form.cleaned_data["code"], at=clock.now()):
        form.add_wrong()
        return _ask(request, key, patient, form=form, is_sent=True, status=422)
    response = redirect(_to(request, "patient_card", key))
    response.set_cookie(
        COOKIE,
        signing.dumps([patient.pk, key], salt=SALT),
        max_age=LIFE,
        path=reverse("reminders:patient_card", kwargs={"key": key}),
        secure=settings.SECURE,
        httponly=True,
        samesite="Strict",
    )
    return response


def _send(request: HttpRequest, key: str, patient: Patient) -> HttpResponse:
    is_fine = limits.for_contacts("codes", [f"patient-{patient.pk}"], CODES)
    if not (limits.from_here("codes", request, patient.clinic, CODES_FROM_HERE) and is_fine):
        return _ask(request, key, patient, too_many=True, status=429)
    by_sms = codes.channel_for(patient) == "sms"
    if by_sms and not limits.may_cause_sms(request, patient.clinic, patient.phone):
        return _ask(request, key, patient, too_many=True, status=429)
    try:
        codes.send_code(patient=patient, at=clock.now())
    except codes.Unreachable:
        return _ask(request, key, patient, status=409)
    return redirect(_to(request, "patient_code", key, "sent=1"))


def _ask(
    request: HttpRequest,
    key: str,
    patient: Patient,
    *,
    form: CodeForm | None = None,
    is_sent: bool = False,
    too_many: bool = False,
    status: int = 200,
) -> HttpResponse:
    request.shown_at = page = reverse("reminders:patient_code", kwargs={"key": key})  # type: ignore[attr-defined]
    context = {
        "key": key,
        "clinic": patient.clinic,
        "page_url": page,
        "query": _query(request),
        "form": form or CodeForm(),
        "is_sent": is_sent,
        "too_many": too_many,
        "channel": codes.channel_for(patient),
        "minutes": codes.LIFE.seconds // 60,
    }
    response = render(request, "reminders/patient_code.html", context, status=status)
    if status == 429:
        response["Retry-After"] = str(limits.HOUR)
    return response


# --- What it opens --------------------------------------------------------------------------------


def with_code(view: View) -> View:
    """Open a view to the browser that has given this patient's code; others are asked for one."""

    @wraps(view)
    def guarded(request: HttpRequest, key: str, appointment: Appointment, **more: Any) -> HttpResponse:
        try:
            pk, of_key = signing.loads(request.COOKIES.get(COOKIE, ""), salt=SALT, max_age=LIFE)
        except (signing.BadSignature, ValueError, TypeError):
            pk, of_key = None, ""
        if (pk, of_key) != (appointment.patient_id, key):
            return redirect(_to(request, "patient_code", key))
        return view(request, key, appointment.patient, **more)

    return guarded


@require_safe
@for_patient
@with_code
def patient_card(request: HttpRequest, key: str, patient: Patient) -> HttpResponse:
    """Show the patient's appointments, coming and past, and how the clinic reaches them."""
    return _card(request, key, patient)


def _card(
    request: HttpRequest,
    key: str,
    patient: Patient,
    *,
    form: ContactForm | None = None,
    status: int = 200,
    **more: Any,
) -> HttpResponse:
    at = clock.now()
    rows = Appointment.objects.whole().filter(patient=patient)
    coming = list(rows.filter(starts_at__gt=at, status=Status.BOOKED).order_by("starts_at")[:MOST_SHOWN])
    past = rows.exclude(pk__in=[one.pk for one in coming]).order_by("-starts_at")[:MOST_SHOWN]
    links = list_for(purpose=Purpose.APPOINTMENT, object_ids=[one.pk for one in coming])
    request.shown_at = page = reverse("reminders:patient_card", kwargs={"key": key})  # type: ignore[attr-defined]
    context = {
        "key": key,
        "clinic": patient.clinic,
        "patient": patient,
        "page_url": page,
        "query": _query(request),
        "coming": [(one, token_of(links[one.pk]) if one.pk in links else "") for one in coming],
        "past": past,
        "form": form or ContactForm(None, patient=patient),
        "is_saved": request.method == "GET" and "saved" in request.GET,
        **more,
    }
    return render(request, "reminders/patient_card.html", context, status=status)


@require_POST
@for_patient
@with_code
def patient_contact(request: HttpRequest, key: str, patient: Patient) -> HttpResponse:
    """Change the patient's own addresses; the old ones are told (P13)."""
    form = ContactForm(request.POST, patient=patient)
    if not form.is_valid():
        return _card(request, key, patient, form=form, status=422)
    if not _may_change(request, patient, form):
        response = _card(request, key, patient, form=form, too_many=True, status=429)
        response["Retry-After"] = str(limits.HOUR)
        return response
    try:
        change_patient(
            patient=patient,
            name=patient.name,
            email=form.cleaned_data["email"],
            phone_number=form.cleaned_data["phone"],
            language=patient.language,
            version=form.cleaned_data["version"],
            actor=PATIENT,
            at=clock.now(),
        )
    except ValidationError as error:
        form.add_error(None, error)
        return _card(request, key, patient, form=form, status=422)
    except StalePatient:
        patient.refresh_from_db()
        typed = {name: form.cleaned_data[name] for name in ("email", "phone")}
        again = ContactForm(None, patient=patient, typed=typed)
        return _card(request, key, patient, form=again, is_stale=True, status=409)
    return redirect(_to(request, "patient_card", key, "saved=1"))


def _may_change(request: HttpRequest, patient: Patient, form: ContactForm) -> bool:
    """Count one more change of the card's addresses, and the SMS that it causes; return whether it may be."""
    is_fine = limits.for_contacts("contacts", [f"patient-{patient.pk}"], CHANGES)
    if not (limits.from_here("contacts", request, patient.clinic, CHANGES_FROM_HERE) and is_fine):
        return False
    leaves = bool(patient.phone) and form.cleaned_data["contact"]["phone"] != patient.phone
    return not leaves or limits.may_cause_sms(request, patient.clinic, patient.phone)


@require_POST
@for_patient
@with_code
def patient_export(request: HttpRequest, key: str, patient: Patient) -> HttpResponse:
    """Give the patient a file with what is kept about them; written down (A70)."""
    if not limits.for_contacts("exports", [f"patient-{patient.pk}"], EXPORTS):
        response = _card(request, key, patient, too_many=True, status=429)
        response["Retry-After"] = str(limits.HOUR)
        return response
    record(PATIENT, "patient.exported", patient, at=clock.now())
    answer = JsonResponse(collect(patient), json_dumps_params={"ensure_ascii": False, "indent": 1})
    answer["Content-Disposition"] = 'attachment; filename="my-data.json"'
    return answer


@require_POST
@for_patient
@with_code
def patient_wishes(request: HttpRequest, key: str, patient: Patient) -> HttpResponse:
    """Lead to the page of what the patient wants to be invited to (D6, P16)."""
    page = reverse("reminders:choices_link", kwargs={"token": choices_token(patient, at=clock.now())})
    return redirect(page)


@require_POST
@for_patient
def patient_close(request: HttpRequest, key: str, appointment: Appointment) -> HttpResponse:
    """Forget the code in this browser: it may be somebody else's next."""
    response = redirect(_to(request, "patient_appointment", key))
    response.delete_cookie(
        COOKIE, path=reverse("reminders:patient_card", kwargs={"key": key}), samesite="Strict"
    )
    return response
