"""What staff see of given-up times (P8, E4.4), of their own clinic alone."""

from datetime import timedelta

import pytest
from django.test import Client

from clinic.audit.operations import SYSTEM
from clinic.lib import clock
from messaging.models import Message
from notifications.models import CalendarSettings
from notifications.operations import set_calendar_communication
from notifications.queries import switches_of_calendar
from reminders.replay import report
from tests.factories.house import HOURS, NOW, House, book, logged_in, make_patient
from tests.factories.offers import GRACE, SLOT, give_up, later, taken
from tests.factories.outbox import sweep
from tests.factories.page import Page, text_of


def panel(client: Client, house: House, pk: int) -> str:
    page = Page(client.get(house.url(f"appointments/{pk}/")))
    found = page.all("section", lambda attributes: attributes.get("id") == "offers")
    return text_of(found[0]) if found else ""


def test_who_was_told_when_and_who_took_it(rynek: House, desk: Client) -> None:
    first, second = later(rynek, 1), later(rynek, 2)
    freeing = give_up(rynek.appointment)
    sweep(NOW + GRACE, "sms")

    assert "still free" in panel(desk, rynek, rynek.appointment.pk)
    taken(freeing.offers.get(appointment=second).pk, at=NOW + HOURS)

    text = panel(desk, rynek, rynek.appointment.pk)
    assert text.index(first.patient.name) < text.index(second.patient.name) < text.index("has taken it")
    assert "taken" in text
    assert "still free" not in text
    assert "taken by this patient" in panel(desk, rynek, second.pk)
    assert "taken by this patient" not in panel(desk, rynek, first.pk)
    timeline = Page(desk.get(rynek.url(f"appointments/{first.pk}/"))).text
    assert "another patient gave up 2027-05-13, 11:00" in timeline


def test_why_nobody_was_told(rynek: House, desk: Client) -> None:
    give_up(rynek.appointment)

    assert "nobody comes later who could be told and whom it would fit" in panel(
        desk, rynek, rynek.appointment.pk
    )


def test_who_booked_it_meanwhile(rynek: House, desk: Client) -> None:
    later(rynek)
    give_up(rynek.appointment)
    book(make_patient(rynek.clinic, "Ewa Druga"), rynek.calendar, SLOT)

    assert "booked by somebody else" in panel(desk, rynek, rynek.appointment.pk)


def test_cut_off_is_seen_though_nobody_wrote_it_down(rynek: House, desk: Client) -> None:
    later(rynek)
    give_up(rynek.appointment)

    with clock.held_at(SLOT - HOURS):
        assert "too close to the start" in panel(desk, rynek, rynek.appointment.pk)


def test_appointment_without_any_has_no_panel(rynek: House, desk: Client) -> None:
    assert panel(desk, rynek, rynek.appointment.pk) == ""


def test_freed_late_stands_on_todays_page_of_its_clinic(rynek: House, markt: House, desk: Client) -> None:
    assert "Freed late" not in Page(desk.get(rynek.url())).text

    give_up(rynek.appointment, at=SLOT - timedelta(hours=20))

    text = Page(desk.get(rynek.url())).text
    assert "Freed late" in text
    assert "Freed late" not in Page(logged_in(markt.admin).get(markt.url())).text
    assert logged_in(markt.admin).get(rynek.url(f"appointments/{rynek.appointment.pk}/")).status_code == 404
    assert "Freed late" in panel_of_late(rynek, desk)


def panel_of_late(house: House, client: Client) -> str:
    with clock.held_at(SLOT - timedelta(hours=19)):
        return Page(client.get(house.url())).text


def test_replays_report_has_the_offers(rynek: House) -> None:
    mine = later(rynek)
    give_up(rynek.appointment)
    sweep(NOW + GRACE, "sms")

    lines = [line for line in report() if line.kind == "offer"]

    assert [(one.channel, one.planned_at, one.sent_at, one.outcome, one.reason) for one in lines] == [
        ("sms", (NOW + GRACE).isoformat(), (NOW + GRACE).isoformat(), "sent", "offer_slot")
    ]
    assert Message.objects.get(kind="offer").appointment == mine


@pytest.mark.parametrize("chain", [True, False, None])
def test_chain_is_saved_and_stays_where_it_is_not_named(chain: bool | None, rynek: House) -> None:
    for wanted in (True, chain):
        set_calendar_communication(
            calendar=rynek.calendar, switches=switches_of_calendar(rynek.calendar), self_service=True,
            plain_sms=True, quiet_from=None, quiet_until=None, chain_offers=wanted, actor=SYSTEM, at=NOW,
        )  # fmt: skip

    assert CalendarSettings.objects.get(calendar=rynek.calendar).chain_offers is (chain is not False)


def test_tab_has_switch_and_chain(rynek: House, office: Client) -> None:
    url = rynek.url(f"settings/calendars/{rynek.calendar.pk}/communication/")
    fields = Page(office.get(url)).fields
    assert (fields.get("tell-offer"), fields.get("chain_offers")) == ("on", None)

    office.post(url, {**fields, "chain_offers": "on"})

    assert CalendarSettings.objects.get(calendar=rynek.calendar).chain_offers is True
    assert Page(office.get(url)).fields.get("chain_offers") == "on"
