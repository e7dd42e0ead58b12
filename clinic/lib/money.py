"""Amounts of money as people write them."""

from decimal import Decimal

from babel.numbers import format_currency, get_territory_currencies


def written(amount: Decimal, country: str, language: str) -> str:
    """Return an amount in the country's own currency: "180,00 zł", "48,50 €"; a bare number for an unknown country."""
    currencies = get_territory_currencies(country)
    return format_currency(amount, currencies[0], locale=language) if currencies else str(amount)
