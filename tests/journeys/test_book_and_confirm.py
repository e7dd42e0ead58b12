"""Staff book; the patient reads, presses, and staff see it: with script and without."""

from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from clinic.models import Appointment
from messaging.models import Delivery
from tests.factories.house import House
from tests.journeys.conftest import MakeContext, log_in


@pytest.mark.parametrize("script", [True, False], ids=["script", "no-script"])
def test_staff_book_and_the_patient_confirms(
    script: bool, live: str, rynek: House, new_context: MakeContext, sweep: Callable[..., None]
) -> None:
    desk = new_context(java_script_enabled=script, locale="en-GB").new_page()
    log_in(desk, live, rynek)

    desk.get_by_role("link", name="Book appointment").first.click()
    # With script the slot is pressed while the day's free times are still coming: the press wins.
    desk.get_by_label("Day", exact=True).fill("2027-05-20")
    if not script:
        desk.get_by_role("button", name="Show free times").click()
    desk.get_by_role("button", name="13:30", exact=True).click()
    expect(desk.get_by_label("Time", exact=True)).to_have_value("13:30")
    desk.get_by_label("A new patient").check()
    desk.get_by_label("Name", exact=True).fill("Łukasz Źrebięcy")
    desk.get_by_label("E-mail", exact=True).fill("lukasz@patients.example")
    desk.get_by_label("Phone", exact=True).fill("601 234 567")
    desk.get_by_label("Language of messages").select_option("pl")
    desk.get_by_role("button", name="Book", exact=True).click()
    expect(desk.get_by_role("heading", level=1)).to_contain_text("13:30–14:00 · Łukasz Źrebięcy")
    expect(desk.get_by_text("Not confirmed yet")).to_be_visible()
    visit = Appointment.objects.get(patient__name="Łukasz Źrebięcy")

    sweep()

    desk.goto(f"{live}/c/rynek/mailbox/?patient={visit.patient_id}")
    letter = desk.frame_locator("iframe").first
    expect(letter.get_by_text("umówion").first).to_be_visible()
    expect(letter.get_by_text("czwartek, 20 maja 2027").first).to_be_visible()
    link = letter.get_by_role("link").first
    assert (link.get_attribute("href") or "").startswith(f"{live}/a/")

    phone = new_context(
        java_script_enabled=script, locale="pl-PL", viewport={"width": 360, "height": 780}
    ).new_page()
    phone.goto(link.get_attribute("href") or "")
    assert "/a/" not in phone.url
    expect(phone.get_by_role("heading", level=1)).to_contain_text("czwartek, 20 maja 2027")
    assert "Źrebięcy" not in phone.content()
    desk.goto(f"{live}/c/rynek/appointments/{visit.pk}/")
    expect(desk.get_by_text("Not confirmed yet")).to_be_visible()
    if script:
        expect(desk.locator("body")).to_have_attribute("data-connection", "open")
    phone.locator("form[action*='/confirm/'] button").click()
    expect(phone.get_by_role("status")).to_be_visible()

    # With script on the page that was open all the time.
    if not script:
        desk.reload()
    expect(desk.get_by_text("Confirmed", exact=True)).to_be_visible()
    expect(desk.locator("#timeline")).to_contain_text("read")
    states = {
        (row.channel, row.state, row.reason)
        for row in Delivery.objects.filter(message__appointment=visit, message__kind="details")
    }
    assert states == {("email", "read", ""), ("sms", "skipped", "read")}
