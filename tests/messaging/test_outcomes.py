"""What becomes of deliveries: outcomes, and the second look before (X3, G2; R11, R14)."""

from datetime import time, timedelta

import pytest

from clinic.appointments import operations as appointments
from clinic.appointments.enums import CancelledBy
from clinic.models import Appointment
from messaging import claims, outcomes, settling
from messaging import registry as voices
from messaging.backends.base import Accepted, AmbiguousError, PassingError, PermanentError
from messaging.enums import State
from messaging.models import Attempt, Delivery, SentText
from messaging.registry import Ready
from notifications.enums import Channel
from notifications.operations import set_calendar_communication
from tests.factories.clinic import HOURS, MINUTES, MONDAY, STAFF, book_visit, make_calendar, make_clinic
from tests.factories.outbox import (
    START,
    TEN,
    Special,
    come_back,
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


def test_accepted(provider: Provider) -> None:
    (pk,) = plant(make_clinic(), 1)
    provider.script(pk, Accepted("S" * 200))

    sweep(MONDAY, "email")

    row = get(pk)
    assert (row.state, row.sent_at, row.due_at, row.claim, row.lease_until) == (
        "sent",
        MONDAY,
        MONDAY,
        "",
        None,
    )
    assert tries(pk) == [(1, "accepted", "")]
    assert Attempt.objects.get().provider_id == "S" * 120
    assert SentText.objects.get().text == "Text"


def test_permanent(provider: Provider) -> None:
    (pk,) = plant(make_clinic(), 1)
    provider.script(pk, PermanentError("smtp-554"))

    sweep(MONDAY, "email")
    sweep(MONDAY + 24 * HOURS, "email")

    row = get(pk)
    assert (row.state, row.reason, row.facts, row.ended_at) == (
        "failed",
        "refused",
        {"code": "smtp-554"},
        MONDAY,
    )
    assert tries(pk) == [(1, "permanent", "smtp-554")]
    assert SentText.objects.count() == 0


@pytest.mark.parametrize(
    ("retry_after", "least", "most"),
    [
        pytest.param(None, 30, 36, id="own-pause"),
        pytest.param(7, 30, 36, id="shorter-than-ours"),
        pytest.param(420, 420, 420, id="named"),
        pytest.param(7200, 7200, 7200, id="longer-than-our-longest"),
    ],
)
def test_passing(provider: Provider, retry_after: float | None, least: float, most: float) -> None:
    (pk,) = plant(make_clinic(), 1)
    provider.script(pk, PassingError("smtp-451", retry_after=retry_after))

    sweep(MONDAY, "email")

    row = get(pk)
    assert (row.state, row.reason, row.facts) == ("planned", "trying_again", {"code": "smtp-451"})
    assert row.due_at is not None
    assert least <= (row.due_at - MONDAY).total_seconds() <= most
    sweep(row.due_at - timedelta(microseconds=1), "email")
    assert provider.ids() == [pk]
    sweep(row.due_at, "email")
    assert provider.ids() == [pk, pk]
    assert (get(pk).state, get(pk).reason) == ("sent", "")
    assert tries(pk) == [(1, "passing", "smtp-451"), (2, "accepted", "")]


@pytest.mark.parametrize("error", [AmbiguousError("smtp-lost"), RuntimeError("a sender's own bug")])
def test_ambiguous_or_a_bug_is_unknown(provider: Provider, error: Exception) -> None:
    (pk,) = plant(make_clinic(), 1)
    provider.script(pk, error)
    code = "smtp-lost" if isinstance(error, AmbiguousError) else "RuntimeError"

    sweep(MONDAY, "email")
    sweep(MONDAY + 24 * HOURS, "email")

    row = get(pk)
    assert (row.state, row.reason, row.ended_at, row.due_at) == ("unknown", "line_lost", MONDAY, MONDAY + TEN)
    assert tries(pk) == [(1, "unknown", code)]
    assert provider.ids() == [pk]


def test_poison_fails_alone(provider: Provider, planted: Special) -> None:
    rows = plant(make_clinic(), 500)
    bad = rows[::200]  # three of them

    def break_it() -> Ready:
        raise ValueError

    planted.update(dict.fromkeys(bad, break_it))

    tally = sweep(MONDAY, "email")["email"]

    assert (tally.sent, tally.failed) == (497, 3)
    assert {(get(pk).state, get(pk).reason, get(pk).tries) for pk in bad} == {("failed", "render_failed", 0)}


def test_a_voice_that_forgets_a_row_fails_that_row_alone(provider: Provider) -> None:
    kept, forgotten = plant(make_clinic(), 2)
    voices.register_voice("planted", lambda rows, at: {kept: Ready("a@patients.example", "Text")})

    sweep(MONDAY, "email")

    assert (get(kept).state, get(forgotten).state) == ("sent", "failed")


@pytest.mark.django_db(transaction=True)
def test_an_outcome_that_cannot_be_written_harms_no_other(
    provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    poison, *others = plant(make_clinic(), 30)
    real = outcomes.kept_text

    def kept_text(row: Delivery, ready: Ready) -> SentText:
        if row.pk == poison:
            raise ValueError
        return real(row, ready)

    monkeypatch.setattr(outcomes, "kept_text", kept_text)

    sweep(MONDAY, "email")

    assert get(poison).state == "sending"
    assert Delivery.objects.filter(pk__in=others, state=State.SENT).count() == 29
    expire_leases()
    settling.settle(at=MONDAY + MINUTES)
    assert get(poison).state == "unknown"
    assert provider.taken[poison] == 1


def test_a_failure_that_comes_back_late_does_not_touch_a_newer_try(provider: Provider) -> None:
    (pk,) = plant(make_clinic(), 1)
    (row,) = claims.claim_due(channel=Channel.EMAIL, at=MONDAY, limit=1)
    row.tries = 1
    Delivery.objects.filter(pk=pk).update(state=State.SENDING, tries=2)
    Attempt.objects.create(delivery=row, number=1, started_at=MONDAY, ended_at=MONDAY, outcome="unknown")
    Attempt.objects.create(delivery=row, number=2, started_at=MONDAY)
    late = outcomes.Ended(row, Ready("a@patients.example", ""), PassingError("smtp-451"), MONDAY)

    come_back(late)

    assert (get(pk).state, tries(pk)) == ("sending", [(1, "passing", "smtp-451"), (2, "", "")])


@pytest.mark.parametrize("state", [State.UNKNOWN, State.PLANNED, State.CLAIMED])
def test_an_acceptance_that_comes_back_late_settles_it(provider: Provider, state: State) -> None:
    (pk,) = plant(make_clinic(), 1)
    (row,) = claims.claim_due(channel=Channel.EMAIL, at=MONDAY, limit=1)
    row.tries = 1
    Delivery.objects.filter(pk=pk).update(state=state, tries=1, reason="line_lost")
    Attempt.objects.create(delivery=row, number=1, started_at=MONDAY, ended_at=MONDAY, outcome="unknown")
    late = outcomes.Ended(row, Ready("a@patients.example", "Text"), Accepted("S1"), MONDAY + HOURS)

    come_back(late)
    sweep(MONDAY + 2 * HOURS, "email")

    assert (get(pk).state, get(pk).sent_at, get(pk).reason) == ("sent", MONDAY + HOURS, "")
    assert tries(pk) == [(1, "unknown", "")]
    assert provider.ids() == []


def test_a_late_no_settles_what_was_unknown(provider: Provider) -> None:
    (pk,) = plant(make_clinic(), 1)
    (row,) = claims.claim_due(channel=Channel.EMAIL, at=MONDAY, limit=1)
    row.tries = 1
    Delivery.objects.filter(pk=pk).update(state=State.UNKNOWN, tries=1, due_at=MONDAY + TEN)
    late = outcomes.Ended(row, Ready("a@patients.example", ""), PassingError("smtp-451"), MONDAY)

    come_back(late)

    assert (get(pk).state, get(pk).was_retried) == ("planned", False)


# --- The second look ----------------------------------------------------------------------------


def test_what_was_cancelled_in_a_worker_s_hands_is_not_sent(visit: Appointment, provider: Provider) -> None:
    batch = claims.claim_due(channel=Channel.EMAIL, at=MONDAY, limit=48)
    assert len(batch) == 1

    appointments.cancel(appointment_id=visit.pk, by=CancelledBy.CLINIC, actor=STAFF, at=MONDAY + MINUTES)

    assert offer(batch) == set()
    sweep(MONDAY + MINUTES)
    assert {one.subject for one in provider.sent if one.subject} != set()
    assert [row_of(visit, "details", channel).state for channel in ("email", "sms")] == ["skipped"] * 2
    assert [row_of(visit, "cancelled", channel, version=1).state for channel in ("email", "sms")] == [
        "sent"
    ] * 2


@pytest.mark.parametrize(("act", "reason"), [("move", "moved_meanwhile"), ("cancel", "cancelled_meanwhile")])
def test_what_a_failed_try_put_back_is_looked_at_again(
    visit: Appointment, provider: Provider, act: str, reason: str
) -> None:
    mail = row_of(visit, "details", "email")
    provider.script(mail.pk, PassingError("smtp-451"))
    sweep(MONDAY, "email")
    Delivery.objects.filter(pk=mail.pk).update(state=State.SENDING)  # the second try is under way …
    if act == "move":
        appointments.move(appointment_id=visit.pk, starts_at=START + HOURS, actor=STAFF, at=MONDAY + MINUTES)
    else:
        appointments.cancel(appointment_id=visit.pk, by=CancelledBy.CLINIC, actor=STAFF, at=MONDAY + MINUTES)
    Delivery.objects.filter(pk=mail.pk).update(state=State.PLANNED, due_at=MONDAY + MINUTES)  # … and failed

    sweep(MONDAY + 2 * MINUTES, "email")

    assert (get(mail.pk).state, get(mail.pk).reason) == ("skipped", reason)
    assert mail.pk not in provider.taken


def test_a_late_reminder(provider: Provider) -> None:
    calendar = make_calendar()
    useful = book_visit(calendar=calendar, starts_at=START)
    late = book_visit(calendar=calendar, patient=useful.patient, starts_at=START - HOURS)

    sweep(START - 2 * HOURS)  # nobody was there for two days

    assert [row_of(useful, "reminder", channel).state for channel in ("email", "sms")] == ["sent", "sent"]
    assert [
        (row_of(late, "reminder", channel).state, row_of(late, "reminder", channel).reason)
        for channel in ("email", "sms")
    ] == [("skipped", "too_late")] * 2


@pytest.mark.parametrize(
    ("late", "state", "reason"),
    [
        (timedelta(milliseconds=500), "sent", "instead_of_push"),
        (MINUTES, "sent", "instead_of_push"),
        (MINUTES + timedelta(microseconds=1), "skipped", "too_late"),
    ],
)
def test_a_reminder_held_until_two_hours_before_the_start(
    provider: Provider, late: timedelta, state: str, reason: str
) -> None:
    # Quiet until 09:00 by the wall, on the day of a visit at 11:00; the reminder's own instant is in the night.
    calendar = make_calendar()
    set_calendar_communication(
        calendar=calendar, switches={}, self_service=True, plain_sms=True,
        quiet_from=time(10), quiet_until=time(9), actor=STAFF, at=MONDAY,
    )  # fmt: skip
    visit = book_visit(calendar=calendar, starts_at=START, at=START - 40 * HOURS)
    due = START - 2 * HOURS
    assert (row_of(visit, "reminder", "sms").planned_at, row_of(visit, "reminder", "sms").due_at) == (
        START - 24 * HOURS,
        due,
    )

    sweep(due + late, "sms")

    assert (row_of(visit, "reminder", "sms").state, row_of(visit, "reminder", "sms").reason) == (
        state,
        reason,
    )


def test_an_sms_put_off_into_the_night_waits_for_the_morning(provider: Provider) -> None:
    evening = MONDAY.replace(hour=20, minute=59, second=50)  # 21:59:50 by the wall
    morning = MONDAY.replace(hour=6) + timedelta(days=1)
    visit = book_visit(starts_at=START, at=evening, patient=None)
    appointments.cancel(appointment_id=visit.pk, by=CancelledBy.CLINIC, actor=STAFF, at=evening)
    text = row_of(visit, "cancelled", "sms", version=1)
    provider.script(text.pk, PassingError("twilio-20429", retry_after=60))
    sweep(evening)

    tally = sweep(evening + 2 * MINUTES, "sms")["sms"]

    row = get(text.pk)
    assert (tally.later, row.state, row.planned_at, row.due_at) == (1, "planned", evening, morning)
    assert provider.taken[text.pk] == 0
    sweep(morning, "sms")
    assert get(text.pk).state == "sent"
