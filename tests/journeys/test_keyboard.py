"""The desk without a mouse."""

import pytest
from playwright.sync_api import Page, expect

from clinic.models import Appointment
from tests.factories.house import PASSWORD, House
from tests.factories.waiting import door, switch
from tests.journeys.conftest import MakeContext, log_in

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


def press(page: Page, name: str, *, within: int = 60) -> None:
    """Go to something by Tab alone, and press it."""
    reach(page, name, within=within)
    page.keyboard.press("Enter")


def test_waiting_patient_and_staff_by_keyboard_alone(
    live: str, rynek: House, new_context: MakeContext
) -> None:
    switch(rynek, True)
    phone = new_context(locale="en-GB", viewport={"width": 360, "height": 780}).new_page()
    phone.goto(f"{live}{door(rynek)}")
    reach(phone, "Your name")
    phone.keyboard.type("Sue Smith")
    reach(phone, "What do you come for?")
    phone.keyboard.type("Blood test results")
    phone.keyboard.press("Tab")
    phone.keyboard.press("Space")
    press(phone, "Go to the waiting area", within=2)
    phone.wait_for_url("**/wait/")
    press(phone, "Turn the sound on and wait", within=3)

    desk = new_context(locale="en-GB").new_page()
    log_in(desk, live, rynek)
    press(desk, "Waiting area")
    desk.wait_for_url("**/waiting/")
    expect(desk.locator("body")).to_have_attribute("data-connection", "open")

    # To all, then to one: each dialog is left by a key, and the focus is back where it was.
    press(desk, "Skip to the content", within=1)
    press(desk, "Notify displayed", within=2)
    expect(desk.locator("#dialog").get_by_label("Notice")).to_be_focused()
    desk.keyboard.type("Good morning to all.")
    press(desk, "Send")
    expect(phone.get_by_text("Good morning to all.")).to_be_visible()
    desk.keyboard.press("Escape")
    press(desk, "Sue Smith")
    expect(desk.locator("#drawer").get_by_label("Notice")).to_be_focused()
    desk.keyboard.type("And to you.")
    desk.keyboard.press("Control+Enter")
    expect(phone.get_by_text("And to you.")).to_be_visible()
    desk.keyboard.press("Escape")

    reach(phone, "Type a message")
    phone.keyboard.type("Thank you")
    press(phone, "Send", within=2)
    expect(desk.locator(".caller .badge")).to_have_class("badge badge-caller badge-unanswered")

    # The call, hold, and away from it.
    press(desk, "Join")
    expect(desk.get_by_role("heading", name="Call manager")).to_be_visible()
    expect(phone.get_by_text("You are in a call with Ola Grudzien.")).to_be_visible()
    press(desk, "Hold")
    expect(phone.locator(".when-on_hold")).to_be_visible()
    expect(desk.locator("#people .caller-state")).to_have_class("caller-state caller-on_hold")
    press(desk, "Hang up")
    press(desk, "Leave call")
    desk.wait_for_url("**/waiting/")
    expect(desk.locator(".caller-status")).to_contain_text("On hold")

    press(phone, "Leave the waiting area")
    press(phone, "Yes, leave", within=1)
    expect(desk.locator(".caller")).to_have_count(0)
