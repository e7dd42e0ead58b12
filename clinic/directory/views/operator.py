"""Reviews that clinics reported, for those who look after the installation."""

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from clinic.access import operators
from clinic.audit.operations import user_actor
from clinic.directory.enums import ReviewState
from clinic.directory.forms import DecisionForm
from clinic.directory.models import Review
from clinic.directory.public_page import around
from clinic.directory.queries import list_looked_at
from clinic.directory.reviews import StaleReview, decide_review
from clinic.lib import clock

PAGE = 20


@require_safe
@operators
def reported_reviews(request: HttpRequest) -> HttpResponse:
    """List what was reported, and what is hidden."""
    return _list(request)


def _list(request: HttpRequest, *, status: int = 200, problem: str = "") -> HttpResponse:
    page = Paginator(list_looked_at(), PAGE).get_page(request.GET.get("page", "1")[:9])
    context = {**around(request, page), "problem": problem}
    return render(request, "clinic/reported_reviews.html", context, status=status)


@require_POST
@operators
def review_decide(request: HttpRequest, pk: int) -> HttpResponse:
    """Hide a reported review or keep it; show a hidden one again."""
    review = get_object_or_404(Review, pk=pk)
    form = DecisionForm(request.POST)
    if not form.is_valid():
        return _list(request, status=422, problem=_("Please open the page anew."))
    try:
        decide_review(
            review_id=review.pk,
            shown=ReviewState(form.cleaned_data["shown"]),
            hide=form.cleaned_data["hide"],
            actor=user_actor(request.user),
            at=clock.now(),
        )
    except StaleReview:
        problem = _("Somebody else decided meanwhile. Nothing was done.")
        return _list(request, status=409, problem=problem)
    messages.success(request, _("Saved."))
    return redirect("clinic:reported_reviews")
