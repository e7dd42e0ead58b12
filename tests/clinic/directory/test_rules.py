"""What counts as a link, and until when words may be changed. No database."""

from datetime import UTC, datetime, timedelta

import pytest

from clinic.directory.rules import holds_link, is_editable

AT = datetime(2027, 5, 3, 7, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    "text",
    [
        "https://x", "see evil.example win", "WWW.foo", "praxis.de/termin", "go to praxis.de!", "foo.co.uk", "bit.ly/x",
        "EVIL.COM", "write to me@home.pl", "ftp://a", "np.pl",
    ],
)  # fmt: skip
def test_link_is_found(text: str) -> None:
    assert holds_link(text)


@pytest.mark.parametrize(
    "text",
    [
        "", "polite.Thank you", "super.Polecam", "ok.It was", "Sehr nett.De facto gut", "Dr. med. Storch", "4.5 of 5",
        "z.B. gut", "and/or 3.50/hour", "a.m. or p.m.", "5/5", "10:20",
    ],
)  # fmt: skip
def test_plain_words_are_no_link(text: str) -> None:
    assert not holds_link(text)


def test_words_are_changed_for_fourteen_days() -> None:
    until = AT + timedelta(days=14)

    assert is_editable(written_at=AT, at=until)
    assert not is_editable(written_at=AT, at=until + timedelta(seconds=1))
