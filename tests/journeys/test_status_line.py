"""The line that says when a staff page no longer hears what happens."""

import pytest
from playwright.sync_api import expect

from tests.factories.house import House
from tests.journeys.conftest import MakeContext, log_in

pytestmark = pytest.mark.one_engine


def test_line_tells_lost_back_and_logged_out(live: str, rynek: House, new_context: MakeContext) -> None:
    context = new_context(
        locale="en-GB",
        service_workers="block",
        viewport={"width": 360, "height": 780},
        reduced_motion="reduce",
    )
    page = context.new_page()
    log_in(page, live, rynek)
    body, line = page.locator("body"), page.get_by_role("status").and_(page.locator("#status-line"))
    expect(body).to_have_attribute("data-connection", "open")
    expect(page.locator("#status-line")).to_be_hidden()
    before = page.locator("main").bounding_box()

    context.route("**/live/**", lambda route: route.fulfill(status=503))
    page.evaluate("window.live.restart()")
    expect(line.locator("span")).to_have_text("Connection lost – what you see may be old. Trying again…")
    assert page.locator("main").bounding_box() == before
    # It hides neither the navigation under the thumb nor stands behind it.
    below, bar = line.bounding_box(), page.locator(".side-bar").bounding_box()
    assert below
    assert bar
    assert below["y"] + below["height"] <= bar["y"] + 1

    context.unroute("**/live/**")
    expect(line.locator("span")).to_have_text("The connection is back.")
    expect(page.locator("#status-line")).to_be_hidden()

    other = context.new_page()
    other.goto(live + rynek.url())
    other.get_by_text("More", exact=True).click()
    other.get_by_role("button", name="Log out").click()
    expect(line).to_contain_text("You have been logged out.")
    line.get_by_role("link", name="Load the page again").click()
    page.wait_for_url(f"{live}/log-in/**")


def test_line_that_is_back_at_once_says_nothing(live: str, rynek: House, new_context: MakeContext) -> None:
    page = new_context(locale="en-GB").new_page()
    page.clock.install()
    log_in(page, live, rynek)
    expect(page.locator("body")).to_have_attribute("data-connection", "open")

    for state in ("lost", "open"):
        page.evaluate(
            "state => document.dispatchEvent(new CustomEvent('live:state', { detail: { state } }))", state
        )
        page.clock.run_for(1000)

    page.clock.run_for(3000)
    expect(page.locator("#status-line")).to_be_hidden()
