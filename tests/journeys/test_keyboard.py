"""The desk without a mouse."""

import pytest
from playwright.sync_api import Page, expect

from clinic.models import Appointment
from tests.factories.house import PASSWORD, House
from tests.journeys.conftest import MakeContext

pytestmark = pytest.mark.one_engine


def reach(page: Page, name: str, *, within: int = 60) -> int:
    """Press Tab until the focus is on something of this name; return how often."""
    for presses in range(1, within + 1):
        page.keyboard.press("Tab")
        focused = page.evaluate(
            """() => {
                const it = document.activeElement;
                const label = it.labels && it.labels.length ? it.labels[0].innerText : "";
                return (it.getAttribute("aria-label") || label || it.innerText || it.value || "").trim();
            }"""
        )
        if focused.split("\n")[0] == name:
            return presses
    raise AssertionError(f"{name} is not within {within} presses of Tab")


def test_member_logs_in_and_books_by_keyboard_alone(
    live: str, rynek: House, new_context: MakeContext
) -> None:
    page = new_context(locale="en-GB").new_page()
    page.goto(f"{live}/log-in/")
    page.keyboard.type(rynek.assistant.email)
    reach(page, "Password")
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_url(f"{live}/c/rynek/")

    assert reach(page, "Book appointment") <= 3
    page.keyboard.press("Enter")
    page.wait_for_url("**/appointments/book/")

    reach(page, "Time")
    page.keyboard.type("14:20")
    reach(page, "Find the patient")
    page.keyboard.type("pawlowska")
    reach(page, "Find")
    page.keyboard.press("Enter")
    found = page.get_by_role("radio", name="Zofia Pawłowska-Gąsior")
    expect(found).to_be_visible()
    expect(page.get_by_label("Time", exact=True)).to_have_value("14:20")
    for _ in range(60):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.name") == "patient":
            break
    page.keyboard.press("Space")
    expect(found).to_be_checked()
    reach(page, "Book")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_contain_text("14:20–14:50")
    assert Appointment.objects.count() == 2
