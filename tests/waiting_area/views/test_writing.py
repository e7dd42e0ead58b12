"""What callers write to the clinic: when they may, what becomes of it, and what is refused (W9, A48 to A51)."""

import json
import uuid
from typing import Any

import pytest
from django.test import Client

from clinic.audit.operations import SYSTEM
from tests.factories.house import MINUTES, NOW, House
from tests.factories.page import Answer, Page
from tests.factories.waiting import (
    area_of,
    arrive,
    door,
    hold,
    join,
    message_form,
    notify,
    switch,
    take,
    waiting,
    write,
)
from waiting_area import areas, calls, operations
from waiting_area.enums import Left
from waiting_area.models import Caller, Notice

JSON = {"Accept": "application/json"}


def send(
    client: Client, house: House, text: str = "Where are you?", *, script: bool = True, **more: str
) -> Answer:
    """Send a message, by the page's script or without."""
    headers = JSON if script else {}
    return client.post(door(house, "write/"), message_form(text, **more), headers=headers)


def states(client: Client, house: House, query: str = "") -> dict[str, Any]:
    found: dict[str, Any] = json.loads(client.get(door(house, f"state/{query}")).content)
    return found


# --- A message is written --------------------------------------------------------------------------


def test_message_is_stored_and_answered_with_the_notice(rynek: House) -> None:
    caller = arrive(rynek)
    notify(rynek, caller, "Two minutes.")
    client = waiting(Client(), caller)

    answer = send(client, rynek, "  One\r\n<b>two  ")

    made = Notice.objects.get(author="caller")
    assert (made.number, made.text, made.caller, made.clinic, made.user) == (
        2,
        "One\n<b>two",
        caller,
        rynek.clinic,
        None,
    )
    told = json.loads(answer.content)
    assert (answer.status_code, told["number"], told["by"]) == (200, 2, "caller")
    assert "One\n&lt;b&gt;two" in told["html"]
    assert "You · <time" in told["html"]
    assert len(told["key"]) == 32
    caller.refresh_from_db()
    assert (caller.notice_count, caller.last_author, caller.unanswered_since) == (2, "caller", NOW)


def test_without_script_the_message_leads_back(rynek: House) -> None:
    client = waiting(Client(), arrive(rynek, language="de"))

    answer = client.post(door(rynek, "write/?language=pl"), message_form())

    assert (answer.status_code, answer["Location"]) == (302, door(rynek, "wait/") + "?language=pl")
    page = Page(client.get(answer["Location"]))
    assert "Where are you?" in page.text
    assert " · 09:00" in page.text


def test_field_has_a_page_of_its_own_that_does_not_come_anew(rynek: House) -> None:
    client = waiting(Client(), arrive(rynek))

    page = Page(client.get(door(rynek, "write/")))

    assert page.heading == "Waiting area"
    assert set(page.fields) == {"text", "key"}
    assert page.all("meta", lambda it: "http-equiv" in it) == []
    link = Page(client.get(door(rynek, "wait/"))).all("a", lambda it: it.get("href") == door(rynek, "write/"))
    assert len(link) == 1


def test_double_press_writes_once(rynek: House) -> None:
    client = waiting(Client(), arrive(rynek))
    form = message_form()

    answers = [client.post(door(rynek, "write/"), form, headers=JSON) for _press in range(2)]

    assert [json.loads(one.content)["number"] for one in answers] == [1, 1]
    assert Notice.objects.count() == 1
    # The second press of what was taken already is not refused when the switch was quicker.
    switch(rynek, False)
    assert client.post(door(rynek, "write/"), form, headers=JSON).status_code == 200


def test_on_hold_they_may_write_too(rynek: House) -> None:
    caller = arrive(rynek)
    join(rynek, caller)
    hold(rynek, caller)
    client = waiting(Client(), caller)

    assert "Type a message" in Page(client.get(door(rynek, "wait/"))).text
    assert send(client, rynek).status_code == 200
    assert Notice.objects.get().author == "caller"


def test_who_was_away_and_writes_is_back(rynek: House) -> None:
    caller = arrive(rynek)
    gone = {"status": "left", "left_from": "waiting", "how_left": "absent", "left_at": NOW - 5 * MINUTES}
    Caller.objects.filter(pk=caller.pk).update(**gone)

    assert send(waiting(Client(), caller), rynek).status_code == 200

    caller.refresh_from_db()
    assert (caller.status, caller.notice_count) == ("waiting", 1)


# --- What cannot be sent ---------------------------------------------------------------------------


@pytest.mark.parametrize("script", [True, False])
@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("", "Please write something."),
        (" \n\t ", "Please write something."),
        ("\u200b\u200d\ufe0f", "Please write something."),
        ("\x07\x08", "This text holds characters that cannot be shown."),
        ("evil \u202e txt", "This text holds characters that cannot be shown."),
        ("x" * 1001, "This is too long: at most 1000 characters."),
    ],
)
def test_bad_text_is_refused_beside_the_field_and_kept(
    text: str, error: str, script: bool, rynek: House
) -> None:
    client = waiting(Client(), arrive(rynek))

    answer = send(client, rynek, text, script=script)

    assert answer.status_code == 422
    assert not Notice.objects.exists()
    if script:
        assert json.loads(answer.content) == {"error": error}
    else:
        page = Page(answer)
        assert page.error("text") == error
        assert page.fields["text"].strip() == text.strip()


@pytest.mark.parametrize("text", ["x" * 1000, "🙂" * 500, "ș" * 1000, "\n".join(["a"] * 500)])
def test_a_thousand_characters_of_any_kind_are_taken(text: str, rynek: House) -> None:
    assert send(waiting(Client(), arrive(rynek)), rynek, text.replace("\n", "\r\n")).status_code == 200
    assert Notice.objects.get().text == text


def test_form_without_its_key_gets_a_good_one(rynek: House) -> None:
    client = waiting(Client(), arrive(rynek))

    answer = send(client, rynek, "Kept", key="x", script=False)

    page = Page(answer)
    assert (answer.status_code, page.error("text")) == (422, "Your message was not sent. Please try again.")
    assert page.fields["text"] == "Kept"
    assert client.post(door(rynek, "write/"), page.fields).status_code == 302


@pytest.mark.parametrize("script", [True, False])
def test_switched_off_refuses_even_a_forged_message(script: bool, rynek: House) -> None:
    """A48."""
    client = waiting(Client(), arrive(rynek))
    switch(rynek, False)

    answer = send(client, rynek, "Typed before", script=script)

    assert answer.status_code == 403
    assert not Notice.objects.exists()
    if script:
        assert json.loads(answer.content) == {"error": "The clinic takes no messages here at the moment."}
    else:
        page = Page(answer)
        assert page.alerts == [
            "The clinic takes no messages here at the moment. What you typed was not sent."
        ]
        assert page.fields["text"] == "Typed before"
        assert page.buttons() == []
    forged = client.post(door(rynek, "write/"), {"text": "x", "guest_notices": "on", "status": "waiting"})
    assert forged.status_code == 403
    assert not Notice.objects.exists()
    assert "Type a message" not in Page(client.get(door(rynek, "wait/"))).text
    assert client.get(door(rynek, "write/")).status_code == 403


def test_an_areas_own_switch_wins(rynek: House) -> None:
    caller = arrive(rynek)
    areas.change_area(area=area_of(rynek), own_guest_notices=True, actor=SYSTEM, at=NOW)
    switch(rynek, False)

    assert send(waiting(Client(), caller), rynek).status_code == 200


def test_only_who_waits_or_is_on_hold_may_write(rynek: House) -> None:
    """A49: in a call, with somebody or left alone in it, and after leaving there is no field."""
    caller = arrive(rynek)
    client = waiting(Client(), caller)

    def tried() -> tuple[int, bool, str]:
        page = Page(client.get(door(rynek, "wait/")))
        answer = send(client, rynek)
        error = json.loads(answer.content).get("error", "") if answer.status_code != 200 else ""
        return answer.status_code, "text" in page.fields, error

    assert tried() == (200, True, "")
    call = join(rynek, caller)
    in_call = (403, False, "You cannot write here while you are in a call.")
    assert tried() == in_call
    hold(rynek, caller)
    assert tried() == (200, True, "")
    join(rynek, caller)
    calls.leave_call(call=call, rest=calls.Rest.ALONE, actor=_actor(rynek), at=NOW)
    assert tried() == in_call
    assert notify(rynek, caller, "One moment").number == 3
    for how in (Left.THEMSELVES, Left.REMOVED, Left.ENDED, Left.RELEASED):
        Caller.objects.filter(pk=caller.pk).update(status="waiting", how_left="")
        operations.leave(caller_id=caller.pk, how=how, actor=SYSTEM, at=NOW)
        assert tried() == (403, False, "You are no longer in the waiting area."), how
    assert Notice.objects.filter(author="caller").count() == 2


def _actor(house: House) -> Any:
    from clinic.audit.operations import user_actor  # noqa: PLC0415

    return user_actor(house.assistant)


@pytest.mark.parametrize("script", [True, False])
def test_eleventh_within_a_minute_is_refused_and_kept(script: bool, rynek: House) -> None:
    client = waiting(Client(), arrive(rynek))
    other = waiting(Client(), arrive(rynek, "Other"))

    statuses = [send(client, rynek).status_code for _ in range(10)]
    answer = send(client, rynek, "The eleventh", script=script)

    assert statuses == [200] * 10
    assert (answer.status_code, answer["Retry-After"]) == (429, "60")
    sentence = (
        "You have written many messages within a minute. Please try again in a minute; what you typed is "
        "still here."
    )
    if script:
        assert json.loads(answer.content) == {"error": sentence}
    else:
        assert (Page(answer).error("text"), Page(answer).fields["text"]) == (sentence, "The eleventh")
    assert send(other, rynek).status_code == 200
    assert Notice.objects.count() == 11


def test_five_hundred_in_a_minute_and_a_hundred_kilobytes_leave_the_desk_usable(
    rynek: House, desk: Client
) -> None:
    """A51."""
    caller = arrive(rynek, "Loud Canary")
    client = waiting(Client(), caller)

    statuses = [send(client, rynek, f"Again {n}").status_code for n in range(500)]
    huge = send(client, rynek, "y" * 100_000)
    plain = send(client, rynek, "y" * 100_000, script=False)

    assert statuses == [200] * 10 + [429] * 490
    assert (huge.status_code, plain.status_code) == (413, 413)
    assert json.loads(huge.content) == {"error": "This is too long: at most 1000 characters."}
    assert Page(plain).error("text") == "This is too long: at most 1000 characters."
    assert Page(plain).fields["text"] == "y" * 100_000
    assert Notice.objects.count() == 10
    page = desk.get(rynek.url("waiting/"))
    assert page.status_code == 200
    assert "Loud Canary" in page.content.decode()
    assert len(page.content) < 100_000


# --- What an open page asks ------------------------------------------------------------------------


def test_state_follows_the_switch(rynek: House) -> None:
    client = waiting(Client(), arrive(rynek))

    def may(query: str = "") -> tuple[bool, str, bool]:
        found = states(client, rynek, query)
        return found["may_write"], found["may_not"], "form" in found

    assert may() == (True, "", False)
    switch(rynek, False)
    assert may("?form=") == (False, "The clinic takes no messages here at the moment.", False)
    switch(rynek, True)
    assert may() == (True, "", False)
    found = states(client, rynek, "?form=")
    assert f'action="{door(rynek, "write/")}"' in found["form"]
    assert 'name="csrfmiddlewaretoken"' in found["form"]
    assert "Type a message" in found["form"]


def test_own_and_the_clinics_notices_have_one_order(rynek: House) -> None:
    caller = arrive(rynek)
    notify(rynek, caller, "First")
    write(caller, "Second")
    notify(rynek, caller, "Third")
    client = waiting(Client(), caller)

    told = states(client, rynek, "?after=1")["notices"]
    page = Page(client.get(door(rynek, "wait/")))

    assert [(one["number"], one["by"]) for one in told] == [(2, "caller"), (3, "clinic")]
    shown = page.all("li", lambda it: "data-number" in it)
    assert [dict(one.attributes)["class"] for one in shown] == [
        "notice notice-clinic",
        "notice notice-caller",
        "notice notice-clinic",
    ]


def test_in_a_call_the_state_takes_the_field_away(rynek: House) -> None:
    caller = arrive(rynek)
    take(caller)

    found = states(waiting(Client(), caller), rynek, "?form=")

    assert (found["may_write"], "form" in found) == (False, False)


def test_unknown_key_is_forged(rynek: House) -> None:
    assert Client().post("/w/no-such-area/write/", message_form()).status_code == 404
    assert Client().post(door(rynek, "write/"), message_form()).status_code == 404
    assert uuid.UUID(message_form()["key"])
