"""What an object calls itself in a log or a traceback says no more than its number (X4)."""

import pytest
from django.apps import apps

from clinic.models import AuditEntry
from messaging.delivery import send_due
from notifications.enums import Channel
from tests.factories.house import NOW, House

# Named after what they are: a person's card says the person's name, and is never logged.
NAMED = {"User", "Patient", "Practitioner", "Clinic", "Calendar", "Service"}


@pytest.mark.django_db
def test_objects_call_themselves_by_number(rynek: House) -> None:
    send_due(channel=Channel.EMAIL, at=NOW, now=lambda: NOW)
    personal = [*rynek.patient.name.split(), rynek.patient.email, rynek.patient.phone, rynek.admin.name]
    said = {
        model.__name__: str(row)
        for model in apps.get_models()
        if model.__module__.partition(".")[0] in {"clinic", "messaging", "notifications", "reminders"}
        for row in model._base_manager.all()[:3]
    }

    assert AuditEntry.__name__ in said
    assert len(said) > 15
    for name, text in said.items():
        assert text, name
        if name not in NAMED:
            assert not [value for value in personal if value in text], name
