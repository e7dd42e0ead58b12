"""The main pages in the staff navigation; floors above add theirs."""

import pytest
from django.test import Client

from clinic import panels
from clinic.panels import NavigationEntry, register_navigation
from tests.factories.house import House
from tests.factories.page import Page


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
        ("patients/", {"patients/": "page"}),
        ("patients/new/", {"patients/": "true"}),
        ("appointments/book/", {}),
        ("settings/", {"settings/": "page"}),
        ("settings/calendars/{calendar}/", {"settings/": "true"}),
        ("settings/calendars/{calendar}/communication/", {"settings/": "true"}),
        ("mailbox/", {"mailbox/": "page"}),
    ],
)
def test_page_is_marked_and_what_lies_below_it_too(
    path: str, current: dict[str, str], rynek: House, office: Client
) -> None:
    found = shown(office.get(rynek.url(path.format(calendar=rynek.calendar.pk))))

    assert {url: mark for url, mark in found.items() if mark} == {
        rynek.url(url): mark for url, mark in current.items()
    }
    assert list(found) == [rynek.url(url) for url in ("", "waiting/", "patients/", "mailbox/", "settings/")]


def test_pages_that_a_role_may_not_see_are_left_out(rynek: House, desk: Client) -> None:
    assert rynek.url("settings/") not in shown(desk.get(rynek.url()))


def test_registered_page_takes_its_place(registry: None, rynek: House, desk: Client) -> None:
    register_navigation(NavigationEntry("clinic:appointment_book", "Extra", "plus", 12))

    found = list(shown(desk.get(rynek.url())))

    assert found[:3] == [rynek.url(), rynek.url("appointments/book/"), rynek.url("waiting/")]


def test_fifth_page_and_those_after_it_stand_under_more_as_well(
    registry: None, rynek: House, office: Client
) -> None:
    register_navigation(NavigationEntry("clinic:appointment_book", "Extra", "plus", 95))

    response = office.get(rynek.url("settings/"))

    assert shown(response, "More pages") == {
        rynek.url("settings/"): "page",
        rynek.url("appointments/book/"): "",
    }
    assert len(shown(response)) == 6
    assert "More: Settings" in Page(response).text.replace(" :", ":")


def test_more_says_nothing_of_a_page_beside_it(rynek: House, office: Client) -> None:
    assert "More: " not in Page(office.get(rynek.url())).text.replace(" :", ":")
