"""What the waiting area's settings do with script: the link is copied, words are counted, the browser is asked."""

import pytest
from playwright.sync_api import expect

from clinic.people.enums import Role
from clinic.people.models import Membership
from tests.factories.house import House
from tests.factories.waiting import area_of, door
from tests.journeys.conftest import MakeContext, log_in
from waiting_area.models import Watch

pytestmark = pytest.mark.one_engine

ANSWER = "window.asked = 0; Notification.requestPermission = async () => { window.asked += 1; return '%s'; };"


def test_link_is_copied_and_words_are_counted(live: str, rynek: House, new_context: MakeContext) -> None:
    Membership.objects.filter(user=rynek.assistant).update(role=Role.ADMIN)
    context = new_context(permissions=["clipboard-read", "clipboard-write"])
    page = context.new_page()
    log_in(page, live, rynek)
    page.goto(live + rynek.url(f"settings/waiting/{area_of(rynek).pk}/"))

    page.get_by_role("button", name="Copy").click()
    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()") == live + door(rynek)

    page.get_by_label("Polish").fill("Witamy")
    expect(page.locator("[data-counter=id_welcome_pl]")).to_have_text("6 / 1000")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Saved. Open pages follow the new settings.")).to_be_visible()
    assert area_of(rynek).welcomes == {"pl": "Witamy"}


@pytest.mark.parametrize(("answer", "notifies"), [("granted", True), ("denied", False)])
def test_browser_is_asked_when_notifications_are_switched_on(
    answer: str, notifies: bool, live: str, rynek: House, new_context: MakeContext
) -> None:
    context = new_context()
    context.add_init_script(ANSWER % answer)
    page = context.new_page()
    log_in(page, live, rynek)
    page.goto(live + rynek.url("waiting/alerts/"))
    expect(page.get_by_text("60 / 100")).to_be_visible()
    box = page.get_by_label("Notifications of the browser")
    refused = page.get_by_text("Your browser refuses notifications of this page.")

    box.click()

    page.wait_for_function("window.asked === 1")
    if notifies:
        expect(box).to_be_checked()
        expect(refused).to_be_hidden()
    else:
        expect(refused).to_be_visible()
        expect(box).not_to_be_checked()
    page.get_by_label("Volume").fill("35")
    expect(page.get_by_text("35 / 100")).to_be_visible()
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Saved.")).to_be_visible()
    watch = Watch.objects.get()
    assert (watch.notifies, watch.volume) == (notifies, 35)
