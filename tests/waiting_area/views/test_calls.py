"""The page of a call: to whom it opens, and how its callers are held, brought in and let go (W13, W14, A54)."""

import re

import pytest
from django.test import Client

from clinic.audit.operations import user_actor
from clinic.models import AuditEntry
from tests.factories.house import HTMX, MINUTES, NOW, House, logged_in
from tests.factories.page import Answer, Page, proofs, text_of
from tests.factories.waiting import area_of, arrive, hold, join, notify, write
from waiting_area import calls
from waiting_area.models import Call, Caller, Participation


def status_of(caller: Caller) -> str:
    caller.refresh_from_db()
    return str(caller.status)


def url_of(house: House, call: Call, path: str = "") -> str:
    return house.url(f"calls/{call.key}/{path}")


def bring(desk: Client, house: House, call: Call, caller: Caller) -> Answer:
    """Look at somebody who waits, and bring them into the call."""
    form = {"was": caller.status, "into": call.key, "sure": "1"}
    return desk.post(house.url(f"waiting/{caller.pk}/join/"), form, follow=True)


def participants(answer: Answer) -> list[str]:
    """Return who is listed in the call manager with what can be pressed there."""
    return [
        text_of(node)
        for node in Page(answer).all("li", lambda it: it.get("id", "").startswith("participant-"))
    ]


def says(answer: Answer) -> str:
    (toasts,) = Page(answer).all("div", lambda it: it.get("id") == "toasts")
    return text_of(toasts).removesuffix(" ×")


# --- Who may see it (A54) ----------------------------------------------------------------------------


def test_page_opens_to_who_is_in_the_call_and_is_written_down(rynek: House, desk: Client) -> None:
    caller = arrive(rynek)
    write(caller, "Is it you?")
    call = join(rynek, caller)

    answer = desk.get(url_of(rynek, call))

    page = Page(answer)
    assert page.heading == "Ewa Siwa"
    assert participants(answer) == ["Ewa Siwa In a call Hold : Ewa Siwa Write 1 unanswered"]
    assert "Ola Grudzien (you)" in page.text
    assert "Is it you?" in page.text
    assert AuditEntry.objects.filter(action="caller.seen", object_id=caller.pk).count() == 1
    own, *_others = proofs(page)
    desk.get(url_of(rynek, call), headers={**HTMX, **own})
    assert AuditEntry.objects.filter(action="caller.seen", object_id=caller.pk).count() == 1


@pytest.mark.parametrize("key", ["1", "guessed", "A" * 22, "%00", "x'--"])
def test_guessed_address_opens_nothing(key: str, rynek: House, desk: Client) -> None:
    join(rynek, arrive(rynek))

    assert desk.get(rynek.url(f"calls/{key}/")).status_code == 404
    assert desk.post(rynek.url(f"calls/{key}/end/")).status_code == 404


def test_key_follows_from_nothing_that_is_known(rynek: House) -> None:
    caller = arrive(rynek)
    first = join(rynek, caller)
    calls.end_call(call=first, actor=user_actor(rynek.assistant), at=NOW)
    again = arrive(rynek)
    second = join(rynek, again)

    known = [caller.pk, caller.key, again.pk, first.pk, second.pk, rynek.slug, area_of(rynek).key]
    assert first.key != second.key
    for call in (first, second):
        assert re.fullmatch(r"[A-Za-z0-9_-]{22}", call.key)
        for one in known:
            assert str(one) == "1" or len(str(one)) < 3 or str(one) not in call.key


def test_other_clinics_call_is_not_there(rynek: House, markt: House, desk: Client) -> None:
    caller = arrive(markt, "Ottilie Kanarienvogel")
    call = join(markt, caller)
    own = join(rynek, arrive(rynek))

    for house in (rynek, markt):
        assert desk.get(url_of(house, call)).status_code == 404
        assert desk.post(url_of(house, call, "end/")).status_code == 404
    # Nor can another clinic's caller be reached by one's own call.
    for path in ("hold", "bring", "part"):
        assert desk.post(url_of(rynek, own, f"{path}/{caller.pk}/")).status_code == 404
    assert status_of(caller) == "in_call"
    assert caller.call == call


def test_who_is_not_in_the_call_is_refused_and_written_down(
    rynek: House, desk: Client, office: Client
) -> None:
    caller, other = arrive(rynek), arrive(rynek, "Bea")
    call = join(rynek, caller)

    answer = office.get(url_of(rynek, call))

    assert answer.status_code == 403
    assert b"Ewa Siwa" not in answer.content
    refused = AuditEntry.objects.get(action="call.see.refused")
    assert (refused.actor_user, refused.clinic) == (rynek.admin, rynek.clinic)
    for path in ("leave/", "end/", f"hold/{caller.pk}/", f"bring/{other.pk}/", f"part/{caller.pk}/"):
        assert office.post(url_of(rynek, call, path), {"rest": "anyway"}).status_code == 403
    assert (status_of(caller), status_of(other)) == ("in_call", "waiting")
    assert AuditEntry.objects.filter(action="call.see.refused").count() == 6


def test_address_is_gone_after_the_call(rynek: House, desk: Client, office: Client) -> None:
    caller = arrive(rynek)
    call = join(rynek, caller)
    calls.end_call(call=call, actor=user_actor(rynek.assistant), at=NOW)

    for client in (desk, office):
        answer = client.get(url_of(rynek, call))
        assert answer.status_code == 410
        assert Page(answer).heading == "The call is over"
        assert b"Ewa Siwa" not in answer.content
        assert client.post(url_of(rynek, call, f"bring/{caller.pk}/")).status_code == 410
    assert desk.post(url_of(rynek, call, "listen/")).status_code == 410
    assert not AuditEntry.objects.filter(action="call.see.refused").exists()
    assert status_of(caller) == "left"


def test_next_token_is_for_who_is_in_the_call(rynek: House, desk: Client, office: Client) -> None:
    call = join(rynek, arrive(rynek))
    url = url_of(rynek, call, "listen/")
    page = desk.get(url_of(rynek, call)).content.decode()

    answer = desk.post(url)

    assert (answer.status_code, office.post(url).status_code) == (204, 410)
    assert f'data-stream="{answer["X-Live"]}"' in page
    assert f'data-renew="{url}"' in page


# --- Leaving it (W14) --------------------------------------------------------------------------------


@pytest.mark.parametrize("headers", [{}, HTMX])
@pytest.mark.parametrize(
    ("rest", "status", "is_alone"), [("hold", "on_hold", False), ("anyway", "in_call", True)]
)
def test_leaving_somebody_alone_asks_first(
    rest: str, status: str, is_alone: bool, headers: dict[str, str], rynek: House, desk: Client
) -> None:
    caller, held = arrive(rynek), arrive(rynek, "Bea Held")
    call = join(rynek, caller)
    bring(desk, rynek, call, held)
    hold(rynek, held)

    asked = desk.post(url_of(rynek, call, "leave/"), headers=headers)

    page = Page(asked)
    assert asked.status_code == 409
    (names,) = page.all("ul", lambda it: it.get("class") == "leave-names")
    assert text_of(names) == "Ewa Siwa"
    assert page.alerts == [
        "This caller is not on hold, and nobody else of the clinic is in the call: Ewa Siwa"
    ]
    # In this order; the first is the one that a keyboard's Enter takes.
    choices = ["hold-and-leave", "leave-anyway", "stay"]
    found = [
        dict(node.attributes).get("id") for node in page.nodes if dict(node.attributes).get("id") in choices
    ]
    assert found == choices
    assert status_of(caller) == "in_call"

    answer = desk.post(url_of(rynek, call, "leave/"), {"rest": rest}, headers=headers)

    if headers:
        assert (answer.status_code, answer["HX-Redirect"]) == (204, rynek.url("waiting/"))
    else:
        assert (answer.status_code, answer["Location"]) == (302, rynek.url("waiting/"))
    assert (status_of(caller), caller.alone_since is not None) == (status, is_alone)
    assert status_of(held) == "on_hold"
    assert caller.may_write is (rest == "hold")
    assert "You have left the call." in says(desk.get(rynek.url("waiting/")))
    # Another window of theirs shows who is still there, to rejoin; nobody tried what they may not.
    other = desk.get(url_of(rynek, call))
    assert (other.status_code, Page(other).heading) == (410, "You are out of this call")
    assert f'href="{rynek.url(f"waiting/{caller.pk}/join/")}"' in other.content.decode()
    assert desk.get(url_of(rynek, call), headers=HTMX).status_code == 410
    assert not AuditEntry.objects.filter(action="call.see.refused").exists()


@pytest.mark.parametrize("rest", ["", "whatever", "HOLD"])
def test_forged_choice_is_none(rest: str, rynek: House, desk: Client) -> None:
    caller = arrive(rynek)
    call = join(rynek, caller)

    assert desk.post(url_of(rynek, call, "leave/"), {"rest": rest}).status_code == 409
    assert Participation.objects.get().gone_at is None


def test_leaving_is_at_once_when_all_are_held_or_somebody_stays(
    rynek: House, desk: Client, office: Client
) -> None:
    caller = arrive(rynek)
    call = join(rynek, caller)
    join(rynek, caller, by=rynek.admin)

    assert office.post(url_of(rynek, call, "leave/"))["Location"] == rynek.url("waiting/")
    assert status_of(caller) == "in_call"
    desk.post(url_of(rynek, call, f"hold/{caller.pk}/"))
    assert desk.post(url_of(rynek, call, "leave/"))["Location"] == rynek.url("waiting/")
    assert (status_of(caller), caller.alone_since) == ("on_hold", None)
    assert not Participation.objects.filter(gone_at=None).exists()


def test_call_ends_for_everybody(rynek: House, desk: Client) -> None:
    first, second = arrive(rynek), arrive(rynek, "Bea")
    call = join(rynek, first)
    bring(desk, rynek, call, second)

    answer = desk.post(url_of(rynek, call, "end/"), follow=True)

    assert answer.redirect_chain == [(rynek.url("waiting/"), 302)]
    assert "The call has ended." in says(answer)
    for one in (first, second):
        assert (status_of(one), one.how_left) == ("left", "ended")
    again = desk.post(url_of(rynek, call, "end/"))
    assert again.status_code == 410


# --- Those in it -------------------------------------------------------------------------------------


def test_hold_and_off_hold(rynek: House, desk: Client) -> None:
    caller = arrive(rynek)
    call = join(rynek, caller)

    held = desk.post(url_of(rynek, call, f"hold/{caller.pk}/"), follow=True)

    assert held.redirect_chain == [(url_of(rynek, call), 302)]
    assert participants(held) == ["Ewa Siwa On hold Take off hold : Ewa Siwa Write"]
    assert (status_of(caller), caller.call, caller.may_write) == ("on_hold", call, True)
    twice = desk.post(url_of(rynek, call, f"hold/{caller.pk}/"), follow=True)
    assert "Somebody else was quicker: nothing was changed." in says(twice)
    # A press on what stood there before.
    stale = desk.post(url_of(rynek, call, f"bring/{caller.pk}/"), {"was": "in_call"}, follow=True)
    assert "Somebody else was quicker: nothing was changed." in says(stale)
    assert status_of(caller) == "on_hold"
    back = desk.post(url_of(rynek, call, f"bring/{caller.pk}/"), {"was": "on_hold"}, follow=True)
    assert participants(back) == ["Ewa Siwa In a call Hold : Ewa Siwa Write"]
    assert status_of(caller) == "in_call"


def test_somebody_is_brought_in_and_sees_nobody_elses_notices(rynek: House, desk: Client) -> None:
    first, second = arrive(rynek), arrive(rynek, "Bea Second", at=NOW + MINUTES)
    write(first, "From Ewa")
    notify(rynek, second, "To Bea")
    call = join(rynek, first)
    (offered,) = Page(desk.get(url_of(rynek, call))).all("details", lambda it: it.get("id") == "bring")
    assert text_of(offered) == "Bring somebody in Bea Second A prescription · 09:01"
    # Who waits is looked at before they are in somebody else's call.
    url_in = rynek.url(f"waiting/{second.pk}/join/?into={call.key}")
    assert "Bea Second" in Page(desk.get(url_in)).heading
    assert desk.post(url_in, {"was": "waiting", "into": call.key}).status_code == 409
    assert status_of(second) == "waiting"

    answer = bring(desk, rynek, call, second)

    assert participants(answer) == [
        "Ewa Siwa In a call Hold : Ewa Siwa Write 1 unanswered Say goodbye : Ewa Siwa",
        "Bea Second In a call Hold : Bea Second Write Say goodbye : Bea Second",
    ]
    page = Page(answer)
    assert page.heading == "Ewa Siwa, Bea Second"
    parts = {dict(node.attributes).get("aria-labelledby"): text_of(node) for node in page.all("section")}
    talks = {one.pk: parts[f"talk-{one.pk}-title"] for one in (first, second)}
    assert ("From Ewa" in talks[first.pk], "To Bea" in talks[first.pk]) == (True, False)
    assert ("From Ewa" in talks[second.pk], "To Bea" in talks[second.pk]) == (False, True)
    assert not page.all("details", lambda it: it.get("id") == "bring")


def test_goodbye_to_one_of_two(rynek: House, desk: Client) -> None:
    first, second, outside = (arrive(rynek, name) for name in ("Ada", "Bea", "Cia"))
    call = join(rynek, first)
    bring(desk, rynek, call, second)

    answer = desk.post(url_of(rynek, call, f"part/{first.pk}/"), follow=True)

    assert (status_of(first), first.how_left, status_of(second)) == ("left", "ended", "in_call")
    # The last one is let go by ending the call.
    assert participants(answer) == ["Bea In a call Hold : Bea Write"]
    for path, one in (("part", outside), ("hold", outside), ("part", first)):
        refused = desk.post(url_of(rynek, call, f"{path}/{one.pk}/"), follow=True)
        assert "Somebody else was quicker: nothing was changed." in says(refused)
    gone = desk.post(url_of(rynek, call, f"bring/{first.pk}/"), {"was": "waiting"}, follow=True)
    assert "Ada had left already." in says(gone)
    assert status_of(outside) == "waiting"


def test_goodbye_to_the_last_one_is_the_end(rynek: House, desk: Client) -> None:
    caller = arrive(rynek)
    call = join(rynek, caller)

    answer = desk.post(url_of(rynek, call, f"part/{caller.pk}/"), follow=True)

    assert answer.status_code == 410
    assert Page(answer).heading == "The call is over"
    assert status_of(caller) == "left"


def test_everything_of_a_call_works_without_script(rynek: House, desk: Client) -> None:
    """From the list to the end, by what the pages' own forms send."""
    caller = arrive(rynek)
    page = Page(desk.get(rynek.url("waiting/")))
    (button,) = page.all("button", lambda it: "caller-join" in it.get("class", ""))
    pressed = dict(button.attributes)
    answer = desk.post(str(pressed["formaction"]), {str(pressed["name"]): str(pressed["value"])}, follow=True)
    call = Call.objects.get()

    def press(answer: Answer, wanted: str) -> Answer:
        forms = Page(answer).all("form", lambda it: str(it.get("action", "")).endswith(wanted))
        return desk.post(str(dict(forms[0].attributes)["action"]), follow=True)

    answer = press(answer, f"hold/{caller.pk}/")
    assert status_of(caller) == "on_hold"
    answer = press(answer, "leave/")
    assert "You have left the call." in says(answer)
    (row,) = Page(answer).all("button", lambda it: "caller-join" in it.get("class", ""))
    assert text_of(row) == "Rejoin : Ewa Siwa"
    answer = desk.post(rynek.url(f"waiting/{caller.pk}/join/"), {"was": "on_hold"}, follow=True)
    answer = press(answer, "end/")
    assert "The call has ended." in says(answer)
    call.refresh_from_db()
    assert call.ended_at == NOW


def test_two_of_one_clinic_with_one_caller(rynek: House, desk: Client) -> None:
    caller = arrive(rynek)
    call = join(rynek, caller)
    third = logged_in(rynek.practitioner)
    third.post(rynek.url(f"waiting/{caller.pk}/join/"), {"was": "in_call"})

    assert "Tomasz Wilczek (you)" in Page(third.get(url_of(rynek, call))).text
    assert "Tomasz Wilczek" in Page(desk.get(url_of(rynek, call))).text
    desk.post(url_of(rynek, call, f"hold/{caller.pk}/"))
    assert participants(third.get(url_of(rynek, call))) == ["Ewa Siwa On hold Take off hold : Ewa Siwa Write"]
