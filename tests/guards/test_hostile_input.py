"""Names that try to be more than names, and bodies that try to be too much (A8 to A10, A15, K34)."""

from typing import Any

import pytest
from django.test import Client

from clinic.lib import clock
from clinic.models import Appointment, Calendar, Clinic, Patient, Practitioner, Service, User
from messaging.delivery import send_due
from messaging.models import SentText
from notifications.enums import Channel
from tests.factories.house import DAYS, HTMX, NOW, House, by_link, logged_in
from tests.factories.page import Page
from tests.factories.waiting import arrive, notify, waiting
from tests.guards.test_access_matrix import GETS, POSTS, address, body

NAMES = {
    "image": "<img src=x onerror=alert(1)>",
    "attribute": "\"><div hx-get=/x hx-trigger=load>'",
    "template": "{{ settings.SECRET_KEY }}{% load x %}",
    "format": "{0.__class__} %(x)s %s ${x}",
    "close": "</script><script>alert(1)</script>",
}


@pytest.mark.parametrize("name", NAMES.values(), ids=list(NAMES))
def test_name_is_only_a_name_on_every_page(name: str, rynek: House, settings: object) -> None:
    Patient.objects.filter(pk=rynek.patient.pk).update(name=name)
    for model, pk in (
        (Clinic, rynek.clinic.pk), (Calendar, rynek.calendar.pk), (User, rynek.admin.pk),
        (Practitioner, rynek.calendar.practitioner_id), (Service, rynek.service.pk),
    ):  # fmt: skip
        model.objects.filter(pk=pk).update(name=name)  # type: ignore[attr-defined]
    for channel in Channel:
        send_due(channel=channel, at=NOW, now=lambda: NOW)
    caller = arrive(rynek, name, purpose=name)
    notify(rynek, caller, name)
    visitors = {"staff": logged_in(rynek.admin), "patient": waiting(by_link(rynek.link), caller)}

    shown = 0
    for url in GETS:
        if url in {
            "clinic:first_clinic", "clinic:sitemap", "waiting_area:wait_state",
            "clinic:feed", "clinic:import_template",
        }:  # fmt: skip
            continue
        for client in visitors.values():
            with clock.held_at(NOW + 9 * DAYS if url == "clinic:today" else NOW):
                response = client.get(
                    address(url, rynek) + ("?day=2027-05-13" if url == "clinic:today" else "")
                )
            shown += check(response.content.decode(), name)
    page = visitors["staff"].post(rynek.url("patients/"), {"text": name}, headers=HTMX)
    shown += check(page.content.decode(), name)
    assert shown >= 8
    for kept in SentText.objects.exclude(html=""):
        assert name in kept.text
        assert name not in kept.html or "<" not in name


def check(html: str, name: str) -> int:
    """Fail if the name became more than text; return whether it is shown."""
    page = page_of(html)
    assert not page.all("img")
    assert not [node for node in page.all("div") if dict(node.attributes).get("hx-get") == "/x"]
    assert "alert(1)" not in "".join(str(node) for node in page.all("script"))
    assert "Traceback" not in html
    return int(name in page.text or name.replace("  ", " ") in page.text)


def page_of(html: str) -> Page:
    class Answer:
        content = html.encode()

    return Page(Answer())


# Databases differ in what they take: zeros, and lengths.
STRANGE = [
    "nul",
    "long",
    *(pytest.param(how, marks=pytest.mark.one_engine) for how in ("direction", "surrogate")),
]


@pytest.mark.parametrize("name", POSTS)
@pytest.mark.parametrize("how", STRANGE)
def test_strange_text_in_any_field_breaks_nothing(how: str, name: str, rynek: House) -> None:
    text = {
        "nul": "a\0b",
        "direction": "\u202eabc\u2066",
        "long": "x" * 20_000,
        "surrogate": "\ufffe\U0010ffff",
    }[how]
    client = by_link(rynek.link) if name.startswith("reminders:") else logged_in(rynek.admin)
    good = body(name, rynek) or {"text": ""}
    for number, field in enumerate(good):
        headers = HTMX if number % 2 else {}
        response = client.post(address(name, rynek), {**good, field: text}, headers=headers)

        assert response.status_code < 500
    for field in ("new-name", "new-email", "new-phone", "text", "slot"):
        assert client.post(address(name, rynek), {**good, "patient": "new", field: text}).status_code < 500


@pytest.mark.parametrize("name", POSTS)
def test_body_too_large_is_refused(name: str, rynek: House, settings: Any) -> None:
    long = {"name": "x" * settings.DATA_UPLOAD_MAX_MEMORY_SIZE}
    numerous = {f"field{number}": "" for number in range(settings.DATA_UPLOAD_MAX_NUMBER_FIELDS + 1)}
    url = address(name, rynek)
    before = Appointment.objects.count()
    for client in (Client(), logged_in(rynek.admin)):
        large, many = client.post(url, long), client.post(url, numerous)

        # Nothing is read of what needs no fields.
        fine = {
            "clinic:listen": {204}, "waiting_area:call_listen": {204, 410}, "clinic:feed_rotate": {200, 409},
        }.get(name, set())  # fmt: skip
        assert large.status_code in {302, 400, 403, 404, 413} | fine
        assert many.status_code in {302, 400, 403, 404, 413} | fine
        assert Appointment.objects.count() == before


@pytest.mark.parametrize(
    "path", ["/c/%00/", "/a/%00/", "/c/rynek/appointments/1%00/", "/%ff%fe", "/c/rynek/?day=%ff"]
)
def test_strange_addresses_break_nothing(path: str, rynek: House, desk: Client) -> None:
    assert desk.get(path).status_code < 500
