"""Notes on patient cards: the clinic's own, never shown or given to patients (D3, D6)."""

from datetime import datetime

from django.db import transaction

from clinic.audit.models import AuditValue
from clinic.audit.operations import Actor, record
from clinic.people.models import Patient, PatientNote

NOTE_LENGTH = 2000
# A second press is one of so many notes of a card at most.
PRESSES = 20


class StaleNote(Exception):
    """The note was changed or deleted since it was looked at; nothing was done."""


@transaction.atomic
def write_note(
    *, patient: Patient, text: str, key: str = "", actor: Actor, at: datetime
) -> PatientNote | None:
    """Write a note on a card.

    Args:
        key: the same for each press of the same form.

    Returns:
        The note; the one that an earlier press wrote (G4), or None if that one is deleted by now.
    """
    # Two presses at once come one after the other.
    Patient.objects.select_for_update(no_key=True).get(pk=patient.pk)
    if key and (before := _written_before(patient, key)):
        return PatientNote.objects.filter(pk=before).first()
    note = PatientNote.objects.create(
        clinic_id=patient.clinic_id, patient=patient, user_id=actor.member_id, text=text, written_at=at
    )
    told = {"note": note.pk, "text": text, "form": key}
    record(actor, "patient.note_written", patient, new=told, at=at)
    return note


def _written_before(patient: Patient, key: str) -> int | None:
    """Return the number of the note that this form wrote: one of the card's last."""
    entries = AuditValue.objects.filter(
        entry__object_type="patient", entry__object_id=patient.pk, entry__action="patient.note_written"
    ).order_by("-entry_id")
    last = entries.values_list("new", flat=True)[:PRESSES]
    return next((new["note"] for new in last if new.get("form") == key), None)


@transaction.atomic
def change_note(*, note: PatientNote, text: str, version: int, actor: Actor, at: datetime) -> None:
    """Change a note's text; the same text again changes nothing (G4).

    Raises:
        StaleNote: it is not as it was looked at.
    """
    if note.text == text:
        return
    rows = PatientNote.objects.filter(pk=note.pk, version=version)
    if rows.update(text=text, changed_at=at, version=version + 1) != 1:
        raise StaleNote
    old, new = {"note": note.pk, "text": note.text}, {"text": text}
    record(actor, "patient.note_changed", note.patient, old=old, new=new, at=at)


@transaction.atomic
def delete_note(*, note: PatientNote, version: int, actor: Actor, at: datetime) -> None:
    """Delete a note; the audit log keeps what it said.

    Raises:
        StaleNote: it is not as it was looked at.
    """
    deleted, _rows = PatientNote.objects.filter(pk=note.pk, version=version).delete()
    if not deleted:
        raise StaleNote
    record(actor, "patient.note_deleted", note.patient, old={"note": note.pk, "text": note.text}, at=at)
