"""Online booking on three screens: service, time, patient (D2). Whole without script; a GET changes nothing."""

import secrets
from collections.abc import Callable
from datetime import datetime
from functools import wraps
from typing import Any

from django.conf import settings
from django.core import signing
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import translation
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from clinic.appointments.enums import Status
from clinic.appointments.models import Appointment
from clinic.appointments.online import Offer
from clinic.calendars.models import Service
from clinic.directory import booking, limits
from clinic.directory.booking import NotOffered, Taken
from clinic.directory.booking_form import BookingForm, new_stamp
from clinic.directory.slot_picker import code_of, pick, start_of
from clinic.lib import clock
from clinic.lib.page_language import language_of, shown_in
from clinic.lib.rate import is_within
from clinic.panels import rendered
from clinic.people.models import Clinic, Practitioner

View = Callable[..., HttpResponse]

COOKIE, COOKIE_DONE, SALT = "booking", "booked", "clinic.booking."
COOKIE_LIVES = 24 * 3600  # seconds
DONE_LIVES = 3600
# So often one browser may have a time kept within an hour; then it books without.
MOST_HOLDS = 15


def for_booking(view: View) -> View:
    """Open a page to everybody, in the language of its address, else the browser's.

    The view is called with the practitioner, and where the address names a service with that: None if it could be
    booked once. Whom nobody can book online is not there, unless listed, or to somebody who was offered a time just
    now and types.
    """

    @wraps(view)
    def guarded(request: HttpRequest, practitioner: str, **kwargs: Any) -> HttpResponse:
        found = Practitioner.objects.select_related("clinic").filter(slug=practitioner).first()
        if found is None:
            raise Http404
        service = None
        if "service" in kwargs:
            service = kwargs["service"] = _find(found, kwargs["service"])
        if not (
            service
            or found.is_listed
            or booking.can_be_booked(found)
            or booking.keeps_time(_key(request), found)
        ):
            raise Http404
        language = language_of(request, translation.get_language() or found.clinic.language)
        return shown_in(language, request, lambda: view(request, found, **kwargs))

    return guarded


def _to(request: HttpRequest, name: str, practitioner: Practitioner, **more: Any) -> str:
    """Return the address of one of these pages, in the language that was asked for."""
    url = reverse(f"clinic:{name}", kwargs={"practitioner": practitioner.slug, **more})
    language = language_of(request, "")
    return f"{url}?language={language}" if language else url


# --- Whose hold it is -----------------------------------------------------------------------------


def _key(request: HttpRequest) -> str:
    """Return the key under which this browser's hold is kept; nothing if it has none yet."""
    try:
        return str(signing.loads(request.COOKIES.get(COOKIE, ""), salt=SALT + COOKIE, max_age=COOKIE_LIVES))
    except signing.BadSignature:
        return ""


def _remember(response: HttpResponse, practitioner: Practitioner, name: str, what: Any, age: int) -> None:
    response.set_cookie(
        name,
        signing.dumps(what, salt=SALT + name),
        max_age=age,
        path=reverse("clinic:book_service", kwargs={"practitioner": practitioner.slug}),
        secure=settings.SECURE,
        httponly=True,
        samesite="Lax",
    )


def _hold(request: HttpRequest, key: str, service: Service, start: datetime, at: datetime) -> str:
    """Keep a time for this browser while its user types; return the key under which it is kept (A14).

    Whoever asks for too many gets none: their time is theirs once they book it.

    Raises:
        Taken, NotOffered: as `hold_slot`.
    """
    clinic = service.calendar.clinic
    key_now = key or secrets.token_hex(16)
    is_fine = bool(key) or limits.from_here("holds", request, clinic, limits.NEW_HOLDS)
    if is_fine and is_within(f"holds-of:{key_now}", most=MOST_HOLDS, seconds=limits.HOUR):
        booking.hold_slot(offer=_offer(service, key_now, at), start=start, at=at)
        return key_now
    return key


def _offer(service: Service, key: str, at: datetime) -> Offer:
    return Offer(service.calendar, service.minutes, at, hold_key=key)


# --- The pages ------------------------------------------------------------------------------------


@require_safe
@for_booking
def book_service(request: HttpRequest, practitioner: Practitioner) -> HttpResponse:
    """Ask what it is for, and where if there are several places."""
    return _services(request, practitioner)


def _services(
    request: HttpRequest,
    practitioner: Practitioner,
    *,
    status: int = 200,
    problem: str = "",
    typed: BookingForm | None = None,
    start: datetime | None = None,
) -> HttpResponse:
    """Show the services; with a form that was typed in, each takes that form along to its own times."""
    services = list(booking.list_bookable(practitioner))
    return render(
        request,
        "clinic/book_service.html",
        {
            **_common(request, practitioner),
            "services": services,
            "has_places": len({one.calendar_id for one in services}) > 1,
            "problem": problem,
            "typed": typed,
            "code": code_of(start) if start else "",
            "day": start.astimezone(practitioner.clinic.zone).date().isoformat() if start else "",
            "panels": rendered(request, "public", practitioner.clinic),
        },
        status=status,
    )


def _common(request: HttpRequest, practitioner: Practitioner) -> dict[str, Any]:
    asked = language_of(request, "")
    return {
        "clinic": practitioner.clinic,
        "practitioner": practitioner,
        "query": f"?language={asked}" if asked else "",
    }


def _find(practitioner: Practitioner, service: int) -> Service | None:
    """Return a service that can be booked, or None for one that could be once.

    Raises:
        Http404: it is no service of this practitioner's (A1).
    """
    found = booking.find_bookable(practitioner, service)
    if found is None and not Service.objects.filter(pk=service, calendar__practitioner=practitioner).exists():
        raise Http404
    return found


def _no_more(request: HttpRequest, practitioner: Practitioner) -> HttpResponse:
    problem = _("This service cannot be booked here any more. Please choose another one.")
    return _services(request, practitioner, status=409, problem=problem)


def _no_more_while_typing(request: HttpRequest, practitioner: Practitioner, start: datetime) -> HttpResponse:
    if request.method != "POST":
        return _no_more(request, practitioner)
    # Once for each service: no field of it may have a name of its own on the page.
    form = _unsent(request, practitioner.clinic, clock.now(), auto_id=False)
    request.shown_at = reverse("clinic:book_service", args=[practitioner.slug])  # type: ignore[attr-defined]
    if booking.can_be_booked(practitioner):
        problem = _(
            "This service cannot be booked here any more. Nothing was booked; what you typed is still here."
            " Please choose another one."
        )
    else:
        problem = _(
            "This service cannot be booked here any more. Nothing was booked; what you typed stands below."
        )
    return _services(request, practitioner, status=409, problem=problem, typed=form, start=start)


def _unsent(request: HttpRequest, clinic: Clinic, at: datetime, **more: Any) -> BookingForm:
    """Return the form as typed so far, without errors."""
    posted = BookingForm(request.POST, clinic=clinic)
    typed = posted.typed()
    stamp = typed["stamp"] if posted.has_good_stamp() else new_stamp(at)
    return BookingForm(None, clinic=clinic, initial={**typed, "stamp": stamp}, **more)


@require_http_methods(["GET", "POST"])
@for_booking
def book_time(request: HttpRequest, practitioner: Practitioner, service: Service | None) -> HttpResponse:
    """Show free times, week by week; a POST keeps one for a moment and goes on."""
    if service is None:
        return _no_more(request, practitioner)
    if request.method != "POST":
        return _times(request, practitioner, service, asked=request.GET.get("from", ""))
    start, at, key = start_of(request.POST.get("start", "")), clock.now(), _key(request)
    if start is None:
        return _times(request, practitioner, service, status=422, problem=_not_offered())
    try:
        key = _hold(request, key, service, start, at)
    except Taken:
        return _times(
            request, practitioner, service, status=409, problem=_taken(), asked=_day(start, service)
        )
    except NotOffered:
        return _times(request, practitioner, service, status=422, problem=_not_offered())
    response = redirect(_to(request, "book_details", practitioner, service=service.pk, start=code_of(start)))
    if key:
        _remember(response, practitioner, COOKIE, key, COOKIE_LIVES)
    return response


def _taken() -> str:
    return _("This time was just taken. Please choose another one.")


def _not_offered() -> str:
    return _("This time cannot be chosen. Please choose one of these.")


def _day(start: datetime, service: Service) -> str:
    return start.astimezone(service.calendar.zone).date().isoformat()


def _times(
    request: HttpRequest,
    practitioner: Practitioner,
    service: Service,
    *,
    asked: str = "",
    status: int = 200,
    problem: str = "",
) -> HttpResponse:
    offer = _offer(service, _key(request), clock.now())
    template = "clinic/book_time.html"
    request.shown_at = reverse("clinic:book_time", args=[practitioner.slug, service.pk])  # type: ignore[attr-defined]
    return render(
        request,
        template,
        {
            **_common(request, practitioner),
            "service": service,
            "calendar": service.calendar,
            "zone": service.calendar.zone,
            "picker": pick(offer, asked),
            "problem": problem,
        },
        status=status,
    )


@require_http_methods(["GET", "POST"])
@for_booking
def book_details(
    request: HttpRequest, practitioner: Practitioner, service: Service | None, start: str
) -> HttpResponse:
    """Ask who it is for; a POST books.

    Where the time is gone, the form stays as it was typed, with free times in it: choosing one of them (*start*)
    or looking further (*from*) changes the time alone.
    """
    wanted = start_of(start)
    if wanted is None:
        raise Http404
    if service is None:
        return _no_more_while_typing(request, practitioner, wanted)
    page = _Details(request, practitioner, service, wanted)
    if request.method != "POST":
        return page.shown()
    if "start" in request.POST:
        return page.choose(request.POST["start"])
    if "from" in request.POST:
        return page.answer(page.unsent(), with_times=True, asked=request.POST["from"])
    return page.book()


class _Details:
    """The third screen: one time of one service, and the form beside it."""

    def __init__(
        self, request: HttpRequest, practitioner: Practitioner, service: Service, start: datetime
    ) -> None:
        self.request, self.practitioner, self.service, self.start = request, practitioner, service, start
        self.clinic, self.at, self.key = practitioner.clinic, clock.now(), _key(request)

    @property
    def offer(self) -> Offer:
        return _offer(self.service, self.key, self.at)

    def unsent(self) -> BookingForm:
        """Return the form as typed so far, without errors."""
        return _unsent(self.request, self.clinic, self.at)

    def shown(self) -> HttpResponse:
        """Show the empty form, or free times where this one is gone."""
        standing = self.offer.standing(self.start)
        if standing.name != "FREE":
            problem = _taken() if standing.name == "TAKEN" else _not_offered()
            return _times(
                self.request, self.practitioner, self.service, status=409, problem=problem,
                asked=_day(self.start, self.service),
            )  # fmt: skip
        form = BookingForm(None, clinic=self.clinic, initial={"stamp": new_stamp(self.at)})
        return self.answer(form)

    def choose(self, code: str) -> HttpResponse:
        """Keep another time, or this one for somebody who came by a link and types; what was typed stays."""
        form, chosen = self.unsent(), start_of(code)
        if chosen is None:
            return self.answer(form, status=422, problem=_not_offered(), with_times=True)
        try:
            self.key = _hold(self.request, self.key, self.service, chosen, self.at)
        except Taken:
            return self.answer(form, status=409, problem=_taken(), with_times=True)
        except NotOffered:
            return self.answer(form, status=422, problem=_not_offered(), with_times=True)
        self.start = chosen
        response = self.answer(form)
        if self.key:
            _remember(response, self.practitioner, COOKIE, self.key, COOKIE_LIVES)
        return response

    def book(self) -> HttpResponse:
        """Book; a second press of the same form finds what the first one made."""
        form = BookingForm(self.request.POST, clinic=self.clinic)
        if not form.is_valid():
            return self.answer(form, status=422)
        stamp = form.cleaned_data["stamp"]
        before = booking.find_booked(service=self.service, start=self.start)
        if before is not None and booking.is_of_form(before, stamp):
            return self._done(before)
        if not form.looks_made_by_hand(self.at):
            # A person who was this quick, or whose browser filled in everything, presses once more.
            problem = _("Please press once more. So we know that no machine is booking.")
            return self.answer(self.unsent(), status=422, problem=problem)
        contact = form.cleaned_data["contact"]
        if not self._may_book(contact):
            problem = _("Too many bookings in a short time. Please try again in a few minutes, or call us.")
            response = self.answer(form, status=429, problem=problem)
            response["Retry-After"] = str(limits.BOOKINGS_FOR_CONTACT[1])
            return response
        may_send_sms = not contact["phone"] or limits.may_cause_sms(
            self.request, self.clinic, contact["phone"]
        )
        if not may_send_sms and not contact["email"]:
            form.add_error("email", _("We can send no more SMS today. Please enter an e-mail address."))
            return self.answer(form, status=422)
        if before is not None:
            # Of a crowd, most come when somebody else has the time already.
            return self.answer(form, status=409, problem=_taken(), with_times=True)
        try:
            made = booking.book_online(
                offer=self.offer, service=self.service, start=self.start, contact=contact,
                language=(translation.get_language() or self.clinic.language)[:2], form_key=stamp,
                may_send_sms=may_send_sms, at=self.at,
            )  # fmt: skip
        except Taken:
            before = booking.find_booked(service=self.service, start=self.start)
            if before is not None and booking.is_of_form(before, stamp):
                return self._done(before)
            return self.answer(form, status=409, problem=_taken(), with_times=True)
        except NotOffered:
            return self.answer(form, status=422, problem=_not_offered(), with_times=True)
        return self._done(made)

    def _may_book(self, contact: dict[str, str]) -> bool:
        both = (contact["email"], contact["phone"])
        is_fine = limits.for_contacts("bookings", both, limits.BOOKINGS_FOR_CONTACT)
        return limits.from_here("bookings", self.request, self.clinic, limits.BOOKINGS) and is_fine

    def _done(self, made: Appointment) -> HttpResponse:
        response = redirect(_to(self.request, "book_done", self.practitioner))
        _remember(response, self.practitioner, COOKIE_DONE, made.pk, DONE_LIVES)
        return response

    def answer(
        self,
        form: BookingForm,
        *,
        status: int = 200,
        problem: str = "",
        with_times: bool = False,
        asked: str = "",
    ) -> HttpResponse:
        """Show the form, with free times in it where the chosen one is gone."""
        kept = booking.held_until(key=self.key, service=self.service, start=self.start, at=self.at)
        self.request.shown_at = reverse(  # type: ignore[attr-defined]
            "clinic:book_details", args=[self.practitioner.slug, self.service.pk, code_of(self.start)]
        )
        context = {
            **_common(self.request, self.practitioner),
            "service": self.service,
            "calendar": self.service.calendar,
            "zone": self.service.calendar.zone,
            "start": self.start,
            "code": code_of(self.start),
            "form": form,
            "kept": kept,
            "problem": problem,
            "picker": pick(self.offer, asked or _day(self.start, self.service)) if with_times else None,
        }
        return render(self.request, "clinic/book_details.html", context, status=status)


@require_safe
@for_booking
def book_done(request: HttpRequest, practitioner: Practitioner) -> HttpResponse:
    """Say that it is booked, to the browser that booked it; others choose a service."""
    try:
        pk = signing.loads(request.COOKIES.get(COOKIE_DONE, ""), salt=SALT + COOKIE_DONE, max_age=DONE_LIVES)
    except signing.BadSignature:
        pk = None
    rows = Appointment.objects.whole().filter(calendar__practitioner=practitioner, status=Status.BOOKED)
    found = rows.filter(pk=pk).first() if isinstance(pk, int) else None
    if found is None:
        return redirect(_to(request, "book_service", practitioner))
    context = {
        **_common(request, practitioner),
        "appointment": found,
        "calendar": found.calendar,
        "zone": found.calendar.zone,
    }
    return render(request, "clinic/book_done.html", context)
