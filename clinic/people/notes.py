"""Notes on patient cards: the clinic's own, never shown or given to patients (D3, D6)."""

from datetime import datetime

from django.db import transaction

from clinic.audit.operations import Actor, record
from clinic.people.models import Patient, PatientNote

NOTE_LENGTH = 2000


class StaleNote(Exception):
    """The note was changed or deleted since it was looked at; nothing was done."""


@transaction.atomic
def write_note(*, patient: Patient, text: str, actor: Actor, at: datetime) -> PatientNote:
    """Write a note on a card."""
    note = PatientNote.objects.create(
        clinic_id=patient.clinic_id, patient=patient, user_id=actor.member_id, text=text, written_at=at
    )
    record(actor, "patient.note_written", patient, new={"note": note.pk, "text": text}, at=at)
    return note


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
