"""Who gets which deliveries, and what becomes of a claim meanwhile (K2, R2, P15)."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection, transaction

from clinic.models import Appointment
from clinic.people.operations import change_patient
from messaging import claims, settling
from messaging.enums import State
from messaging.models import Attempt, Delivery
from notifications.enums import Channel
from notifications.models import ClinicPause
from notifications.operations import pause_sending, resume_sending
from tests.factories.clinic import HOURS, MONDAY, STAFF, make_clinic
from tests.factories.outbox import (
    expire_leases,
    get,
    offer,
    plant,
    planted,
    provider,
    states,
    sweep,
    visit,
)
from tests.fakes.lines import Provider

__all__ = ["planted", "provider", "visit"]
pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("planted")]

Begin = Callable[[Callable[[], Any]], "Future[Any]"]


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
    # To the one that left the card goes the news of that.
    kinds = dict(Delivery.objects.values_list("pk", "message__kind"))
    assert sorted((kinds[one.delivery_id], one.address) for one in provider.sent) == [
        ("contact_changed", "alice@patients.example"),
        ("details", "new@patients.example"),
    ]


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


def test_a_worker_to_whom_another_left_nothing_gets_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    plant(make_clinic(), 3)
    due_clinics = claims.due_clinics
    calls: list[datetime] = []
    taken: list[Delivery] = []

    def overtaken(*, channel: Channel, at: datetime) -> list[int]:
        """Say who has something due, while another worker takes it all before the answer is acted upon."""
        found = due_clinics(channel=channel, at=at)
        calls.append(at)
        if len(calls) == 1:
            taken.extend(claims.claim_due(channel=channel, at=at, limit=48))
        return found

    monkeypatch.setattr(claims, "due_clinics", overtaken)

    assert claims.claim_due(channel=Channel.EMAIL, at=MONDAY, limit=48) == []
    assert len(taken) == 3
    assert states() == {"claimed": 3}


def test_a_lease_that_ran_out_in_a_worker_s_hands_is_lost() -> None:
    plant(make_clinic(), 2)
    batch = claims.claim_due(channel=Channel.EMAIL, at=MONDAY, limit=48)
    expire_leases()
    settling.settle(at=MONDAY)
    again = claims.claim_due(channel=Channel.EMAIL, at=MONDAY, limit=48)

    assert offer(batch) == set()
    assert offer(again) == {row.pk for row in batch}
    assert Attempt.objects.count() == 2


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


# --- Acts at the very moment of a claim ---------------------------------------------------------
