"""The six digits by which a patient proves that the address on their card is theirs (D6).

Like personal links they are derived, so that nothing secret is stored: from the card, the number of the code and
the installation's key. A code is good for ten minutes, five tries and one use, and only until the next one.
"""

import hmac
from collections.abc import Sequence
from datetime import datetime, timedelta
from hashlib import sha256

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet
from django.template.loader import render_to_string
from django.utils import translation
from django.utils.crypto import salted_hmac

from clinic.lib import phone, sms
from clinic.models import Patient
from messaging.models import Delivery, Message
from messaging.operations import Plan, Way, put
from messaging.registry import Ready, Skip, Verdict
from notifications.enums import Channel
from reminders.lost_link import cause_of
from reminders.voice import TEMPLATES, line

KIND = "code"
LIFE = timedelta(minutes=10)
MOST_TRIES = 5
DIGITS = 6


class Unreachable(Exception):
    """The card has no address to which a code could go."""


def code_of(message: Message) -> str:
    """Return the code that a message carries."""
    what = f"{message.cause}.{message.version}.{message.pk}"
    digest = salted_hmac("anteroom.code", what, secret=settings.SECRET_KEY, algorithm=sha256().name).digest()
    return f"{int.from_bytes(digest[:8]) % 10**DIGITS:0{DIGITS}}"


def _codes(patient_id: int) -> QuerySet[Message]:
    return Message.objects.filter(cause=cause_of(patient_id), kind=KIND)


def channel_for(patient: Patient) -> Channel | None:
    """Return the way a code takes: the e-mail address on file, else the number."""
    if patient.email and not patient.email_bounced_at:
        return Channel.EMAIL
    return Channel.SMS if patient.phone else None


@transaction.atomic
def send_code(*, patient: Patient, at: datetime) -> None:
    """Send a fresh code to the address on file; every earlier one is worthless from now on.

    Raises:
        Unreachable: there is no such address.
    """
    channel = channel_for(patient)
    if channel is None:
        raise Unreachable
    put(
        Plan(
            clinic_id=patient.clinic_id,
            kind=KIND,
            cause=cause_of(patient.pk),
            version=_codes(patient.pk).count() + 1,
            recipient=cause_of(patient.pk),
            reason="code_asked_for",
            planned_at=at,
            valid_until=at + LIFE,
            patient_id=patient.pk,
            ways=(Way(channel, planned_at=at, due_at=at),),
        ),
        at=at,
    )


@transaction.atomic
def use_code(*, patient: Patient, code: str, at: datetime) -> bool:
    """Return whether this is the patient's present code, and use it up; a wrong one counts as a try."""
    latest = _codes(patient.pk).select_for_update(of=("self",)).order_by("-version").first()
    if latest is None or latest.valid_until is None or at >= latest.valid_until:
        return False
    tries = int(latest.facts.get("tries", 0)) + 1
    if latest.facts.get("used") or tries > MOST_TRIES:
        return False
    typed = "".join(code.split())
    is_right = hmac.compare_digest(typed.encode(), code_of(latest).encode())
    latest.facts = {"tries": tries, "used": is_right}
    latest.save(update_fields=["facts"])
    return is_right


def speak(deliveries: Sequence[Delivery], at: datetime) -> dict[int, Verdict]:
    """Say of each claimed delivery what is sent now, or why nothing is (G2)."""
    return {row.pk: _verdict(row, at=at) for row in deliveries}


def _verdict(row: Delivery, *, at: datetime) -> Verdict:
    message, patient = row.message, row.message.patient
    is_latest = not _codes(patient.pk).filter(version__gt=message.version).exists() if patient else False
    if patient is None or not is_latest or message.valid_until is None or at >= message.valid_until:
        return Skip("code_over")
    if message.cause != cause_of(patient.pk) or channel_for(patient) != row.channel:
        return Skip("code_over")  # the address has changed since: it is nobody's to hear of
    clinic, code = patient.clinic, code_of(message)
    context: dict[str, object] = {
        "clinic": clinic.name,
        "name": patient.name,
        "code": code,
        "minutes": LIFE.seconds // 60,
        "phone": phone.pretty(clinic.phone) if clinic.phone else "",
        "language": patient.language,
    }
    with translation.override(patient.language):
        if row.channel == Channel.SMS:
            text = sms.gsm(line(f"{KIND}.sms.txt", context))
            return Ready(address=patient.phone, text=text, links=(code,))
        return Ready(
            address=patient.email,
            subject=line(f"{KIND}.subject.txt", context),
            text=render_to_string(f"{TEMPLATES}/{KIND}.txt", {**context, "plain": True}),
            html=render_to_string(f"{TEMPLATES}/{KIND}.html", context),
            sender_name=clinic.name,
            # What is kept of the text does not show the code, as it shows no link.
            links=(code,),
        )
