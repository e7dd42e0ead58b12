"""Every ink can be read on its surface, in light and in dark (X6)."""

from pathlib import Path

import pytest
from django.conf import settings

from clinic.lib.contrast import list_pairs, ratio, read_tokens

CSS = (Path(settings.BASE_DIR) / "static" / "anteroom.css").read_text("utf-8")


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ("#000000", "#ffffff", 21.0),
        ("#ffffff", "#ffffff", 1.0),
        ("#777777", "#ffffff", 4.48),
        ("#0000ff", "#ffffff", 8.59),
    ],
)
def test_ratio_is_that_of_the_guidelines(one: str, other: str, expected: float) -> None:
    assert ratio(one, other) == pytest.approx(expected, abs=0.005)
    assert ratio(other, one) == ratio(one, other)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_every_pair_can_be_read(theme: str) -> None:
    pairs = list(list_pairs(read_tokens(CSS)[theme]))

    assert [pair for pair in pairs if pair.ratio < pair.least] == []


def test_themes_differ_and_lack_nothing() -> None:
    tokens = read_tokens(CSS)

    assert tokens["light"]["page"] == "#f7f8f8"
    assert tokens["dark"]["page"] == "#101516"
    assert set(tokens["light"]) == set(tokens["dark"])


def test_dark_must_be_said_alike_in_both_places() -> None:
    with pytest.raises(ValueError, match="Dark is one thing"):
        read_tokens(CSS.replace("--brand: #5cc4bf", "--brand: #5cc4c0", 1))
