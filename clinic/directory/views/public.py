"""What everybody may read: the search, the profiles, and what search engines ask for."""

from django.conf import settings
from django.contrib.sitemaps import views as sitemaps
from django.core.paginator import Paginator
from django.db.models import Prefetch
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_safe

from clinic.calendars.models import Calendar
from clinic.directory import queries, search
from clinic.directory.profiles import describe_place
from clinic.directory.public_page import around, page_context, public_page
from clinic.directory.sitemap import SITEMAPS
from clinic.lib import clock
from clinic.lib.text import has_control_characters
from clinic.panels import rendered
from clinic.people.models import Clinic, Practitioner

REVIEWS_ON_A_PAGE = 10


@require_safe
@public_page
def find(request: HttpRequest) -> HttpResponse:
    """Find practitioners by city, by service or specialty, by name."""
    typed = {name: _typed(request, name) for name in ("city", "what", "who")}
    found = search.find_listings(search.Wanted(**typed))
    # Not joined: the database would put whole rows of all that was found in order, for a late page of it.
    rows = found.rows.prefetch_related("practitioner__clinic", "calendar")
    page = Paginator(rows, search.PAGE).get_page(request.GET.get("page", "1")[:9])
    at = clock.now()
    listings = list(page.object_list)
    ratings = queries.ratings_of({one.practitioner_id for one in listings})
    free = queries.first_free_times([one.calendar for one in listings], at)
    context = {
        "typed": typed,
        "found": found,
        "results": [
            {
                "listing": one,
                "rating": ratings.get(one.practitioner_id),
                "free_at": free.get(one.calendar_id),
                "distance": found.distance_of(one),
            }
            for one in listings
        ],
        "now": at,
        **around(request, page, **typed),
        **page_context(request, **typed, page=str(page.number) if page.number > 1 else ""),
    }
    return render(request, "clinic/find.html", context)


def _typed(request: HttpRequest, name: str) -> str:
    text = " ".join(request.GET.get(name, "")[: search.MOST_LETTERS].split())
    return "" if has_control_characters(text) else text


@require_safe
@public_page
def practitioner_profile(request: HttpRequest, slug: str) -> HttpResponse:
    """Show what patients want to know of a practitioner before they come."""
    rows = Practitioner.objects.select_related("clinic")
    practitioner = rows.filter(slug=slug, is_listed=True).first()
    if practitioner is None:
        raise Http404
    at = clock.now()
    calendars = Calendar.objects.filter(practitioner=practitioner).select_related("clinic", "practitioner")
    offered = queries.list_offered()
    calendars = calendars.prefetch_related("opening_hours", Prefetch("services", offered)).order_by("name")
    places = [describe_place(calendar, at=at) for calendar in calendars]
    reviews = Paginator(queries.list_reviews(practitioner), REVIEWS_ON_A_PAGE)
    page = reviews.get_page(request.GET.get("page", "1")[:9])
    context = {
        "practitioner": practitioner,
        "clinic": practitioner.clinic,
        "zone": places[0].calendar.zone if places else practitioner.clinic.zone,
        "places": places,
        "absence": queries.find_absence(practitioner, at),
        "is_bookable": any(place.free_for for place in places),
        "rating": queries.ratings_of({practitioner.pk}).get(practitioner.pk),
        "now": at,
        "panels": rendered(request, "profile", practitioner),
        **around(request, page),
        **page_context(request, page=str(page.number) if page.number > 1 else ""),
    }
    return render(request, "clinic/practitioner_profile.html", context)


@require_safe
@public_page
def clinic_profile(request: HttpRequest, slug: str) -> HttpResponse:
    """Show a clinic with those of its practitioners who are listed; without any it has no profile."""
    clinic = Clinic.objects.filter(slug=slug).first()
    listed = list(queries.list_listed(clinic).prefetch_related("calendars")) if clinic else []
    if not listed:
        raise Http404
    ratings = queries.ratings_of({one.pk for one in listed})
    context = {
        "clinic": clinic,
        "practitioners": [(one, ratings.get(one.pk)) for one in listed],
        "places": queries.list_places(listed),
        **page_context(request),
    }
    return render(request, "clinic/clinic_profile.html", context)


@require_safe
def sitemap(request: HttpRequest) -> HttpResponse:
    """List the public pages for search engines."""
    response: HttpResponse = sitemaps.sitemap(request, SITEMAPS).render()
    response["X-Robots-Tag"] = "noindex, nofollow"
    return response


@require_safe
def robots(request: HttpRequest) -> HttpResponse:
    """Tell search engines which pages are for them: the directory's, and what these are drawn with."""
    allowed = [reverse("clinic:find"), "/p/", "/clinic/", "/static/"]
    lines = ["User-agent: *", *(f"Allow: {path}" for path in allowed), "Disallow: /p/*/book/", "Disallow: /"]
    sitemap_at = settings.PUBLIC_URL + reverse("clinic:sitemap")
    text = "\n".join([*lines, "", f"Sitemap: {sitemap_at}", ""])
    return HttpResponse(text, content_type="text/plain; charset=utf-8")
