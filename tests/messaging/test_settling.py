"""What dead workers and lost answers leave behind (G3)."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest

from clinic.appointments import operations as appointments
from clinic.appointments.enums import CancelledBy
from clinic.lib.signals import data_restored
from clinic.models import Appointment
from messaging import claims, settling
from messaging.backends.base import Accepted, AmbiguousError, PassingError
from messaging.enums import State
from messaging.models import Delivery
from messaging.operations import record_provider_state
from notifications.enums import Channel
from notifications.operations import pause_sending
from tests.factories.clinic import HOURS, MINUTES, MONDAY, STAFF, make_clinic
from tests.factories.outbox import (
    START,
    TEN,
    expire_leases,
    get,
    offer,
    plant,
    planted,
    provider,
    row_of,
    sweep,
    tries,
    visit,
)
from tests.fakes.lines import Provider

__all__ = ["planted", "provider", "visit"]
pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("planted")]


def make_unknown(row: Delivery, at: datetime, provider: Provider) -> None:
    """Let a delivery's next try end so that nobody knows."""
    provider.script(row.pk, AmbiguousError("lost"))
    Delivery.objects.filter(pk=row.pk).update(due_at=at, state=State.PLANNED)
    sweep(at, row.channel)
    assert get(row.pk).state == "unknown"


def test_sending_whose_worker_died_becomes_unknown() -> None:
    (pk,) = plant(make_clinic(), 1)
    batch = claims.claim_due(channel=Channel.EMAIL, at=MONDAY, limit=1)
    offer(batch)

    settling.settle(at=MONDAY + MINUTES)
    assert get(pk).state == "sending"

    expire_leases()
    settling.settle(at=MONDAY + 2 * MINUTES)
    row = get(pk)
    assert (row.state, row.reason, row.ended_at, row.due_at) == (
        "unknown", "line_lost", MONDAY + 2 * MINUTES, MONDAY + 12 * MINUTES,
    )  # fmt: skip
    assert tries(pk) == [(1, "unknown", "")]


POLICY = {
    ("details", "email"): True,
    ("details", "sms"): False,
    ("reminder", "email"): True,
    ("reminder", "sms"): False,
    ("moved", "email"): True,
    ("moved", "sms"): True,
    ("cancelled", "email"): True,
    ("cancelled", "sms"): True,
}


@pytest.mark.parametrize(("kind", "channel"), POLICY)
def test_an_unknown_is_tried_once_more_as_its_kind_says(
    visit: Appointment, provider: Provider, kind: str, channel: str
) -> None:
    version = 0
    if kind == "moved":
        appointments.move(appointment_id=visit.pk, starts_at=START + HOURS, actor=STAFF, at=MONDAY)
        version = 1
    if kind == "cancelled":
        appointments.cancel(appointment_id=visit.pk, by=CancelledBy.CLINIC, actor=STAFF, at=MONDAY)
        version = 1
    row = row_of(visit, kind, channel, version=version)
    make_unknown(row, MONDAY, provider)

    settling.settle(at=MONDAY + TEN - timedelta(microseconds=1))
    assert (get(row.pk).state, provider.asked) == ("unknown", [])

    settling.settle(at=MONDAY + TEN)
    assert provider.asked == [row.pk]
    found = get(row.pk)
    if not POLICY[kind, channel]:
        assert (found.state, found.was_retried, found.due_at) == ("unknown", False, None)
        return
    assert (found.state, found.reason, found.was_retried, found.due_at) == (
        "planned", "second_try", True, MONDAY + TEN,
    )  # fmt: skip

    # Once: the second unknown is looked up too, and then left as it is.
    provider.script(row.pk, AmbiguousError("lost"))
    sweep(MONDAY + TEN, channel)
    assert (get(row.pk).state, get(row.pk).tries) == ("unknown", 2)
    settling.settle(at=MONDAY + 2 * TEN)
    assert (get(row.pk).state, get(row.pk).due_at, provider.asked) == ("unknown", None, [row.pk, row.pk])
    settling.settle(at=MONDAY + timedelta(days=1))
    assert (provider.asked, tries(row.pk)) == ([row.pk] * 2, [(1, "unknown", "lost"), (2, "unknown", "lost")])


def test_an_unknown_that_the_provider_knows_was_sent(visit: Appointment, provider: Provider) -> None:
    row = row_of(visit, "details", "email")
    make_unknown(row, MONDAY, provider)
    provider.known[row.pk] = Accepted("S1")

    settling.settle(at=MONDAY + TEN)

    found = get(row.pk)
    assert (found.state, found.sent_at, found.reason, found.due_at) == ("sent", MONDAY, "", None)
    # The four hours run from the try that was taken.
    assert row_of(visit, "details", "sms").due_at == MONDAY + 4 * HOURS


def test_a_provider_that_cannot_be_asked_is_asked_again(visit: Appointment, provider: Provider) -> None:
    row = row_of(visit, "details", "email")
    make_unknown(row, MONDAY, provider)
    provider.known[row.pk] = PassingError("api-timeout")

    settling.settle(at=MONDAY + TEN)
    assert (get(row.pk).state, get(row.pk).due_at) == ("unknown", MONDAY + 11 * MINUTES)

    provider.known[row.pk] = Accepted("S1")
    settling.settle(at=MONDAY + 11 * MINUTES)
    assert get(row.pk).state == "sent"


def test_a_silent_provider_is_asked_once_a_pass(provider: Provider) -> None:
    house = make_clinic()
    mails, texts = plant(house, 3), plant(house, 3, channel="sms")
    for pk in [*mails, *texts]:
        provider.script(pk, AmbiguousError("lost"))
    sweep(MONDAY)
    provider.known.update(dict.fromkeys(texts, PassingError("twilio-timeout")))

    settling.settle(at=MONDAY + TEN)

    assert len([pk for pk in provider.asked if pk in texts]) == 1
    assert [get(pk).state for pk in mails] == ["planned"] * 3
    assert [get(pk).state for pk in texts] == ["unknown"] * 3


def test_an_unknown_of_a_paused_clinic_waits(visit: Appointment, provider: Provider) -> None:
    row = row_of(visit, "details", "email")
    make_unknown(row, MONDAY, provider)
    pause_sending(clinic=visit.clinic, actor=STAFF, at=MONDAY)

    settling.settle(at=MONDAY + TEN)

    assert (get(row.pk).state, provider.asked) == ("unknown", [])


def test_an_unknown_overtaken_by_the_world_is_not_tried_again(visit: Appointment, provider: Provider) -> None:
    row = row_of(visit, "details", "email")
    make_unknown(row, MONDAY, provider)
    appointments.move(appointment_id=visit.pk, starts_at=START + HOURS, actor=STAFF, at=MONDAY + MINUTES)

    settling.settle(at=MONDAY + TEN)

    assert (get(row.pk).state, get(row.pk).due_at) == ("unknown", None)


def test_a_mail_given_up_brings_its_sms(visit: Appointment, provider: Provider) -> None:
    mail, text = row_of(visit, "details", "email"), row_of(visit, "details", "sms")
    make_unknown(mail, MONDAY, provider)
    provider.script(mail.pk, AmbiguousError("lost"))
    settling.settle(at=MONDAY + TEN)
    sweep(MONDAY + TEN, "email")
    assert (get(text.pk).planned_at, get(text.pk).reason) == (START - 5 * HOURS, "if_not_left")

    settling.settle(at=MONDAY + 2 * TEN)

    assert (get(text.pk).due_at, get(text.pk).reason) == (MONDAY + 2 * TEN, "email_lost")


def test_an_unknown_sms_is_not_looked_into_at_night(visit: Appointment, provider: Provider) -> None:
    evening, morning = MONDAY.replace(hour=20, minute=55), MONDAY.replace(hour=6) + timedelta(days=1)
    appointments.cancel(appointment_id=visit.pk, by=CancelledBy.CLINIC, actor=STAFF, at=evening)
    row = row_of(visit, "cancelled", "sms", version=1)
    make_unknown(row, evening, provider)

    settling.settle(at=evening + TEN)  # 22:05 by the wall

    assert (get(row.pk).state, get(row.pk).due_at, provider.asked) == ("unknown", morning, [])
    settling.settle(at=morning)
    assert (get(row.pk).state, get(row.pk).reason, provider.asked) == ("planned", "second_try", [row.pk])


def test_what_was_restored_untried_is_asked_about_nowhere(visit: Appointment, provider: Provider) -> None:
    data_restored.send(None, taken_at=MONDAY, restored_at=MONDAY)
    row = row_of(visit, "details", "email")
    assert (get(row.pk).state, get(row.pk).tries) == ("unknown", 0)

    settling.settle(at=MONDAY + TEN)

    assert (get(row.pk).state, get(row.pk).due_at, get(row.pk).was_retried) == ("planned", MONDAY + TEN, True)
    assert provider.asked == []


def test_what_was_settled_by_a_report_meanwhile_stays_so(visit: Appointment, provider: Provider) -> None:
    row = row_of(visit, "details", "email")
    make_unknown(row, MONDAY, provider)
    provider.known[row.pk] = Accepted("S1")
    real = settling.judge

    def judge(rows: Sequence[Delivery], at: datetime) -> Any:
        record_provider_state(delivery_id=row.pk, reported="delivered", at=at)
        return real(rows, at)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(settling, "judge", judge)
        settling.settle(at=MONDAY + TEN)

    assert (get(row.pk).state, get(row.pk).sent_at) == ("delivered", MONDAY + TEN)
