"""An appointment in a column of the calendar, as HTML.

Written here and not in a template: a week holds hundreds, and a template's loop takes four times as long for
them as everything else on the page together (F15).
"""

from collections.abc import Iterable
from dataclasses import dataclass

from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _

_ICON = '<svg viewBox="0 0 24 24" width="20" height="20" aria-hidden="true"><use href="#icon-{name}"/></svg>'
_HIDDEN = '<span class="visually-hidden">{text}</span>'
_SLOT = (
    '<li id="{id}" class="visit visit-{state} {classes}" data-pk="{pk}" data-minutes="{minutes}"{version}>'
    '<a href="{url}"><span class="visit-time">{time}<span class="visit-until">–{until}</span>{doubt}</span> '
    '<strong>{name}</strong> <span class="visit-service">{service}</span>{marks}</a></li>'
)


@dataclass(frozen=True, slots=True)
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
        parts.append(
            _SLOT.format(
                id=slot.id,
                state=slot.state,
                classes=f"{slot.classes} visit-short" if slot.minutes <= one_line else slot.classes,
                pk=slot.pk,
                minutes=slot.minutes,
                version=f' data-version="{slot.version}"' if slot.is_booked else "",
                url=slot.url,
                time=slot.time,
                until=slot.until,
                doubt=f" <em>{escape(slot.doubt)}</em>" if slot.doubt else "",
                name=escape(slot.name),
                service=escape(slot.service),
                marks=f' <span class="visit-marks">{marks}</span>' if marks else "",
            )
        )
    return mark_safe("".join(parts))  # names and words are escaped above; the rest is numbers and our own
