"""What waits for the clinic's people, on every page (W10)."""

from collections.abc import Mapping
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from clinic.access import Member, staff
from clinic.lib import clock
from clinic.panels import Panel, register_panel
from waiting_area import board


def _needs(member: Member) -> dict[str, Any]:
    return {"needs": board.needs_of(member.membership, at=clock.now()), "member": member}


@require_safe
@staff("caller.see")
def needs(request: HttpRequest, member: Member) -> HttpResponse:
    """Count anew: for open pages."""
    return render(request, "waiting_area/_needs.html", _needs(member))


def _panel(request: HttpRequest, member: Member) -> Mapping[str, Any]:
    return _needs(member)


def register() -> None:
    """Put the counts into the bar of every page of the clinic's people."""
    register_panel(Panel("needs", "bar", "waiting_area/_bar.html", _panel))
