"""Reports move a delivery forward only (A81)."""

from itertools import permutations

import pytest

from messaging.provider_states import forward, is_no_such_address, meaning


@pytest.mark.parametrize(
    ("current", "reported", "state"),
    [
        ("", "queued", "queued"),
        ("queued", "sent", "sent"),
        ("sent", "delivered", "delivered"),
        ("delivered", "sent", "delivered"),
        ("delivered", "delivered", "delivered"),
        ("delivered", "DELIVERED", "delivered"),
        ("sent", "undelivered", "undelivered"),
        ("undelivered", "sent", "undelivered"),
        ("undelivered", "failed", "undelivered"),
        ("delivered", "bounced", "bounced"),
        ("bounced", "delivered", "bounced"),
        ("sent", "deferred", "sent"),
        ("delivered", "opened", "opened"),
        ("opened", "read", "read"),
        ("read", "delivered", "read"),
        ("sent", "nonsense", "sent"),
        ("nonsense", "sent", "sent"),
        ("", "nonsense", ""),
    ],
)
def test_forward(current: str, reported: str, state: str) -> None:
    assert forward(current, reported) == state


def test_any_order_ends_the_same() -> None:
    ends = set()
    for order in permutations(["queued", "sending", "sent", "delivered", "read"]):
        state = ""
        for reported in order * 3:
            state = forward(state, reported)
        ends.add(state)
    assert ends == {"read"}


@pytest.mark.parametrize(
    ("state", "said"),
    [
        ("queued", ""),
        ("sending", ""),
        ("deferred", ""),
        ("sent", "sent"),
        ("delivered", "delivered"),
        ("opened", "delivered"),
        ("complained", "delivered"),
        ("undelivered", "failed"),
        ("canceled", "failed"),
        ("bounced", "failed"),
        ("read", "read"),
        ("nonsense", ""),
        ("", ""),
    ],
)
def test_meaning(state: str, said: str) -> None:
    assert meaning(state) == said


@pytest.mark.parametrize(
    ("event", "why", "expected"),
    [
        ("bounced", None, True),
        ("bounced", "bounced", True),
        ("bounced", "invalid", True),
        ("rejected", "invalid", True),
        ("rejected", "bounced", True),  # on the provider's list because of an earlier bounce
        ("bounced", "spam", False),
        ("bounced", "blocked", False),
        ("bounced", "timed_out", False),
        ("bounced", "other", False),
        ("rejected", None, False),
        ("rejected", "unsubscribed", False),
        ("failed", None, False),
        ("deferred", "bounced", False),
        ("complained", "spam", False),
    ],
)
def test_only_a_bounce_or_an_invalid_address_speaks_of_the_address(
    event: str, why: str | None, expected: bool
) -> None:
    assert is_no_such_address(event, why) is expected
