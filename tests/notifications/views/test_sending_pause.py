"""Pausing everything that a clinic sends, and going on (P15)."""

from django.test import Client

from clinic.models import AuditEntry
from notifications.models import ClinicPause
from tests.factories.house import NOW, House
from tests.factories.page import Page


def test_pause_holds_one_clinic(rynek: House, markt: House, office: Client) -> None:
    response = office.post(rynek.url("settings/sending/"), {"pause": "yes"})

    assert response["Location"] == rynek.url()
    assert list(ClinicPause.objects.values_list("clinic", "since")) == [(rynek.clinic.pk, NOW)]
    assert "Go on sending" in Page(office.get(rynek.url("settings/"))).buttons()


def test_second_press_changes_nothing(rynek: House, office: Client) -> None:
    for _ in range(2):
        assert office.post(rynek.url("settings/sending/"), {"pause": "yes"}).status_code == 302

    assert AuditEntry.objects.filter(action="clinic.sending_paused").count() == 1


def test_going_on_ends_it(rynek: House, office: Client) -> None:
    office.post(rynek.url("settings/sending/"), {"pause": "yes"})

    for _ in range(2):
        office.post(rynek.url("settings/sending/"), {"pause": "no"})

    assert not ClinicPause.objects.exists()
    assert AuditEntry.objects.filter(action="clinic.sending_resumed").count() == 1


def test_word_that_says_neither_changes_nothing(rynek: House, office: Client) -> None:
    office.post(rynek.url("settings/sending/"), {"pause": "yes"})

    response = office.post(rynek.url("settings/sending/"), {})

    assert response.status_code == 302
    assert ClinicPause.objects.exists()
