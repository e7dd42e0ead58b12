"""The addresses of a calendar in its settings, and what calendar programs fetch there (D5)."""

from contextlib import suppress

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import parse_etags
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_POST

from clinic.access import Member, get_for, staff
from clinic.calendars.models import Calendar, CalendarFeed
from clinic.feeds.forms import FeedForm
from clinic.feeds.icalendar_file import list_entries, version_of, written
from clinic.feeds.operations import (
    INITIALS,
    RevokedFeed,
    TooManyFeeds,
    create_feed,
    find_feed,
    note_fetched,
    revoke_feed,
    rotate_feed,
)
from clinic.forms import KeyField, new_key
from clinic.lib import clock
from clinic.lib.rate import is_within

# Several devices of several people ask every few minutes.
FETCHES, FETCH_SECONDS = 120, 3600
# Nobody guesses an address; who tries is slowed down all the same.
WRONG, WRONG_SECONDS = 30, 600
LONGEST_TOKEN = 100


@require_http_methods(["GET", "POST"])
@staff("settings.write")
def calendar_feeds(request: HttpRequest, member: Member, pk: int) -> HttpResponse:
    """List a calendar's addresses; a POST makes one, which is shown this once."""
    calendar = get_for(
        member, Calendar.objects.select_related("clinic", "practitioner"), pk, "settings.write"
    )
    form = FeedForm(request.POST) if request.method == "POST" else _fresh()
    if form.is_valid():
        try:
            token = create_feed(calendar=calendar, actor=member.actor, at=clock.now(), **form.cleaned_data)
        except TooManyFeeds:
            problem = _("There are as many addresses as there can be. Revoke one first.")
            return _page(request, calendar, form, problem=problem, status=409)
        except RevokedFeed:
            return _page(request, calendar, _fresh(), problem=_revoked(), status=409)
        return _page(request, calendar, _fresh(), token=token)
    return _page(request, calendar, form, status=422 if form.errors else 200)


def _fresh() -> FeedForm:
    return FeedForm(initial={"key": new_key()})


def _revoked() -> str:
    return _("This address was revoked meanwhile. Make a new one if you need it.")


def _page(
    request: HttpRequest, calendar: Calendar, form: FeedForm, *, token: str = "", problem: str = "",
    status: int = 200,
) -> HttpResponse:  # fmt: skip
    """Return the page; with a token, the one time that its address can be read."""
    place = reverse("clinic:calendar_feeds", args=[calendar.clinic.slug, calendar.pk])
    request.shown_at = place  # type: ignore[attr-defined]
    rows = CalendarFeed.objects.filter(calendar=calendar, revoked_at=None).select_related("created_by")
    feeds = [(feed, feed.key[0] == INITIALS) for feed in rows.order_by("-created_at", "-pk")]
    context = {
        "calendar": calendar,
        "form": form,
        "feeds": feeds,
        "address": settings.PUBLIC_URL + reverse("clinic:feed", args=[token]) if token else "",
        "rotate_key": new_key(),
        "problem": problem,
    }
    return render(request, "clinic/calendar_feeds.html", context, status=status)


@require_POST
@staff("settings.write")
def feed_revoke(request: HttpRequest, member: Member, pk: int) -> HttpResponse:
    """Let an address lead nowhere from now on; a second press changes nothing."""
    feed = get_for(member, CalendarFeed, pk, "settings.write")
    with suppress(RevokedFeed):
        revoke_feed(feed=feed, actor=member.actor, at=clock.now())
    messages.success(request, _("The address is revoked: nobody reads the calendar by it any more."))
    return redirect("clinic:calendar_feeds", slug=member.clinic.slug, pk=feed.calendar_id)


@require_POST
@staff("settings.write")
def feed_rotate(request: HttpRequest, member: Member, pk: int) -> HttpResponse:
    """Put a new address in the place of one, and show it this once."""
    feeds = CalendarFeed.objects.select_related("calendar__clinic", "calendar__practitioner")
    feed = get_for(member, feeds, pk, "settings.write")
    try:
        token = rotate_feed(
            feed=feed, key=KeyField().to_python(request.POST.get("key")), actor=member.actor, at=clock.now()
        )
    except RevokedFeed:
        return _page(request, feed.calendar, _fresh(), problem=_revoked(), status=409)
    return _page(request, feed.calendar, _fresh(), token=token)


@csrf_exempt  # a refusal of any method is answered without a page
def feed(request: HttpRequest, token: str) -> HttpResponse:
    """Give a calendar program the file behind a secret address; whoever knows it is let in."""
    response = _feed(request, token)
    # Refusals are written to the log with their address; this one is a secret.
    response._has_been_logged = True  # type: ignore[attr-defined]
    response["Referrer-Policy"] = "same-origin"
    return response


def _feed(request: HttpRequest, token: str) -> HttpResponse:
    if request.method not in {"GET", "HEAD"}:
        text = _("This address can only be read.")
        return HttpResponseNotAllowed(["GET", "HEAD"], text, content_type="text/plain; charset=utf-8")
    at = clock.now()
    found = find_feed(token) if len(token) <= LONGEST_TOKEN else None
    if found is None:
        here = request.META.get("REMOTE_ADDR", "")
        is_fine = is_within(f"feed-wrong:{here}", most=WRONG, seconds=WRONG_SECONDS)
        return _plain(_("There is no calendar here."), 404) if is_fine else _too_often()
    if not is_within(f"feed:{found.pk}", most=FETCHES, seconds=FETCH_SECONDS):
        return _too_often()
    entries = list_entries(found, at=at)
    version = version_of(found, entries)
    note_fetched(found, at=at)
    known = parse_etags(request.headers.get("If-None-Match", ""))
    if version in known or "*" in known or version.removeprefix("W/") in known:
        response = HttpResponse(status=304)
    else:
        response = HttpResponse(written(found, entries, at=at), content_type="text/calendar; charset=utf-8")
        response["Content-Disposition"] = 'inline; filename="calendar.ics"'
    response["ETag"] = version
    # Only the program that asked may keep it, and asks again before it uses it.
    response["Cache-Control"] = "private, no-cache"
    return response


def _plain(text: str, status: int) -> HttpResponse:
    return HttpResponse(text + "\n", status=status, content_type="text/plain; charset=utf-8")


def _too_often() -> HttpResponse:
    response = _plain(_("This calendar was fetched too often. Please try again later."), 429)
    response["Retry-After"] = str(WRONG_SECONDS)
    return response
