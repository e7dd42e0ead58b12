"""Who may open what: every address × everybody × GET and POST (R38, A62 to A67, K23).

An address without its rows fails, and so does a row whose address is gone.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.core.signals import request_started
from django.db import connection, transaction
from django.http import HttpResponse
from django.test import Client
from django.test.signals import template_rendered
from django.urls import URLPattern, URLResolver, get_resolver, reverse

from clinic.models import User
from messaging.delivery import send_due
from messaging.links import link_key, token_of
from messaging.models import Delivery
from notifications.enums import Channel
from tests.factories.house import HTMX, NOW, House, by_link, logged_in

# "stranger": the administrator of another clinic. "patient": a browser that came by the appointment's link.
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
clinic:today                          GET   302   302   200   200   200   404   404
clinic:today                          POST  405   405   405   405   405   405   405
clinic:appointment_book               GET   302   302   200   200   200   404   404
clinic:appointment_book               POST  302   302   302   302   302   404   404
clinic:appointment                    GET   302   302   200   200   200   404   404
clinic:appointment                    POST  405   405   405   405   405   405   405
clinic:appointment_move               GET   405   405   405   405   405   405   405
clinic:appointment_move               POST  302   302   302   302   302   404   404
clinic:appointment_cancel             GET   405   405   405   405   405   405   405
clinic:appointment_cancel             POST  302   302   302   302   302   404   404
clinic:appointment_mark               GET   405   405   405   405   405   405   405
clinic:appointment_mark               POST  302   302   302   302   302   404   404
clinic:patients                       GET   302   302   200   200   200   404   404
clinic:patients                       POST  302   302   200   200   200   404   404
clinic:patient_new                    GET   302   302   200   200   200   404   404
clinic:patient_new                    POST  302   302   302   302   302   404   404
clinic:patient                        GET   302   302   200   200   200   404   404
clinic:patient                        POST  405   405   405   405   405   405   405
clinic:patient_edit                   GET   302   302   200   200   200   404   404
clinic:patient_edit                   POST  302   302   302   302   302   404   404
clinic:settings                       GET   302   302   403   403   200   404   404
clinic:settings                       POST  405   405   405   405   405   405   405
clinic:calendar_settings              GET   302   302   403   403   200   404   404
clinic:calendar_settings              POST  302   302   403   403   302   404   404
notifications:calendar_communication  GET   302   302   403   403   200   404   404
notifications:calendar_communication  POST  302   302   403   403   302   404   404
notifications:appointment_switches    GET   405   405   405   405   405   405   405
notifications:appointment_switches    POST  302   302   302   302   302   404   404
notifications:sending_pause           GET   405   405   405   405   405   405   405
notifications:sending_pause           POST  302   302   403   403   302   404   404
messaging:twilio_status               GET   405   405   405   405   405   405   405
messaging:twilio_status               POST  403   403   403   403   403   403   403
mailbox:mailbox                       GET   302   302   200   200   200   404   404
mailbox:mailbox                       POST  405   405   405   405   405   405   405
mailbox:mailbox_letter                GET   302   302   200   200   200   404   404
mailbox:mailbox_letter                POST  405   405   405   405   405   405   405
reminders:appointment_link            GET   302   302   302   302   302   302   302
reminders:appointment_link            POST  405   405   405   405   405   405   405
reminders:patient_appointment         GET   404   200   404   404   404   404   404
reminders:patient_appointment         POST  405   405   405   405   405   405   405
reminders:patient_confirm             GET   405   405   405   405   405   405   405
reminders:patient_confirm             POST  404   302   404   404   404   404   404
reminders:patient_cancel              GET   405   405   405   405   405   405   405
reminders:patient_cancel              POST  404   302   404   404   404   404   404
reminders:patient_seen                GET   405   405   405   405   405   405   405
reminders:patient_seen                POST  404   204   404   404   404   404   404
"""
ROWS = {
    (name, method): dict(zip(PEOPLE, map(int, statuses), strict=True))
    for name, method, *statuses in (line.split() for line in MATRIX.strip().splitlines()[1:])
}
NAMES = sorted({name for name, _method in ROWS})
GETS = [name for name in NAMES if ROWS[name, "GET"]["admin"] != 405]
POSTS = [name for name in NAMES if ROWS[name, "POST"]["admin"] != 405]
WITHOUT_TOKEN = {"messaging:twilio_status"}  # signed instead
BEHIND_LOG_IN = [name for name in NAMES if {302, 404} == {ROWS[name, m]["anonymous"] for m in ("GET",)} or True]


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
