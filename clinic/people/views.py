"""Logging in, the first clinic, patients."""

from collections.abc import Mapping
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import logout
from django.contrib.auth import views as auth_views
from django.contrib.auth.forms import AuthenticationForm
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from clinic.access import Member, get_for, staff, to_log_in
from clinic.audit.queries import actor_name, list_history
from clinic.lib import clock, phone
from clinic.live.operations import revoke
from clinic.live.page import close_stream, open_stream
from clinic.live.tokens import stream_path
from clinic.people.forms import PatientEditForm, PatientForm
from clinic.people.listening import member_subject, session_scope
from clinic.people.models import Clinic, Patient, User
from clinic.people.operations import StalePatient, change_patient, create_patient, record_email_works
from clinic.people.queries import MOST_FOUND, MOST_OFFERED, find_card, find_patients, with_chosen


class LogIn(auth_views.LoginView):
    """Django's own, but a refusal has the status of a refusal."""

    template_name = "clinic/log_in.html"
    redirect_authenticated_user = True

    def get_redirect_url(self, *args: Any) -> str:
        """Go where this person wanted, but never round in a circle."""
        wanted: str = super().get_redirect_url(*args)
        return "" if wanted.startswith(self.request.path) else wanted

    def form_invalid(self, form: AuthenticationForm) -> HttpResponse:
        """Show the form again; the answer is the same for an unknown account and a wrong password."""
        return self.render_to_response(self.get_context_data(form=form), status=422)


log_in = never_cache(LogIn.as_view())
LOCKED_SECONDS = 15 * 60


def tried_name(request: HttpRequest, credentials: Mapping[str, Any] | None) -> str:
    """Return whose password was tried, however the address was spelled."""
    source: Mapping[str, Any] = credentials or request.POST
    return str(source.get("username") or "").strip().lower()


def too_many_tries(request: HttpRequest, *_args: Any, **_kwargs: Any) -> HttpResponse:
    """Ask somebody who tried too many passwords to wait."""
    response = render(request, "429.html", {"minutes": LOCKED_SECONDS // 60}, status=429)
    response["Retry-After"] = str(LOCKED_SECONDS)
    return response


@require_POST
def log_out(request: HttpRequest) -> HttpResponse:
    """End the session, and what its open pages hear."""
    response = redirect("clinic:log_in")
    if request.user.is_authenticated:
        if key := request.session.session_key:
            revoke([session_scope(key)])
        for membership in request.user.memberships.all():
            if subject := member_subject(request, membership):
                close_stream(response, subject)
    logout(request)
    return response


@require_POST
@staff("board.see")
def listen(request: HttpRequest, member: Member) -> HttpResponse:
    """Give an open page the next token for its stream, as long as this member may hear (R27)."""
    subject = member_subject(request, member.membership)
    if subject is None:
        raise Http404
    response = HttpResponse(status=204)
    response["X-Live"] = stream_path(subject)
    open_stream(response, subject)
    return response


@require_safe
def home(request: HttpRequest) -> HttpResponse:
    """Go where this person works; ask only somebody who works in several clinics."""
    if not request.user.is_authenticated:
        if not User.objects.exists():
            return redirect("clinic:first_clinic")
        return to_log_in(request)
    clinics = list(Clinic.objects.filter(memberships__user=request.user).order_by("name"))
    if len(clinics) == 1:
        return redirect("clinic:today", slug=clinics[0].slug)
    return render(request, "clinic/home.html", {"clinics": clinics})


@require_POST
def set_language(request: HttpRequest) -> HttpResponse:
    """Change the language: a member's own is kept with them, anybody else's in a cookie (X1)."""
    language = request.POST.get("language", "")
    target = request.POST.get("next", "/")
    if not target.startswith("/") or not url_has_allowed_host_and_scheme(
        target, {request.get_host()}, request.is_secure()
    ):
        target = "/"
    response = HttpResponseRedirect(target)
    if language in dict(settings.LANGUAGES):
        if request.user.is_authenticated:
            User.objects.filter(pk=request.user.pk).update(language=language)
        response.set_cookie(
            settings.LANGUAGE_COOKIE_NAME,
            language,
            max_age=365 * 24 * 3600,
            samesite="Lax",
            secure=settings.SECURE,
        )
    return response


@require_http_methods(["GET", "POST"])
@staff("patient.see")
def patients(request: HttpRequest, member: Member) -> HttpResponse:
    """List patients; a search is a POST, so that no name stands in an address (X4)."""
    text = request.POST.get("text", "").strip()[:200]
    found = find_patients(clinic=member.clinic, text=text, most=MOST_FOUND + 1)
    context = {"found": found[:MOST_FOUND], "text": text, "is_cut": len(found) > MOST_FOUND}
    template = "clinic/patients.html"
    return render(request, f"{template}#found" if request.htmx else template, context)  # type: ignore[attr-defined]


@require_POST
@staff("patient.see")
def patient_find(request: HttpRequest, member: Member) -> HttpResponse:
    """Answer with the patients to choose from while somebody types (D3): a part of the page that asks.

    What is already chosen (*patient*) stays among them.
    """
    text, number = request.POST.get("text", "").strip()[:200], request.POST.get("patient", "")
    found = find_patients(clinic=member.clinic, text=text, most=MOST_OFFERED + 1) if text else []
    chosen = find_card(clinic=member.clinic, number=number)
    context = {
        "text": text,
        "found": with_chosen(found[:MOST_OFFERED], chosen),
        "chosen": str(chosen.pk) if chosen else "",
        "is_cut": len(found) > MOST_OFFERED,
    }
    return render(request, "clinic/patient_find.html", context)


@require_http_methods(["GET", "POST"])
@staff("patient.write")
def patient_new(request: HttpRequest, member: Member) -> HttpResponse:
    """Make a patient card."""
    form = PatientForm(request.POST or None, clinic=member.clinic)
    if request.method == "POST" and form.is_valid():
        made = create_patient(
            clinic=member.clinic,
            name=form.cleaned_data["name"],
            email=form.cleaned_data["email"],
            phone_number=form.cleaned_data["phone"],
            language=form.cleaned_data["language"],
            actor=member.actor,
            at=clock.now(),
        )
        messages.success(request, _("The patient card is made."))
        return redirect("clinic:patient", slug=member.clinic.slug, pk=made.pk)
    return render(
        request,
        "clinic/patient_edit.html",
        {"form": form, "patient": None},
        status=422 if form.errors else 200,
    )


@require_http_methods(["GET", "POST"])
@staff("patient.write")
def patient_edit(request: HttpRequest, member: Member, pk: int) -> HttpResponse:
    """Change a patient card; unsent messages follow."""
    cards = Patient.objects.select_related("clinic", "merged_into__clinic")
    found = get_for(member, cards, pk, "patient.write")
    if found.merged_into_id and request.method != "POST":
        return redirect("clinic:patient_edit", slug=member.clinic.slug, pk=found.merged_into_id)
    form = PatientEditForm(request.POST or None, clinic=member.clinic, initial=_as_typed(found))
    context: dict[str, Any] = {"form": form}
    status = 422 if form.errors else 200
    if request.method == "POST" and form.is_valid():
        card = form.cleaned_data
        try:
            change_patient(
                patient=found,
                name=card["name"],
                email=card["email"],
                phone_number=card["phone"],
                language=card["language"],
                version=card["version"],
                actor=member.actor,
                at=clock.now(),
            )
        except StalePatient:
            status = 409
            found = get_for(member, cards, pk, "patient.write").standing
            context["clash"] = _clash(found, since=card["version"])
        else:
            messages.success(request, _("Saved. Messages that are not sent yet use the new data."))
            return redirect("clinic:patient", slug=member.clinic.slug, pk=found.pk)
    return render(request, "clinic/patient_edit.html", {**context, "patient": found}, status=status)


def _as_typed(card: Patient) -> dict[str, str]:
    """Return a card's fields as the form shows them."""
    return {
        "name": card.name,
        "email": card.email,
        "phone": phone.pretty(card.phone) if card.phone else "",
        "language": card.language,
    }


def _clash(card: Patient, *, since: int) -> dict[str, Any]:
    """Return what became of a card after the version `since`: the last to change it, and what it says now."""
    changes = [entry for entry in list_history(card) if entry.action in {"patient.changed", "patient.merged"}]
    missed = changes[-max(card.version - since, 1) :]
    changed = {field for entry in missed for field in entry.value.new}
    now = {**_as_typed(card), "language": card.get_language_display()}
    labels = {name: field.label for name, field in PatientForm.base_fields.items()}
    return {
        "last": missed[-1] if missed else None,
        "who": actor_name(missed[-1]) if missed else "",
        "now": [(labels[field], value) for field, value in now.items() if field in changed],
    }


@require_POST
@staff("patient.write")
def patient_email_works(request: HttpRequest, member: Member, pk: int) -> HttpResponse:
    """Take back that mail to the card's address comes back (P13); a second press changes nothing."""
    found = get_for(member, Patient, pk, "patient.write")
    if not found.merged_into_id:
        record_email_works(patient=found, actor=member.actor, at=clock.now())
        messages.success(request, _("Messages go to this e-mail address again."))
    return redirect("clinic:patient", slug=member.clinic.slug, pk=found.merged_into_id or found.pk)
