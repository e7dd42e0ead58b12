"""What stands in a column of the calendar, as HTML.

Written here and not in a template: a week holds hundreds of appointments, and a template's loop takes four times
as long for them as everything else on the page together (F15).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from html import escape  # Django's own looks for lazy strings first: four times the work

from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _

from clinic.appointments.grid import Line

_ICON = '<svg viewBox="0 0 24 24" width="20" height="20" aria-hidden="true"><use href="#icon-{name}"/></svg>'
_HIDDEN = '<span class="visually-hidden">{text}</span>'


@dataclass(frozen=True, slots=True)
class Block:
    """Something in a column that is no appointment: an opening, an absence, an hour that is not there."""

    kind: str
    classes: str
    text: str = ""


@dataclass(slots=True)
class Slot:
    """One appointment in a column."""

    pk: int
    id: str
    classes: str
    state: str
    url: str
    time: str
    until: str
    name: str
    service: str
    doubt: str
    is_confirmed: bool
    is_unreachable: bool
    is_booked: bool
    minutes: int
    version: int
    phone: str


def axis_html(lines: Iterable[Line]) -> SafeString:
    """Return the names of the hours."""
    marked = ((line, "*" if line.is_second else "") for line in lines)
    return mark_safe(
        "".join(f'<span class="r{line.first_row}">{line.hour}:00{mark}</span>' for line, mark in marked)
    )


def blocks_html(blocks: Iterable[Block]) -> SafeString:
    """Return what lies below a column's appointments."""
    parts = []
    for one in blocks:
        name, text = ("p", f"<span>{escape(one.text)}</span>") if one.text else ("div", "")
        parts.append(f'<{name} class="block block-{one.kind} {one.classes}">{text}</{name}>')
    return mark_safe("".join(parts))  # the words are escaped above


def slots_html(slots: Iterable[Slot], *, one_line: int) -> SafeString:
    """Return the list items of a column's appointments, in order.

    Args:
        one_line: up to how many minutes there is room for one line alone.
    """
    words = {
        "confirmed": _ICON.format(name="confirmed") + _HIDDEN.format(text=escape(_("confirmed"))),
        "done": _HIDDEN.format(text=escape(_("done"))),
        "no_show": f'<span class="visit-missed">{escape(_("did not come"))}</span>',
    }
    call = (
        f' <span class="visit-call">{_ICON.format(name="unreachable")}'
        f'<span class="visit-said">{escape(_("unreachable"))}</span></span>'
    )
    parts = []
    for slot in slots:
        marks = words.get(slot.state, "") + (call if slot.is_unreachable else "")
        marks = f' <span class="visit-marks">{marks}</span>' if marks else ""
        short = " visit-short" if slot.minutes <= one_line else ""
        version = f' data-version="{slot.version}"' if slot.is_booked else ""
        doubt = f" <em>{escape(slot.doubt)}</em>" if slot.doubt else ""
        parts.append(
            f'<li id="{slot.id}" class="visit visit-{slot.state} {slot.classes}{short}" data-pk="{slot.pk}"'
            f' data-minutes="{slot.minutes}"{version}><a href="{slot.url}"><span class="visit-time">{slot.time}'
            f'<span class="visit-until">–{slot.until}</span>{doubt}</span> <strong>{escape(slot.name)}</strong> '
            f'<span class="visit-service">{escape(slot.service)}</span>{marks}</a></li>'
        )
    return mark_safe("".join(parts))  # names and words are escaped above; the rest is numbers and our own
