"""What a dialog over the calendar is answered: the part of a page that stands in it; and when something was done,
it closes, and a toast says what happened, what the patient is told of it, and how to take it back (D3)."""

import json
from datetime import timedelta
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from clinic.appointments.models import Appointment
from clinic.appointments.news import News, told
from clinic.appointments.rules import UNDO_FOR

DONE = "calendar:done"


def is_in_place(request: HttpRequest) -> bool:
    """Return whether a dialog asks, and not a page of its own."""
    return request.method == "POST" and bool(request.htmx)  # type: ignore[attr-defined]


def show(
    request: HttpRequest, template: str, part: str, context: dict[str, Any], status: int = 200
) -> HttpResponse:
    """Return a page, or to a dialog its part alone, which is told `in_dialog`."""
    in_dialog = bool(request.htmx)  # type: ignore[attr-defined]
    name = f"{template}#{part}" if in_dialog else template
    return render(request, name, {**context, "in_dialog": in_dialog}, status=status)


def say_done(
    request: HttpRequest, appointment: Appointment, text: str, *, news: News | None = None, note: str = ""
) -> HttpResponse:
    """Return what closes the dialog.

    Args:
        news: what the patient is told; None: nothing is sent.
        note: one more sentence.
    """
    until = None
    if appointment.cancelled_at is not None and news is not None:
        until = (appointment.cancelled_at + UNDO_FOR - news.at) / timedelta(seconds=1)
    context = {
        "appointment": appointment,
        "text": text,
        "note": note,
        "told": told(request, news) if news else "",
        "undo_seconds": int(until) if until and until > 0 else 0,
    }
    response = render(request, "clinic/_done.html", context)
    response["HX-Trigger"] = json.dumps({DONE: {"id": appointment.pk}})
    return response


def say(request: HttpRequest, text: str) -> HttpResponse:
    """Return what closes the dialog over something that concerns nobody's appointment."""
    response = render(request, "clinic/_done.html", {"text": text})
    response["HX-Trigger"] = json.dumps({DONE: {}})
    return response
