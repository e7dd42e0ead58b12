"""What a clinic says of itself in public, and what is said of it."""

from typing import Any

from django.conf import settings
from django.contrib import messages
from django.core.paginator import Paginator
from django.forms import Form
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from clinic.access import Member, get_for, staff
from clinic.directory import reviews as review_operations
from clinic.directory.forms import AnswerForm, ClinicProfileForm, ProfileForm, ReportForm
from clinic.directory.models import Review
from clinic.directory.operations import change_about, change_profile
from clinic.directory.public_page import around
from clinic.directory.queries import list_clinic_reviews, list_listed, ratings_of
from clinic.directory.reviews import StaleReview
from clinic.lib import clock
from clinic.people.models import Practitioner

PAGE = 20


@require_http_methods(["GET", "POST"])
@staff("settings.write")
def clinic_settings(request: HttpRequest, member: Member) -> HttpResponse:
    """Show and save what the clinic's public profile says; list its practitioners' profiles."""
    form = ClinicProfileForm(request.POST if request.method == "POST" else None, clinic=member.clinic)
    if form.is_valid():
        about = form.cleaned_data["about"]
        change_about(clinic=member.clinic, about=about, actor=member.actor, at=clock.now())
        messages.success(request, _("Saved."))
        return redirect("clinic:clinic_settings", slug=member.clinic.slug)
    public = reverse("clinic:clinic_profile", kwargs={"slug": member.clinic.slug})
    context = {
        "form": form,
        "practitioners": Practitioner.objects.filter(clinic=member.clinic).order_by("name"),
        "public_address": settings.PUBLIC_URL + public if list_listed(member.clinic).exists() else "",
    }
    return render(request, "clinic/clinic_settings.html", context, status=422 if form.errors else 200)


@require_http_methods(["GET", "POST"])
@staff("settings.write")
def practitioner_settings(request: HttpRequest, member: Member, pk: int) -> HttpResponse:
    """Show and save a practitioner's public profile."""
    practitioner = get_for(member, Practitioner, pk, "settings.write")
    form = ProfileForm(request.POST if request.method == "POST" else None, practitioner=practitioner)
    if form.is_valid():
        change_profile(practitioner=practitioner, actor=member.actor, at=clock.now(), **form.cleaned_data)
        messages.success(request, _("Saved."))
        return redirect("clinic:practitioner_settings", slug=member.clinic.slug, pk=practitioner.pk)
    public = reverse("clinic:practitioner_profile", kwargs={"slug": practitioner.slug})
    context = {
        "practitioner": practitioner,
        "form": form,
        "public_path": public,
        "public_address": settings.PUBLIC_URL + public,
        "has_calendar": practitioner.calendars.exists(),
    }
    return render(request, "clinic/practitioner_settings.html", context, status=422 if form.errors else 200)


@require_safe
@staff("review.see")
def reviews(request: HttpRequest, member: Member) -> HttpResponse:
    """List what patients wrote, with the clinic's answers."""
    return _list(request, member)


def _list(
    request: HttpRequest, member: Member, *, bound: Form | None = None, about: int = 0, status: int = 200,
    problem: str = "",
) -> HttpResponse:  # fmt: skip
    """Return the list; on a refusal with the form that was sent, as it was typed, at its review."""
    request.shown_at = reverse("clinic:reviews", args=[member.clinic.slug])  # type: ignore[attr-defined]
    rows = list_clinic_reviews(member.clinic)
    # A refused form comes back with the page its review stands on.
    place = rows.filter(written_at__gt=rows.get(pk=about).written_at).count() if about else 0
    number = str(place // PAGE + 1) if about else request.GET.get("page", "1")[:9]
    page = Paginator(rows, PAGE).get_page(number)
    entries: list[dict[str, Any]] = []
    for review in page.object_list:
        forms = {"answer": AnswerForm(review=review), "report": ReportForm(review=review)}
        if bound is not None and review.pk == about:
            forms["answer" if isinstance(bound, AnswerForm) else "report"] = bound
        is_here = review.pk == about
        entries.append({"review": review, "problem": problem if is_here else "", **forms})
    listed = Practitioner.objects.filter(clinic=member.clinic).order_by("name")
    ratings = ratings_of(listed.values_list("pk", flat=True))
    context = {
        "entries": entries,
        **around(request, page),
        "ratings": [(one, ratings[one.pk]) for one in listed if one.pk in ratings],
        "may_write": member.may("review.write"),
    }
    return render(request, "clinic/reviews.html", context, status=status)


@require_POST
@staff("review.write")
def review_answer(request: HttpRequest, member: Member, pk: int) -> HttpResponse:
    """Answer a review, change the answer or take it back."""
    review = get_for(member, Review, pk, "review.write")
    form = AnswerForm(request.POST, review=review)
    if not form.is_valid():
        return _list(request, member, bound=form, about=pk, status=422)
    try:
        review_operations.answer_review(
            review_id=review.pk, actor=member.actor, at=clock.now(), **form.cleaned_data
        )
    except StaleReview:
        # What stands now is shown above the form, which keeps what was typed and may be sent again.
        review.refresh_from_db()
        again = AnswerForm(review=review)
        again.initial["text"] = form.cleaned_data["text"]
        problem = _("Somebody else answered meanwhile. Nothing was saved; what you typed still stands below.")
        return _list(request, member, bound=again, about=pk, status=409, problem=problem)
    messages.success(request, _("Saved."))
    return redirect("clinic:reviews", slug=member.clinic.slug)


@require_POST
@staff("review.write")
def review_report(request: HttpRequest, member: Member, pk: int) -> HttpResponse:
    """Ask the operators to look at a review."""
    review = get_for(member, Review, pk, "review.write")
    form = ReportForm(request.POST, review=review)
    if not form.is_valid():
        return _list(request, member, bound=form, about=pk, status=422)
    try:
        review_operations.report_review(
            review_id=review.pk, reason=form.cleaned_data["reason"], actor=member.actor, at=clock.now()
        )
    except StaleReview:
        problem = _("This review was reported before. It is reported once.")
        return _list(request, member, about=pk, status=409, problem=problem)
    messages.success(request, _("Reported. The review stands until it was looked at."))
    return redirect("clinic:reviews", slug=member.clinic.slug)
