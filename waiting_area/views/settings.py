"""The waiting area's settings: the clinic's general configuration, one area's, and a member's own (W9, W10, W12)."""

from typing import Any

from django.conf import settings
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from clinic.access import Member, get_for, staff
from clinic.lib import clock
from waiting_area import areas, replies, watching
from waiting_area.forms.settings import AddAreaForm, AreaForm, WaitingForm, WatchForm
from waiting_area.models import WaitingArea
from waiting_area.queries import hours_of, list_areas, watch_of


@require_http_methods(["GET", "POST"])
@staff("settings.write")
def waiting_settings(request: HttpRequest, member: Member) -> HttpResponse:
    """Show and save what holds in all of the clinic's waiting areas; add an area (W9, W10, W12)."""
    adds_area = "add_area" in request.POST
    data = request.POST if request.method == "POST" else None
    form = WaitingForm(None if adds_area else data, clinic=member.clinic)
    area_form = AddAreaForm(data if adds_area else None)
    if data is not None and adds_area and area_form.is_valid():
        try:
            made = areas.add_area(
                clinic=member.clinic, actor=member.actor, at=clock.now(), **area_form.cleaned_data
            )
        except ValidationError as error:
            area_form.add_error(None, error)
        else:
            messages.success(request, _("The waiting area is there. Look through its settings."))
            return redirect("waiting_area:area_settings", slug=member.clinic.slug, pk=made.pk)
    if data is not None and not adds_area and form.is_valid():
        _save(form.cleaned_data, member)
        messages.success(request, _("Saved."))
        return redirect("waiting_area:waiting_settings", slug=member.clinic.slug)
    rows = [{"area": area, "has_hours": bool(hours_of(area))} for area in list_areas(member.clinic)]
    return render(
        request,
        "waiting_area/waiting_settings.html",
        {"form": form, "area_form": area_form, "areas": rows},
        status=422 if form.errors or area_form.errors else 200,
    )


@transaction.atomic
def _save(wanted: dict[str, Any], member: Member) -> None:
    by: dict[str, Any] = {"clinic": member.clinic, "actor": member.actor, "at": clock.now()}
    areas.set_guest_notices(takes=wanted["guest_notices"], **by)
    watching.name_watchers(memberships=wanted["watchers"], **by)
    replies.set_replies(replies=wanted["replies"], **by)


@require_http_methods(["GET", "POST"])
@staff("settings.write")
def area_settings(request: HttpRequest, member: Member, pk: int) -> HttpResponse:
    """Show and save one waiting area: its link, hours, what it asks and tells, and how long it waits (W3, W4)."""
    area = get_for(member, WaitingArea.objects.select_related("clinic"), pk, "settings.write")
    form = AreaForm(request.POST if request.method == "POST" else None, area=area)
    if request.method == "POST" and form.is_valid():
        try:
            areas.change_area(area=area, actor=member.actor, at=clock.now(), **form.cleaned_data)
        except ValidationError as error:
            # Somebody else took the name between the look and the change.
            form.add_error(None, error)
        else:
            messages.success(request, _("Saved. Open pages follow the new settings."))
            return redirect("waiting_area:area_settings", slug=member.clinic.slug, pk=area.pk)
    link = settings.PUBLIC_URL + reverse("waiting_area:entry", kwargs={"key": area.key})
    return render(
        request,
        "waiting_area/area_settings.html",
        {"area": area, "form": form, "link": link},
        status=422 if form.errors else 200,
    )


@require_http_methods(["GET", "POST"])
@staff("caller.see")
def my_alerts(request: HttpRequest, member: Member) -> HttpResponse:
    """Show and save how the member hears of the waiting area (W10)."""
    form = WatchForm(request.POST if request.method == "POST" else None, watch=watch_of(member.membership))
    if request.method == "POST" and form.is_valid():
        watching.change_own_watch(
            membership=member.membership, actor=member.actor, at=clock.now(), **form.cleaned_data
        )
        messages.success(request, _("Saved."))
        return redirect("waiting_area:my_alerts", slug=member.clinic.slug)
    return render(request, "waiting_area/my_alerts.html", {"form": form}, status=422 if form.errors else 200)
