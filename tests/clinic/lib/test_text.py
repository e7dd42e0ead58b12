"""What text from outside is asked."""

import pytest

from clinic.lib.text import has_visible_characters


@pytest.mark.parametrize("text", ["a", " 7 ", "ș", "\U0001f642", "?", "\u200b-"])
def test_something_is_seen(text: str) -> None:
    assert has_visible_characters(text)


@pytest.mark.parametrize("text", ["", " \n\t", "\u200b\u200d", "\ufe0f", "\u00a0\u3000", "\u0301"])
def test_nothing_is_seen(text: str) -> None:
    assert not has_visible_characters(text)
