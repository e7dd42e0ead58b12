"""The *Communication* tab of a calendar."""

from datetime import time

import pytest
from django.test import Client

from clinic.models import AuditEntry
from messaging.models import Delivery
from notifications.models import CalendarSettings, CalendarSwitch
from tests.factories.house import DAYS, NOW, House, book, make_calendar, make_patient
from tests.factories.page import Page, queries_of

FORM = {"version": "1", "self_service": "on", "plain_sms": "on", "quiet_from": "21:00", "quiet_until": "08:00",
        "tell-details": "on", "tell-moved": "on", "tell-cancelled": "on", "tell-offer": "on",
        "tell-review": "on", "tell-next_appointment": "on"}  # fmt: skip


@pytest.fixture
def url(rynek: House) -> str:
    return rynek.url(f"settings/calendars/{rynek.calendar.pk}/communication/")


def test_form_shows_the_defaults(rynek: House, office: Client, url: str) -> None:
    fields = Page(office.get(url)).fields

    assert {name: fields.get(name) for name in ("tell-details", "tell-reminder", "self_service", "version")} == {
        "tell-details": "on", "tell-reminder": "on", "self_service": "on", "version": "1",
    }  # fmt: skip


def test_saving_keeps_all_of_it(rynek: House, office: Client, url: str) -> None:
    response = office.post(url, FORM)

    kept = CalendarSettings.objects.get(calendar=rynek.calendar)
    assert response["Location"] == url
    assert (kept.self_service, kept.plain_sms, kept.quiet_from, kept.quiet_until) == (
        True, True, time(21), time(8),
    )  # fmt: skip
    assert list(CalendarSwitch.objects.values_list("calendar", "kind", "is_on")) == [
        (rynek.calendar.pk, "reminder", False)
    ]
    fields = Page(office.get(url)).fields
    shown = {name: value for name, value in fields.items() if name in FORM or name == "tell-reminder"}
    assert shown == {**FORM, "version": "2"}
    entry = AuditEntry.objects.get(action="calendar.communication_set")
    assert (entry.actor_user, entry.clinic) == (rynek.admin, rynek.clinic)


def test_unsent_messages_follow(rynek: House, office: Client, url: str) -> None:
    office.post(url, FORM)

    reminders = Delivery.objects.filter(message__appointment=rynek.appointment, message__kind="reminder")
    assert set(reminders.values_list("state", "reason")) == {("skipped", "off_for_calendar")}


def test_other_calendars_stay_as_they_are(rynek: House, office: Client, url: str) -> None:
    other = make_calendar(rynek.clinic, "dr Alicja Lis")
    visit = book(make_patient(rynek.clinic, "Jan Kowalski"), other, NOW + 10 * DAYS)

    office.post(url, FORM)

    reminders = Delivery.objects.filter(message__appointment=visit, message__kind="reminder")
    assert set(reminders.values_list("state", flat=True)) == {"planned"}


def test_second_person_is_told_and_keeps_what_they_typed(rynek: House, office: Client, url: str) -> None:
    office.post(url, FORM)
    later = {**FORM, "quiet_from": "22:00"}
    del later["tell-details"]

    response = office.post(url, later)

    page = Page(response)
    kept = CalendarSettings.objects.get(calendar=rynek.calendar)
    assert response.status_code == 409
    assert page.alerts[0].startswith("Somebody else saved these settings meanwhile.")
    assert (page.fields["quiet_from"], page.fields["version"], "tell-details" in page.fields) == (
        "22:00", "2", False,
    )  # fmt: skip
    assert (kept.quiet_from, kept.version) == (time(21), 2)
    assert office.post(url, {**later, "version": "2"}).status_code == 302


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        pytest.param({"quiet_until": ""}, "quiet_until", id="no-end"),
        pytest.param({"quiet_from": ""}, "quiet_from", id="no-start"),
        pytest.param({"quiet_from": "25:00"}, "quiet_from", id="no-such-time"),
        pytest.param({"quiet_from": "\0"}, "quiet_from", id="nul"),
    ],
)
def test_bad_input_changes_nothing_and_keeps_what_was_typed(
    changed: dict[str, str], field: str, rynek: House, office: Client, url: str
) -> None:
    response = office.post(url, {**FORM, **changed})

    page = Page(response)
    typed = {name: value for name, value in {**FORM, **changed}.items() if name != field}
    assert response.status_code == 422
    assert page.error(field)
    assert {name: page.fields[name] for name in typed} == typed
    assert not CalendarSettings.objects.exists()


@pytest.mark.parametrize("version", ["", "x", "-5", "9" * 30])
def test_version_that_is_none_saves_nothing(version: str, rynek: House, office: Client, url: str) -> None:
    response = office.post(url, {**FORM, "version": version})

    assert response.status_code in {409, 422}
    assert not CalendarSettings.objects.exists()


def test_queries_stay_few(rynek: House, office: Client, url: str) -> None:
    assert queries_of(lambda: office.get(url)) <= 7
