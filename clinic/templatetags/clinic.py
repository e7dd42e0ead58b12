"""Template filters and tags for every page: instants, phone numbers, prices, icons."""

import re
from collections.abc import Iterable
from datetime import date, datetime
from decimal import Decimal
from functools import cache
from zoneinfo import ZoneInfo

from django import template
from django.templatetags.static import static as address_of
from django.utils.html import escape, format_html_join, urlize
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import get_language
from heroicons.templatetags import heroicons

from clinic.directory.slot_picker import Slot
from clinic.lib import money, phone, when

register = template.Library()


def _language() -> str:
    return get_language() or "en"


@register.simple_tag
@cache
def static(name: str) -> str:
    """Return the address of one of our own files, worked out once for each: their names carry their content."""
    return escape(address_of(name))


# The library reads and writes an icon's XML each time; a page has some thirty, always the same ones (F15).
_outline, _solid = cache(heroicons.heroicon_outline), cache(heroicons.heroicon_solid)


@register.simple_tag
def heroicon_outline(name: str) -> str:
    """Return an icon drawn with lines."""
    return _outline(name)


@register.simple_tag
def heroicon_solid(name: str) -> str:
    """Return a filled icon."""
    return _solid(name)


@register.filter
def long_date(at: datetime, zone: ZoneInfo) -> str:
    """Return an instant's local date in full."""
    return when.long_date(at, zone, _language())


@register.filter
def full_day(day: date) -> str:
    """Return a day of the calendar in words; Django's own patterns are American, its Romanian months capital."""
    return when.full_day(day, _language())


@register.filter
def day(at: datetime, zone: ZoneInfo) -> str:
    """Return an instant's local day and month, with the year."""
    return when.full_day(at.astimezone(zone).date(), _language())


@register.simple_tag
def near(at: datetime, now: datetime, zone: ZoneInfo) -> str:
    """Return an instant as people say it: today or tomorrow with the time, else the date."""
    return when.near_date_and_time(at, now, zone, _language())


@register.filter
def clock(at: datetime, zone: ZoneInfo) -> str:
    """Return an instant's local time of day."""
    return when.clock_time(at, zone, _language())


@register.filter
def slot_buttons(slots: Iterable[Slot], zone: ZoneInfo) -> SafeString:
    """Return free times as buttons that post `start`. A week has a hundred: a template's loop takes far longer."""
    language = _language()
    return format_html_join(
        "",
        '<button class="slot" name="start" value="{}">{}{}</button>',
        (
            (slot.code, when.clock_time(slot.start, zone, language), slot.zone_name and f" {slot.zone_name}")
            for slot in slots
        ),
    )


@register.filter
def local_day(at: datetime, zone: ZoneInfo) -> str:
    """Return an instant's local date as addresses and forms carry it."""
    return at.astimezone(zone).date().isoformat()


@register.filter
def breakable(address: str) -> SafeString:
    """Return an e-mail address that a narrow place breaks where its parts meet, not inside a word."""
    parts = re.split(r"(?<=@)|(?=\.)", address)
    return format_html_join(mark_safe("<wbr>"), "{}", ((part,) for part in parts))


@register.filter
def moment(at: datetime | None, zone: ZoneInfo) -> str:
    """Return an instant's short local date and time; nothing for none."""
    if at is None:
        return ""
    language = _language()
    return f"{when.short_date(at, zone, language)} {when.clock_time(at, zone, language)}"


@register.simple_tag
def time_there(at: datetime, zone: ZoneInfo, reader: ZoneInfo) -> str:
    """Return what a clock in `zone` shows, and where, if a clock in the reader's zone shows another hour."""
    name = when.zone_name(at, zone, reader, _language())
    return f"{when.clock_time(at, zone, _language())}, {name}" if name else ""


@register.filter
def pretty_phone(number: str) -> str:
    """Return a telephone number as people write it."""
    return phone.pretty(number) if number else ""


@register.filter
def price(amount: Decimal, country: str) -> str:
    """Return a price in the currency of a country."""
    return money.price(amount, country, _language())


@register.filter
def linked(text: str) -> SafeString:
    """Return a member's text with the addresses in it as links (E5.10).

    They open beside the page: who reads it may be waiting on it. A patient's text never goes through here.
    """
    links = urlize(text, nofollow=True, autoescape=True)
    beside = links.replace('<a href="http', '<a target="_blank" href="http')
    return mark_safe(beside.replace(' rel="nofollow"', ' rel="noopener nofollow"'))
