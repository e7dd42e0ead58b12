"""Importing a table: upload, look at what would happen, confirm, carry out part by part (D5)."""

import csv
import io
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from clinic.access import Member, staff
from clinic.calendars.models import Calendar, Service
from clinic.importing import keeping
from clinic.importing.cells import Place, judge_sheet
from clinic.importing.forms import ConfirmForm, UploadForm
from clinic.importing.keeping import CannotKeep, StillRunning, Upload
from clinic.importing.plan import CHANGE, CREATE, KEEP, Plan, Step, chunks, make_plan
from clinic.importing.sheet import COLUMNS, MOST_BYTES, MOST_ROWS, PATIENTS, SEPARATORS
from clinic.importing.steps import BATCH, Count, carry_out, finish
from clinic.importing.words import list_columns, reason
from clinic.lib import clock
from clinic.people.forms import FIELD_LABELS
from clinic.people.models import Clinic

# So many are shown of each sort; the numbers are of all.
MOST_SHOWN = 100
# What one request carries out: it answers before anybody wonders.
ROWS_AT_ONCE = 100


@require_http_methods(["GET", "POST"])
@staff("settings.write")
def import_file(request: HttpRequest, member: Member) -> HttpResponse:
    """Say what can be imported; take a file and show what would happen."""
    form = UploadForm()
    problem = ""
    if request.method == "POST":
        files = request.FILES  # reading them is what finds out
        is_too_large = getattr(request, "is_upload_too_large", False)
        form = UploadForm(request.POST, files, is_too_large=is_too_large)
        if form.is_valid():
            sheet = form.cleaned_data["file"]
            rows, problems = judge_sheet(sheet, clinic=member.clinic, places=_places(member.clinic))
            upload = Upload(sheet.kind, sheet.encoding, sheet.separator, sheet.ignored, rows, problems)
            try:
                keeping.keep_upload(member, upload)
            except CannotKeep:
                problem = _("The file cannot be kept just now. Please try again in a minute.")
            else:
                return redirect("clinic:import_plan", slug=member.clinic.slug)
    context = {
        "form": form,
        "problem": problem,
        "most_rows": MOST_ROWS,
        "most_mb": MOST_BYTES // 1_000_000,
        "kinds": [(kind, list_columns(kind)) for kind in COLUMNS],
        "run": keeping.find_run(member),
    }
    status = 503 if problem else 422 if form.errors else 200
    return render(request, "clinic/import_file.html", context, status=status)


def _places(clinic: Clinic) -> list[Place]:
    """Return the clinic's calendars with their services; one that is offered goes before a former one."""
    services: dict[int, dict[str, tuple[int, int]]] = {}
    rows = Service.objects.filter(calendar__clinic=clinic).order_by("is_offered", "pk")
    for row in rows:
        services.setdefault(row.calendar_id, {})[row.name] = row.pk, row.minutes
    return [
        Place(calendar.pk, calendar.name, calendar.time_zone, services.get(calendar.pk, {}))
        for calendar in Calendar.objects.filter(clinic=clinic)
    ]


@require_safe
@staff("settings.write")
def import_template(request: HttpRequest, member: Member, kind: str) -> HttpResponse:
    """Give a file with the columns and nothing below, as the export writes it."""
    if kind not in COLUMNS:
        raise Http404
    out = io.StringIO()
    csv.writer(out, delimiter=";").writerow(COLUMNS[kind])
    response = HttpResponse("\ufeff" + out.getvalue(), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{kind}.csv"'
    return response


@require_http_methods(["GET", "POST"])
@staff("settings.write")
def import_plan(request: HttpRequest, member: Member) -> HttpResponse:
    """Show what the uploaded file would do, as the database stands now; confirm exactly that."""
    upload = keeping.find_upload(member)
    if upload is None:
        run = keeping.find_run(member) if request.method == "POST" else None
        return redirect("clinic:import_run" if run else "clinic:import_file", slug=member.clinic.slug)
    plan = make_plan(clinic=member.clinic, rows=upload.rows, problems=upload.problems, at=clock.now())
    form = ConfirmForm(request.POST or None, has_bad=bool(plan.problems), initial={"digest": plan.digest})
    problem, status, is_busy = "", 200, False
    if request.method == "POST":
        if request.POST.get("digest") != plan.digest:
            status = 409
            problem = _(
                "Something changed since this was shown. Nothing was imported; this is what would happen now."
            )
            form = _shown_again(form, plan)
        elif not form.is_valid():
            status = 422
        else:
            try:
                keeping.begin_run(member, upload, plan.to_do, notify=form.cleaned_data["notify"])
            except CannotKeep:
                problem, status = _("The import cannot begin just now. Please try again in a minute."), 503
            except StillRunning:
                status, is_busy = 409, True
                problem = _(
                    "Your import before is not over yet. Nothing was imported of this file; it waits here until"
                    " that one is done."
                )
            else:
                return redirect("clinic:import_run", slug=member.clinic.slug)
    context = {
        "form": form, "problem": problem, "is_busy": is_busy, "upload": upload, **_told(plan, upload, member.clinic),
    }  # fmt: skip
    return render(request, "clinic/import_plan.html", context, status=status)


def _shown_again(form: ConfirmForm, plan: Plan) -> ConfirmForm:
    """Return the form for what is shown now, with what was ticked."""
    ticked = {name: form.data.get(name) == "on" for name in ("skip_bad", "notify")}
    return ConfirmForm(has_bad=bool(plan.problems), initial={"digest": plan.digest, **ticked})


def _told(plan: Plan, upload: Upload, clinic: Clinic) -> dict[str, Any]:
    """Return what the page shows of a plan; times in the zones of their calendars, as the file has them."""
    created, changed, kept = plan.having(CREATE), plan.having(CHANGE), plan.having(KEEP)
    zones = {one.pk: one.zone for one in Calendar.objects.filter(clinic=clinic)}
    return {
        "is_of_patients": upload.kind == PATIENTS,
        "separator": SEPARATORS[upload.separator],
        "ignored": ", ".join(upload.ignored),
        "created": [
            (step, zones.get(step.row.visit.calendar, clinic.zone) if step.row.visit else clinic.zone)
            for step in created[:MOST_SHOWN]
        ],
        "created_number": len(created),
        "changed": [
            (step, [(FIELD_LABELS[name], old, new) for name, old, new in step.changes])
            for step in changed[:MOST_SHOWN]
        ],
        "changed_number": len(changed),
        "kept_number": len(kept),
        "bad": [(problem, reason(problem)) for problem in plan.problems[:MOST_SHOWN]],
        "bad_number": len({problem.line for problem in plan.problems}),
        "most_shown": MOST_SHOWN,
        "has_work": bool(created or changed),
    }


@require_http_methods(["GET", "POST"])
@staff("settings.write")
def import_run(request: HttpRequest, member: Member) -> HttpResponse:
    """Show how far a confirmed import has come; each POST carries out the next part of it."""
    run = keeping.find_run(member)
    if run is None:
        return redirect("clinic:import_file", slug=member.clinic.slug)
    if request.method == "POST":
        if not run.is_over and keeping.claim_step(member):
            try:
                # Another request may have done the last part meanwhile.
                run = keeping.find_run(member) or run
                run = run if run.is_over else _carried_on(member, run)
            finally:
                keeping.release_step(member)
        if not request.htmx:  # type: ignore[attr-defined]
            return redirect("clinic:import_run", slug=member.clinic.slug)
    context = {
        "run": run,
        "left_out": [(problem, reason(problem)) for problem in run.count.left_out[:MOST_SHOWN]],
        "left_out_number": len(run.count.left_out),
    }
    template = "clinic/import_run.html"
    return render(request, f"{template}#import-run" if request.htmx else template, context)  # type: ignore[attr-defined]


def _carried_on(member: Member, run: keeping.Run) -> keeping.Run:
    """Do the next part of an import; return how far it is now."""
    steps: list[Step] = keeping.find_steps(member)
    part = steps[run.done : run.done + ROWS_AT_ONCE]
    at = clock.now()
    for batch in chunks(part, BATCH):
        done: Count = carry_out(
            clinic=member.clinic, steps=batch, notify=run.notify, actor=member.actor, at=at
        )
        run.count.add(done)
        run.done += len(batch)
        keeping.save_run(member, run)
    run.is_lost = not part and run.done < run.total
    if run.is_over:
        finish(clinic=member.clinic, count=run.count, actor=member.actor, at=at)
        keeping.save_run(member, run)
    return run
