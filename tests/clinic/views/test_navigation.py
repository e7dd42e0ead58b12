"""The main pages in the staff navigation; floors above add theirs."""

import pytest
from django.test import Client

from clinic import panels
from clinic.access import find_member
from clinic.audit.operations import SYSTEM
from clinic.models import User
from clinic.panels import NavigationEntry, register_navigation
from clinic.people.enums import Role
from clinic.people.operations import add_member
from tests.factories.clinic import make_clinic
from tests.factories.house import NOW, House
from tests.factories.page import Page, text_of


def shown(response: object, label: str = "Main pages") -> dict[str, str]:
    """Return what the navigation links to, with what each link says about the present page."""
    (nav,) = Page(response).all("nav", lambda found: found.get("aria-label") == label)
    links = [dict(link.attributes) for link in nav.children if getattr(link, "name", "") == "a"]
    return {str(link["href"]): str(link.get("aria-current", "")) for link in links}


@pytest.fixture
def registry(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let what this test registers be forgotten."""
    monkeypatch.setattr(panels, "_navigation", dict(panels._navigation))


@pytest.mark.parametrize(
    ("path", "current"),
    [
        ("", {"": "page"}),
        ("calendar/", {"calendar/": "page"}),
        ("calendar/absences/", {"calendar/": "true"}),
        ("patients/", {"patients/": "page"}),
        ("patients/new/", {"patients/": "true"}),
        ("appointments/book/", {}),
        ("settings/", {"settings/": "page"}),
        ("settings/calendars/{calendar}/", {"settings/": "true"}),
        ("settings/calendars/{calendar}/communication/", {"settings/": "true"}),
        ("mailbox/", {"mailbox/": "page"}),
        ("reviews/", {"reviews/": "page"}),
        ("settings/profile/", {"settings/": "true"}),
    ],
)
def test_page_is_marked_and_what_lies_below_it_too(
    path: str, current: dict[str, str], rynek: House, office: Client
) -> None:
    found = shown(office.get(rynek.url(path.format(calendar=rynek.calendar.pk))))

    assert {url: mark for url, mark in found.items() if mark} == {
        rynek.url(url): mark for url, mark in current.items()
    }
    pages = ("", "calendar/", "waiting/", "patients/", "mailbox/", "reviews/", "settings/")
    assert list(found) == [rynek.url(url) for url in pages]


def test_pages_that_a_role_may_not_see_are_left_out(rynek: House, desk: Client) -> None:
    assert rynek.url("settings/") not in shown(desk.get(rynek.url()))


def test_registered_page_takes_its_place(registry: None, rynek: House, desk: Client) -> None:
    register_navigation(NavigationEntry("clinic:appointment_book", "Extra", "plus", 11))

    found = list(shown(desk.get(rynek.url())))

    assert found[:3] == [rynek.url(), rynek.url("appointments/book/"), rynek.url("calendar/")]


def test_fifth_page_and_those_after_it_stand_under_more_as_well(
    registry: None, rynek: House, office: Client
) -> None:
    register_navigation(NavigationEntry("clinic:appointment_book", "Extra", "plus", 95))

    response = office.get(rynek.url("settings/"))

    assert shown(response, "More pages") == {
        rynek.url("mailbox/"): "",
        rynek.url("reviews/"): "",
        rynek.url("settings/"): "page",
        rynek.url("appointments/book/"): "",
    }
    assert len(shown(response)) == 8
    assert "More: Settings" in Page(response).text.replace(" :", ":")


def test_more_says_nothing_of_a_page_beside_it(rynek: House, office: Client) -> None:
    assert "More: " not in Page(office.get(rynek.url())).text.replace(" :", ":")


def test_members_of_several_clinics_change_to_the_others_by_name(
    rynek: House, markt: House, desk: Client
) -> None:
    def offered(house: House) -> list[str]:
        menus = Page(desk.get(house.url())).all("ul", lambda it: it.get("class") == "menu-list")
        return [text_of(one) for menu in menus for one in menu.children if text_of(one)]

    assert offered(rynek) == []
    for clinic in (markt.clinic, make_clinic("zoo"), make_clinic("allee")):
        add_member(clinic=clinic, user=rynek.assistant, role=Role.ASSISTANT, actor=SYSTEM, at=NOW)

    assert offered(rynek) == ["Clinic Allee", "Clinic Zoo", "Praxis am Markt"]
    assert offered(markt) == ["Clinic Allee", "Clinic Zoo", "Gabinety Rynek"]
    # Who may not log in any more is a member of none.
    assert find_member(rynek.assistant, "zoo") is not None
    User.objects.filter(pk=rynek.assistant.pk).update(is_active=False)
    assert find_member(rynek.assistant, "zoo") is None
