"""Take the documentation's pictures from a running demonstration.

./run --data /tmp/pictures &        then        python -m tests.pictures http://127.0.0.1:8000
"""

import os
import sys
from pathlib import Path
from urllib.parse import urlsplit

from playwright.sync_api import Page, sync_playwright

PATIENT = "Maria Konarska"
FOLDER = Path(__file__).parent.parent / "docs" / "pictures"


def main(address: str) -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=os.environ.get("CHROMIUM", "/usr/bin/chromium"),
            args=["--no-sandbox", "--disable-gpu"],
        )
        page = browser.new_page(viewport={"width": 1280, "height": 800})
        page.goto(f"{address}/log-in/")
        page.fill("[name=username]", "anna@rynek.example")
        page.fill("[name=password]", "anteroom-demo")
        page.click("button.button-main")
        page.wait_for_url("**/c/rynek/")
        page.request.post(
            f"{address}/language/",
            form={
                "language": "en",
                "csrfmiddlewaretoken": page.locator("[name=csrfmiddlewaretoken]").first.input_value(),
            },
            headers={"Referer": address, "Origin": address},
        )
        page.goto(f"{address}/c/rynek/")
        page.screenshot(path=FOLDER / "today.png")
        # The fullest story of the day: the last appointment that is still to come.
        page.locator(".rows-day a.row-main").last.click()
        page.wait_for_url("**/appointments/*/")
        page.screenshot(path=FOLDER / "appointment.png")
        page.goto(f"{address}/c/rynek/calendar/")
        page.wait_for_timeout(1000)
        page.screenshot(path=FOLDER / "calendar.png")
        page.goto(f"{address}/c/rynek/waiting/")
        page.wait_for_timeout(1000)
        # The longest conversation, open beside the list.
        page.locator(".caller:has(.badge) .caller-name").first.click()
        page.wait_for_timeout(1000)
        page.screenshot(path=FOLDER / "conversation.png")
        page.keyboard.press("Escape")
        phone = browser.new_page(viewport={"width": 360, "height": 760}, locale="pl")
        wait(phone, address, page.locator("#link").input_value())
        page.locator(".caller", has_text=PATIENT).get_by_role("button", name="Join").click()
        page.wait_for_url("**/calls/*/")
        page.wait_for_timeout(1000)
        page.screenshot(path=FOLDER / "call.png")
        public = browser.new_page(viewport={"width": 1280, "height": 800}, locale="en-GB")
        public.goto(f"{address}/find/?city=Wroc%C5%82aw")
        public.locator("main h2 a").first.click()
        public.wait_for_url("**/p/*/")
        public.screenshot(path=FOLDER / "profile.png")
        phone = browser.new_page(viewport={"width": 360, "height": 760}, color_scheme="dark", locale="de")
        book(phone, public.url)
        browser.close()


def book(phone: Page, profile: str) -> None:
    """Choose a time as a patient, and take the pictures of it."""
    phone.goto(f"{profile}book/")
    phone.locator(".booking-services a").first.click()
    phone.wait_for_url("**/book/*/")
    phone.screenshot(path=FOLDER / "patient-time.png")
    phone.locator("button.slot").first.click()
    phone.wait_for_url("**/book/*/*/")
    phone.screenshot(path=FOLDER / "patient-details.png")


def wait(phone: Page, address: str, door: str) -> None:
    """Come in as a patient, and take the picture of their screen."""
    phone.goto(address + urlsplit(door).path)
    phone.fill("[name=name]", PATIENT)
    phone.fill("[name=purpose]", "Wyniki badań")
    phone.check("[name=consent]")
    phone.click("main button.button-main")
    phone.wait_for_url("**/wait/")
    phone.wait_for_timeout(1000)
    phone.screenshot(path=FOLDER / "patient-waiting.png")


if __name__ == "__main__":
    main(sys.argv[1].rstrip("/"))
