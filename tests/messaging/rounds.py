"""A round's two halves, as tests take them one by one."""

from collections.abc import Sequence
from datetime import datetime

from messaging import delivery
from messaging.delivery import Ended, Tally
from messaging.ledger import Choice
from messaging.models import Delivery


def open_round(batch: Sequence[Delivery], *, at: datetime, address: str = "a@patients.example") -> set[int]:
    """Mark claimed deliveries as being sent, with an attempt each; return the ids really taken."""
    choices = [Choice(row.pk, row.claim, address) for row in batch]
    return delivery.write_round([], choices, at=at, tally=Tally())


def write_outcomes(ended: Sequence[Ended]) -> None:
    """Write down what became of tries."""
    delivery.write_round(ended, [], at=max(one.at for one in ended), tally=Tally())
