"""Who may open what: every address × everybody × GET and POST (R38, A62 to A67, K23).

An address without its rows fails, and so does a row whose address is gone.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.core.cache import cache
from django.db import connection, transaction
from django.test import Client
from django.test.signals import template_rendered
from django.urls import URLPattern, URLResolver, get_resolver, reverse

from clinic.appointments.hours_forms import seen_of
from clinic.audit.operations import SYSTEM
from clinic.calendars.absences import add_absence
from clinic.directory.slot_picker import code_of
from clinic.models import Absence, User
from messaging.delivery import send_due
from messaging.enums import Purpose
from messaging.links import link_key, token_of
from messaging.models import Delivery, PersonalLink
from notifications.enums import Channel
from reminders.after.rules import NEXT
from reminders.after.voice import address_of
from tests.factories.booking import START, booking_form, open_for_booking
from tests.factories.cards import note_of, twin_of
from tests.factories.choices import choices_link_of
from tests.factories.directory import profile_of, reported_of, review_link_of, review_of
from tests.factories.files import feed_of, feed_token, one_patient
from tests.factories.house import DAYS, HTMX, NOW, House, by_link, logged_in
from tests.factories.offers import offer_link_of
from tests.factories.page import Answer
from tests.factories.waiting import (
    area_form,
    area_of,
    broadcast_of,
    call_of,
    caller_of,
    entry_form,
    message_form,
    waiting,
    way_in_of,
)

pytestmark = pytest.mark.one_engine

# "stranger": the administrator of another clinic. "patient": a browser that came by the appointment's link
# and waits in the waiting area.
PEOPLE = ("anonymous", "patient", "assistant", "practitioner", "admin", "stranger", "operator")
MATRIX = """
                                            anon  pati  assi  prac  admi  stra  oper
clinic:home                           GET   302   302   302   302   302   302   200
clinic:home                           POST  405   405   405   405   405   405   405
clinic:first_clinic                   GET   404   404   404   404   404   404   404
clinic:first_clinic                   POST  404   404   404   404   404   404   404
clinic:log_in                         GET   200   200   302   302   302   302   302
clinic:log_in                         POST  422   422   302   302   302   302   302
clinic:log_out                        GET   405   405   405   405   405   405   405
clinic:log_out                        POST  302   302   302   302   302   302   302
clinic:set_language                   GET   405   405   405   405   405   405   405
clinic:set_language                   POST  302   302   302   302   302   302   302
clinic:style                          GET   302   302   404   404   404   404   200
clinic:style                          POST  405   405   405   405   405   405   405
clinic:offline                        GET   200   200   200   200   200   200   200
clinic:offline                        POST  405   405   405   405   405   405   405
clinic:service_worker                 GET   200   200   200   200   200   200   200
clinic:service_worker                 POST  405   405   405   405   405   405   405
clinic:book_service                   GET   200   200   200   200   200   200   200
clinic:book_service                   POST  405   405   405   405   405   405   405
clinic:book_done                      GET   302   302   302   302   302   302   302
clinic:book_done                      POST  405   405   405   405   405   405   405
clinic:book_time                      GET   200   200   200   200   200   200   200
clinic:book_time                      POST  302   302   302   302   302   302   302
clinic:book_details                   GET   200   200   200   200   200   200   200
clinic:book_details                   POST  302   302   302   302   302   302   302
clinic:today                          GET   302   302   200   200   200   404   404
clinic:today                          POST  405   405   405   405   405   405   405
clinic:calendar                       GET   302   302   200   200   200   404   404
clinic:calendar                       POST  405   405   405   405   405   405   405
clinic:calendar_print                 GET   302   302   200   200   200   404   404
clinic:calendar_print                 POST  405   405   405   405   405   405   405
clinic:calendar_free                  GET   302   302   200   200   200   404   404
clinic:calendar_free                  POST  405   405   405   405   405   405   405
clinic:absences                       GET   302   302   200   200   200   404   404
clinic:absences                       POST  302   302   302   302   302   404   404
clinic:absence                        GET   302   302   200   200   200   404   404
clinic:absence                        POST  302   302   302   302   302   404   404
clinic:calendar_hours                 GET   302   302   200   200   200   404   404
clinic:calendar_hours                 POST  302   302   302   302   302   404   404
clinic:listen                         GET   405   405   405   405   405   405   405
clinic:listen                         POST  302   302   204   204   204   404   404
clinic:appointment_book               GET   302   302   200   200   200   404   404
clinic:appointment_book               POST  302   302   302   302   302   404   404
clinic:appointment                    GET   302   302   200   200   200   404   404
clinic:appointment                    POST  405   405   405   405   405   405   405
clinic:appointment_card               GET   302   302   302   302   302   404   404
clinic:appointment_card               POST  405   405   405   405   405   405   405
clinic:appointment_restore            GET   405   405   405   405   405   405   405
clinic:appointment_restore            POST  302   302   302   302   302   404   404
clinic:appointment_move               GET   405   405   405   405   405   405   405
clinic:appointment_move               POST  302   302   302   302   302   404   404
clinic:appointment_cancel             GET   405   405   405   405   405   405   405
clinic:appointment_cancel             POST  302   302   302   302   302   404   404
clinic:appointment_mark               GET   405   405   405   405   405   405   405
clinic:appointment_mark               POST  302   302   302   302   302   404   404
clinic:patients                       GET   302   302   200   200   200   404   404
clinic:patients                       POST  302   302   200   200   200   404   404
clinic:patient_find                   GET   405   405   405   405   405   405   405
clinic:patient_find                   POST  302   302   200   200   200   404   404
clinic:patient_new                    GET   302   302   200   200   200   404   404
clinic:patient_new                    POST  302   302   302   302   302   404   404
clinic:patient                        GET   302   302   200   200   200   404   404
clinic:patient                        POST  405   405   405   405   405   405   405
clinic:patient_note_new               GET   405   405   405   405   405   405   405
clinic:patient_note_new               POST  302   302   302   302   302   404   404
clinic:patient_merge                  GET   302   302   200   200   200   404   404
clinic:patient_merge                  POST  302   302   302   302   302   404   404
clinic:patient_note                   GET   405   405   405   405   405   405   405
clinic:patient_note                   POST  302   302   302   403   403   404   404
clinic:patient_note_delete            GET   405   405   405   405   405   405   405
clinic:patient_note_delete            POST  302   302   302   403   302   404   404
clinic:patient_edit                   GET   302   302   200   200   200   404   404
clinic:patient_edit                   POST  302   302   302   302   302   404   404
clinic:patient_email_works            GET   405   405   405   405   405   405   405
clinic:patient_email_works            POST  302   302   302   302   302   404   404
clinic:settings                       GET   302   302   403   403   200   404   404
clinic:settings                       POST  405   405   405   405   405   405   405
clinic:calendar_settings              GET   302   302   403   403   200   404   404
clinic:calendar_settings              POST  302   302   403   403   302   404   404
clinic:calendar_service               GET   302   302   403   403   200   404   404
clinic:calendar_service               POST  302   302   403   403   302   404   404
clinic:find                           GET   200   200   200   200   200   200   200
clinic:find                           POST  405   405   405   405   405   405   405
clinic:practitioner_profile           GET   200   200   200   200   200   200   200
clinic:practitioner_profile           POST  405   405   405   405   405   405   405
clinic:clinic_profile                 GET   200   200   200   200   200   200   200
clinic:clinic_profile                 POST  405   405   405   405   405   405   405
clinic:sitemap                        GET   200   200   200   200   200   200   200
clinic:sitemap                        POST  405   405   405   405   405   405   405
clinic:robots                         GET   200   200   200   200   200   200   200
clinic:robots                         POST  405   405   405   405   405   405   405
clinic:reported_reviews               GET   302   302   404   404   404   404   200
clinic:reported_reviews               POST  405   405   405   405   405   405   405
clinic:review_decide                  GET   405   405   405   405   405   405   405
clinic:review_decide                  POST  302   302   404   404   404   404   302
clinic:reviews                        GET   302   302   200   200   200   404   404
clinic:reviews                        POST  405   405   405   405   405   405   405
clinic:review_answer                  GET   405   405   405   405   405   405   405
clinic:review_answer                  POST  302   302   302   302   302   404   404
clinic:review_report                  GET   405   405   405   405   405   405   405
clinic:review_report                  POST  302   302   302   302   302   404   404
clinic:clinic_settings                GET   302   302   403   403   200   404   404
clinic:clinic_settings                POST  302   302   403   403   302   404   404
clinic:practitioner_settings          GET   302   302   403   403   200   404   404
clinic:practitioner_settings          POST  302   302   403   403   302   404   404
clinic:calendar_feeds                 GET   302   302   403   403   200   404   404
clinic:calendar_feeds                 POST  302   302   403   403   200   404   404
clinic:feed_revoke                    GET   405   405   405   405   405   405   405
clinic:feed_revoke                    POST  302   302   403   403   302   404   404
clinic:feed_rotate                    GET   405   405   405   405   405   405   405
clinic:feed_rotate                    POST  302   302   403   403   200   404   404
clinic:feed                           GET   200   200   200   200   200   200   200
clinic:feed                           POST  405   405   405   405   405   405   405
clinic:import_file                    GET   302   302   403   403   200   404   404
clinic:import_file                    POST  302   302   403   403   302   404   404
clinic:import_plan                    GET   302   302   403   403   302   404   404
clinic:import_plan                    POST  302   302   403   403   302   404   404
clinic:import_run                     GET   302   302   403   403   302   404   404
clinic:import_run                     POST  302   302   403   403   302   404   404
clinic:import_template                GET   302   302   403   403   200   404   404
clinic:import_template                POST  405   405   405   405   405   405   405
clinic:export_file                    GET   302   302   403   403   200   404   404
clinic:export_file                    POST  302   302   403   403   200   404   404
notifications:calendar_communication  GET   302   302   403   403   200   404   404
notifications:calendar_communication  POST  302   302   403   403   302   404   404
notifications:appointment_switches    GET   405   405   405   405   405   405   405
notifications:appointment_switches    POST  302   302   302   302   302   404   404
notifications:patient_invitations     GET   405   405   405   405   405   405   405
notifications:patient_invitations     POST  302   302   302   302   302   404   404
notifications:clinic_invitations      GET   405   405   405   405   405   405   405
notifications:clinic_invitations      POST  302   302   403   403   302   404   404
notifications:sending_pause           GET   405   405   405   405   405   405   405
notifications:sending_pause           POST  302   302   403   403   302   404   404
messaging:twilio_status               GET   405   405   405   405   405   405   405
messaging:twilio_status               POST  403   403   403   403   403   403   403
mailbox:mailbox                       GET   302   302   200   200   200   404   404
mailbox:mailbox                       POST  405   405   405   405   405   405   405
mailbox:mailbox_letter                GET   302   302   200   200   200   404   404
mailbox:mailbox_letter                POST  405   405   405   405   405   405   405
reminders:lost_link                   GET   200   200   200   200   200   200   200
reminders:lost_link                   POST  302   302   302   302   302   302   302
reminders:appointment_link            GET   302   302   302   302   302   302   302
reminders:appointment_link            POST  405   405   405   405   405   405   405
reminders:patient_appointment         GET   404   200   404   404   404   404   404
reminders:patient_appointment         POST  405   405   405   405   405   405   405
reminders:patient_confirm             GET   405   405   405   405   405   405   405
reminders:patient_confirm             POST  404   302   404   404   404   404   404
reminders:patient_cancel              GET   405   405   405   405   405   405   405
reminders:patient_cancel              POST  404   302   404   404   404   404   404
reminders:patient_move                GET   404   200   404   404   404   404   404
reminders:patient_move                POST  404   302   404   404   404   404   404
reminders:patient_code                GET   404   200   404   404   404   404   404
reminders:patient_code                POST  404   302   404   404   404   404   404
reminders:patient_card                GET   404   302   404   404   404   404   404
reminders:patient_card                POST  405   405   405   405   405   405   405
reminders:patient_contact             GET   405   405   405   405   405   405   405
reminders:patient_contact             POST  404   302   404   404   404   404   404
reminders:patient_export              GET   405   405   405   405   405   405   405
reminders:patient_export              POST  404   302   404   404   404   404   404
reminders:patient_wishes              GET   405   405   405   405   405   405   405
reminders:patient_wishes              POST  404   302   404   404   404   404   404
reminders:patient_close               GET   405   405   405   405   405   405   405
reminders:patient_close               POST  404   302   404   404   404   404   404
reminders:patient_seen                GET   405   405   405   405   405   405   405
reminders:patient_seen                POST  404   204   404   404   404   404   404
reminders:offer_link                  GET   302   302   302   302   302   302   302
reminders:offer_link                  POST  405   405   405   405   405   405   405
reminders:patient_offer               GET   404   404   404   404   404   404   404
reminders:patient_offer               POST  404   404   404   404   404   404   404
reminders:next_link                   GET   302   302   302   302   302   302   302
reminders:next_link                   POST  405   405   405   405   405   405   405
reminders:choices_link                GET   302   302   302   302   302   302   302
reminders:choices_link                POST  405   405   405   405   405   405   405
reminders:unsubscribe                 GET   302   302   302   302   302   302   302
reminders:unsubscribe                 POST  200   200   200   200   200   200   200
reminders:patient_choices             GET   404   404   404   404   404   404   404
reminders:patient_choices             POST  404   404   404   404   404   404   404
reminders:review_link                 GET   302   302   302   302   302   302   302
reminders:review_link                 POST  405   405   405   405   405   405   405
reminders:patient_review              GET   404   404   404   404   404   404   404
reminders:patient_review              POST  404   404   404   404   404   404   404
waiting_area:entry                    GET   200   302   200   200   200   200   200
waiting_area:entry                    POST  302   302   302   302   302   302   302
waiting_area:personal_link            GET   302   302   302   302   302   302   302
waiting_area:personal_link            POST  405   405   405   405   405   405   405
waiting_area:personal                 GET   404   404   404   404   404   404   404
waiting_area:personal                 POST  404   404   404   404   404   404   404
waiting_area:wait                     GET   302   200   302   302   302   302   302
waiting_area:wait                     POST  405   405   405   405   405   405   405
waiting_area:wait_state               GET   404   200   404   404   404   404   404
waiting_area:wait_state               POST  405   405   405   405   405   405   405
waiting_area:wait_listen              GET   405   405   405   405   405   405   405
waiting_area:wait_listen              POST  404   204   404   404   404   404   404
waiting_area:wait_resume              GET   405   405   405   405   405   405   405
waiting_area:wait_resume              POST  404   302   404   404   404   404   404
waiting_area:wait_write               GET   404   200   404   404   404   404   404
waiting_area:wait_write               POST  404   302   404   404   404   404   404
waiting_area:wait_leave               GET   405   405   405   405   405   405   405
waiting_area:wait_leave               POST  404   302   404   404   404   404   404
waiting_area:callers                  GET   302   302   200   200   200   404   404
waiting_area:callers                  POST  302   302   200   200   200   404   404
waiting_area:needs                    GET   302   302   200   200   200   404   404
waiting_area:needs                    POST  405   405   405   405   405   405   405
waiting_area:callers_notify           GET   405   405   405   405   405   405   405
waiting_area:callers_notify           POST  302   302   200   200   200   404   404
waiting_area:broadcast_sent           GET   302   302   200   200   200   404   404
waiting_area:broadcast_sent           POST  405   405   405   405   405   405   405
waiting_area:notice_withdraw          GET   405   405   405   405   405   405   405
waiting_area:notice_withdraw          POST  302   302   302   302   302   404   404
waiting_area:caller_tick_off          GET   405   405   405   405   405   405   405
waiting_area:caller_tick_off          POST  302   302   302   302   302   404   404
waiting_area:caller_hold              GET   405   405   405   405   405   405   405
waiting_area:caller_hold              POST  302   302   302   302   302   404   404
waiting_area:caller_transfer          GET   302   302   200   200   200   404   404
waiting_area:caller_transfer          POST  302   302   302   302   302   404   404
waiting_area:caller_join              GET   302   302   200   200   200   404   404
waiting_area:caller_join              POST  302   302   302   302   302   404   404
waiting_area:call                     GET   302   302   200   403   403   404   404
waiting_area:call                     POST  405   405   405   405   405   405   405
waiting_area:call_listen              GET   405   405   405   405   405   405   405
waiting_area:call_listen              POST  302   302   204   410   410   404   404
waiting_area:call_leave               GET   405   405   405   405   405   405   405
waiting_area:call_leave               POST  302   302   409   403   403   404   404
waiting_area:call_end                 GET   405   405   405   405   405   405   405
waiting_area:call_end                 POST  302   302   302   403   403   404   404
waiting_area:call_hold                GET   405   405   405   405   405   405   405
waiting_area:call_hold                POST  302   302   302   403   403   404   404
waiting_area:call_bring               GET   405   405   405   405   405   405   405
waiting_area:call_bring               POST  302   302   302   403   403   404   404
waiting_area:call_part                GET   405   405   405   405   405   405   405
waiting_area:call_part                POST  302   302   302   403   403   404   404
waiting_area:caller_notify            GET   302   302   200   200   200   404   404
waiting_area:caller_notify            POST  302   302   302   302   302   404   404
waiting_area:caller_remove            GET   405   405   405   405   405   405   405
waiting_area:caller_remove            POST  302   302   302   302   302   404   404
waiting_area:my_alerts                GET   302   302   200   200   200   404   404
waiting_area:my_alerts                POST  302   302   302   302   302   404   404
waiting_area:waiting_settings         GET   302   302   403   403   200   404   404
waiting_area:waiting_settings         POST  302   302   403   403   302   404   404
waiting_area:area_settings            GET   302   302   403   403   200   404   404
waiting_area:area_settings            POST  302   302   403   403   302   404   404
"""
ROWS = {
    (name, method): dict(zip(PEOPLE, map(int, statuses), strict=True))
    for name, method, *statuses in (line.split() for line in MATRIX.strip().splitlines()[1:])
}
NAMES = sorted({name for name, _method in ROWS})
GETS = [name for name in NAMES if ROWS[name, "GET"]["admin"] != 405]
POSTS = [name for name in NAMES if ROWS[name, "POST"]["admin"] != 405]
# Looking at these is written down.
SEEN = {"clinic:appointment", "clinic:patient", "waiting_area:caller_notify", "waiting_area:call"}
# Signed instead, or shown by whoever has the link alone.
WITHOUT_TOKEN = {"messaging:twilio_status", "reminders:unsubscribe"}
# Staff's own addresses: those that nobody opens without logging in.
STAFF_ONLY = [
    name for name in NAMES if 404 in {ROWS[name, m]["stranger"] for m in ("GET", "POST")}
    and not name.startswith(("reminders:", "waiting_area:wait_", "waiting_area:personal"))
    and name not in {"clinic:first_clinic", "waiting_area:wait"}
]  # fmt: skip
UNKNOWN = 987_654_321


def named(patterns: list[Any], prefix: str = "") -> Iterator[str]:
    """Yield the names of all addresses."""
    for one in patterns:
        if isinstance(one, URLResolver):
            yield from named(one.url_patterns, f"{prefix}{one.namespace}:" if one.namespace else prefix)
        elif isinstance(one, URLPattern):
            assert one.name, f"{one.pattern} needs a name"
            yield f"{prefix}{one.name}"


def test_every_address_has_its_rows_and_every_row_its_address() -> None:
    assert sorted(named(get_resolver().url_patterns)) == NAMES
    assert sorted(ROWS) == sorted((name, method) for name in NAMES for method in ("GET", "POST"))


# --- The cast, and what is sent to each address ---------------------------------------------------


@pytest.fixture
def letter(rynek: House) -> Delivery:
    """The details of Rynek's appointment, sent to the mailbox."""
    send_due(channel=Channel.EMAIL, at=NOW, now=lambda: NOW)
    return Delivery.objects.get(
        message__appointment=rynek.appointment, message__kind="details", channel="email"
    )


@pytest.fixture
def people(rynek: House, markt: House, operator: User) -> Callable[..., dict[str, Client]]:
    """Everybody's browsers, as the matrix names them."""

    def make(**options: Any) -> dict[str, Client]:
        return {
            "anonymous": Client(**options),
            "patient": waiting(by_link(rynek.link, **options), caller_of(rynek)),
            "assistant": logged_in(rynek.assistant, **options),
            "practitioner": logged_in(rynek.practitioner, **options),
            "admin": logged_in(rynek.admin, **options),
            "stranger": logged_in(markt.admin, **options),
            "operator": logged_in(operator, **options),
        }

    return make


def object_of(name: str, house: House) -> int:
    """Return the id of the house's object that an address is about."""
    if name in {"clinic:patient_note", "clinic:patient_note_delete"}:
        return note_of(house).pk
    if name.startswith(("clinic:patient", "notifications:patient")):
        return house.patient.pk
    if name in {
        "clinic:calendar_settings",
        "clinic:calendar_service",
        "clinic:calendar_hours",
        "clinic:calendar_feeds",
        "notifications:calendar_communication",
    }:
        return house.calendar.pk
    if name == "clinic:practitioner_settings":
        return house.calendar.practitioner_id
    if name in {"clinic:feed_revoke", "clinic:feed_rotate"}:
        return feed_of(house).pk
    if name == "clinic:review_decide":
        return reported_of(house).pk
    if name in {"clinic:review_answer", "clinic:review_report"}:
        return review_of(house).pk
    if name == "clinic:absence":
        return absence_of(house).pk
    if name == "waiting_area:broadcast_sent":
        return broadcast_of(house).pk
    if name == "waiting_area:notice_withdraw":
        return broadcast_of(house).notices.order_by("pk")[0].pk
    if name.startswith("waiting_area:call_"):
        return call_of(house).callers.order_by("pk")[0].pk
    if name == "waiting_area:area_settings":
        return area_of(house).pk
    if name.startswith("waiting_area:"):
        return caller_of(house).pk
    if name in {"mailbox:mailbox_letter", "messaging:twilio_status"}:
        return Delivery.objects.get(
            message__appointment=house.appointment, message__kind="details", channel="email"
        ).pk
    return house.appointment.pk


def absence_of(house: House) -> Absence:
    """Return the house's one absence, in the summer."""
    practitioner = house.calendar.practitioner
    found = Absence.objects.filter(practitioner=practitioner).order_by("pk").first()
    return found or add_absence(
        practitioner=practitioner, starts_at=NOW + 60 * DAYS, ends_at=NOW + 70 * DAYS, actor=SYSTEM, at=NOW
    )


def address(name: str, house: House, *, pk: int | None = None, slug: str = "") -> str:
    """Return an address of the house; `pk` and `slug` put others in the place of its own."""
    if name.startswith("clinic:book_"):
        open_for_booking(house)
    known = {
        "slug": slug or slug_of(name, house),
        "pk": pk or object_of(name, house),
        "delivery_id": pk or object_of(name, house),
        "service": house.service.pk,
        "token": token_in(name, house),
        "kind": "offer" if name == "reminders:unsubscribe" else "patients",
        "key": key_of(name, house),
        "practitioner": house.calendar.practitioner.slug,
        "start": code_of(START),
        "other": twin_of(house).pk if name == "clinic:patient_merge" else 0,
    }
    return reverse(name, kwargs={key: known[key] for key in parameters_of(name)})


def slug_of(name: str, house: House) -> str:
    """Return the word that stands in an address: the clinic's own, or its practitioner's on a public profile."""
    if name in {"clinic:practitioner_profile", "clinic:clinic_profile"}:
        practitioner = profile_of(house)
        return practitioner.slug if name == "clinic:practitioner_profile" else house.slug
    return house.slug


def token_in(name: str, house: House) -> str:
    """Return the secret that stands in an address."""
    if name == "clinic:feed":
        feed_of(house)
        return feed_token(house)
    return token_of(way_by(name, house))


def way_by(name: str, house: House) -> PersonalLink:
    """Return the personal link that an address is for."""
    if name.startswith("waiting_area:personal"):
        return way_in_of(house)
    if name in {"reminders:offer_link", "reminders:patient_offer"}:
        return offer_link_of(house)
    if name == "reminders:next_link":
        address_of(NEXT, house.appointment, at=NOW)
        return PersonalLink.objects.get(purpose=Purpose.NEXT, object_id=house.appointment.pk)
    if name in {"reminders:choices_link", "reminders:unsubscribe", "reminders:patient_choices"}:
        return choices_link_of(house.patient)
    return review_link_of(house) if name.endswith("_review") or name.endswith("review_link") else house.link


def key_of(name: str, house: House) -> str:
    """Return the key that stands in an address: an area's, a call's (the assistant's own), or a link's."""
    if name == "waiting_area:call" or name.startswith("waiting_area:call_"):
        return call_of(house).key
    if name.startswith(("waiting_area:personal", "reminders:patient_review")) or name in {
        "reminders:patient_offer",
        "reminders:patient_choices",
    }:
        return link_key(way_by(name, house))
    return area_of(house).key if name.startswith("waiting_area:") else link_key(house.link)


def parameters_of(name: str) -> list[str]:
    """Return the names of an address's parts that differ."""
    resolver = get_resolver()
    *namespaces, last = name.split(":")
    for namespace in namespaces:
        _prefix, resolver = resolver.namespace_dict[namespace]
    ((_template, parameters),) = resolver.reverse_dict.getlist(last)[0][0]
    return list(parameters)


def body(name: str, house: House) -> dict[str, object]:
    """Return a good POST for an address: what staff or the patient would send."""
    version: dict[str, object] = {"version": house.appointment.version}
    form: dict[str, object] = {"name": "Adam Nowy", "email": "", "phone": "", "language": "en"}
    bodies: dict[str, dict[str, Any]] = {
        "clinic:book_time": {"start": code_of(START)},
        "clinic:book_details": booking_form(),
        "clinic:log_in": {"username": "nobody@rynek.example", "password": "wrong"},
        "clinic:set_language": {"language": "de", "next": "/"},
        "clinic:appointment_book": {
            "book": "1", "calendar": house.calendar.pk, "service": house.service.pk,
            "day": "2027-05-20", "time": "10:00", "patient": house.patient.pk,
        },
        "clinic:appointment_move": {**version, "day": "2027-05-21", "time": "9:00"},
        "clinic:appointment_cancel": {**version, "by": "clinic"},
        "clinic:appointment_mark": {**version, "status": "done"},
        "clinic:appointment_restore": version,
        "clinic:absences": {
            "practitioner": house.calendar.practitioner_id, "from_day": "2027-06-01", "until_day": "2027-06-05",
        },
        "clinic:absence": {"from_day": "2027-07-02", "seen": seen_of(absence_of(house))},
        "clinic:calendar_hours": {"day": "2027-06-01", "hours": "9-12"},
        "clinic:patients": {"text": "zofia"},
        "clinic:patient_new": form,
        "clinic:patient_note_new": {"text": "Comes by train."},
        "clinic:patient_note": {"text": "Comes by bus.", "version": "1"},
        "clinic:patient_note_delete": {"version": "1"},
        "clinic:patient_merge": {"version": house.patient.version, "other_version": "1"},
        "clinic:patient_find": {"text": "zofia"},
        "clinic:patient_edit": {**form, "version": house.patient.version},
        "clinic:calendar_settings": {
            "name": "dr Nowy", "change_until_hours": "2", "hours_0": "8-12", "online_notice_hours": "2",
            "online_horizon_days": "90",
        },
        "clinic:calendar_service": {"service-name": "Check-up", "service-minutes": "20"},
        "clinic:calendar_feeds": {"shows": "b"},
        "clinic:import_file": {"file": one_patient()},
        "clinic:export_file": {"patients": "1"},
        "clinic:clinic_settings": {"about": "Second floor."},
        "clinic:practitioner_settings": {"is_listed": "on", "specialty": "dermatology", "about": "Skin."},
        "clinic:review_answer": {"text": "Thank you.", "seen": ""},
        "clinic:review_report": {"reason": "Somebody else's appointment."},
        "clinic:review_decide": {"hide": "yes", "shown": "reported"},
        "notifications:calendar_communication": {"version": "1", "tell-details": "on"},
        "notifications:appointment_switches": {"tell-reminder": "on"},
        "notifications:sending_pause": {"pause": "yes"},
        "notifications:patient_invitations": {"kind": "offer", "word": "refuses"},
        "notifications:clinic_invitations": {"consent": "yes"},
        "reminders:unsubscribe": {"List-Unsubscribe": "One-Click"},
        "reminders:lost_link": {"address": house.patient.email},
        "reminders:patient_code": {"send": "1"},
        "reminders:patient_confirm": {"sequence": house.appointment.sequence},
        "reminders:patient_move": {"sequence": house.appointment.sequence, "start": code_of(START)},
        "reminders:patient_cancel": {"sequence": house.appointment.sequence},
        "reminders:patient_review": {"stars": "5", "text": "Kind."},
        "waiting_area:entry": entry_form(),
        "waiting_area:wait_write": message_form(),
        "waiting_area:my_alerts": {"sound": "knock", "volume": "30"},
        "waiting_area:waiting_settings": {"replies_en": "Two minutes."},
        "waiting_area:area_settings": area_form(),
        "waiting_area:caller_notify": {"text": "Two minutes.", "key": "0" * 32},
        "waiting_area:callers_notify": {"to": str(caller_of(house).pk)},
        "waiting_area:caller_transfer": {"area": area_of(house).pk, "calendar": house.calendar.pk},
    }  # fmt: skip
    return bodies.get(name, {})


@contextmanager
def taken_back() -> Iterator[None]:
    """Take back what the block does to the database and counts, so that everybody finds the same."""
    with transaction.atomic():
        mark = transaction.savepoint()
        yield
        transaction.savepoint_rollback(mark)
        cache.clear()


def ask(client: Client, method: str, url: str, data: dict[str, object], **more: Any) -> Answer:
    """Send a request."""
    return client.post(url, data, **more) if method == "POST" else client.get(url, **more)


# --- The matrix -----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_everybody_gets_the_matrix_answer(
    name: str, method: str, rynek: House, letter: Delivery, people: Callable[..., dict[str, Client]]
) -> None:
    got = {}
    data = body(name, rynek) if method == "POST" else {}
    for who, client in people().items():
        with taken_back():
            got[who] = ask(client, method, address(name, rynek), data).status_code

    assert got == ROWS[name, method]


@pytest.mark.parametrize("name", STAFF_ONLY)
def test_nobody_by_htmx_is_sent_to_the_log_in_page(name: str, rynek: House, letter: Delivery) -> None:
    for method in ("GET", "POST"):
        if ROWS[name, method]["anonymous"] == 405:
            continue

        response = ask(Client(), method, address(name, rynek), {}, headers=HTMX)

        assert (response.status_code, response["HX-Redirect"], response.content) == (204, "/log-in/", b"")


@pytest.mark.parametrize("name", STAFF_ONLY)
def test_htmx_header_gives_no_right(
    name: str, rynek: House, letter: Delivery, people: Callable[..., dict[str, Client]]
) -> None:
    for method in ("GET", "POST"):
        for who, client in people().items():
            if who in {"anonymous", "patient"} or (expected := ROWS[name, method][who]) < 400:
                continue

            response = ask(client, method, address(name, rynek), {}, headers=HTMX)

            assert response.status_code == expected


# --- Tokens, methods, transactions ----------------------------------------------------------------


@pytest.mark.parametrize("name", [name for name in POSTS if name not in WITHOUT_TOKEN])
def test_post_without_token_is_refused(
    name: str, rynek: House, letter: Delivery, people: Callable[..., dict[str, Client]]
) -> None:
    for who, client in people(enforce_csrf_checks=True).items():
        response = client.post(address(name, rynek), body(name, rynek))

        assert response.status_code == 403, who
        assert b"This page was open for too long" in response.content


@contextmanager
def only_reading(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Fail on a transaction, or on any write but the audit's own after the page was rendered."""
    rendered: list[Any] = []
    written: list[str] = []

    def watch(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if not sql.lstrip().upper().startswith("SELECT"):
            is_noted = "clinic_calendarfeed" in sql  # when an address was last fetched: it has no page
            assert rendered or is_noted or ".refused" in str(params), f"before the page was rendered: {sql}"
            written.append(" ".join(sql.split()[:3]).replace('"', ""))
        return execute(sql, params, many, context)

    def enter(self: transaction.Atomic) -> None:
        raise AssertionError("a GET opened a transaction")

    def on_rendered(**_more: Any) -> None:
        rendered.append(1)

    template_rendered.connect(on_rendered)
    try:
        with monkeypatch.context() as patch, connection.execute_wrapper(watch):
            patch.setattr(transaction.Atomic, "__enter__", enter)
            yield written
    finally:
        template_rendered.disconnect(on_rendered)


@pytest.mark.parametrize("name", GETS)
def test_get_writes_nothing_but_who_looked(
    name: str, rynek: House, letter: Delivery, people: Callable[..., dict[str, Client]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    everybody = people()
    url = address(name, rynek)
    # A call's page is a look at the call and at who is in it.
    seen = ["INSERT INTO clinic_auditentry"] * (2 if name == "waiting_area:call" else 1)
    for who in ("anonymous", "patient", "admin", "assistant"):
        with only_reading(monkeypatch) as written:
            response = everybody[who].get(url)

        looked = response.status_code == 200 and name in SEEN
        refused = seen[:1] if response.status_code == 403 else []
        # Once for the first of them.
        noted = ["UPDATE clinic_calendarfeed SET"] if (name, who) == ("clinic:feed", "anonymous") else []
        assert written == (seen if looked else refused) + noted, who


@pytest.mark.django_db
def test_first_page_of_an_empty_house_writes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    with only_reading(monkeypatch) as written:
        assert Client().get("/").status_code == 302
        assert Client().get("/start/").status_code == 200

    assert written == []


# --- The other clinic's objects -------------------------------------------------------------------


@pytest.mark.parametrize(
    "name", [name for name in NAMES if name in STAFF_ONLY and "pk" in parameters_of(name)]
)
def test_other_clinics_object_looks_like_an_unknown_one(
    name: str, rynek: House, markt: House, office: Client, letter: Delivery
) -> None:
    theirs = object_of(name, markt)
    for method in ("GET", "POST"):
        if ROWS[name, method]["admin"] == 405:
            continue

        foreign = ask(office, method, address(name, rynek, pk=theirs), body(name, markt))
        unknown = ask(office, method, address(name, rynek, pk=UNKNOWN), body(name, markt))
        huge = ask(office, method, address(name, rynek, pk=10**30), body(name, markt))
        elsewhere = ask(office, method, address(name, markt, slug="am-markt"), body(name, markt))
        nowhere = ask(office, method, address(name, markt, slug="no-such-clinic"), body(name, markt))

        answers = {(one.status_code, one.content) for one in (foreign, unknown, huge, elsewhere, nowhere)}
        assert len(answers) == 1
        assert foreign.status_code == 404
        assert b"Kanarienvogel" not in foreign.content


@pytest.mark.parametrize(
    "name", [name for name in NAMES if name in STAFF_ONLY and "pk" not in parameters_of(name)]
)
def test_other_clinics_pages_look_like_unknown_ones(name: str, markt: House, office: Client) -> None:
    for method in ("GET", "POST"):
        if ROWS[name, method]["admin"] == 405:
            continue

        foreign = ask(office, method, address(name, markt), body(name, markt))
        unknown = ask(office, method, address(name, markt, slug="no-such-clinic"), body(name, markt))

        assert (foreign.status_code, foreign.content) == (404, unknown.content)


def test_other_clinics_ids_in_the_query_tell_nothing(
    rynek: House, markt: House, office: Client, letter: Delivery
) -> None:
    for url in (
        rynek.url("?calendar={}"),
        rynek.url("appointments/book/?calendar={}&service={}&patient={}"),
        rynek.url("mailbox/?patient={}"),
    ):
        theirs = url.format(markt.calendar.pk, markt.service.pk, markt.patient.pk)
        unknown = url.format(UNKNOWN, UNKNOWN, UNKNOWN)
        if "mailbox" in url:
            theirs = url.format(markt.patient.pk)

        foreign, nothing = office.get(theirs), office.get(unknown)

        assert foreign.status_code == nothing.status_code
        for leak in ("Kanarienvogel", "Storch", "am-markt"):
            assert leak not in foreign.content.decode()


@pytest.mark.parametrize("field", ["calendar", "service", "patient"])
def test_other_clinics_ids_in_a_form_are_refused(
    field: str, rynek: House, markt: House, desk: Client
) -> None:
    own = body("clinic:appointment_book", rynek)
    theirs = body("clinic:appointment_book", markt)

    response = desk.post(rynek.url("appointments/book/"), {**own, field: theirs[field]})

    assert response.status_code == 422
    for leak in ("Kanarienvogel", "Storch", "am-markt"):
        assert leak not in response.content.decode()
