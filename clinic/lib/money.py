"""Prices as people in each of our languages write them."""

from decimal import Decimal

from babel import Locale
from babel.numbers import format_currency, get_territory_currencies


def price(amount: Decimal, country: str, language: str) -> str:
    """Return a price in the country's currency, without cents where there are none: "180 zł", "48,50 €".

    A country that is not known pays in euros.
    """
    currencies = get_territory_currencies(country) or ["EUR"]
    pattern = Locale.parse(language).currency_formats["standard"].pattern
    is_whole = amount == amount.to_integral_value()
    return format_currency(
        amount,
        currencies[0],
        format=pattern.replace("0.00", "0") if is_whole else pattern,
        locale=language,
        currency_digits=not is_whole,
    )
