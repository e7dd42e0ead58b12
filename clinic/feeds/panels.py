"""What reading from outside, import and export add to the clinic's settings."""

from collections.abc import Mapping
from typing import Any

from django.http import HttpRequest

from clinic.calendars.models import Calendar
from clinic.panels import Panel, register_panel
from clinic.people.models import Clinic


def files(request: HttpRequest, clinic: Clinic) -> Mapping[str, Any]:
    """Return the calendars whose secret addresses are linked; import and export are always there."""
    return {"calendars": Calendar.objects.filter(clinic=clinic).order_by("name")}


def register() -> None:
    """Fill the registry."""
    register_panel(Panel("files", "settings", "clinic/_files.html", files, order=80))
