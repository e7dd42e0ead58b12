"""What this app does when something happens below."""

from typing import Any

from django.dispatch import receiver

from clinic.models import Patient
from clinic.people.signals import patients_merged
from notifications.invitations import merge_choices


@receiver(patients_merged)
def on_patients_merged(*, kept: Patient, gone: Patient, **_kwargs: Any) -> None:
    """Let refusals and consent follow to the card that stays (P16)."""
    merge_choices(kept=kept, gone=gone)
