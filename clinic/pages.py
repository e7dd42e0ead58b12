"""Pages that belong to no part of floor 0."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """Say plainly that the page was too old to be sent."""
    return render(request, "403_csrf.html", status=403)
