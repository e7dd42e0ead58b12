"""Reads of the outbox for pages."""

from datetime import datetime, timedelta

from django.db.models import Prefetch, QuerySet

from clinic.models import Appointment, Clinic, Patient
from messaging.enums import State
from messaging.models import Delivery, Message, SentText

TROUBLE_SHOWN_FOR = timedelta(days=7)


def list_messages(appointment: Appointment) -> QuerySet[Message]:
    """Return what an appointment's patient was, is or will not be told, oldest plan first."""
    return (
        Message.objects.filter(appointment=appointment)
        .prefetch_related(Prefetch("deliveries", Delivery.objects.order_by("channel")))
        .order_by("created_at", "id")
    )


def list_patient_messages(patient: Patient) -> QuerySet[Message]:
    """Return what a patient was, is or will not be told, about whichever appointment; newest plan first."""
    return (
        Message.objects.filter(patient=patient)
        .select_related("appointment__calendar")
        .prefetch_related(Prefetch("deliveries", Delivery.objects.order_by("channel")))
        .order_by("-created_at", "-id")
    )


def was_read(*, cause: str, since: datetime) -> bool:
    """Return whether a person acted, since then, on the page that a cause's messages lead to (P11)."""
    return Delivery.objects.filter(message__cause=cause, state=State.READ, read_at__gte=since).exists()


def list_trouble(*, clinic: Clinic, at: datetime) -> QuerySet[Delivery]:
    """Return what failed or whose outcome is unknown, of the last days, newest first."""
    return (
        Delivery.objects.filter(
            clinic=clinic, state__in=[State.FAILED, State.UNKNOWN], ended_at__gt=at - TROUBLE_SHOWN_FOR
        )
        .select_related("message__patient", "message__appointment")
        .order_by("-ended_at")
    )


def list_mailbox(*, clinic: Clinic) -> QuerySet[SentText]:
    """Return what the embedded mailbox keeps for a clinic's patients, newest first."""
    return (
        SentText.objects.filter(delivery__clinic=clinic, has_live_links=True)
        .select_related("delivery__message__patient")
        .order_by("-delivery__sent_at", "-delivery_id")
    )
