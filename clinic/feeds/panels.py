"""What reading from outside, import and export add to the clinic's settings."""

from collections.abc import Mapping
from typing import Any

from django.http import HttpRequest

from clinic.calendars.models import Calendar
from clinic.panels import Panel, register_panel
from clinic.people.models import Clinic


def tab(request: HttpRequest, calendar: Calendar) -> Mapping[str, Any]:
    """Return the calendar whose tab is linked, and whether its page is the one that is shown."""
    match = request.resolver_match
    return {"calendar": calendar, "is_current": bool(match and "feed" in (match.url_name or ""))}


def files(request: HttpRequest, clinic: Clinic) -> Mapping[str, Any]:
    """Return nothing: import and export are always there."""
    return {}


def register() -> None:
    """Fill the registries."""
    register_panel(Panel("feeds_tab", "calendar_settings", "clinic/_feeds_tab.html", tab, order=200))
    register_panel(Panel("files", "settings", "clinic/_files.html", files, order=80))
