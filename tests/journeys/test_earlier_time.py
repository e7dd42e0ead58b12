"""Somebody cancels, others are told by SMS, the first to press has the time: on phones (P8, E4.6)."""

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import expect

from clinic.models import Appointment
from messaging.links import token_of
from reminders.offers.models import Freeing
from tests.factories.house import NOW, House
from tests.factories.offers import GRACE, SLOT, later
from tests.fakes.twilio_fake import SID, TOKEN, TwilioFake
from tests.journeys.conftest import MakeContext


@pytest.mark.parametrize("script", [True, False], ids=["script", "no-script"])
def test_cancelled_time_goes_to_the_first_who_presses(
    script: bool,
    live: str,
    rynek: House,
    new_context: MakeContext,
    sweep: Callable[..., None],
    settings: Any,
) -> None:
    first, second = later(rynek, 1, language="pl"), later(rynek, 2, language="de")
    kept = second.starts_at
    phones = [
        new_context(java_script_enabled=script, viewport={"width": 390, "height": 780}).new_page()
        for _ in range(3)
    ]
    leaving, winning, losing = phones

    leaving.goto(f"{live}/a/{token_of(rynek.link)}/")
    leaving.get_by_text("Cancel the appointment").click()
    leaving.get_by_role("button", name="Yes, cancel it").click()
    expect(leaving.get_by_role("status")).to_contain_text("The appointment is cancelled.")
    with TwilioFake() as twilio:
        settings.SMS_TRANSPORT = "twilio"
        settings.TWILIO_API_BASE, settings.TWILIO_FROM = twilio.base, "+15005550006"
        settings.TWILIO_ACCOUNT_SID, settings.TWILIO_AUTH_TOKEN = SID, TOKEN
        sweep(NOW + GRACE)
        offers = {one.to: one.body for one in twilio.messages if "/o/" in one.body}

    assert set(offers) == {first.patient.phone, second.patient.phone}
    links = {to: body[body.index("http") :].split()[0] for to, body in offers.items()}
    assert offers[first.patient.phone].startswith(
        "Gabinety Rynek: wolny jest wczesniejszy termin: 13.05.2027, 11:00."
    )
    winning.goto(links[first.patient.phone])
    losing.goto(links[second.patient.phone])
    assert "/o/" not in winning.url
    expect(winning.get_by_role("heading", level=1)).to_have_text("Wolny jest wcześniejszy termin")
    expect(winning.locator(".swap-side")).to_have_count(2)
    winning.get_by_role("button", name="Wybierz nowy termin").click()
    expect(winning.get_by_role("status")).to_contain_text("Nowy termin jest zarezerwowany")
    losing.get_by_role("button", name="Neuen Termin nehmen").click()
    expect(losing.get_by_role("heading", level=1)).to_have_text("Dieser Termin ist schon vergeben")
    expect(losing.get_by_text("Ihr Termin bleibt unverändert")).to_be_visible()
    winning.reload()
    expect(winning.get_by_role("status")).to_contain_text("Nowy termin jest zarezerwowany")

    starts = dict(Appointment.objects.filter(status="booked").values_list("pk", "starts_at"))
    assert starts == {first.pk: SLOT, second.pk: kept}
    freeing = Freeing.objects.get(appointment=rynek.appointment)
    assert (freeing.ended, freeing.taken_by_id) == ("taken", first.pk)
