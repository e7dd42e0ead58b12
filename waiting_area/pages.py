"""What a caller's own page says: where they stand, who is with them, whether they may write (W3, W9, W14)."""

from datetime import datetime
from typing import Any

from django.utils.translation import get_language, ngettext
from django.utils.translation import gettext as _

from clinic.lib import when
from waiting_area.announcing import notice_html
from waiting_area.enums import MAY_WRITE, Status
from waiting_area.models import Caller, Notice, WaitingArea
from waiting_area.queries import next_opening, place_of, staff_in, usual_wait


def standing_of(caller: Caller, *, at: datetime) -> dict[str, Any]:
    """Return what the waiting screen shows besides the notices, in the active language."""
    area = caller.area
    is_waiting = caller.status == Status.WAITING
    return {
        "area_key": area.key,
        "area_name": area.name if area.name != caller.clinic.name else "",
        "welcome": area.welcome,
        "place": place_of(caller) if area.shows_place else None,
        "estimate": estimate(usual_wait(area, at)) if is_waiting and area.shows_place else "",
        "people": people_of(caller),
        "may_write": caller.may_write,
        "may_not": why_not(caller),
    }


def estimate(minutes: int | None) -> str:
    """Return how long it may take, in words; it says so when that cannot be told (W3)."""
    if minutes is None:
        return _("We cannot say yet how long it will take.")
    return ngettext(
        "Others waited about %(minutes)s minute today.",
        "Others waited about %(minutes)s minutes today.",
        minutes,
    ) % {"minutes": minutes}


def opening_in_words(area: WaitingArea, at: datetime) -> str:
    """Return when an area opens next, as its readers say it; nothing where it does not, or nobody knows (E5.9)."""
    opens = next_opening(area, at)
    language = get_language() or area.clinic.language
    return when.near_date_and_time(opens, at, area.clinic.zone, language) if opens else ""


def people_of(caller: Caller) -> str:
    """Return who is with a caller in their call, as a sentence (W14); nothing while they are in none."""
    if caller.status != Status.IN_CALL:
        return ""
    names = staff_in([caller.call_id])[caller.call_id] if caller.call_id else []
    if not names:
        return _("Somebody will be back with you soon. Please stay on this page.")
    return _("You are in a call with %(names)s.") % {"names": ", ".join(names)}


def why_not(caller: Caller) -> str:
    """Return why a caller may not write now, as a sentence; nothing where they may (W9, A49)."""
    if caller.may_write:
        return ""
    if not caller.is_present:
        return _("You are no longer in the waiting area.")
    if caller.status not in MAY_WRITE:
        return _("You cannot write here while you are in a call.")
    return _("The clinic takes no messages here at the moment.")


def as_event(notice: Notice) -> dict[str, Any]:
    """Return a notice as the page's script takes it: the same as an event carries, and its number (W11)."""
    return {"number": notice.number, "html": notice_html(notice), "by": notice.author}
