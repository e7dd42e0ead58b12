"""What an open page fetches anew, and how often."""

import pytest
from playwright.sync_api import Request, expect

from clinic.appointments import operations
from clinic.appointments.enums import CancelledBy
from clinic.audit.operations import PATIENT
from clinic.live import hub as hub_module
from clinic.live.hub import hub
from clinic.models import AuditEntry
from tests.factories.house import NOW, House
from tests.journeys.conftest import MakeContext, log_in


def test_parts_of_a_page_come_by_one_request_and_only_when_something_was_said(
    live: str, rynek: House, new_context: MakeContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = new_context(locale="en-GB").new_page()
    log_in(desk, live, rynek)
    path = rynek.url(f"appointments/{rynek.appointment.pk}/")
    fetched: list[str] = []

    def note(request: Request) -> None:
        if request.url == f"{live}{path}":
            fetched.append(request.resource_type)

    desk.on("request", note)
    # As on a server that has been up for a while, in a clinic where nothing happens just now.
    monkeypatch.setattr(hub, "_hears_since", 0.0)
    hub._said.clear()
    desk.goto(f"{live}{path}")
    expect(desk.locator("body")).to_have_attribute("data-connection", "open")
    expect(desk.locator("#state")).to_have_text("Not confirmed yet")

    operations.cancel(appointment_id=rynek.appointment.pk, by=CancelledBy.PATIENT, actor=PATIENT, at=NOW)
    expect(desk.locator("#state")).to_have_text("Cancelled")
    expect(desk.locator("#timeline")).to_contain_text("the appointment was cancelled meanwhile")

    assert fetched == ["document", "xhr"]
    seen = AuditEntry.objects.filter(action="appointment.seen", actor_user=rynek.assistant)
    assert seen.count() == 1


def test_page_closed_for_others_comes_back_when_it_is_looked_at_or_a_minute_later(
    live: str, rynek: House, new_context: MakeContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hub_module, "MOST_PER_SUBJECT", 1)
    first = new_context(locale="en-GB").new_page()
    log_in(first, live, rynek)
    first.clock.install()
    first.goto(f"{live}{rynek.url()}")
    expect(first.locator("body")).to_have_attribute("data-connection", "open")
    # Another browser with the same log-in: tabs of one browser share a stream.
    second = new_context(locale="en-GB", storage_state=first.context.storage_state()).new_page()
    second.goto(f"{live}{rynek.url()}")
    expect(second.locator("body")).to_have_attribute("data-connection", "open")
    expect(first.locator("body")).to_have_attribute("data-connection", "lost")

    first.clock.run_for(59_000)
    expect(second.locator("body")).to_have_attribute("data-connection", "open")
    first.clock.run_for(2_000)
    expect(first.locator("body")).to_have_attribute("data-connection", "open")
    expect(second.locator("body")).to_have_attribute("data-connection", "lost")

    second.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    expect(second.locator("body")).to_have_attribute("data-connection", "open")
