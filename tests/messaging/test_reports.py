"""What providers report, and what it says of an address (A81, P13)."""

from typing import Any

import pytest
from anymail.signals import AnymailTrackingEvent, tracking
from django.db import transaction

from clinic.lib import clock
from clinic.models import Appointment, Clinic
from clinic.people.operations import record_email_bounced, record_email_works
from messaging.backends.base import PermanentError
from messaging.enums import TRANSITIONS, State
from messaging.models import Delivery
from messaging.operations import record_provider_state
from tests.factories.clinic import HOURS, MINUTES, MONDAY, STAFF, make_clinic
from tests.factories.outbox import START, get, plant, planted, provider, row_of, sweep, visit
from tests.fakes.lines import Provider

__all__ = ["planted", "provider", "visit"]
pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("planted")]


def sent(visit: Appointment, provider: Provider) -> Delivery:
    sweep(MONDAY)
    return row_of(visit, "details", "email")


def test_states_move_forward_only(visit: Appointment, provider: Provider) -> None:
    row = sent(visit, provider)
    story = [
        ("queued", False, "sent"),
        ("delivered", True, "delivered"),
        ("sent", False, "delivered"),
        ("delivered", False, "delivered"),
        ("nonsense", False, "delivered"),
        ("", False, "delivered"),
        ("failed", True, "failed"),
        ("delivered", False, "failed"),
    ]
    for minute, (word, changed, state) in enumerate(story):
        at = MONDAY + minute * MINUTES
        assert record_provider_state(delivery_id=row.pk, reported=word, at=at) is changed, word
        assert get(row.pk).state == state

    found = get(row.pk)
    assert (found.sent_at, found.delivered_at, found.ended_at) == (
        MONDAY,
        MONDAY + MINUTES,
        MONDAY + 6 * MINUTES,
    )


def test_a_report_replayed_a_hundred_times(visit: Appointment, provider: Provider) -> None:
    row = sent(visit, provider)

    changed = [record_provider_state(delivery_id=row.pk, reported="delivered", at=MONDAY) for _ in range(100)]

    assert changed == [True] + [False] * 99
    assert get(row.pk).state == "delivered"


@pytest.mark.parametrize("state", [State.SENDING, State.UNKNOWN, State.PLANNED, State.CLAIMED])
def test_a_report_that_overtakes_our_own_books(visit: Appointment, provider: Provider, state: State) -> None:
    row = row_of(visit, "details", "email")
    Delivery.objects.filter(pk=row.pk).update(state=state, tries=1, claim="x", reason="line_lost")

    assert record_provider_state(delivery_id=row.pk, reported="sent", at=MONDAY + MINUTES) is True

    found = get(row.pk)
    assert (found.state, found.sent_at, found.claim, found.reason) == ("sent", MONDAY + MINUTES, "", "")
    assert row_of(visit, "details", "sms").due_at == MONDAY + MINUTES + 4 * HOURS
    sweep(MONDAY + HOURS, "email")
    assert provider.ids() == []


def test_a_report_on_what_was_never_tried_changes_nothing(visit: Appointment) -> None:
    row = row_of(visit, "details", "email")

    assert record_provider_state(delivery_id=row.pk, reported="delivered", at=MONDAY) is False
    assert record_provider_state(delivery_id=10**12, reported="delivered", at=MONDAY) is False

    assert get(row.pk).state == "planned"


def test_a_bounce_marks_the_card_and_brings_the_sms_at_once(visit: Appointment, provider: Provider) -> None:
    row = sent(visit, provider)
    at = MONDAY + HOURS

    record_provider_state(delivery_id=row.pk, reported="bounced", code="bounced", no_such_address=True, at=at)

    visit.patient.refresh_from_db()
    text = row_of(visit, "details", "sms")
    assert (visit.patient.email_bounced_at, get(row.pk).state) == (at, "failed")
    assert (text.state, text.planned_at, text.due_at, text.reason) == ("planned", at, at, "email_lost")
    assert row_of(visit, "reminder", "email").reason == "email_bounced"


def test_a_bounce_of_an_old_address_does_not_mark_the_new_one(visit: Appointment, provider: Provider) -> None:
    row = sent(visit, provider)
    visit.patient.email = "new@patients.example"
    visit.patient.save()

    record_provider_state(delivery_id=row.pk, reported="bounced", no_such_address=True, at=MONDAY + HOURS)

    visit.patient.refresh_from_db()
    assert visit.patient.email_bounced_at is None
    assert row_of(visit, "details", "sms").reason == "email_lost"


def test_an_address_refused_at_once(visit: Appointment, provider: Provider) -> None:
    mail = row_of(visit, "details", "email")
    provider.script(mail.pk, PermanentError("smtp-550", no_such_address=True))

    sweep(MONDAY, "email")

    visit.patient.refresh_from_db()
    text = row_of(visit, "details", "sms")
    assert visit.patient.email_bounced_at == MONDAY
    assert (text.planned_at, text.due_at, text.reason) == (MONDAY, MONDAY, "email_lost")


def test_a_text_refused_is_not_the_address_s_fault(visit: Appointment, provider: Provider) -> None:
    mail = row_of(visit, "details", "email")
    provider.script(mail.pk, PermanentError("smtp-550"))  # spam, policy, …

    sweep(MONDAY, "email")

    visit.patient.refresh_from_db()
    assert visit.patient.email_bounced_at is None
    assert row_of(visit, "details", "sms").reason == "email_lost"


@pytest.mark.parametrize(
    ("event_type", "why", "is_marked"),
    [("bounced", "bounced", True), ("rejected", "invalid", True), ("rejected", "spam", False)],
)
def test_a_mail_provider_s_events(
    visit: Appointment, provider: Provider, event_type: str, why: str, is_marked: bool
) -> None:
    row = sent(visit, provider)
    at = MONDAY + HOURS

    with clock.held_at(at):
        tell(row.pk, event_type="opened")  # proves nothing but that it arrived
        tell("12; DROP", event_type="bounced")
        tell(None, event_type="bounced")
        assert get(row.pk).state == "delivered"
        tell(row.pk, event_type=event_type, reject_reason=why)

    visit.patient.refresh_from_db()
    assert visit.patient.email_bounced_at == (at if is_marked else None)
    assert (get(row.pk).state, get(row.pk).facts) == ("failed", {"code": event_type})


def tell(delivery_id: object, **event: Any) -> None:
    """Let the mail provider's webhook say something."""
    metadata = None if delivery_id is None else {"delivery": str(delivery_id)}
    tracking.send(object, event=AnymailTrackingEvent(metadata=metadata, **event), esp_name="test")


def test_an_address_that_works_again_gets_what_is_still_ahead(visit: Appointment, provider: Provider) -> None:
    record_email_bounced(patient=visit.patient, actor=STAFF, at=MONDAY)
    assert row_of(visit, "reminder", "email").state == "skipped"

    record_email_works(patient=visit.patient, actor=STAFF, at=MONDAY + HOURS)

    reminded = START - 48 * HOURS
    row = row_of(visit, "reminder", "email")
    assert (row.state, row.planned_at, row.due_at, row.reason) == ("planned", reminded, reminded, "")
    sweep(reminded)
    assert get(row.pk).state == "sent"


def test_nothing_accepted_is_ever_planned_again() -> None:
    assert set(TRANSITIONS) == set(State)
    assert TRANSITIONS[State.READ] == frozenset()
    assert (
        State.PLANNED
        not in TRANSITIONS[State.SENT] | TRANSITIONS[State.DELIVERED] | TRANSITIONS[State.FAILED]
    )


def test_a_rollback_leaves_the_clinic_silent(provider: Provider) -> None:
    house: Clinic = make_clinic()
    with transaction.atomic():
        plant(house, 3)
        transaction.set_rollback(True)

    assert sweep(MONDAY, "email")["email"].total == 0
