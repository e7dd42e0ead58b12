"""Registries by which floors above add to floor 0's pages without being imported by them.

*Panels* are parts of a page, rendered in the same response. *Form parts* are fields of an upper app in
a form of this floor, saved in the same POST and transaction. *Navigation entries* lead to a clinic's pages.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from django.forms import Form
from django.http import HttpRequest
from django.template.loader import render_to_string
from django.urls import reverse

from clinic.access import Member


@dataclass(frozen=True, slots=True)
class Panel:
    """A part of a page: `context(request, subject)` returns what its template needs, or None to stay away."""

    name: str
    slot: str  # the page's place: "appointment", "patient_appointment", "bar" (of all staff pages), ...
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


@dataclass(frozen=True, slots=True)
class NavigationEntry:
    """A main page of a clinic: `view` names an address that takes the clinic's slug and nothing else.

    `action` is what a member must be allowed to do to see it; empty: every member. Pages whose address begins
    with this one's count as inside it where `has_pages_below`.
    """

    view: str
    label: Any  # translated when it is shown
    icon: str
    order: int = 100
    action: str = ""
    has_pages_below: bool = True


@dataclass(frozen=True, slots=True)
class NavigationLink:
    """An entry for one member: `current` is the value of aria-current, "" on other pages.

    `is_under_more`: where the pages stand under the thumb there is no room for it; the menu there holds it.
    """

    url: str
    label: Any
    icon: str
    current: str
    is_under_more: bool


# Under the thumb of a narrow phone no more have room for a German word; the menu beside them is the fifth.
MOST_UNDER_THE_THUMB = 4

_panels: dict[str, Panel] = {}
_form_parts: dict[str, FormPart] = {}
_navigation: dict[str, NavigationEntry] = {}


def register_panel(panel: Panel) -> None:
    """Add a panel; called in an app's `ready()`."""
    _panels[panel.name] = panel


def register_form_part(part: FormPart) -> None:
    """Add a form part; called in an app's `ready()`."""
    _form_parts[part.name] = part


def register_navigation(entry: NavigationEntry) -> None:
    """Add a main page; called in an app's `ready()`."""
    _navigation[entry.view] = entry


def list_navigation(member: Member, path: str) -> list[NavigationLink]:
    """Return the main pages that a member may see, in order, for a page at `path`."""
    links: list[NavigationLink] = []
    for entry in sorted(_navigation.values(), key=lambda entry: entry.order):
        if entry.action and not member.may(entry.action):
            continue
        url = reverse(entry.view, args=[member.clinic.slug])
        inside = entry.has_pages_below and path.startswith(url)
        links.append(
            NavigationLink(
                url,
                entry.label,
                entry.icon,
                current="page" if path == url else "true" if inside else "",
                is_under_more=len(links) >= MOST_UNDER_THE_THUMB,
            )
        )
    return links


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
