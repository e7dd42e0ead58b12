"""PostgreSQL plans by counts it takes now and then: a table may have grown since it was last counted.

A first import, a first day: one long transaction fills what was empty. What a booking, a move or a
patient's press does to the outbox must not take longer for it.
"""

import pytest
from django.db import connection

from clinic.models import Appointment
from messaging.enums import State
from messaging.models import Delivery, Message
from messaging.operations import record_read
from notifications.enums import Channel
from tests.factories.clinic import MONDAY, book_visit

pytestmark = pytest.mark.django_db

MANY = 3000


@pytest.fixture
def visit() -> Appointment:
    visit = book_visit(starts_at=MONDAY)
    Message.objects.all().delete()
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE messaging_message, messaging_delivery")
            # What the keys find in milliseconds took minutes.
            cursor.execute("SET LOCAL statement_timeout = '2s'")
    messages = Message.objects.bulk_create(
        Message(
            clinic=visit.clinic,
            kind="details",
            cause=f"appointment:{number}",
            recipient="patient:0",
            version=0,
            created_at=MONDAY,
        )
        for number in range(MANY)
    )
    Delivery.objects.bulk_create(
        Delivery(
            message=message,
            clinic=visit.clinic,
            channel=channel,
            state=State.SENT if channel == Channel.EMAIL else State.PLANNED,
            sent_at=MONDAY,
            due_at=MONDAY,
        )
        for message in messages
        for channel in (Channel.EMAIL, Channel.SMS)
    )
    return visit


def test_one_causes_messages_are_found_at_once(visit: Appointment) -> None:
    assert record_read(cause="appointment:7", at=MONDAY) == 1
