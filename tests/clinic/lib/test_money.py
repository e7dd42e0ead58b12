"""Prices in each language."""

from decimal import Decimal

import pytest

from clinic.lib.money import price


@pytest.mark.parametrize(
    ("amount", "country", "language", "expected"),
    [
        ("180", "PL", "pl", "180 zł"),
        ("180.50", "PL", "pl", "180,50 zł"),
        ("1234", "PL", "de", "1.234 PLN"),
        ("48.50", "DE", "de", "48,50 €"),
        ("48.00", "DE", "en", "€48"),
        ("200", "RO", "ro", "200 RON"),
        ("35", "GB", "en", "£35"),
        ("0", "AT", "de", "0 €"),
    ],
)
def test_price(amount: str, country: str, language: str, expected: str) -> None:
    assert price(Decimal(amount), country, language).replace("\N{NO-BREAK SPACE}", " ") == expected
