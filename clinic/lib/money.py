"""Prices as people in each of our languages write them."""

from decimal import Decimal

from babel import Locale
from babel.numbers import format_currency

# What is paid with where clinics are; the euro elsewhere.
_CURRENCIES = {"PL": "PLN", "RO": "RON", "GB": "GBP", "CH": "CHF", "CZ": "CZK", "HU": "HUF"}


def price(amount: Decimal, country: str, language: str) -> str:
    """Return a price in the country's currency, without cents where there are none: "180 zł", "48,50 €"."""
    pattern = Locale.parse(language).currency_formats["standard"].pattern
    is_whole = amount == amount.to_integral_value()
    return format_currency(
        amount,
        _CURRENCIES.get(country, "EUR"),
        format=pattern.replace("0.00", "0") if is_whole else pattern,
        locale=language,
        currency_digits=not is_whole,
    )
