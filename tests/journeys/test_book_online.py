"""A patient books on a narrow phone, in each language, with script and without; then moves it by the e-mail's link."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from clinic.lib import clock, when
from messaging.models import SentText
from tests.factories.booking import START, booked, holds, open_for_booking
from tests.factories.directory import profile_of
from tests.factories.house import DAYS, HOURS, MINUTES, NOW, House
from tests.journeys.conftest import MakeContext

pytestmark = pytest.mark.one_engine


def fits(page: Page, language: str) -> None:
    """Fail if the page scrolls sideways or is in another language."""
    expect(page.locator("html")).to_have_attribute("lang", language)
    assert page.evaluate("document.scrollingElement.scrollWidth") <= 360


@pytest.mark.parametrize(("language", "script"), [("en", True), ("pl", False), ("de", True), ("ro", False)])
def test_patient_books_and_moves(
    language: str, script: bool, live: str, rynek: House, new_context: MakeContext, sweep: Callable[..., None]
) -> None:
    first = open_for_booking(rynek)
    zone = rynek.calendar.zone
    phone = new_context(
        java_script_enabled=script, locale=language, viewport={"width": 360, "height": 780}
    ).new_page()

    phone.goto(live + first)
    fits(phone, language)
    phone.locator(".booking-services a").first.click()
    fits(phone, language)
    # A week on, and back, and on again.
    phone.locator(".slot-weeks a").last.click()
    phone.locator(".slot-weeks a").first.click()
    phone.locator(".slot-weeks a").last.click()
    phone.locator(".slot-weeks a").last.click()
    fits(phone, language)
    phone.locator("[name=start][value='20270520t0800z']").click()
    expect(phone.locator("h1")).to_contain_text(when.clock_time(START, zone, language))
    expect(phone.locator("main")).to_contain_text("09:10")  # kept until
    fits(phone, language)
    phone.locator("[name=name]").fill("Łukasz Źrebięcy")
    phone.locator("[name=consent]").check()
    phone.locator("main .button-main").click()
    # Neither address: said beside the field, and nothing is lost.
    expect(phone.locator(".errorlist")).to_have_count(1)
    expect(phone.locator("[name=name]")).to_have_value("Łukasz Źrebięcy")
    fits(phone, language)
    phone.locator("[name=email]").fill("lukasz@patients.example")
    with clock.held_at(NOW + MINUTES):
        phone.locator("main .button-main").click()
        expect(phone.locator(".state-done")).to_be_visible()
    expect(phone.locator("h1")).to_contain_text("10:00")
    fits(phone, language)
    (made,) = booked(rynek)
    assert (made.starts_at, made.patient.language) == (START, language)

    sweep(NOW + 2 * MINUTES)

    letter = SentText.objects.get(delivery__message__appointment=made, delivery__channel="email")
    assert when.date_and_time(START, zone, language) in letter.text
    link = re.search(rf"{re.escape(live)}/a/\S+", letter.text)
    assert link is not None
    phone.goto(link[0])
    fits(phone, language)
    phone.locator("a[href*='/move/']").click()
    fits(phone, language)
    phone.locator(".slot-weeks a").last.click()
    phone.locator(".slot-weeks a").last.click()
    phone.locator("[name=start][value='20270521t0900z']").click()
    expect(phone.get_by_role("status")).to_be_visible()
    expect(phone.locator("h1")).to_contain_text("11:00")
    fits(phone, language)
    made.refresh_from_db()
    assert (made.starts_at, made.sequence) == (START + DAYS + HOURS, 1)


def test_profile_leads_to_the_form_and_typing_keeps_the_time(
    live: str, rynek: House, new_context: MakeContext
) -> None:
    first = open_for_booking(rynek)
    practitioner = profile_of(rynek)
    profile = f"{live}/p/{practitioner.slug}/"
    assert first == f"/p/{practitioner.slug}/book/"
    phone, other = (
        new_context(locale="en-GB", viewport={"width": 360, "height": 780}).new_page() for _ in range(2)
    )
    for page in (phone, other):
        page.goto(profile)
        page.locator("a.slot").first.click()
        expect(page.get_by_text("This time is free. It is yours once you have pressed Book.")).to_be_visible()
    assert holds() == []

    phone.get_by_label("Name").press_sequentially("Adam")

    expect(phone.get_by_text("Kept for you until 09:10.")).to_be_visible()
    expect(phone.get_by_label("Name")).to_have_value("Adam")
    expect(phone.get_by_label("Name")).to_be_focused()
    assert len(holds()) == 1

    # Somebody else who types now is told at once, and chooses another time with what they typed.
    other.get_by_label("Name").fill("Ewa")

    expect(other.get_by_role("alert")).to_have_text(
        "This time was just taken. Please choose another one. What you typed is still here."
    )
    expect(other.get_by_label("Name")).to_have_value("Ewa")
    other.locator("button.slot").first.click()
    expect(other.get_by_text("Kept for you until 09:10.")).to_be_visible()
    expect(other.get_by_label("Name")).to_have_value("Ewa")
    assert len(holds()) == 2
