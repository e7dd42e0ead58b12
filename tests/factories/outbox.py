"""The outbox as tests look at it: rows as tuples, sweeps at an instant, the provider in the process."""

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import transaction
from django.db.models.functions import Now

from clinic.models import Appointment, Clinic
from messaging import delivery, outcomes, settling
from messaging import registry as voices
from messaging.ledger import Choice
from messaging.models import Attempt, Delivery, Message
from messaging.registry import Ready, Skip
from notifications import registry as kinds
from notifications.enums import Channel
from reminders.planning import cause_of
from tests.factories.clinic import MONDAY, book_visit
from tests.fakes.lines import Provider

Row = tuple[Any, ...]
# What the voice of "planted" says of a delivery instead of a text.
Special = dict[int, Callable[[], Ready | Skip]]
START = MONDAY + timedelta(days=10, hours=2)  # Thursday, 11:00 in Warsaw
TEN = timedelta(minutes=10)  # so long after a try what became of it is asked first


def rows(appointment: Appointment, *, version: int | None = None) -> list[Row]:
    """Return (kind, channel, state, planned, due, reason) of every delivery, in the order of planning.

    A message that a rule left out is (kind, None, "left out", None, None, reason).
    """
    found: list[Row] = []
    messages = Message.objects.filter(cause=cause_of(appointment.pk)).order_by("id")
    if version is not None:
        messages = messages.filter(version=version)
    for message in messages:
        if message.is_left_out:
            found.append((message.kind, None, "left out", message.planned_at, None, message.reason))
        found += [
            (message.kind, row.channel, row.state, row.planned_at, row.due_at, row.reason)
            for row in message.deliveries.order_by("channel")
        ]
    return found


def row_of(appointment: Appointment, kind: str, channel: str, *, version: int = 0) -> Delivery:
    """Return one delivery of an appointment."""
    return Delivery.objects.get(
        message__cause=cause_of(appointment.pk), message__kind=kind, message__version=version, channel=channel
    )


def sweep(at: datetime, *channels: str) -> dict[str, outcomes.Tally]:
    """Send what is due over the channels (all by default) at an instant at which the clock stands still."""
    wanted = channels or ("email", "sms")
    return {channel: delivery.send_due(channel=Channel(channel), at=at, now=lambda: at) for channel in wanted}


@pytest.fixture
def provider(monkeypatch: pytest.MonkeyPatch) -> Iterator[Provider]:
    """All lines of the outbox lead to this provider; each must have been given back in the end."""
    provider = Provider()
    for module in (delivery, settling):
        monkeypatch.setattr(module, "open_backend", provider.open)
    yield provider
    assert provider.open_lines == 0


def plant(
    clinic: Clinic, count: int, *, kind: str = "planted", due_at: datetime = MONDAY, channel: str = "email"
) -> list[int]:
    """Put plain deliveries of a kind into the outbox without an appointment; return their ids."""
    messages = Message.objects.bulk_create(
        Message(
            clinic=clinic, kind=kind, cause=f"planted:{number}", version=0, recipient="patient:0",
            reason="planted", planned_at=due_at, created_at=due_at,
        )
        for number in range(Message.objects.count(), Message.objects.count() + count)
    )  # fmt: skip
    made = Delivery.objects.bulk_create(
        Delivery(message=message, clinic=clinic, channel=channel, planned_at=due_at, due_at=due_at)
        for message in messages
    )
    return [row.pk for row in made]


def offer(batch: Sequence[Delivery], *, at: datetime = MONDAY) -> set[int]:
    """Open a round for claimed deliveries, as a worker does before it calls a provider; return what it got."""
    choices = [Choice(row.pk, row.clinic_id, row.claim, "a@patients.example") for row in batch]
    with transaction.atomic():
        return outcomes.write_round([], choices, at=at, tally=outcomes.Tally())


def come_back(ended: outcomes.Ended) -> None:
    """Let a try end, however late."""
    with transaction.atomic():
        outcomes.write_round([ended], [], at=ended.at, tally=outcomes.Tally())


@pytest.fixture
def planted() -> Iterator[Special]:
    """Register a kind that speaks without an appointment; what a row says instead may be put in."""
    special: Special = {}

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
    """A visit made by staff on Monday for `START`."""
    return book_visit(starts_at=START)


def get(pk: int) -> Delivery:
    """Return a delivery as it stands now."""
    return Delivery.objects.get(pk=pk)


def states() -> dict[str, int]:
    """Return how many deliveries are in each state."""
    found: dict[str, int] = {}
    for state in Delivery.objects.values_list("state", flat=True):
        found[state] = found.get(state, 0) + 1
    return found


def tries(pk: int) -> list[tuple[int, str, str]]:
    """Return (number, outcome, code) of a delivery's tries."""
    return list(
        Attempt.objects.filter(delivery=pk).order_by("number").values_list("number", "outcome", "code")
    )


def expire_leases() -> None:
    """Let every lease have run out a second ago."""
    Delivery.objects.exclude(lease_until=None).update(lease_until=Now() - timedelta(seconds=1))
