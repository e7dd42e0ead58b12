"""What a restore and a catch-up make of the outbox (X3, X8; decision 5)."""

from datetime import timedelta
from typing import Any

import pytest

from clinic.demo.signals import demo_advanced
from clinic.lib import clock
from clinic.lib.signals import data_restored
from messaging import catch_up
from messaging.models import Delivery
from messaging.operations import bring_back, drop
from notifications.enums import Channel
from notifications.operations import pause_sending, resume_sending
from reminders.planning import cause_of
from tests.factories.clinic import HOURS, MINUTES, MONDAY, STAFF, book_visit, make_calendar, make_clinic
from tests.factories.outbox import Row, provider, row_of, rows, sweep
from tests.fakes.lines import Provider

__all__ = ["provider"]
pytestmark = pytest.mark.django_db

START = MONDAY + timedelta(days=10, hours=2)
REMINDED = START - 48 * HOURS
RESTORED = REMINDED + HOURS


def restore() -> None:
    data_restored.send(None, taken_at=MONDAY + HOURS, restored_at=RESTORED)


def states(found: list[Row]) -> list[tuple[Any, ...]]:
    return [(kind, channel, state, due, reason) for kind, channel, state, _planned, due, reason in found]


def test_a_restore_flags_what_may_have_left(provider: Provider) -> None:
    visit = book_visit(starts_at=START)

    restore()

    asked = RESTORED + 10 * MINUTES
    assert states(rows(visit)) == [
        ("details", "email", "unknown", asked, "restored"),
        ("details", "sms", "planned", START - 4 * HOURS, "if_not_left"),
        ("reminder", "email", "unknown", asked, "restored"),
        ("reminder", "sms", "unknown", asked, "restored"),
    ]


def test_a_restore_leaves_a_paused_clinic_s_deliveries_to_the_end_of_its_pause(provider: Provider) -> None:
    visit = book_visit(starts_at=START)
    pause_sending(clinic=visit.clinic, actor=STAFF, at=MONDAY)
    before = rows(visit)

    restore()
    sweep(RESTORED)

    assert rows(visit) == before
    assert provider.ids() == []
    at = START - HOURS  # a reminder is of no use any more; the details are
    resume_sending(clinic=visit.clinic, actor=STAFF, at=at)
    sweep(at)
    assert [(kind, channel, state) for kind, channel, state, *_rest in rows(visit)] == [
        ("details", "email", "sent"),
        ("details", "sms", "sent"),
        ("reminder", "email", "skipped"),
        ("reminder", "sms", "skipped"),
    ]
    assert row_of(visit, "reminder", "sms").reason == "too_late"


def test_what_a_paused_clinic_was_just_sending_is_flagged_all_the_same() -> None:
    visit = book_visit(starts_at=START)
    mail = row_of(visit, "details", "email")
    Delivery.objects.filter(pk=mail.pk).update(state="sending", tries=1)
    pause_sending(clinic=visit.clinic, actor=STAFF, at=MONDAY)

    restore()

    assert row_of(visit, "details", "email").state == "unknown"


# --- Catching up ---------------------------------------------------------------------------------


def test_a_demonstration_catches_up_at_each_due_instant(provider: Provider) -> None:
    visit = book_visit(starts_at=START)

    demo_advanced.send(None, at=REMINDED - timedelta(microseconds=1))
    assert catch_up.next_due() == (REMINDED, Channel.EMAIL)
    demo_advanced.send(None, at=REMINDED)

    assert [
        (kind, channel, row_of(visit, kind, channel).sent_at) for kind, channel, *_rest in rows(visit)
    ] == [
        ("details", "email", MONDAY),
        ("details", "sms", MONDAY + 4 * HOURS),
        ("reminder", "email", REMINDED),
        ("reminder", "sms", REMINDED),
    ]
    # The review is asked for two hours after the half hour.
    assert catch_up.next_due() == (START + timedelta(hours=2, minutes=30), Channel.EMAIL)
    assert clock.now() != REMINDED  # the clock runs again


def test_a_demonstration_with_nothing_due_opens_no_line(provider: Provider) -> None:
    book_visit(starts_at=START, told=False)

    demo_advanced.send(None, at=START)

    assert provider.ids() == []


def test_catching_up_passes_a_paused_clinic_by(provider: Provider) -> None:
    paused = book_visit(starts_at=START)
    other = book_visit(calendar=make_calendar(make_clinic("dluga")), starts_at=START + HOURS)
    pause_sending(clinic=paused.clinic, actor=STAFF, at=MONDAY)

    demo_advanced.send(None, at=START)

    assert {state for _kind, _channel, state, *_rest in rows(paused)} == {"planned"}
    assert {state for _kind, _channel, state, *_rest in rows(other)} == {"sent"}


def test_only_what_was_to_come_back_does(provider: Provider) -> None:
    visit = book_visit(starts_at=START)
    before = rows(visit)
    cause = cause_of(visit.pk)
    assert drop(cause=cause, reason="cancelled_meanwhile", channel=Channel.SMS, at=MONDAY) == 2
    for_good = [row for row in rows(visit) if row[1] == "sms"]

    assert drop(cause=cause, reason="cancelled_meanwhile", may_come_back=True, at=MONDAY) == 2
    assert bring_back(cause=cause, reason="cancelled_meanwhile") == 2

    assert [row for row in rows(visit) if row[1] == "email"] == [row for row in before if row[1] == "email"]
    assert [row for row in rows(visit) if row[1] == "sms"] == for_good
    assert {row[2] for row in for_good} == {"skipped"}
