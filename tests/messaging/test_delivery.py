"""The outbox at work: rounds, outcomes, what dead workers leave behind (X3, G3; R2, R10, R11, R14)."""

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from datetime import datetime, time, timedelta
from typing import Any

import pytest
from anymail.signals import AnymailTrackingEvent, tracking
from django.db import connection, transaction
from django.db.models.functions import Now

from clinic.appointments import operations as appointments
from clinic.appointments.enums import CancelledBy
from clinic.lib import clock
from clinic.models import Appointment, Clinic
from clinic.people.operations import change_patient, record_email_bounced, record_email_works
from messaging import claims, delivery, outcomes, settling
from messaging import registry as voices
from messaging.backends.base import Accepted, AmbiguousError, PassingError, PermanentError
from messaging.enums import TRANSITIONS, State
from messaging.models import Attempt, Delivery, SentText
from messaging.operations import record_provider_state
from messaging.registry import Ready, Skip
from messaging.tasks import send_due
from notifications import registry as kinds
from notifications.enums import Channel
from notifications.models import ClinicPause
from notifications.operations import pause_sending, resume_sending, set_calendar_communication
from tests.factories.clinic import HOURS, MINUTES, MONDAY, STAFF, book_visit, make_calendar, make_clinic
from tests.factories.outbox import come_back, offer, plant, provider, row_of, sweep
from tests.fakes.lines import Gate, Provider

__all__ = ["provider"]
pytestmark = pytest.mark.django_db

START = MONDAY + timedelta(days=10, hours=2)
TEN = timedelta(minutes=10)
Begin = Callable[[Callable[[], Any]], "Future[Any]"]


@pytest.fixture(autouse=True)
def planted() -> Iterator[dict[int, Callable[[], Ready | Skip]]]:
    """Register a kind that speaks without an appointment; what a row says instead may be put in."""
    special: dict[int, Callable[[], Ready | Skip]] = {}

    def speak(rows: Sequence[Delivery], at: datetime) -> dict[int, Ready | Skip]:
        return {
            row.pk: special[row.pk]() if row.pk in special else Ready("a@patients.example", "Text")
            for row in rows
        }

    kinds.register_kind(kinds.Kind("planted", "Planted", "", order=99))
    voices.register_voice("planted", speak)
    yield special
    del kinds._kinds["planted"]
    del voices._voices["planted"]


@pytest.fixture
def visit() -> Appointment:
    return book_visit(starts_at=START)


def get(pk: int) -> Delivery:
    return Delivery.objects.get(pk=pk)


def states() -> dict[str, int]:
    found: dict[str, int] = {}
    for state in Delivery.objects.values_list("state", flat=True):
        found[state] = found.get(state, 0) + 1
    return found


def tries(pk: int) -> list[tuple[int, str, str]]:
    return list(
        Attempt.objects.filter(delivery=pk).order_by("number").values_list("number", "outcome", "code")
    )


def expire_leases() -> None:
    Delivery.objects.exclude(lease_until=None).update(lease_until=Now() - timedelta(seconds=1))


# --- Claims ------------------------------------------------------------------------------------


def test_one_of_a_quiet_clinic_is_in_the_first_batch() -> None:
    loud, quiet = make_clinic("lipowa"), make_clinic("dluga")
    plant(loud, 500, due_at=MONDAY - HOURS)
    (one,) = plant(quiet, 1, due_at=MONDAY)

    for _ in range(3):
        batch = claims.claim_due(channel=Channel.EMAIL, at=MONDAY, limit=48)
        if one in {row.pk for row in batch}:
            break
    first = Delivery.objects.filter(state=State.CLAIMED)

    assert one in {row.pk for row in batch}
    assert first.count() == len(batch) == 25


def test_more_clinics_than_a_batch_take_turns() -> None:
    houses = [make_clinic(f"house-{number}") for number in range(5)]
    for house in houses:
        plant(house, 3)

    seen = [
        {row.clinic_id for row in claims.claim_due(channel=Channel.EMAIL, at=MONDAY, limit=2)}
        for _ in range(5)
    ]

    assert set.union(*seen) == {house.pk for house in houses}
    assert [len(each) for each in seen] == [2] * 5


def test_everything_due_leaves_in_one_sweep(provider: Provider) -> None:
    loud, quiet = make_clinic("lipowa"), make_clinic("dluga")
    plant(loud, 120)
    plant(quiet, 1)
    plant(quiet, 1, due_at=MONDAY + timedelta(microseconds=1))

    tally = sweep(MONDAY, "email")["email"]

    assert (tally.sent, states()) == (121, {"sent": 121, "planned": 1})
    assert set(provider.taken.values()) == {1}


def test_channels_do_not_take_each_other_s_rows(provider: Provider) -> None:
    house = make_clinic()
    plant(house, 2)
    (text,) = plant(house, 1, channel="sms")

    sweep(MONDAY, "sms")

    assert provider.ids() == [text]


def test_a_paused_clinic_stands_still(provider: Provider) -> None:
    paused, other = make_clinic("lipowa"), make_clinic("dluga")
    held = plant(paused, 3)
    free = plant(other, 1)
    pause_sending(clinic=paused, actor=STAFF, at=MONDAY)

    sweep(MONDAY, "email")
    assert provider.ids() == free

    resume_sending(clinic=paused, actor=STAFF, at=MONDAY + HOURS)
    sweep(MONDAY + HOURS, "email")
    assert sorted(provider.ids()[1:]) == held


def test_a_pause_reaches_what_a_worker_holds() -> None:
    house = make_clinic()
    plant(house, 3)
    batch = claims.claim_due(channel=Channel.EMAIL, at=MONDAY, limit=48)

    pause_sending(clinic=house, actor=STAFF, at=MONDAY)

    assert offer(batch) == set()
    assert states() == {"planned": 3}


def test_a_claim_of_a_paused_clinic_is_not_opened() -> None:
    paused, other = make_clinic("lipowa"), make_clinic("dluga")
    held, (free,) = plant(paused, 2), plant(other, 1)
    batch = claims.claim_due(channel=Channel.EMAIL, at=MONDAY, limit=48)
    ClinicPause.objects.create(clinic=paused, since=MONDAY)  # committed after the claim, before the round

    assert offer(batch) == {free}
    assert [get(pk).state for pk in held] == ["claimed"] * 2

    resume_sending(clinic=paused, actor=STAFF, at=MONDAY)
    assert [(get(pk).state, get(pk).claim, get(pk).lease_until) for pk in held] == [("planned", "", None)] * 2


# --- Acts at the very moment of a claim ----------------------------------------------------------


@pytest.fixture
def beside() -> Iterator[Begin]:
    """Return a function that begins an act over a connection of its own."""
    with ThreadPoolExecutor(1) as pool:

        def begin(act: Callable[[], Any]) -> Future[Any]:
            def run() -> Any:
                try:
                    return act()
                finally:
                    connection.close()

            return pool.submit(run)

        yield begin


def waits(act: Future[Any]) -> bool:
    """Return whether an act is held up by what is open here."""
    with suppress(TimeoutError):
        act.result(0.3)
    return not act.done()


@pytest.mark.django_db(transaction=True)
def test_a_card_changed_while_a_claim_is_committed(
    visit: Appointment, provider: Provider, beside: Begin
) -> None:
    with transaction.atomic():
        batch = claims.claim_due(channel=Channel.EMAIL, at=MONDAY, limit=48)
        change = beside(
            lambda: change_patient(
                patient=visit.patient, name="Alice Kowalska", email="new@patients.example",
                phone_number="+48 512 345 678", language="en", actor=STAFF, at=MONDAY,
            )
        )  # fmt: skip
        assert waits(change)
    change.result(10)

    assert len(batch) == 1
    assert offer(batch) == set()
    sweep(MONDAY, "email")
    assert [one.address for one in provider.sent] == ["new@patients.example"]


@pytest.mark.django_db(transaction=True)
def test_a_pause_waits_for_the_round_that_is_being_opened(beside: Begin) -> None:
    house = make_clinic()
    plant(house, 2)
    batch = claims.claim_due(channel=Channel.EMAIL, at=MONDAY, limit=48)

    with transaction.atomic():
        assert len(offer(batch)) == 2
        pause = beside(lambda: pause_sending(clinic=house, actor=STAFF, at=MONDAY))
        assert waits(pause)
    pause.result(10)

    assert (states(), ClinicPause.objects.count()) == ({"sending": 2}, 1)


@pytest.mark.django_db(transaction=True)
def test_nothing_claimed_while_a_pause_is_written_is_opened(beside: Begin) -> None:
    house = make_clinic()
    plant(house, 2)

    with transaction.atomic():
        pause_sending(clinic=house, actor=STAFF, at=MONDAY)
        worker = beside(lambda: offer(claims.claim_due(channel=Channel.EMAIL, at=MONDAY, limit=48)))
        assert waits(worker)

    assert worker.result(10) == set()
    assert Attempt.objects.count() == 0


@pytest.mark.django_db(transaction=True)
def test_a_pause_holds_up_no_other_clinic(beside: Begin) -> None:
    house, other = make_clinic("lipowa"), make_clinic("dluga")
    plant(house, 1)
    (free,) = plant(other, 1)
    batch = claims.claim_due(channel=Channel.EMAIL, at=MONDAY, limit=48)
    theirs = [row for row in batch if row.pk == free]

    with transaction.atomic():
        pause_sending(clinic=house, actor=STAFF, at=MONDAY)
        worker = beside(lambda: offer(theirs))
        # SQLite has one writer at a time.
        assert waits(worker) is (connection.vendor == "sqlite")

    assert worker.result(10) == {free}


def test_a_dropped_claim_is_passed_by(provider: Provider) -> None:
    house = make_clinic()
    dropped, again, kept = plant(house, 3)
    batch = claims.claim_due(channel=Channel.EMAIL, at=MONDAY, limit=48)
    Delivery.objects.filter(pk=dropped).update(state=State.SKIPPED, claim="")
    # Somebody else holds it now.
    Delivery.objects.filter(pk=again).update(claim="another")

    assert offer(batch) == {kept}
    assert (get(dropped).state, get(again).state, get(kept).state) == ("skipped", "claimed", "sending")


def test_two_claimers_share_nothing() -> None:
    plant(make_clinic(), 30)

    first = {row.pk for row in claims.claim_due(channel=Channel.EMAIL, at=MONDAY, limit=20)}
    second = {row.pk for row in claims.claim_due(channel=Channel.EMAIL, at=MONDAY, limit=20)}

    assert (len(first), len(second), first & second) == (20, 10, set())


@pytest.mark.django_db(transaction=True)
def test_claimers_racing_on_threads_share_nothing() -> None:
    plant(make_clinic(), 100)
    ready = threading.Barrier(4)

    def claim(_number: int) -> list[int]:
        try:
            ready.wait(10)
            found: list[int] = []
            while batch := claims.claim_due(channel=Channel.EMAIL, at=MONDAY, limit=8):
                found += offer(batch)
            return found
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        taken = [pk for found in pool.map(claim, range(4)) for pk in found]

    # A claimer that found nothing left to lock gave up; none was taken twice, and nothing is stuck.
    assert len(taken) == len(set(taken))
    assert states() == {"sending": 100} | ({} if len(taken) == 100 else {"planned": 100 - len(taken)})


def test_a_lease_that_runs_is_left_alone() -> None:
    (pk,) = plant(make_clinic(), 1)
    claims.claim_due(channel=Channel.EMAIL, at=MONDAY, limit=1)

    settling.settle(at=MONDAY)
    assert get(pk).state == "claimed"

    expire_leases()
    settling.settle(at=MONDAY)
    assert (get(pk).state, get(pk).claim, get(pk).lease_until, get(pk).tries) == ("planned", "", None, 0)


# --- Rounds ------------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_a_slow_line_keeps_its_slot_and_the_others_go_on(
    provider: Provider, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.SEND_CONNECTIONS = 2
    monkeypatch.setattr(delivery, "ROUND_SECONDS", 0.05)
    house = make_clinic()
    slow, *others = plant(house, 12)
    gate = Gate()
    provider.script(slow, gate)

    def work() -> None:
        try:
            sweep(MONDAY, "email")
        finally:
            connection.close()

    worker = threading.Thread(target=work)
    worker.start()
    assert gate.reached.wait(10)
    # While one line hangs, everything else is sent and committed, also what falls due meanwhile.
    assert _soon(lambda: Delivery.objects.filter(pk__in=others, state=State.SENT).count() == 11)
    late = plant(house, 3)
    assert _soon(lambda: Delivery.objects.filter(pk__in=late, state=State.SENT).count() == 3)
    assert (get(slow).state, provider.open_lines) == ("sending", 2)
    gate.opened.set()
    worker.join(10)

    assert states() == {"sent": 15}
    assert set(provider.taken.values()) == {1}


def _soon(holds: Callable[[], bool]) -> bool:
    """Wait for another thread to have done something; seconds at most, milliseconds as a rule."""
    pause = threading.Event()
    for _ in range(1000):
        if holds():
            return True
        pause.wait(0.01)
    return False


def test_sending_is_committed_before_the_provider_is_called(provider: Provider) -> None:
    (pk,) = plant(make_clinic(), 1)
    seen: list[tuple[str, int, list[tuple[int, str, str]]]] = []

    class Watching(ThreadPoolExecutor):
        def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> Any:
            # The main thread of the test is the one that writes: what it sees here is what it committed.
            seen.append((get(pk).state, get(pk).tries, tries(pk)))
            return super().submit(fn, *args, **kwargs)

    lines = [delivery.Line("email")]
    with Watching(1) as pool:
        delivery.Sender(Channel.EMAIL, MONDAY, lambda: MONDAY).run(pool, lines)
    lines[0].close()

    assert seen == [("sending", 1, [(1, "", "")])]


def test_one_sweep_of_a_channel_at_a_time_in_a_process(monkeypatch: pytest.MonkeyPatch) -> None:
    running: list[str] = []

    def slow(*, channel: Channel, at: datetime, now: Callable[[], datetime]) -> None:
        running.append(channel)
        if len(running) == 1:
            send_due(channel="email")  # a ring in the middle: it looks once more afterwards
            assert running == ["email"]

    monkeypatch.setattr(delivery, "send_due", slow)

    send_due(channel="email")

    assert running == ["email", "email"]


# --- Outcomes ----------------------------------------------------------------------------------


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


def test_poison_fails_alone(provider: Provider, planted: dict[int, Callable[[], Ready | Skip]]) -> None:
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


# --- The second look ---------------------------------------------------------------------------


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


# --- Unknown outcomes --------------------------------------------------------------------------


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


# --- What providers report ---------------------------------------------------------------------


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
