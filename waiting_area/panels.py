"""What this app adds to floor 0's pages."""

from collections.abc import Mapping
from typing import Any

from django.http import HttpRequest

from clinic.models import Clinic
from clinic.panels import Panel, register_panel
from waiting_area.queries import list_areas


def configuration(request: HttpRequest, clinic: Clinic) -> Mapping[str, Any]:
    """Return the waiting areas whose settings are linked."""
    return {"areas": list_areas(clinic)}


def register() -> None:
    """Fill floor 0's registries."""
    register_panel(
        Panel("waiting_area", "settings", "waiting_area/_configuration.html", configuration, order=50)
    )
