"""What this package adds to the clinic's own pages."""

from collections.abc import Mapping
from typing import Any

from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from clinic.panels import NavigationEntry, Panel, register_navigation, register_panel
from clinic.people.models import Clinic, Practitioner


def profiles(request: HttpRequest, clinic: Clinic) -> Mapping[str, Any]:
    """Return the practitioners whose public profiles are linked."""
    return {"practitioners": Practitioner.objects.filter(clinic=clinic).order_by("name"), "clinic": clinic}


def register() -> None:
    """Fill the registries."""
    register_panel(Panel("profiles", "settings", "clinic/_profiles.html", profiles, order=20))
    register_navigation(NavigationEntry("clinic:reviews", _("Reviews"), "star", 85, action="review.see"))
