"""Registries by which floors above add to floor 0's pages without being imported by them.

*Panels* are parts of a page, rendered in the same response. *Form parts* are fields of an upper app in
a form of this floor, saved in the same POST and transaction. *Counters* stand in the navigation.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from django.forms import Form
from django.http import HttpRequest
from django.template.loader import render_to_string


@dataclass(frozen=True, slots=True)
class Panel:
    """A part of a page: `context(request, subject)` returns what its template needs, or None to stay away."""

    name: str
    slot: str  # the page's place: "appointment", "appointment_side", "today", "calendar_settings"
    template: str
    context: Callable[[HttpRequest, Any], Mapping[str, Any] | None]
    order: int = 100


@dataclass(frozen=True, slots=True)
class FormPart:
    """Fields of an upper app inside a form: `make(subject, data)` builds a form with its own prefix.

    Its `cleaned_data` travels in the operation's `extra[name]` to the receiver of the signal.
    """

    name: str
    slot: str  # "booking"
    template: str
    make: Callable[[Any, Mapping[str, Any] | None], Form]
    order: int = 100


_panels: dict[str, Panel] = {}
_form_parts: dict[str, FormPart] = {}


def register_panel(panel: Panel) -> None:
    """Add a panel; called in an app's `ready()`."""
    _panels[panel.name] = panel


def register_form_part(part: FormPart) -> None:
    """Add a form part; called in an app's `ready()`."""
    _form_parts[part.name] = part


def list_panels(slot: str) -> list[Panel]:
    """Return a page's panels in order."""
    return sorted((panel for panel in _panels.values() if panel.slot == slot), key=lambda panel: panel.order)


def list_form_parts(slot: str) -> list[FormPart]:
    """Return a form's parts in order."""
    return sorted((part for part in _form_parts.values() if part.slot == slot), key=lambda part: part.order)


def rendered(request: HttpRequest, slot: str, subject: Any) -> list[str]:
    """Return a page's panels as HTML, in order; those with nothing to say are left out."""
    parts: list[str] = []
    for panel in list_panels(slot):
        context = panel.context(request, subject)
        if context is not None:
            parts.append(render_to_string(panel.template, dict(context), request))
    return parts
