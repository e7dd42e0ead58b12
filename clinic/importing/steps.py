"""Carrying a plan out: a few rows to a transaction, each judged once more before it is written (D5)."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from django.core.exceptions import ValidationError
from django.db import transaction

from clinic.appointments import occupancy
from clinic.appointments.enums import Origin, Status
from clinic.appointments.operations import NotAllowed, Taken, book, mark
from clinic.audit.operations import Actor, record
from clinic.calendars.models import Calendar, Service
from clinic.importing.cells import Problem, Row
from clinic.importing.plan import CHANGE, CREATE, KEEP, Step, make_plan
from clinic.people.models import Clinic, Patient
from clinic.people.operations import StalePatient, change_patient, create_patient
from clinic.people.words import refresh_words

# So many rows are written in one transaction: on SQLite nobody else writes meanwhile.
BATCH = 25


@dataclass(slots=True)
class Count:
    """What an import has come to so far."""

    created: int = 0
    changed: int = 0
    already_there: int = 0
    told: int = 0
    left_out: list[Problem] = field(default_factory=list)

    def add(self, other: "Count") -> None:
        """Count another part of it as well."""
        self.created += other.created
        self.changed += other.changed
        self.already_there += other.already_there
        self.told += other.told
        self.left_out += other.left_out


@transaction.atomic
def carry_out(*, clinic: Clinic, steps: Sequence[Step], notify: bool, actor: Actor, at: datetime) -> Count:
    """Do what a plan says of some rows, as far as it still holds; return what was done.

    Imports of one clinic come one after the other; what another one did meanwhile is found to be there.
    What changed otherwise since the plan was made is left out, with the reason.

    Args:
        notify: let the floors above tell patients: of appointments still to come, of a changed address.
    """
    Clinic.objects.select_for_update().get(pk=clinic.pk)
    now = make_plan(clinic=clinic, rows=[step.row for step in steps], problems=(), at=at)
    # Rows are booked at moments of their own; holds are over by the real clock.
    for calendar in {step.row.visit.calendar for step in steps if step.row.visit}:
        occupancy.drop_expired(calendar_id=calendar, at=at)
    count = Count()
    for planned, step in zip(steps, now.steps, strict=True):
        if step.action == KEEP:
            count.already_there += 1
        elif not _still_holds(planned, step):
            count.left_out.append(step.problem or Problem(step.row.line, "", "stale"))
        else:
            try:
                with transaction.atomic():
                    told = _do(clinic, step, notify=notify, actor=actor, at=at)
            except (Taken, NotAllowed, StalePatient, ValidationError, Patient.DoesNotExist):
                count.left_out.append(Problem(step.row.line, "", "stale"))
            else:
                count.told += told
                count.created += step.action == CREATE
                count.changed += step.action == CHANGE
    return count


def _still_holds(planned: Step, now: Step) -> bool:
    """Return whether a row still means what was shown; a card to be made may be there by now."""
    is_same_card = planned.card in {0, now.card}
    return is_same_card and (planned.action, planned.changes) == (now.action, now.changes)


def _do(clinic: Clinic, step: Step, *, notify: bool, actor: Actor, at: datetime) -> bool:
    """Write one row; return whether the floors above were let to tell the patient."""
    if step.action == CHANGE:
        _change(clinic, step, notify=notify, actor=actor, at=at)
        return False
    row, visit = step.row, step.row.visit
    patient = _patient(clinic, step, actor=actor, at=at)
    if visit is None:
        return False
    told = notify and visit.starts_at > at
    service = Service.objects.get(pk=visit.service, calendar__clinic=clinic)
    appointment = book(
        calendar=Calendar.objects.get(pk=visit.calendar, clinic=clinic),
        patient=patient,
        service=service,
        starts_at=visit.starts_at,
        minutes=visit.minutes,
        origin=Origin.STAFF,
        actor=actor,
        # The moment of booking where the file knows it: the reminder's lead counts from it.
        at=visit.booked_at or min(at, visit.starts_at),
        told=told,
    )
    if row.visit and row.visit.outcome:
        mark(appointment_id=appointment.pk, status=Status(row.visit.outcome), actor=actor, at=at)
    return told


def _patient(clinic: Clinic, step: Step, *, actor: Actor, at: datetime) -> Patient:
    """Return the row's card: the one that was found, one made by an earlier row of this part, or a new one."""
    row = step.row
    if step.card:
        return Patient.objects.get(pk=step.card, clinic=clinic)
    if step.by and (made := _made_just_now(clinic, row)):
        return made
    return create_patient(
        clinic=clinic,
        name=row.name,
        email=row.email,
        phone_number=row.phone,
        language=row.language,
        reference=row.reference,
        actor=actor,
        at=at,
    )


def _made_just_now(clinic: Clinic, row: Row) -> Patient | None:
    cards = Patient.objects.filter(clinic=clinic, merged_into=None)
    if row.reference and (found := cards.filter(reference=row.reference).first()):
        return found
    same = {"email": row.email} if row.email else {"phone": row.phone}
    return cards.filter(name=" ".join(row.name.split()), **same).order_by("-pk").first()


def _change(clinic: Clinic, step: Step, *, notify: bool, actor: Actor, at: datetime) -> None:
    card = Patient.objects.select_related("clinic").get(pk=step.card, clinic=clinic)
    wanted = {field: value for field, _old, value in step.changes}
    if reference := wanted.pop("reference", ""):
        _give_reference(card, reference, actor=actor, at=at)
    if wanted:
        change_patient(
            patient=card,
            name=card.name,
            email=wanted.get("email", card.email),
            phone_number=wanted.get("phone", card.phone),
            language=wanted.get("language", card.language),
            told=notify,
            actor=actor,
            at=at,
        )


def _give_reference(card: Patient, reference: str, *, actor: Actor, at: datetime) -> None:
    """Give a card without a reference the one that the file has for it."""
    rows = Patient.objects.filter(pk=card.pk, version=card.version, reference="")
    if rows.update(reference=reference, version=card.version + 1) != 1:
        raise StalePatient
    card.reference, card.version = reference, card.version + 1
    refresh_words(card)
    record(actor, "patient.changed", card, old={"reference": ""}, new={"reference": reference}, at=at)


def finish(*, clinic: Clinic, count: Count, actor: Actor, at: datetime) -> None:
    """Write down that an import is over, and what came of it."""
    new = {
        "created": count.created,
        "changed": count.changed,
        "already_there": count.already_there,
        "left_out": len(count.left_out),
        "told": count.told,
    }
    record(actor, "clinic.imported", clinic, new=new, at=at)
