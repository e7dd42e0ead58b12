"""The first address: on to where this person works."""

import pytest
from django.test import Client

from clinic.audit.operations import SYSTEM
from clinic.models import User
from clinic.people.enums import Role
from clinic.people.operations import add_member
from tests.factories.house import NOW, House, logged_in
from tests.factories.page import Page


@pytest.mark.django_db
def test_empty_house_leads_to_its_first_page() -> None:
    assert Client().get("/")["Location"] == "/start/"


def test_nobody_is_asked_to_log_in(rynek: House) -> None:
    assert Client().get("/")["Location"] == "/log-in/?next=/"


def test_member_of_one_clinic_goes_to_its_day(rynek: House, desk: Client) -> None:
    assert desk.get("/")["Location"] == rynek.url()


def test_member_of_two_clinics_chooses(rynek: House, markt: House, desk: Client) -> None:
    add_member(clinic=markt.clinic, user=rynek.assistant, role=Role.ASSISTANT, actor=SYSTEM, at=NOW)

    page = Page(desk.get("/"))

    assert {rynek.url(), markt.url()} <= set(page.links())
    assert Page(desk.get(markt.url())).text.count("Gabinety Rynek") == 1


def test_somebody_of_no_clinic_is_told_so(operator: User) -> None:
    page = Page(logged_in(operator).get("/"))

    assert "You are not a member of any clinic yet." in page.text


def test_member_who_was_switched_off_gets_nowhere(rynek: House, desk: Client) -> None:
    User.objects.filter(pk=rynek.assistant.pk).update(is_active=False)

    assert desk.get(rynek.url()).status_code == 302


def test_member_who_was_removed_finds_nothing(rynek: House, desk: Client) -> None:
    rynek.assistant.memberships.all().delete()

    assert desk.get(rynek.url()).status_code == 404
