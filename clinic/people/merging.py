"""Making one card of two that are the same person's: finding such cards, and moving everything to one (D3)."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import QuerySet

from clinic.audit.operations import Actor, record
from clinic.people.models import Patient, PatientWord
from clinic.people.operations import StalePatient
from clinic.people.rules import address_word, folded
from clinic.people.signals import patient_contact_changed, patients_merged
from clinic.people.words import refresh_words

# What a person chooses where two cards differ.
FIELDS = ("name", "email", "phone", "language", "reference")
# A number that more cards have belongs to a house, not to a person.
MOST_LOOKED_AT = 30


@dataclass(frozen=True, slots=True)
class Pair:
    """Two cards of one clinic: the one that stays, and the one that goes into it.

    Args:
        version, other_version: the versions that were looked at.
    """

    kept_id: int
    gone_id: int
    version: int
    other_version: int


def find_duplicates(card: Patient) -> list[Patient]:
    """Return the clinic's other cards with the same name, in any order, and the same e-mail or phone."""
    words = {address_word(card.email), address_word(card.phone)} - {""}
    same = PatientWord.objects.filter(clinic=card.clinic_id, word__in=words).exclude(patient=card)
    ids = same.values_list("patient_id", flat=True)[:MOST_LOOKED_AT]
    name = sorted(folded(card.name).split())
    found = Patient.objects.filter(pk__in=list(ids), merged_into=None).order_by("pk")
    return [one for one in found if sorted(folded(one.name).split()) == name]


def differing(kept: Patient, gone: Patient) -> list[str]:
    """Return the fields in which both cards say something, and not the same."""
    return [
        field
        for field in FIELDS
        if getattr(kept, field) and getattr(gone, field) and getattr(kept, field) != getattr(gone, field)
    ]


@transaction.atomic
def merge_patients(
    *, pair: Pair, taken: Mapping[str, bool], clinic_id: int, actor: Actor, at: datetime
) -> Patient:
    """Move everything of one card to another, and let its address lead there.

    Two merges at once, or one each way, lock in the same order; the second one finds another state.

    Args:
        taken: for each field in which both say something else, whether the card that goes is right. What only
            one card knows stays known.

    Returns:
        The card that stays. That it was done already is no clash (G4).

    Raises:
        StalePatient: either card was changed, or went into a card, since it was looked at.
    """
    kept, gone = _locked(pair, clinic_id)
    if gone.merged_into_id == kept.pk and kept.merged_into_id is None:
        return kept
    if kept.merged_into_id or gone.merged_into_id or kept.pk == gone.pk:
        raise StalePatient
    if (kept.version, gone.version) != (pair.version, pair.other_version):
        raise StalePatient
    old, lost = _data(kept), _data(gone)
    new = {**old, **{f: lost[f] for f in FIELDS if lost[f] and (not old[f] or taken.get(f))}}
    marks = {
        "phone_mark": gone.phone_mark if new["phone"] == lost["phone"] != old["phone"] else kept.phone_mark,
        # An address that mail to one of the cards came back from does not work for the other either.
        "email_bounced_at": min(
            (one.email_bounced_at for one in (kept, gone) if one.email_bounced_at and one.email == new["email"]),
            default=None,
        ),
    }  # fmt: skip
    # The card that goes keeps a name for who looks for its address, and the other reference for files that name it.
    # Addresses it has none any more: nobody is found by it, and nothing can go there.
    spare = lost["reference"] if new["reference"] == old["reference"] else old["reference"]
    _write(gone, reference="", email="", phone="", phone_mark="", email_bounced_at=None, merged_into=kept,
           merged_at=at, version=gone.version + 1)  # fmt: skip
    _write(kept, **new, **marks, version=kept.version + 1)
    if spare:
        _write(gone, reference=spare)
    Patient.objects.filter(merged_into=gone).update(merged_into=kept)
    gone.appointments.update(patient=kept)
    gone.notes.update(patient=kept)
    refresh_words(kept, gone)
    record(actor, "patient.merged", kept, old=old, new={**new, "card": gone.pk}, at=at)
    record(actor, "patient.merged_into", gone, old=lost, new={"card": kept.pk}, at=at)
    patients_merged.send(Patient, kept=kept, gone=gone, actor=actor, at=at)
    _announce(kept, gone, old, lost, actor=actor, at=at)
    return kept


def _locked(pair: Pair, clinic_id: int) -> tuple[Patient, Patient]:
    """Return both cards with their rows locked, and those of their appointments before (as who moves one does)."""
    rows: QuerySet[Patient] = Patient.objects.filter(clinic_id=clinic_id, pk__in=[pair.kept_id, pair.gone_id])
    for card in rows.order_by("pk"):
        list(card.appointments.select_for_update().order_by("pk").values_list("pk", flat=True))
    # Not as if keys changed: whoever books for one of them meanwhile refers to its row, and must not be waited for.
    cards = {card.pk: card for card in rows.select_for_update(no_key=True).order_by("pk")}
    if not {pair.kept_id, pair.gone_id} <= cards.keys():
        raise StalePatient
    return cards[pair.kept_id], cards[pair.gone_id]


def _data(card: Patient) -> dict[str, Any]:
    return {field: getattr(card, field) for field in FIELDS}


def _write(card: Patient, **values: Any) -> None:
    Patient.objects.filter(pk=card.pk).update(**values)
    for field, value in values.items():
        setattr(card, field, value)


def _announce(
    kept: Patient,
    gone: Patient,
    old: Mapping[str, str],
    lost: Mapping[str, str],
    *,
    actor: Actor,
    at: datetime,
) -> None:
    """Let unsent messages follow the one card, and both cards' addresses hear what became of them (P13)."""
    before = {field: old[field] for field in ("email", "phone")}
    patient_contact_changed.send(Patient, patient=kept, actor=actor, at=at, old=before)
    standing = {kept.email, kept.phone, *before.values()}
    dropped = {field: lost[field] for field in before if lost[field] not in standing}
    if dropped:
        patient_contact_changed.send(Patient, patient=gone, actor=actor, at=at, old=dropped)
