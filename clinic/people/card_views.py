"""A patient's card: contact, appointments, notes, what floors above know, and cards that are the same person's."""

from collections.abc import Mapping
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from clinic.access import Member, get_for, staff
from clinic.audit.operations import record_refused, record_seen
from clinic.forms import new_key
from clinic.lib import clock
from clinic.panels import rendered
from clinic.people.forms import MergeForm, NewNoteForm, NoteForm
from clinic.people.merging import Pair, differing, find_duplicates, merge_patients
from clinic.people.models import Patient, PatientNote
from clinic.people.notes import StaleNote, change_note, delete_note, write_note
from clinic.people.operations import StalePatient
from clinic.people.story import list_card_story

MOST_COMING, PAGE = 50, 20
CARDS = Patient.objects.select_related("clinic", "merged_into")


def to_card(card: Patient) -> HttpResponse:
    """Lead to a card's page; for one that went into another, to that one's."""
    return redirect("clinic:patient", slug=card.clinic.slug, pk=card.merged_into_id or card.pk)


@require_safe
@staff("patient.see")
def patient(request: HttpRequest, member: Member, pk: int) -> HttpResponse:
    """Show a patient's card."""
    card = get_for(member, CARDS, pk, "patient.see")
    if card.merged_into_id:
        messages.info(request, _("This is the card that the other one went into."))
        return to_card(card)
    return _card(request, member, card)


def _card(
    request: HttpRequest,
    member: Member,
    card: Patient,
    *,
    form: NoteForm | None = None,
    about: int = 0,
    problem: str = "",
    status: int = 200,
) -> HttpResponse:
    """Return the page; on a refusal with the form that was sent, as it was typed, at its note."""
    at = clock.now()
    request.shown_at = reverse("clinic:patient", args=[member.clinic.slug, card.pk])  # type: ignore[attr-defined]
    rows = card.appointments.select_related("calendar__practitioner", "service")
    is_coming = Q(starts_at__gt=at, status="booked")
    past = Paginator(rows.exclude(is_coming).order_by("-starts_at", "-pk"), PAGE)
    page = past.get_page(request.GET.get("page", "1")[:9])
    numbers = {"before": page.number - 1, "after": page.number + 1 if page.has_next() else 0}
    ways = {name: f"?page={number}#past" if number else "" for name, number in numbers.items()}
    context: dict[str, Any] = {
        "patient": card,
        "coming": rows.filter(is_coming).order_by("starts_at", "pk")[:MOST_COMING],
        "page": page,
        **ways,
        "now": at,
        "may_mend": member.may("patient.write"),
        "may_delete_notes": member.may("note.delete"),
        "duplicates": find_duplicates(card),
        "notes": _notes(card, form, about),
        "note_form": form if form is not None and not about else NewNoteForm(initial={"key": new_key()}),
        "problem": problem,
        "story": list_card_story(card),
        "panels": rendered(request, "patient", card),
    }
    response = render(request, "clinic/patient.html", context, status=status)
    record_seen(member.actor, card, at=at)
    return response


# --- Notes ----------------------------------------------------------------------------------------


def _notes(card: Patient, form: NoteForm | None, about: int) -> list[tuple[PatientNote, NoteForm]]:
    notes = card.notes.select_related("user").order_by("-written_at", "-pk")
    return [
        (note, form)
        if form is not None and note.pk == about
        else (note, NoteForm(initial={"text": note.text}, auto_id=f"note-{note.pk}-%s"))
        for note in notes
    ]


@require_POST
@staff("patient.write")
def patient_note_new(request: HttpRequest, member: Member, pk: int) -> HttpResponse:
    """Write a note on a card; one that went into another gives it on."""
    card = get_for(member, CARDS, pk, "patient.write").standing
    form = NewNoteForm(request.POST)
    if not form.is_valid():
        return _card(request, member, card, form=form, status=422)
    write_note(patient=card, actor=member.actor, at=clock.now(), **form.cleaned_data)
    messages.success(request, _("The note is written."))
    return to_card(card)


@require_POST
@staff("patient.write")
def patient_note(request: HttpRequest, member: Member, pk: int) -> HttpResponse:
    """Change one's own note."""
    note = _note(member, pk, is_own=True)
    form = NoteForm(request.POST, auto_id=f"note-{note.pk}-%s")
    if not form.is_valid():
        return _card(request, member, note.patient, form=form, about=note.pk, status=422)
    try:
        change_note(
            note=note, actor=member.actor, at=clock.now(), version=_version(request), **form.cleaned_data
        )
    except StaleNote:
        return _stale(request, member, note, form)
    messages.success(request, _("Saved."))
    return to_card(note.patient)


@require_POST
@staff("patient.write")
def patient_note_delete(request: HttpRequest, member: Member, pk: int) -> HttpResponse:
    """Delete one's own note; whoever may, anybody's."""
    note = _note(member, pk, is_own=not member.may("note.delete"))
    try:
        delete_note(note=note, version=_version(request), actor=member.actor, at=clock.now())
    except StaleNote:
        return _stale(request, member, note, None)
    messages.success(request, _("The note is deleted."))
    return to_card(note.patient)


def _note(member: Member, pk: int, *, is_own: bool) -> PatientNote:
    rows = PatientNote.objects.select_related("patient__clinic", "patient__merged_into")
    note = get_for(member, rows, pk, "patient.write")
    if is_own and note.user_id != member.user.pk:
        record_refused(member.actor, "note.write", member.clinic, at=clock.now())
        raise PermissionDenied
    return note


def _version(request: HttpRequest) -> int:
    text = request.POST.get("version", "")
    return int(text) if text.isdecimal() and len(text) < 10 else 0


def _stale(request: HttpRequest, member: Member, note: PatientNote, form: NoteForm | None) -> HttpResponse:
    problem = _("This note was changed meanwhile. Nothing was saved; what it says now stands below.")
    return _card(request, member, note.patient, form=form, about=note.pk, problem=problem, status=409)


# --- The same person's cards ----------------------------------------------------------------------


@require_http_methods(["GET", "POST"])
@staff("patient.write")
def patient_merge(request: HttpRequest, member: Member, pk: int, other: int) -> HttpResponse:
    """Show two cards side by side, and make one of them (D3); the first in the address stays."""
    kept, gone = (get_for(member, CARDS, one, "patient.write") for one in (pk, other))
    if (
        kept.pk == gone.pk
        or gone.merged_into_id == kept.pk
        or (request.method != "POST" and gone.merged_into_id)
    ):
        return to_card(gone)
    if request.method != "POST":
        return (
            to_card(kept)
            if kept.merged_into_id
            else _compare(request, kept, gone, MergeForm(**_sides(kept, gone)))
        )
    form = MergeForm(request.POST, **_sides(kept, gone))
    if not form.is_valid():
        return _compare(request, kept, gone, form, status=422)
    pair = Pair(kept.pk, gone.pk, form.cleaned_data["version"], form.cleaned_data["other_version"])
    try:
        merge_patients(
            pair=pair, taken=form.taken(), clinic_id=member.clinic.pk, actor=member.actor, at=clock.now()
        )
    except StalePatient:
        kept, gone = (get_for(member, CARDS, one, "patient.write").standing for one in (pk, other))
        return _compare(request, kept, gone, MergeForm(**_sides(kept, gone)), is_stale=True, status=409)
    messages.success(request, _("Both cards are one now."))
    return to_card(kept)


def _sides(kept: Patient, gone: Patient) -> dict[str, Any]:
    return {"kept": kept, "gone": gone, "fields": differing(kept, gone)}


def _compare(
    request: HttpRequest, kept: Patient, gone: Patient, form: MergeForm, *, is_stale: bool = False, status: int = 200
) -> HttpResponse:  # fmt: skip
    at = clock.now()
    context: Mapping[str, Any] = {
        "kept": kept,
        "gone": gone,
        "form": form,
        "is_stale": is_stale,
        "is_one": kept.pk == gone.pk,
        "sides": [
            {
                "card": card,
                "coming": card.appointments.filter(starts_at__gt=at, status="booked").count(),
                "all": card.appointments.count(),
                "notes": card.notes.count(),
            }
            for card in (kept, gone)
        ],
    }
    return render(request, "clinic/patient_merge.html", context, status=status)
