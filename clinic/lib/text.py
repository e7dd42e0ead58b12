"""Small questions about text that came from outside."""

import unicodedata

_BIDI = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f")


def has_control_characters(text: str) -> bool:
    """Return whether a line of text holds control characters, line breaks or marks that turn its direction."""
    return any(
        character in _BIDI or unicodedata.category(character) in {"Cc", "Cs", "Zl", "Zp"}
        for character in text
    )


def has_visible_characters(text: str) -> bool:
    """Return whether a text holds anything that a reader sees: not spaces, marks without a letter or nothing."""
    return any(unicodedata.category(character)[0] not in "ZCM" for character in text)
