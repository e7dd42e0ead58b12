"""Telephone numbers as staff and files write them (P13)."""

import pytest

from clinic.lib.phone import BadPhone, Phone, may_be_written_to, normalise, pretty


@pytest.mark.parametrize(
    ("raw", "country", "phone"),
    [
        ("512 345 678", "PL", Phone("+48512345678")),
        ("+48 512-345-678", "DE", Phone("+48512345678")),
        ("0048512345678", "pl", Phone("+48512345678")),
        ("22 123 45 67", "PL", Phone("+48221234567", "landline")),
        ("0171 3920028", "DE", Phone("+491713920028")),
        ("+49 (0)171 3920028", "PL", Phone("+491713920028")),
        ("030/123456", "DE", Phone("+4930123456", "landline")),
        ("0721.234.567", "RO", Phone("+40721234567")),
        ("+40 21 312 3456", "PL", Phone("+40213123456", "landline")),
        ("+44 7700 900646", "PL", Phone("+447700900646", "unassigned")),
        ("07700 900001", "GB", Phone("+447700900001", "unassigned")),
        ("  +48\u00a0512\u2011345\u2011678 ", "PL", Phone("+48512345678")),
        ("\u202a+48512345678\u202c", "PL", Phone("+48512345678")),
        ("５１２３４５６７８", "PL", Phone("+48512345678")),
    ],
)
def test_normalise_accepts(raw: str, country: str, phone: Phone) -> None:
    assert normalise(raw, country=country) == phone


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        ("", "empty"),
        (" \u200b ", "empty"),
        ("12", "short"),
        ("112", "short"),
        ("512345678/512345679", "long"),
        ("+999 123 456", "country"),
        ("call me", "letters"),
        ("0800 DENTIST", "letters"),
        ("22 123 45 67 ext 4", "letters"),
        ("512\n345\n678;", "form"),
        ("+", "form"),
        ("512+345", "form"),
        ("=1+2", "form"),
    ],
)
def test_normalise_refuses_what_cannot_be_a_number(raw: str, reason: str) -> None:
    with pytest.raises(BadPhone) as caught:
        normalise(raw, country="PL")
    assert caught.value.reason == reason


def test_normalised_numbers_stay_as_they_are() -> None:
    for raw in ("+48512345678", "+447700900646", "+40213123456"):
        assert normalise(raw, country="RO").e164 == raw


def test_pretty() -> None:
    assert pretty("+48512345678") == "+48 512 345 678"
    assert pretty("+447700900646") == "+44 7700 900646"
    assert pretty("") == ""
    assert pretty("none") == "none"


@pytest.mark.parametrize(
    ("number", "may"),
    [
        ("+48512345678", True),
        ("+48225550123", True),
        ("+447700900123", True),  # no operator's: a doubt, no danger
        ("+40721234567", True),
        ("+48701234567", False),  # premium rate
        ("+499001234567", False),
        ("+48800123456", False),  # free of charge: no person's
        ("+881612345678", False),  # satellite
        ("+870773111632", False),
        ("+979123456789", False),  # international premium rate
    ],
)
def test_which_numbers_a_stranger_may_have_written_to(number: str, may: bool) -> None:
    assert may_be_written_to(number) is may


def test_countries_are_looked_at_where_some_are_named() -> None:
    assert may_be_written_to("+48512345678", countries=["PL"])
    assert not may_be_written_to("+48512345678", countries=["DE", "GB"])
    # Jersey shares its code with Great Britain.
    assert may_be_written_to("+447797123456", countries=["GB"])
