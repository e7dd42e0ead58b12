"""What belongs to patient cards: notes, and second cards of the same person."""

from clinic.audit.operations import user_actor
from clinic.models import Patient, PatientNote
from clinic.people.notes import write_note
from tests.factories.house import NOW, House, make_patient


def note_of(house: House) -> PatientNote:
    """Return the assistant's note on the house's patient."""
    if not house.patient.notes.exists():
        write_note(patient=house.patient, text="Hard of hearing.", actor=user_actor(house.assistant), at=NOW)
    return house.patient.notes.order_by("pk")[0]


def twin_of(house: House) -> Patient:
    """Return a second card of the house's patient: the same name and e-mail, and no more."""
    twins = Patient.objects.filter(clinic=house.clinic, name=house.patient.name).exclude(pk=house.patient.pk)
    return twins.first() or make_patient(
        house.clinic, house.patient.name, email=house.patient.email, phone_number=""
    )
