"""After a visit a patient is asked for a review, writes it, and wants no more such mail: on a phone (P7, P16)."""

from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from clinic.lib import clock
from clinic.models import Review
from notifications.models import InvitationChoice
from tests.factories.directory import listed
from tests.factories.house import HOURS, House
from tests.journeys.conftest import MakeContext, log_in


@pytest.mark.parametrize("script", [True, False], ids=["script", "no-script"])
def test_review_is_asked_for_and_written_and_the_next_refused(
    script: bool, live: str, rynek: House, new_context: MakeContext, sweep: Callable[..., None]
) -> None:
    listed(rynek.calendar)
    asked = rynek.appointment.ends_at + 2 * HOURS
    sweep(asked)
    clock.set_to(asked)
    desk = new_context(java_script_enabled=script, locale="en-GB").new_page()
    log_in(desk, live, rynek)
    desk.goto(f"{live}/c/rynek/mailbox/?patient={rynek.patient.pk}")
    letter = desk.frame_locator("iframe").first
    review = letter.get_by_role("link", name="Write a review").get_attribute("href") or ""
    choices = letter.get_by_role("link", name="Choose what we write to you about").get_attribute("href") or ""

    phone = new_context(java_script_enabled=script, viewport={"width": 390, "height": 780}).new_page()
    phone.goto(review)
    assert "/r/" not in phone.url
    phone.get_by_text("4 stars").click()
    phone.get_by_role("button", name="Publish the review").click()
    expect(phone.get_by_role("status")).to_be_visible()
    assert Review.objects.get().appointment == rynek.appointment

    phone.goto(choices)
    assert "/u/" not in phone.url
    assert not InvitationChoice.objects.exists()
    phone.get_by_role("button", name="None of these").click()
    expect(phone.get_by_role("status")).to_contain_text("You get none of these any more")
    desk.goto(f"{live}{rynek.url(f'patients/{rynek.patient.pk}/')}")
    expect(desk.locator("#invitations").get_by_text("not wanted since")).to_have_count(3)
