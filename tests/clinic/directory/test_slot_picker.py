"""How a time stands in an address."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from clinic.directory.slot_picker import code_of, start_of

AT = datetime(2027, 5, 20, 8, 5, tzinfo=UTC)


def test_code_and_back() -> None:
    assert code_of(AT) == code_of(AT.astimezone(ZoneInfo("Europe/Warsaw"))) == "20270520t0805z"
    assert start_of("20270520t0805z") == AT


@pytest.mark.parametrize(
    "text",
    [
        "",
        "x",
        "20270520T0805Z",
        "20270532t0805z",
        "20270520t2405z",
        "00000520t0805z",
        "20270520t0805z\n",
        # Where the first and the last instant of all lie, some zones have no local time.
        "00010101t0000z",
        "99991231t2359z",
    ],
)
def test_anything_else_is_none(text: str) -> None:
    assert start_of(text) is None
