"""The patient's page behind a message's link: GET shows, POST acts (P6, G4, E2.9; A19 to A29)."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from clinic.appointments import operations
from clinic.appointments.enums import CancelledBy, Status
from clinic.audit.models import AuditEntry
from clinic.lib import clock
from clinic.models import Appointment, Calendar
from messaging.links import link_key, revoke, token_of
from messaging.models import Delivery, PersonalLink
from notifications.operations import set_calendar_communication
from reminders.planning import link_for
from tests.factories.clinic import (
    HOURS,
    MINUTES,
    MONDAY,
    STAFF,
    book_visit,
    make_calendar,
    make_clinic,
    make_patient,
)
from tests.factories.outbox import provider, row_of, sweep
from tests.fakes.lines import Provider

__all__ = ["provider"]
pytestmark = pytest.mark.django_db

START = MONDAY + timedelta(days=10, hours=2)
NOW = MONDAY + HOURS
# The page itself is drawn and tested elsewhere; here stands what it was told.
STAND_IN = (
    "{{ problem }}|{{ done }}|{{ is_cancelled }}|{{ is_confirmed }}|{{ can_confirm }}|{{ can_cancel }}|"
    "{{ patient_name }}|{{ sequence }}"
)


@pytest.fixture(autouse=True)
def stand_in(settings: Any) -> None:
    templates = settings.TEMPLATES[0]
    pages = {"reminders/patient_appointment.html": STAND_IN, "410.html": "gone", "404.html": "not found"}
    loaders = [
        ("django.template.loaders.locmem.Loader", pages),
        "django.template.loaders.filesystem.Loader",
        "django.template.loaders.app_directories.Loader",
    ]
    settings.TEMPLATES = [
        {**templates, "APP_DIRS": False, "OPTIONS": {**templates["OPTIONS"], "loaders": loaders}}
    ]


@pytest.fixture
def visit() -> Appointment:
    return book_visit(starts_at=START, patient=None, calendar=make_calendar(make_clinic("lipowa")))


def link_of(visit: Appointment) -> PersonalLink:
    return link_for(visit, at=MONDAY)


def come(visit: Appointment, at: Any = NOW) -> tuple[Client, str]:
    """Open a message's link; return the browser and the page's address."""
    browser = Client()
    with clock.held_at(at):
        answer = browser.get(f"/a/{token_of(link_of(visit))}/")
    assert answer.status_code == 302
    return browser, answer["Location"]


def press(
    visit: Appointment, act: str, *, at: Any = NOW, sequence: Any = None, browser: Client | None = None
) -> Any:
    came, page = come(visit)
    given = visit.sequence if sequence is None else sequence
    with clock.held_at(at):
        return (browser or came).post(f"{page}{act}/", {"sequence": given})


def shown(answer: Any) -> list[str]:
    return answer.content.decode().split("|")  # type: ignore[no-any-return]


def footprint() -> tuple[Any, ...]:
    return (
        list(Appointment.objects.order_by("id").values()),
        list(Delivery.objects.order_by("id").values()),
        list(PersonalLink.objects.order_by("id").values()),
        AuditEntry.objects.count(),
    )


def test_the_token_leaves_the_address(visit: Appointment) -> None:
    browser, page = come(visit)

    assert page == f"/appointment/{link_key(link_of(visit))}/"
    assert browser.cookies["link"]["path"] == page
    assert browser.cookies["link"]["httponly"] is True
    with clock.held_at(NOW):
        assert shown(browser.get(page)) == ["", "", "False", "False", "True", "True", "Alice K.", "0"]


@pytest.mark.parametrize("method", ["get", "head", "options"])
def test_fetching_changes_nothing(visit: Appointment, provider: Provider, method: str) -> None:
    sweep(MONDAY)
    browser, page = come(visit)
    before = footprint()
    addresses = [
        f"/a/{token_of(link_of(visit))}/",
        page,
        *(f"{page}{act}/" for act in ("confirm", "cancel", "seen")),
    ]

    with clock.held_at(NOW):
        statuses = [
            getattr(browser, method)(address, headers={"User-Agent": "Scanner"}).status_code
            for address in addresses * 5
        ]

    expected = [405] * 5 if method == "options" else [302, 200, 405, 405, 405]
    assert statuses == expected * 5
    assert footprint() == before


@pytest.mark.parametrize("act", ["confirm", "cancel", "seen"])
def test_an_act_by_get_is_405(visit: Appointment, act: str) -> None:
    browser, page = come(visit)

    assert browser.get(f"{page}{act}/").status_code == 405


def test_confirming_and_once_more(visit: Appointment) -> None:
    first, second = press(visit, "confirm"), press(visit, "confirm", at=NOW + MINUTES)

    page = f"/appointment/{link_key(link_of(visit))}/"
    assert (first.status_code, first["Location"]) == (302, f"{page}?done=confirmed")
    assert (second.status_code, second["Location"]) == (302, f"{page}?done=already")
    visit.refresh_from_db()
    assert (visit.confirmed_at, visit.version) == (NOW, 2)
    assert AuditEntry.objects.filter(action="appointment.confirmed").count() == 1


def test_cancelling_and_once_more(visit: Appointment) -> None:
    first, second = press(visit, "cancel"), press(visit, "cancel", at=NOW + MINUTES)

    assert (first.status_code, first["Location"][-15:]) == (302, "?done=cancelled")
    assert (second.status_code, shown(second)[:3]) == (200, ["", "already", "True"])
    visit.refresh_from_db()
    assert (visit.status, visit.cancelled_by, visit.cancelled_at, visit.sequence) == (
        "cancelled",
        "patient",
        NOW,
        1,
    )
    assert AuditEntry.objects.filter(action="appointment.cancelled").count() == 1


def test_confirming_what_was_cancelled_shows_the_truth(visit: Appointment) -> None:
    operations.cancel(appointment_id=visit.pk, by=CancelledBy.CLINIC, actor=STAFF, at=NOW)

    answer = press(visit, "confirm", sequence=0)

    assert (answer.status_code, shown(answer)[:3]) == (409, ["not_allowed", "", "True"])


def test_acting_on_a_page_from_before_a_move(visit: Appointment) -> None:
    operations.move(appointment_id=visit.pk, starts_at=START + HOURS, actor=STAFF, at=NOW)

    for act in ("confirm", "cancel"):
        answer = press(visit, act, sequence=0)
        assert (answer.status_code, shown(answer)[0], shown(answer)[-1]) == (409, "stale", "1")
    visit.refresh_from_db()
    assert (visit.status, visit.confirmed_at) == ("booked", None)

    assert press(visit, "confirm").status_code == 302


@pytest.mark.parametrize("sequence", ["", "x", "-1", "0.0", "9" * 30, "٠", "½"])
def test_a_forged_sequence_acts_on_nothing(visit: Appointment, sequence: str) -> None:
    Appointment.objects.filter(pk=visit.pk).update(sequence=3)

    assert press(visit, "cancel", sequence=sequence).status_code == 409

    visit.refresh_from_db()
    assert visit.status == "booked"


@pytest.mark.parametrize("act", ["confirm", "cancel"])
def test_from_the_start_on_nothing_can_be_done(visit: Appointment, act: str) -> None:
    answer = press(visit, act, at=START)

    assert (answer.status_code, shown(answer)[0], shown(answer)[4:6]) == (
        409,
        "not_allowed",
        ["False", "False"],
    )


def test_after_the_calendar_s_hour(visit: Appointment) -> None:
    Calendar.objects.update(change_until_hours=24)

    answer = press(visit, "cancel", at=START - 24 * HOURS + MINUTES)
    assert (answer.status_code, shown(answer)[0], shown(answer)[4:6]) == (
        409,
        "not_allowed",
        ["True", "False"],
    )
    assert press(visit, "cancel", at=START - 24 * HOURS).status_code == 302


def test_without_self_service_a_forged_press_is_403(visit: Appointment) -> None:
    set_calendar_communication(
        calendar=visit.calendar, switches={}, self_service=False, plain_sms=True, quiet_from=None,
        quiet_until=None, actor=STAFF, at=MONDAY,
    )  # fmt: skip

    for act in ("confirm", "cancel"):
        answer = press(visit, act)
        assert (answer.status_code, shown(answer)[0]) == (403, "self_service_off")
    visit.refresh_from_db()
    assert (visit.status, visit.confirmed_at) == ("booked", None)


def test_marked_done_says_so(visit: Appointment) -> None:
    operations.mark(appointment_id=visit.pk, status=Status.DONE, actor=STAFF, at=NOW)

    assert press(visit, "cancel").status_code == 409


def test_a_cookie_opens_no_other_page(visit: Appointment) -> None:
    other = book_visit(calendar=make_calendar(make_clinic("dluga")), starts_at=START)
    browser, _page = come(visit)
    foreign = f"/appointment/{link_key(link_of(other))}/"
    # A thief of the path: the cookie is sent although its path would forbid it.
    browser.cookies["link"]["path"] = "/"

    for answer in (browser.get(foreign), browser.post(f"{foreign}cancel/", {"sequence": 0})):
        assert answer.status_code == 404
    other.refresh_from_db()
    assert other.status == "booked"


def test_without_the_cookie_there_is_no_page(visit: Appointment) -> None:
    _browser, page = come(visit)

    for answer in (Client().get(page), Client().post(f"{page}cancel/", {"sequence": 0})):
        assert answer.status_code == 404
    visit.refresh_from_db()
    assert visit.status == "booked"


def test_a_press_needs_its_form_s_token(visit: Appointment) -> None:
    link = link_of(visit)
    browser = Client(enforce_csrf_checks=True)
    with clock.held_at(NOW):
        page = browser.get(f"/a/{token_of(link)}/")["Location"]

        assert browser.post(f"{page}cancel/", {"sequence": 0}).status_code == 403

    visit.refresh_from_db()
    assert visit.status == "booked"


def test_forged_gone_and_expired_links(visit: Appointment) -> None:
    link = link_of(visit)
    token = token_of(link)
    browser, page = come(visit)

    assert Client().get(f"/a/{token[:-1]}/").status_code == 404
    assert Client().get("/a/zzzzzzzzzzz-x/").status_code == 404
    with clock.held_at(link.expires_at):
        assert (Client().get(f"/a/{token}/").status_code, browser.get(page).status_code) == (410, 410)
    revoke(link, at=NOW)
    with clock.held_at(NOW):
        answer = Client().get(f"/a/{token}/")
        assert (answer.status_code, answer.content, answer.cookies) == (410, b"gone", {})
        assert browser.get(page).status_code == 410
        assert browser.post(f"{page}cancel/", {"sequence": 0}).status_code == 410
    visit.refresh_from_db()
    assert visit.status == "booked"


def test_a_press_counts_as_read_and_so_does_a_touch(visit: Appointment, provider: Provider) -> None:
    sweep(MONDAY)
    browser, page = come(visit)
    with clock.held_at(NOW):
        browser.get(page)
    assert row_of(visit, "details", "email").state == "sent"

    assert press(visit, "seen").status_code == 204

    assert row_of(visit, "details", "email").read_at == NOW
    assert row_of(visit, "details", "sms").reason == "read"


def test_a_confirmation_is_a_reading(visit: Appointment, provider: Provider) -> None:
    sweep(MONDAY)

    press(visit, "confirm")

    assert row_of(visit, "details", "sms").reason == "read"


def test_two_devices_at_once(visit: Appointment) -> None:
    assert press(visit, "cancel", sequence=0).status_code == 302

    answer = press(visit, "confirm", sequence=0)

    assert (answer.status_code, shown(answer)[2]) == (409, "True")


def test_the_patient_s_language_and_the_chosen_one(visit: Appointment) -> None:
    patient = make_patient(visit.clinic, "Bob Nowak", language="pl")
    other = book_visit(calendar=visit.calendar, patient=patient, starts_at=START + HOURS)
    browser, page = come(other)

    with clock.held_at(NOW):
        spoken = [
            browser.get(f"{page}{query}").headers["Content-Language"]
            for query in ("", "?language=de", "?language=xx")
        ]

    assert spoken == ["pl", "de", "pl"]
