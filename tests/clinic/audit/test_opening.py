"""One opening of a page is one entry, and nothing a browser says keeps it from being written (R35)."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.core import signing
from django.test import Client

from clinic.audit.opening import LIFE, SALT
from clinic.models import AuditEntry
from tests.factories.house import DAYS, HTMX, NOW, House, book, logged_in
from tests.factories.page import Page, proofs


def looks() -> list[tuple[str, int]]:
    rows = AuditEntry.objects.filter(action="appointment.seen").order_by("pk")
    return list(rows.values_list("actor_user__email", "object_id"))


@pytest.fixture
def url(rynek: House) -> str:
    return rynek.url(f"appointments/{rynek.appointment.pk}/")


def test_parts_that_are_fetched_anew_are_no_new_look(rynek: House, desk: Client, url: str) -> None:
    page = Page(desk.get(url))
    assert looks() == [(rynek.assistant.email, rynek.appointment.pk)]
    state, *others = proofs(page)
    assert others == [state, state]

    again = Page(desk.get(url, headers={**HTMX, **state}))

    assert looks() == [(rynek.assistant.email, rynek.appointment.pk)]
    assert proofs(again) == [state, state, state]
    desk.get(url)
    assert len(looks()) == 2


def test_page_that_stays_open_is_looked_at_again_after_an_hour(desk: Client, url: str) -> None:
    began = datetime.now(UTC).replace(microsecond=0)  # signatures keep whole seconds of the machine's time
    with time_machine.travel(began, tick=False):
        own, *_ = proofs(Page(desk.get(url)))
    with time_machine.travel(began + LIFE, tick=False):
        desk.get(url, headers=own)
    assert len(looks()) == 1
    with time_machine.travel(began + LIFE + timedelta(seconds=1), tick=False):
        fresh, *_ = proofs(Page(desk.get(url, headers=own)))
        desk.get(url, headers=fresh)
    assert len(looks()) == 2
    assert fresh != own


def test_nobody_elses_proof_and_no_other_pages_counts(rynek: House, desk: Client, url: str) -> None:
    other = book(rynek.patient, rynek.calendar, NOW + 9 * DAYS)
    mine, *_ = proofs(Page(desk.get(url)))
    foreign, *_ = proofs(Page(logged_in(rynek.admin).get(url)))
    elsewhere, *_ = proofs(Page(desk.get(rynek.url(f"appointments/{other.pk}/"))))
    before = len(looks())

    for headers in (foreign, elsewhere):
        desk.get(url, headers=headers)

    assert len(looks()) == before + 2
    desk.get(url, headers=mine)
    assert len(looks()) == before + 2


FORGED = {
    "nothing": lambda: "",
    "word": lambda: "x",
    "unsigned": lambda: "a:b:c",
    "other content": lambda: signing.dumps([1], salt=SALT),
    "other purpose": lambda: signing.dumps("x", salt="y"),
}


@pytest.mark.parametrize("forged", FORGED.values(), ids=list(FORGED))
def test_what_this_server_did_not_sign_is_worth_nothing(
    desk: Client, url: str, forged: Callable[[], str]
) -> None:
    desk.get(url, headers={**HTMX, "Opened": forged(), "HX-Trigger": "state"})
    assert len(looks()) == 1


def test_refused_change_that_shows_the_page_is_a_look_as_well(rynek: House, desk: Client, url: str) -> None:
    answer = desk.post(f"{url}move/", {})

    assert answer.status_code == 422
    assert looks() == [(rynek.assistant.email, rynek.appointment.pk)]
    assert len(proofs(Page(answer))) == 3
