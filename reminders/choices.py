"""Which invitations a patient wants: the link that every invitation carries, and what follows from a choice (P16)."""

from dataclasses import dataclass
from datetime import UTC, datetime

from django.conf import settings
from django.db import transaction
from django.urls import reverse

from clinic.audit.operations import PATIENT
from clinic.models import Patient
from messaging.enums import UNSENT, Purpose
from messaging.links import get_or_make, token_of
from messaging.models import Delivery, Message
from messaging.operations import drop
from notifications.enums import ToldBy
from notifications.invitations import OPTED_OUT, opt_in, opt_out, why_not_invited
from notifications.registry import Kind, list_invitations

# Who reads an old message must still be able to refuse the next one.
YEARS = 6
ONE_CLICK = "List-Unsubscribe=One-Click"


@dataclass(frozen=True, slots=True)
class Choices:
    """What a choices link is for: a patient's card."""

    patient: Patient


@dataclass(frozen=True, slots=True)
class Choice:
    """One kind of invitation, and whether its patient gets it."""

    kind: Kind
    is_wanted: bool


def choices_address(patient: Patient, *, at: datetime) -> str:
    """Return the absolute address at which a patient says what they want; the link is made with it."""
    return f"{settings.PUBLIC_URL}{reverse('reminders:choices_link', kwargs={'token': choices_token(patient, at=at)})}"


def unsubscribe_headers(patient: Patient, kind: str, *, at: datetime) -> dict[str, str]:
    """Return the headers by which a mail program refuses a kind with one press (RFC 8058)."""
    address = reverse("reminders:unsubscribe", kwargs={"token": choices_token(patient, at=at), "kind": kind})
    return {
        "List-Unsubscribe": f"<{settings.PUBLIC_URL}{address}>",
        "List-Unsubscribe-Post": ONE_CLICK,
    }


def choices_token(patient: Patient, *, at: datetime) -> str:
    """Return the token of a patient's choices link, which is made if there is none yet."""
    link = get_or_make(
        clinic_id=patient.clinic_id,
        purpose=Purpose.CHOICES,
        object_id=patient.pk,
        # By whole years, so that the row is not written anew with each message.
        expires_at=datetime(at.year + YEARS, 1, 1, tzinfo=UTC),
        at=at,
    )
    return token_of(link)


def find_choices(pk: int) -> Choices | None:
    """Return the choices of a card, or of the one that it went into; None if it is gone."""
    rows = Patient.objects.select_related("clinic", "merged_into__clinic")
    card = rows.filter(pk=pk).first()
    if card is None:
        return None
    return Choices(card.merged_into or card)


def list_choices(patient: Patient) -> list[Choice]:
    """Return each kind of invitation, and whether the patient gets it as things stand."""
    return [
        Choice(kind, is_wanted=patient.pk not in why_not_invited([patient.pk], kind.name))
        for kind in list_invitations()
    ]


@transaction.atomic
def choose(*, patient: Patient, wanted: set[str], at: datetime) -> None:
    """Write down what a patient ticked; what was ticked and what was not, both are their word.

    Args:
        wanted: names of kinds.
    """
    for kind in list_invitations():
        say = opt_in if kind.name in wanted else opt_out
        say(patient=patient, kind=kind.name, told_by=ToldBy.LINK, actor=PATIENT, at=at)


def follow_choice(*, patient: Patient, kind: str, is_wanted: bool, at: datetime) -> None:
    """Leave out what is planned for somebody who refuses it; what was left out so does not come back."""
    if is_wanted:
        return
    unsent = Delivery.objects.filter(message__patient=patient, message__kind=kind, state__in=UNSENT)
    causes = Message.objects.filter(pk__in=unsent.values("message")).values_list("cause", flat=True)
    for cause in sorted(set(causes)):
        drop(cause=cause, kinds=[kind], reason=OPTED_OUT, at=at)
