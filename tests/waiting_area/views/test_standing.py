"""How a caller stands, as their page says it: place, call, another area, notices taken back (W3, W12, W14)."""

import json
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from clinic.audit.operations import SYSTEM, user_actor
from clinic.live import bus, tokens
from clinic.live.events import Event
from tests.factories.house import MINUTES, NOW, House
from tests.factories.page import Page, queries_of
from tests.factories.waiting import (
    area_of,
    arrive,
    door,
    hold,
    join,
    notify,
    second_area,
    take,
    waiting,
    write,
)
from waiting_area import areas, calls, notices, operations
from waiting_area.models import Caller

SECONDS = timedelta(seconds=1)


def stands(caller: Caller, house: House, query: str = "") -> dict[str, Any]:
    """Return what the caller's open page is told."""
    answer = waiting(Client(), caller).get(door(house, f"state/{query}"))
    found: dict[str, Any] = json.loads(answer.content)
    return found


def screen(caller: Caller, house: House) -> Page:
    return Page(waiting(Client(), caller).get(door(house, "wait/")))


# --- Place and estimate ----------------------------------------------------------------------------


def test_estimate_says_when_it_cannot_tell(rynek: House) -> None:
    caller = arrive(rynek)

    assert stands(caller, rynek)["estimate"] == "We cannot say yet how long it will take."
    assert "We cannot say yet how long it will take." in screen(caller, rynek).text
    for minutes in (6, 8, 12):
        taken = arrive(rynek, at=NOW - 20 * MINUTES)
        take(taken, at=NOW - (20 - minutes) * MINUTES)
    assert stands(caller, rynek)["estimate"] == "Others waited about 8 minutes today."
    assert "We cannot say" not in screen(caller, rynek).text


def test_place_is_hidden_where_the_clinic_shows_none(rynek: House) -> None:
    caller = arrive(rynek)
    areas.change_area(area=area_of(rynek), shows_place=False, actor=SYSTEM, at=NOW)

    found, page = stands(caller, rynek), screen(caller, rynek)

    assert found["place"] is None
    (part,) = page.all("div", lambda it: it.get("id") == "place-part")
    assert "hidden" in dict(part.attributes)
    assert found["estimate"] in page.text


def test_time_to_come_back_is_the_areas_own(rynek: House) -> None:
    caller = arrive(rynek)
    areas.change_area(area=area_of(rynek), resume_minutes=5, actor=SYSTEM, at=NOW)

    assert "Your place is kept for 5 minutes." in screen(caller, rynek).html
    Caller.objects.update(status="left", left_from="waiting", how_left="absent", left_at=NOW)
    assert "Your place in the queue is kept for 5 minutes." in screen(caller, rynek).text


# --- In a call -------------------------------------------------------------------------------------


def test_call_names_who_is_with_them(rynek: House) -> None:
    caller = arrive(rynek)
    other = arrive(rynek, "Other Canary")
    call = join(rynek, caller)
    join(rynek, other, by=rynek.admin)

    assert stands(caller, rynek)["people"] == "You are in a call with Ola Grudzien."
    join(rynek, caller, by=rynek.practitioner, at=NOW + SECONDS)
    assert stands(caller, rynek)["people"] == "You are in a call with Ola Grudzien, Tomasz Wilczek."
    assert "You are in a call with Ola Grudzien, Tomasz Wilczek." in screen(caller, rynek).text
    calls.leave_call(call=call, actor=user_actor(rynek.assistant), at=NOW)
    assert stands(caller, rynek)["people"] == "You are in a call with Tomasz Wilczek."
    calls.leave_call(call=call, rest=calls.Rest.ALONE, actor=user_actor(rynek.practitioner), at=NOW)
    found = stands(caller, rynek)
    assert (found["status"], found["people"], found["may_write"]) == (
        "in_call",
        "Somebody will be back with you soon. Please stay on this page.",
        False,
    )
    assert stands(other, rynek)["people"] == "You are in a call with Anna Maj."
    assert "Canary" not in screen(caller, rynek).html


def test_pages_of_a_calls_callers_hear_who_comes_and_goes(
    rynek: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    caller = arrive(rynek)
    bystander = arrive(rynek, "Bystander")
    call = join(rynek, caller)
    events: list[Event] = []
    monkeypatch.setattr(bus, "publish_event", events.append)

    def told() -> set[str]:
        topics = {name for event in events if event.name == "caller_state" for name in event.topics}
        events.clear()
        return topics

    join(rynek, caller, by=rynek.practitioner)
    assert told() == {f"caller:{caller.pk}"}
    calls.leave_call(call=call, actor=user_actor(rynek.assistant), at=NOW)
    assert told() == {f"caller:{caller.pk}"}
    assert bystander.pk != caller.pk


def test_two_on_hold_never_see_each_others_words(rynek: House) -> None:
    """W14: each has a conversation of their own."""
    first, second = arrive(rynek, "First Canary"), arrive(rynek, "Second")
    call = join(rynek, first)
    calls.join(caller_id=second.pk, into=call, actor=user_actor(rynek.assistant), at=NOW)
    for caller in (first, second):
        hold(rynek, caller)
    write(first, "Private Kanarek")
    notify(rynek, first, "For First alone")

    page, found = screen(second, rynek), stands(second, rynek)

    for leak in ("Canary", "Kanarek", "For First alone"):
        assert leak not in page.html
        assert leak not in json.dumps(found)
    assert found["notices"] == []


# --- Another area ----------------------------------------------------------------------------------


@pytest.mark.parametrize("standing", ["waiting", "on_hold"])
def test_who_was_sent_on_goes_on_by_the_old_address(standing: str, rynek: House) -> None:
    """E5.8, A46: the cookie of the area they came in by opens any area of the same clinic."""
    caller = arrive(rynek)
    notify(rynek, caller, "Comes along")
    if standing == "on_hold":
        join(rynek, caller)
        hold(rynek, caller)
    upstairs = second_area(rynek)
    areas.change_area(area=upstairs, welcomes={"en": "Second floor."}, actor=SYSTEM, at=NOW)
    before = stands(caller, rynek)
    operations.transfer(caller_id=caller.pk, area=upstairs, calendar=None, actor=SYSTEM, at=NOW)

    found, page = stands(caller, rynek), screen(caller, rynek)

    assert (before["area_key"], before["area_name"]) == (area_of(rynek).key, "")
    assert (found["area_key"], found["area_name"], found["welcome"], found["status"]) == (
        upstairs.key,
        "Upstairs",
        "Second floor.",
        "waiting",
    )
    for said in ("Upstairs", "Second floor.", "Comes along"):
        assert said in page.text
    # Every address of the page stays below the path that its cookie goes to.
    for action in page.all("form"):
        assert str(dict(action.attributes)["action"]).startswith(door(rynek))
    client = waiting(Client(), caller)
    answer = client.post(door(rynek, "listen/"))
    subject, _made = tokens.read(answer.cookies["live"].value) or (None, 0)
    assert subject is not None
    assert subject.topics == (f"caller:{caller.pk}", f"area:{upstairs.pk}")
    assert client.get(f"/w/{upstairs.key}/wait/").status_code == 200
    assert client.post(door(rynek, "leave/"))["Location"] == door(rynek, "wait/")
    assert Page(client.get(door(rynek, "wait/"))).heading == "You have left the waiting area"


def test_door_of_the_old_area_leads_on_to_the_screen(rynek: House) -> None:
    caller = arrive(rynek)
    operations.transfer(caller_id=caller.pk, area=second_area(rynek), calendar=None, actor=SYSTEM, at=NOW)

    assert waiting(Client(), caller).get(door(rynek))["Location"] == door(rynek, "wait/")


# --- Notices taken back (W12) ----------------------------------------------------------------------


def test_withdrawn_notice_keeps_its_number_and_loses_its_text(rynek: House) -> None:
    caller = arrive(rynek)
    notify(rynek, caller, "One")
    wrong = notify(rynek, caller, "Room 9, Mrs Canary")
    notify(rynek, caller, "Three")
    notices.withdraw(notice_id=wrong.pk, actor=user_actor(rynek.assistant), at=NOW)

    page = screen(caller, rynek)
    whole, later = stands(caller, rynek), stands(caller, rynek, "?after=3")

    assert "This notice was withdrawn." in page.text
    assert [
        dict(one.attributes)["data-number"] for one in page.all("li", lambda it: "data-number" in it)
    ] == [
        "1",
        "2",
        "3",
    ]
    assert [one["number"] for one in whole["notices"]] == [1, 2, 3]
    assert "This notice was withdrawn." in whole["notices"][1]["html"]
    assert (later["notices"], later["withdrawn"]) == ([], [2])
    assert stands(caller, rynek, "?after=1")["withdrawn"] == []
    assert "Canary" not in page.html + json.dumps([whole, later])
    operations.leave(caller_id=caller.pk, actor=SYSTEM, at=NOW)
    over = screen(caller, rynek)
    assert "This notice was withdrawn." in over.text
    assert "Canary" not in over.html


# --- What it costs ---------------------------------------------------------------------------------


def test_state_asks_no_more_for_more_notices(rynek: House) -> None:
    caller = arrive(rynek)
    client, url = waiting(Client(), caller), door(rynek, "state/")
    notify(rynek, caller)
    one = queries_of(lambda: client.get(url))
    for number in range(20):
        notify(rynek, caller, f"Number {number}")
        arrive(rynek, f"Other {number}")

    assert queries_of(lambda: client.get(url)) == one <= 6


# --- Nothing of it can be asked for (A50, A52) -----------------------------------------------------


@pytest.mark.parametrize("page", ["listen/", "resume/", "write/"])
def test_callers_set_nothing_of_themselves(page: str, rynek: House, markt: House) -> None:
    """A50: state, name, place, area and clinic that somebody posts are passed by."""
    caller = arrive(rynek)
    before: dict[str, Any] = dict(Caller.objects.values().get())
    forged = {
        "status": "in_call", "name": "Doctor", "arrived_at": "2000-01-01", "taken_at": "2000-01-01",
        "clinic": str(markt.clinic.pk), "area": str(area_of(markt).pk), "seen_number": "99", "priority": "1",
        "author": "clinic", "user": str(rynek.assistant.pk), "number": "77", "text": "x", "key": "0" * 32,
    }  # fmt: skip

    waiting(Client(), caller).post(door(rynek, page) + "?status=in_call&author=clinic", forged)

    after: dict[str, Any] = dict(Caller.objects.values().get())
    counts = {"last_number", "notice_count", "last_author", "unanswered_since"}
    assert {name: after[name] for name in after if name not in counts} == {
        name: before[name] for name in before if name not in counts
    }
    for notice in caller.notices.all():
        assert (notice.author, notice.user, notice.number, notice.clinic) == ("caller", None, 1, rynek.clinic)


def test_nobody_reads_others(rynek: House, markt: House) -> None:
    """A52: there is no address of a caller or a notice, and no stream but one's own."""
    mine, other = arrive(rynek, "Mine"), arrive(rynek, "Other Canary")
    notice = notify(rynek, other, "For Canary")
    client = waiting(Client(), mine)

    for path in (f"{other.pk}/", f"wait/{other.pk}/", f"notices/{notice.pk}/", f"state/{other.pk}/"):
        assert client.get(door(rynek, path)).status_code == 404
    for query in (f"?caller={other.pk}", f"?pk={other.pk}&after=0", f"?topics=caller:{other.pk}"):
        answer = client.get(door(rynek, f"state/{query}"))
        assert answer.status_code == 200
        assert b"Canary" not in answer.content
    answer = client.post(door(rynek, "listen/"), {"topics": f"caller:{other.pk}", "caller": other.pk})
    subject, _made = tokens.read(answer.cookies["live"].value) or (None, 0)
    assert subject is not None
    assert subject.topics == (f"caller:{mine.pk}", f"area:{area_of(rynek).pk}")
    assert waiting(Client(), mine).get(door(markt, "state/")).status_code == 404
