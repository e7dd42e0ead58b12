"""The switches of one appointment (P2)."""

from django.test import Client

from clinic.models import AuditEntry
from messaging.models import Delivery
from notifications.models import AppointmentSwitch, CalendarSwitch
from tests.factories.house import House
from tests.factories.page import Page


def url(house: House) -> str:
    return house.url(f"appointments/{house.appointment.pk}/messages/")


def test_switch_is_stored_for_this_appointment_alone(rynek: House, desk: Client) -> None:
    response = desk.post(
        url(rynek),
        {
            f"tell-{kind}": "on"
            for kind in ("details", "moved", "cancelled", "review", "next_appointment", "offer")
        },
    )

    page = Page(desk.get(response["Location"]))
    reminders = Delivery.objects.filter(message__appointment=rynek.appointment, message__kind="reminder")
    assert list(AppointmentSwitch.objects.values_list("appointment", "kind", "is_on")) == [
        (rynek.appointment.pk, "reminder", False)
    ]
    assert not CalendarSwitch.objects.exists()
    assert set(reminders.values_list("state", "reason")) == {("skipped", "off_for_appointment")}
    assert "tell-reminder" not in page.fields
    assert "Saved for this appointment." in page.text
    assert AuditEntry.objects.get(action="appointment.switches_set").actor_user == rynek.assistant


def test_switched_on_again_is_planned_again(rynek: House, desk: Client) -> None:
    desk.post(url(rynek), {"tell-details": "on"})

    desk.post(url(rynek), {"tell-details": "on", "tell-reminder": "on"})

    reminders = Delivery.objects.filter(message__appointment=rynek.appointment, message__kind="reminder")
    assert set(reminders.values_list("state", flat=True)) == {"planned"}


def test_second_press_writes_nothing_more(rynek: House, desk: Client) -> None:
    desk.post(url(rynek), {"tell-details": "on"})
    desk.post(url(rynek), {"tell-details": "on"})

    assert AuditEntry.objects.filter(action="appointment.switches_set").count() == 1
