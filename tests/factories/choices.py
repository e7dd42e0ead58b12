"""What patients say about invitations: their link, and a browser that came by it."""

from typing import Any

from django.test import Client

from clinic.models import Patient
from messaging.enums import Purpose
from messaging.links import link_key
from messaging.models import PersonalLink
from reminders.choices import choices_address
from tests.factories.house import NOW


def choices_link_of(patient: Patient) -> PersonalLink:
    """Return the link by which a patient says what they want."""
    choices_address(patient, at=NOW)
    return PersonalLink.objects.get(purpose=Purpose.CHOICES, object_id=patient.pk)


def to_choices(patient: Patient, **options: Any) -> tuple[Client, str]:
    """Return a browser that came by a patient's choices link, and the page it came to."""
    client = Client(**options)
    response = client.get("/u/" + choices_address(patient, at=NOW).split("/u/")[1])
    assert response.status_code == 302
    assert response["Location"] == f"/choices/{link_key(choices_link_of(patient))}/"
    return client, response["Location"]
