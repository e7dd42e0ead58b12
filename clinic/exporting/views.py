"""Exports: made by a press, written down, and not without end (D5, A70)."""

from datetime import timedelta
from typing import cast

from django.db import transaction
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from clinic.access import Member, staff
from clinic.audit.operations import record
from clinic.exporting.forms import SpanForm
from clinic.exporting.tables import appointment_lines, list_appointments, patient_lines
from clinic.lib import clock
from clinic.lib.rate import is_within
from clinic.people.queries import list_patients

# So many files for one member within an hour.
MOST, SECONDS = 10, 3600
# What the page proposes: the last month and the next three.
BEFORE, AHEAD = timedelta(days=30), timedelta(days=90)


@require_http_methods(["GET", "POST"])
@staff("settings.write")
def export_file(request: HttpRequest, member: Member) -> HttpResponse:
    """Offer the exports; a POST streams one."""
    at = clock.now()
    today = at.astimezone(member.clinic.zone).date()
    is_of_appointments = "appointments" in request.POST
    proposed = {"first": today - BEFORE, "last": today + AHEAD}
    form = SpanForm(request.POST if is_of_appointments else None, initial=proposed)
    problem, status = "", 200
    if request.method == "POST":
        if is_of_appointments and not form.is_valid():
            status = 422
        elif not (is_of_appointments or "patients" in request.POST):
            problem, status = _("Please choose what to export."), 422
        elif not is_within(f"export:{member.clinic.pk}:{member.user.pk}", most=MOST, seconds=SECONDS):
            problem = _("There were %(most)s exports within an hour. Please try again later.") % {
                "most": MOST
            }
            status = 429
        else:
            # Django has no common name for a whole answer and a streamed one that pages are typed by.
            return cast(HttpResponse, _exported(member, form if is_of_appointments else None))
    return render(request, "clinic/export_file.html", {"form": form, "problem": problem}, status=status)


def _exported(member: Member, form: SpanForm | None) -> StreamingHttpResponse:
    """Write down who takes what, then stream it."""
    at = clock.now()
    if form is None:
        cards = list_patients(clinic=member.clinic)
        kind, lines, new = "patients", patient_lines(cards), {"rows": cards.count()}
    else:
        first, last = form.cleaned_data["first"], form.cleaned_data["last"]
        rows = list_appointments(member.clinic, first=first, last=last)
        kind, lines = "appointments", appointment_lines(rows)
        new = {"rows": rows.count(), "first": first.isoformat(), "last": last.isoformat()}
    with transaction.atomic():
        record(member.actor, f"clinic.{kind}_exported", member.clinic, new=new, at=at)
    response = StreamingHttpResponse(lines, content_type="text/csv; charset=utf-8")
    today = at.astimezone(member.clinic.zone).date()
    response["Content-Disposition"] = f'attachment; filename="{kind}-{member.clinic.slug}-{today}.csv"'
    return response
