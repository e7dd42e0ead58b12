"""Making and changing clinics, members, practitioners and patient cards."""

import re
from collections.abc import Mapping
from datetime import datetime

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.text import slugify
from django.utils.translation import gettext_lazy as _

from clinic.audit.operations import Actor, record
from clinic.lib import mail_address, phone
from clinic.lib.text import has_control_characters
from clinic.people.enums import Language, Plan, Role
from clinic.people.models import Clinic, Membership, Patient, Practitioner, User
from clinic.people.rules import folded
from clinic.people.signals import clinic_created, patient_contact_changed
from clinic.people.words import refresh_words, write_words

NAME_LENGTH = 120
# What would turn a name into a folder of the site itself.
RESERVED_SLUGS = frozenset({"new", "admin", "static", "log-in", "log-out", "live"})


class StalePatient(Exception):
    """Somebody changed the card since it was looked at; nothing was done."""


def clean_contact(*, name: str, email: str, phone_number: str, country: str) -> dict[str, str]:
    """Return name, e-mail, phone (E.164) and phone mark as the card keeps them (P13).

    Raises:
        ValidationError: with the field's name as key and a sentence for the reader.
    """
    errors: dict[str, object] = {}
    cleaned = {"name": " ".join(name.split()), "email": "", "phone": "", "phone_mark": ""}
    if not cleaned["name"]:
        errors["name"] = _("Please enter a name.")
    elif len(cleaned["name"]) > NAME_LENGTH:
        errors["name"] = _("This name is too long: at most %(most)s characters.") % {"most": NAME_LENGTH}
    elif has_control_characters(cleaned["name"]):
        errors["name"] = _("This name holds characters that cannot be written.")
    if email.strip():
        try:
            cleaned["email"] = mail_address.normalise(email)
        except mail_address.BadAddress:
            errors["email"] = _("This is not an e-mail address. It looks like name@example.org.")
    if phone_number.strip():
        try:
            number = phone.normalise(phone_number, country=country)
            cleaned["phone"], cleaned["phone_mark"] = number.e164, number.mark
        except phone.BadPhone:
            errors["phone"] = _(
                "This is not a phone number. Write it with its country code, like +48 22 555 01 23."
            )
    if errors:
        raise ValidationError(errors)
    return cleaned


_ADDRESS_IN_NAME = re.compile(r"[/\\@:]|www\.|[^\W_]{2,}\.[^\W_]{2,}", re.IGNORECASE)


def has_address(name: str) -> bool:
    """Return whether a name holds what a mail program would make a link of (A11)."""
    return bool(_ADDRESS_IN_NAME.search(name))


def free_slug(name: str, rows: type[Clinic] | type[Practitioner] = Clinic) -> str:
    """Return an address part made of a clinic's name, or a practitioner's, that no other one has."""
    base = slugify(folded(name))[:50].strip("-") or rows._meta.model_name or ""
    slug, number = base, 2
    while slug in RESERVED_SLUGS or rows._default_manager.filter(slug=slug).exists():
        slug, number = f"{base}-{number}", number + 1
    return slug


@transaction.atomic
def create_clinic(
    *,
    name: str,
    country: str,
    language: str,
    time_zone: str,
    plan: str = Plan.BASIC,
    slug: str = "",
    details: Mapping[str, object] | None = None,
    actor: Actor,
    at: datetime,
) -> Clinic:
    """Make a clinic; `details` are further fields (address, city, email, phone, latitude, longitude)."""
    made = Clinic.objects.create(
        slug=slug or free_slug(name),
        name=name,
        country=country,
        language=language,
        time_zone=time_zone,
        plan=plan,
        created_at=at,
        **(details or {}),
    )
    record(actor, "clinic.created", made, new={"name": name}, at=at)
    clinic_created.send(Clinic, clinic=made, actor=actor, at=at)
    return made


@transaction.atomic
def add_member(*, clinic: Clinic, user: User, role: Role, actor: Actor, at: datetime) -> Membership:
    """Give a user a role in a clinic, in place of any other role they had there."""
    member, _created = Membership.objects.update_or_create(clinic=clinic, user=user, defaults={"role": role})
    record(actor, "membership.set", member, new={"user": user.pk, "role": str(role)}, at=at)
    return member


@transaction.atomic
def create_practitioner(
    *, clinic: Clinic, name: str, user: User | None = None, actor: Actor, at: datetime
) -> Practitioner:
    """Make a practitioner of a clinic; `user` is their log-in, if they have one.

    Their public profile gets its address now, and keeps it: search engines know it (D1).
    """
    made = Practitioner.objects.create(
        clinic=clinic, name=name, user=user, slug=free_slug(name, Practitioner)
    )
    record(actor, "practitioner.created", made, new={"name": name}, at=at)
    return made


@transaction.atomic
def create_patient(
    *,
    clinic: Clinic,
    name: str,
    email: str = "",
    phone_number: str = "",
    language: str = "",
    reference: str = "",
    actor: Actor,
    at: datetime,
) -> Patient:
    """Make a patient card.

    Args:
        language: one of the product's; empty: the clinic's.

    Raises:
        ValidationError: name, e-mail or phone are not usable, named by field.
    """
    contact = clean_contact(name=name, email=email, phone_number=phone_number, country=clinic.country)
    made = Patient.objects.create(
        clinic=clinic,
        reference=reference,
        language=Language(language or clinic.language),
        created_at=at,
        **contact,
    )
    write_words([made])
    record(actor, "patient.created", made, new=contact, at=at)
    return made


@transaction.atomic
def change_patient(
    *,
    patient: Patient,
    name: str,
    email: str,
    phone_number: str,
    language: str,
    version: int | None = None,
    told: bool = True,
    actor: Actor,
    at: datetime,
) -> Patient:
    """Change a patient card; unsent messages follow the new address (E2.13).

    Args:
        version: the version that was looked at; None: the one that `patient` has.
        told: False for imported rows: the address that leaves the card is told nothing.

    Raises:
        ValidationError: name, e-mail or phone are not usable, named by field.
        StalePatient: somebody changed the card since; a card that says all this already is no clash (G4).
    """
    contact = clean_contact(name=name, email=email, phone_number=phone_number, country=patient.clinic.country)
    wanted = {**contact, "language": Language(language)}
    old = {field: getattr(patient, field) for field in wanted}
    changed = {field: value for field, value in wanted.items() if old[field] != value}
    if not changed:
        return patient
    if version is not None and version != patient.version:
        raise StalePatient
    changed_fields = {**changed, "version": patient.version + 1}
    if "email" in changed:
        changed_fields["email_bounced_at"] = None
    # Only if nobody else did meanwhile.
    if Patient.objects.filter(pk=patient.pk, version=patient.version).update(**changed_fields) != 1:
        raise StalePatient
    for field, value in changed_fields.items():
        setattr(patient, field, value)
    refresh_words(patient)
    record(
        actor,
        "patient.changed",
        patient,
        old={field: str(old[field]) for field in changed},
        new={field: str(value) for field, value in changed.items()},
        at=at,
    )
    if changed.keys() & {"email", "phone", "language"}:
        before = {"email": old["email"], "phone": old["phone"]} if told else None
        patient_contact_changed.send(Patient, patient=patient, actor=actor, at=at, old=before)
    return patient


@transaction.atomic
def record_email_works(*, patient: Patient, actor: Actor, at: datetime) -> None:
    """Take the mark of a card's address back (P13); unsent messages use the address again."""
    if Patient.objects.filter(pk=patient.pk, email_bounced_at__isnull=False).update(email_bounced_at=None):
        patient.email_bounced_at = None
        record(actor, "patient.email_works", patient, at=at)
        patient_contact_changed.send(Patient, patient=patient, actor=actor, at=at)


@transaction.atomic
def record_email_bounced(*, patient: Patient, actor: Actor, at: datetime) -> None:
    """Write down that mail to the card's address comes back (P13); unsent messages take other ways."""
    rows = Patient.objects.filter(pk=patient.pk, email=patient.email, email_bounced_at=None)
    if rows.update(email_bounced_at=at):
        patient.email_bounced_at = at
        record(actor, "patient.email_bounced", patient, at=at)
        patient_contact_changed.send(Patient, patient=patient, actor=actor, at=at)
