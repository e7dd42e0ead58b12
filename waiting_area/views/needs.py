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
from waiting_area.models import Watch


def _needs(member: Member) -> dict[str, Any]:
    """Return the counts, and how this member wants to hear of them."""
    # As `queries.watches` says it, by one read: who may not log in any more watches over nothing.
    rows = Watch.objects.filter(membership__clinic=member.clinic, membership__user__is_active=True)
    watches = {row.membership_id: row for row in rows}
    mine = watches.get(member.membership.pk) or Watch(membership=member.membership)
    return {
        "needs": board.needs_of(member.clinic, at=clock.now()),
        "watch": mine,
        # Where nobody is named, everybody watches.
        "watches": mine.is_named or not any(row.is_named for row in watches.values()),
        "member": member,
    }


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
