"""What rows say of themselves."""

from datetime import datetime

import pytest

from messaging.enums import Purpose, State
from messaging.models import Attempt, Delivery, Message, PersonalLink, SentText
from messaging.registry import reason_sentence, register_reasons
from tests.factories.clinic import HOURS, MONDAY

NOON = MONDAY + 3 * HOURS


@pytest.mark.parametrize(
    ("state", "planned_at", "due_at", "tries", "was_retried", "is_held"),
    [
        pytest.param(State.PLANNED, MONDAY, NOON, 0, False, True, id="by-the-night"),
        pytest.param(State.CLAIMED, MONDAY, NOON, 0, False, True, id="and-about-to-leave"),
        pytest.param(State.PLANNED, MONDAY, NOON, 1, False, True, id="by-a-failed-try"),
        pytest.param(State.PLANNED, MONDAY, MONDAY, 0, False, False, id="not-at-all"),
        pytest.param(State.SENT, MONDAY, NOON, 1, False, True, id="until-it-left"),
        pytest.param(State.DELIVERED, MONDAY, NOON, 1, False, True, id="until-it-arrived"),
        pytest.param(State.SENT, MONDAY, NOON, 2, False, False, id="sent-by-a-later-try"),
        pytest.param(State.SENT, MONDAY, NOON, 1, True, False, id="sent-after-an-unknown-outcome"),
        pytest.param(State.SENT, MONDAY, MONDAY, 1, False, False, id="sent-in-time"),
        pytest.param(State.UNKNOWN, MONDAY, NOON, 1, False, False, id="unknown"),
        pytest.param(State.SKIPPED, None, None, 0, False, False, id="left-out"),
        pytest.param(State.SKIPPED, MONDAY, None, 0, False, False, id="dropped"),
    ],
)
def test_whether_something_holds_a_delivery(
    state: State,
    planned_at: datetime | None,
    due_at: datetime | None,
    tries: int,
    was_retried: bool,
    is_held: bool,
) -> None:
    row = Delivery(state=state, planned_at=planned_at, due_at=due_at, tries=tries, was_retried=was_retried)

    assert row.is_held is is_held


def test_rows_name_themselves_without_names_of_people() -> None:
    row = Delivery(
        pk=7, channel="sms", state=State.SENT, message=Message(kind="details", cause="appointment:3")
    )

    assert [str(one) for one in (
        row, row.message, Attempt(delivery=row, number=2), SentText(delivery=row),
        PersonalLink(pk=5, purpose=Purpose.APPOINTMENT),
    )] == [
        "delivery 7 sms sent", "details appointment:3", "try 2 of delivery 7", "text of delivery 7",
        "appointment link 5",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("code", "facts", "sentence"),
    [
        ("test_hours", {"hours": 30}, "booked 30 hours ahead, 100 %"),
        (
            "test_hours",
            {},
            "booked %(hours)s hours ahead, 100 %%",
        ),  # an old row lacks what the sentence wants
        ("never_heard_of", {"hours": 30}, "never_heard_of"),
    ],
)
def test_reasons_are_sentences_with_the_row_s_facts(
    code: str, facts: dict[str, object], sentence: str
) -> None:
    register_reasons({"test_hours": "booked %(hours)s hours ahead, 100 %%"})

    assert reason_sentence(code, facts) == sentence
