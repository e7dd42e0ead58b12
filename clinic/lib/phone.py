"""Telephone numbers: what staff or a file wrote, turned into E.164, with doubts as marks (P13)."""

import re
import unicodedata
from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal

import phonenumbers
from phonenumbers import PhoneNumberFormat, PhoneNumberType, ValidationResult

Mark = Literal["", "unassigned", "landline"]

# Digits and what people write between them. Letters are refused: the library would read "12 ext 4" or
# "0800 DENTIST" as numbers that nobody meant.
_SHAPE = re.compile(r"\+?[0-9\s().\-/]+")
_HYPHENS = str.maketrans(dict.fromkeys("‐‑‒–—―−", "-"))


class BadPhone(ValueError):
    """What was written cannot be a telephone number; `reason` is short and holds nothing of it."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Phone:
    """A number as it is kept, with the doubt that staff should see ("" where there is none)."""

    e164: str
    mark: Mark = ""


def normalise(raw: str, *, country: str) -> Phone:
    """Return the number that `raw` means to somebody in `country` (P13).

    A number that is *possible* is accepted; that no operator has it ("unassigned": +44 7700 900xxx) or
    that it takes no SMS ("landline") are marks for staff, never refusals.

    Args:
        raw: as written: national or international, with spaces, dashes, dots, slashes, brackets.
        country: ISO 3166 alpha-2 code of the clinic, for numbers without "+" or "00".

    Raises:
        BadPhone: not even possible. Reasons: "empty", "letters", "country", "short", "long", "form".
    """
    # NFKC turns full-width digits into plain ones, and every kind of space into one.
    text = unicodedata.normalize("NFKC", raw).translate(_HYPHENS)
    text = "".join(c for c in text if unicodedata.category(c) != "Cf")  # marks that a copied number carries
    text = text.strip()
    if not text:
        raise BadPhone("empty")
    if not _SHAPE.fullmatch(text):
        raise BadPhone("letters" if any(c.isalpha() for c in text) else "form")
    try:
        number = phonenumbers.parse(text, country.upper())
    except phonenumbers.NumberParseException as error:
        raise BadPhone(_PARSE_REASONS.get(error.error_type, "form")) from None
    verdict = phonenumbers.is_possible_number_with_reason(number)
    if verdict != ValidationResult.IS_POSSIBLE:
        raise BadPhone(_LENGTH_REASONS.get(verdict, "form"))
    return Phone(phonenumbers.format_number(number, PhoneNumberFormat.E164), _mark(number))


_PARSE_REASONS = {
    phonenumbers.NumberParseException.INVALID_COUNTRY_CODE: "country",
    phonenumbers.NumberParseException.TOO_SHORT_AFTER_IDD: "short",
    phonenumbers.NumberParseException.TOO_SHORT_NSN: "short",
    phonenumbers.NumberParseException.TOO_LONG: "long",
}
_LENGTH_REASONS = {
    ValidationResult.INVALID_COUNTRY_CODE: "country",
    ValidationResult.TOO_SHORT: "short",
    # Good within one town only: it cannot be dialled, nor written as E.164.
    ValidationResult.IS_POSSIBLE_LOCAL_ONLY: "short",
    ValidationResult.TOO_LONG: "long",
}


def _mark(number: phonenumbers.PhoneNumber) -> Mark:
    """Return the doubt about a possible number."""
    if not phonenumbers.is_valid_number(number):
        return "unassigned"
    return "landline" if phonenumbers.number_type(number) == PhoneNumberType.FIXED_LINE else ""


# What an SMS to them earns somebody else, and what is no person's telephone.
_COSTLY = frozenset(
    {
        PhoneNumberType.PREMIUM_RATE,
        PhoneNumberType.SHARED_COST,
        PhoneNumberType.UAN,
        PhoneNumberType.PAGER,
        PhoneNumberType.VOICEMAIL,
        PhoneNumberType.TOLL_FREE,
    }
)
_NO_COUNTRY = "001"  # satellites, international premium numbers and other services of the whole world


def may_be_written_to(e164: str, *, countries: Collection[str] = ()) -> bool:
    """Return whether a number that a stranger enters may be sent SMS: no premium rate, no satellite (A5).

    Args:
        e164: as `normalise` gives it.
        countries: ISO codes of the countries that may be written to; none: all.
    """
    number = phonenumbers.parse(e164)
    regions = phonenumbers.region_codes_for_country_code(number.country_code or 0)
    if _NO_COUNTRY in regions or phonenumbers.number_type(number) in _COSTLY:
        return False
    return not countries or any(region in countries for region in regions)


def digits(e164: str) -> tuple[str, ...]:
    """Return a kept number's digits with its country's and without; none of what is no number."""
    try:
        number = phonenumbers.parse(e164)
    except phonenumbers.NumberParseException:
        return ()
    national = phonenumbers.national_significant_number(number)
    return f"{number.country_code}{national}", national


def pretty(e164: str) -> str:
    """Return a kept number as people read it ("+48 512 345 678"); what is no number comes back unchanged."""
    try:
        return phonenumbers.format_number(phonenumbers.parse(e164), PhoneNumberFormat.INTERNATIONAL)
    except phonenumbers.NumberParseException:
        return e164
