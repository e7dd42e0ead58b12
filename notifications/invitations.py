"""Who is invited and who is not: refusals and consent, asked and written in one place (P16).

A refusal beats everything, consent is asked for where the clinic invites only with it. What two cards of one
person say is put together when they become one.
"""

from collections.abc import Collection
from datetime import datetime

from django.db import transaction

from clinic.audit.operations import Actor, record
from clinic.models import Clinic, Patient
from notifications.enums import ToldBy
from notifications.models import InvitationChoice, InvitationSettings
from notifications.signals import clinic_invitations_changed, invitation_choice_changed

OPTED_OUT = "opted_out"
NO_CONSENT = "no_consent"
# Where nobody is invited who did not agree, unless the clinic decides otherwise.
CONSENT_COUNTRIES = frozenset({"DE"})


def needs_consent(clinic: Clinic) -> bool:
    """Return whether a clinic invites only those who agreed (P16)."""
    return asks_consent(Clinic.objects.select_related("invitations").get(pk=clinic.pk))


def asks_consent(clinic: Clinic) -> bool:
    """Return the same of a clinic that was read with its rule (`select_related("invitations")`)."""
    own: InvitationSettings | None = getattr(clinic, "invitations", None)
    return clinic.country in CONSENT_COUNTRIES if own is None else own.needs_consent


def why_not_invited(patient_ids: Collection[int], kind: str) -> dict[int, str]:
    """Return, by patient, why they get no invitation of this kind; who may be invited is not in it (P16).

    Two queries, however many patients; made for claims.
    """
    return {patient: why for (patient, _kind), why in why_no_kinds(patient_ids, [kind]).items()}


def why_no_kinds(patient_ids: Collection[int], kinds: Collection[str]) -> dict[tuple[int, str], str]:
    """Return, by patient and kind, why they get no such invitation; what they may get is not in it (P16).

    Two queries, however many patients and kinds.
    """
    if not patient_ids:
        return {}
    rows = InvitationChoice.objects.filter(patient__in=patient_ids, kind__in=kinds)
    is_refused = {
        (patient, kind): refused is not None
        for patient, kind, refused in rows.values_list("patient", "kind", "refused_at")
    }
    cards = Patient.objects.filter(pk__in=patient_ids).values_list(
        "pk", "clinic__country", "clinic__invitations__needs_consent"
    )
    found = {}
    for patient, country, own in cards:
        asks = country in CONSENT_COUNTRIES if own is None else own
        for key in ((patient, kind) for kind in kinds):
            if is_refused.get(key):
                found[key] = OPTED_OUT
            elif asks and key not in is_refused:
                found[key] = NO_CONSENT
    return found


def list_words(patient: Patient) -> list[InvitationChoice]:
    """Return what a patient said about invitations, by kind (P16)."""
    return list(InvitationChoice.objects.filter(patient=patient).order_by("kind"))


def opt_out(*, patient: Patient, kind: str, told_by: ToldBy, actor: Actor, at: datetime) -> bool:
    """Let a patient have no more invitations of a kind (P16, K32).

    Returns:
        Whether that is new; said twice, it is one refusal.
    """
    return _choose(patient, kind, is_wanted=False, told_by=told_by, actor=actor, at=at)


def opt_in(*, patient: Patient, kind: str, told_by: ToldBy, actor: Actor, at: datetime) -> bool:
    """Write down that a patient agrees to invitations of a kind, also after a refusal (P16).

    Returns:
        Whether that is new.
    """
    return _choose(patient, kind, is_wanted=True, told_by=told_by, actor=actor, at=at)


@transaction.atomic
def _choose(
    patient: Patient, kind: str, *, is_wanted: bool, told_by: ToldBy, actor: Actor, at: datetime
) -> bool:
    card = _standing(patient)
    before = InvitationChoice.objects.filter(patient=card, kind=kind).first()
    if before is not None and (before.wanted_at is not None) == is_wanted:
        return False
    InvitationChoice.objects.update_or_create(
        patient=card,
        kind=kind,
        defaults={
            "refused_at": None if is_wanted else at,
            "wanted_at": at if is_wanted else None,
            "told_by": told_by,
        },
    )
    action = "patient.invitation_wanted" if is_wanted else "patient.invitation_refused"
    record(actor, action, card, new={"kind": kind, "told_by": str(told_by)}, at=at)
    invitation_choice_changed.send(Patient, patient=card, kind=kind, is_wanted=is_wanted, actor=actor, at=at)
    return True


def _standing(patient: Patient) -> Patient:
    """Return the card that holds, locked: a merge at this moment is over first, and what is said goes along."""
    rows = Patient.objects.select_for_update(no_key=True)
    card = rows.get(pk=patient.pk)
    return rows.get(pk=card.merged_into_id) if card.merged_into_id else card


@transaction.atomic
def set_consent_needed(*, clinic: Clinic, is_needed: bool, actor: Actor, at: datetime) -> None:
    """Say whether a clinic invites only those who agreed (P16)."""
    Clinic.objects.select_for_update(no_key=True).get(pk=clinic.pk)
    if needs_consent(clinic) == is_needed:
        return
    InvitationSettings.objects.update_or_create(clinic=clinic, defaults={"needs_consent": is_needed})
    record(
        actor,
        "clinic.invitations_set",
        clinic,
        old={"needs_consent": not is_needed},
        new={"needs_consent": is_needed},
        at=at,
    )
    clinic_invitations_changed.send(Clinic, clinic=clinic, needs_consent=is_needed, actor=actor, at=at)


def merge_choices(*, kept: Patient, gone: Patient) -> None:
    """Put together what two cards of one person say: a refusal on either stays one (P16).

    The caller holds both cards' locks.
    """
    own = {choice.kind: choice for choice in InvitationChoice.objects.filter(patient=kept)}
    for theirs in InvitationChoice.objects.filter(patient=gone):
        mine = own.get(theirs.kind)
        if mine is None:
            InvitationChoice.objects.filter(pk=theirs.pk).update(patient=kept)
            continue
        if theirs.refused_at and not mine.refused_at:
            InvitationChoice.objects.filter(pk=mine.pk).update(
                refused_at=theirs.refused_at, wanted_at=None, told_by=theirs.told_by
            )
        theirs.delete()
