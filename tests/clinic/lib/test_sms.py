"""The GSM alphabet and the price of a text."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clinic.lib.sms import BASIC, EXTENSION, gsm, segments


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("Zażółć gęślą jaźń", "Zazolc gesla jazn"),
        ("ZAŻÓŁĆ GĘŚLĄ JAŹŃ", "ZAZOLC GESLA JAZN"),
        ("Grüße aus Köln, Straße, ÄÖÜ", "Grüße aus Köln, Straße, ÄÖÜ"),
        ("STRAẞE", "STRASSE"),
        ("Știință, țară, ăâî ȘȚĂÂÎ", "Stiinta, tara, aai STAAI"),
        ("cedilla: ş ţ Ş Ţ", "cedilla: s t S T"),
        ("decomposed: a\u0328 u\u0308 s\u0326", "decomposed: a ü s"),
        ("„Tak” «oui» “yes” ‘x’ it’s", '"Tak" "oui" "yes" \'x\' it\'s'),
        ("8–16 — a−b non\u2011breaking", "8-16 - a-b non-breaking"),
        ("soft\u00adhyphen zero\u200bwidth", "softhyphen zerowidth"),
        ("a\u00a0b\u2009c\u202fd\te", "a b c d e"),
        ("wait…", "wait..."),
        ("1 000 € [x] {y} ~^|\\", "1 000 € [x] {y} ~^|\\"),
        ("é è à ç Ç", "é è à c Ç"),
        ("½ ﬁ ² ①", "1/2 fi 2 1"),
        ("Łódź `x´", "Lodz 'x'"),
        ("Привет 日本 😀", "?????? ?? ?"),
        ("one\r\ntwo\rthree\u2028four", "one\ntwo\nthree\nfour"),
        ("bell\x07 nul\x00", "bell nul"),
        ("", ""),
    ],
)
def test_gsm_writes_plainly(text: str, written: str) -> None:
    assert gsm(text) == written


@given(st.text())
def test_gsm_always_fits_the_alphabet_and_is_stable(text: str) -> None:
    written = gsm(text)
    assert set(written) <= BASIC | EXTENSION
    assert gsm(written) == written
    assert segments(written)[0] == "GSM-7"


def test_the_alphabet_is_whole() -> None:
    assert len(BASIC) == 127  # 128 places, one of them the escape
    assert len(EXTENSION) == 10


@pytest.mark.parametrize(
    ("text", "cost"),
    [
        ("", ("GSM-7", 0, 0)),
        ("a", ("GSM-7", 1, 1)),
        ("a" * 160, ("GSM-7", 160, 1)),
        ("a" * 161, ("GSM-7", 161, 2)),
        ("a" * 306, ("GSM-7", 306, 2)),
        ("a" * 307, ("GSM-7", 307, 3)),
        ("ü" * 160, ("GSM-7", 160, 1)),
        ("€", ("GSM-7", 2, 1)),
        ("a" * 158 + "€", ("GSM-7", 160, 1)),
        ("a" * 159 + "€", ("GSM-7", 161, 2)),
        # The escape and its character stay together: one place at the end of the first part is lost.
        ("a" * 152 + "€" + "a" * 152, ("GSM-7", 306, 3)),
        ("a" * 151 + "€" + "a" * 153, ("GSM-7", 306, 2)),
        ("ą", ("UCS-2", 1, 1)),
        ("ą" * 70, ("UCS-2", 70, 1)),
        ("ą" * 71, ("UCS-2", 71, 2)),
        ("ą" * 134, ("UCS-2", 134, 2)),
        ("ą" * 135, ("UCS-2", 135, 3)),
        ("😀", ("UCS-2", 2, 1)),
        ("ą" * 66 + "😀" + "ą" * 66, ("UCS-2", 134, 3)),
        ("€ą", ("UCS-2", 2, 1)),
    ],
)
def test_segments_counts(text: str, cost: tuple[str, int, int]) -> None:
    assert segments(text) == cost
