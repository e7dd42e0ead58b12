"""The callers' pages: waiting, leaving, coming back, and whose cookie opens what."""

import json
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.core import signing
from django.test import Client

from clinic.audit.operations import PATIENT, SYSTEM
from clinic.live import tokens
from tests.factories.house import HTMX, MINUTES, NOW, House
from tests.factories.page import Page
from tests.factories.waiting import area_of, arrive, come_in, door, notify, switch, take, waiting, write
from waiting_area import areas, operations, rules
from waiting_area.models import Caller
from waiting_area.views.waiting_screen import COOKIE, SALT

SECONDS = timedelta(seconds=1)


def absent(caller: Caller, minutes: int) -> Caller:
    """Let the caller be away for so many minutes."""
    Caller.objects.filter(pk=caller.pk).update(
        status="left", left_from="waiting", how_left="absent", left_at=NOW - minutes * MINUTES
    )
    return caller


# --- Waiting ---------------------------------------------------------------------------------------


def test_screen_shows_place_wait_words_and_notices(rynek: House) -> None:
    areas.change_area(area=area_of(rynek), welcomes={"pl": "Have your list ready."}, actor=SYSTEM, at=NOW)
    for minutes in (6, 8, 12):
        taken = arrive(rynek, at=NOW - 20 * MINUTES)
        take(taken, at=NOW - (20 - minutes) * MINUTES)
    arrive(rynek, "First", at=NOW - MINUTES)
    caller = arrive(rynek)
    notify(rynek, caller, "One\ntwo")
    notify(rynek, arrive(rynek, "Other"), "Not for you")

    response = waiting(Client(), caller).get(door(rynek, "wait/"))

    page = Page(response)
    assert "Your place 2" in page.text
    assert "Others waited about 8 minutes today." in page.text
    assert "Have your list ready." in page.text
    assert "Gabinety Rynek · 09:00" in page.text
    assert "Not for you" not in page.text
    assert [node.attributes for node in page.all("li", lambda it: "data-number" in it)] == [
        [("class", "notice notice-clinic"), ("data-number", "1")]
    ]
    assert "Please keep this page open." in page.text
    assert response.cookies["live"]["path"].startswith("/live/")


def test_only_the_clinics_words_have_links(rynek: House) -> None:
    switch(rynek, True)
    caller = arrive(rynek)
    notify(rynek, caller, "Sign at https://x.example/ please")
    write(caller, "Signed at https://y.example/")

    response = waiting(Client(), caller).get(door(rynek, "wait/"))

    links = [dict(node.attributes) for node in Page(response).all("a", lambda it: "target" in it)]
    assert links == [{"target": "_blank", "href": "https://x.example/", "rel": "noopener nofollow"}]
    assert "Signed at https://y.example/" in Page(response).text


def test_without_script_the_page_comes_anew_every_half_minute(rynek: House) -> None:
    page = Page(waiting(Client(), arrive(rynek)).get(door(rynek, "wait/")))

    (head,), (refresh,) = page.all("head"), page.all("meta", lambda it: "http-equiv" in it)
    assert dict(refresh.attributes) == {"http-equiv": "refresh", "content": "30"}
    # Only there, and soon enough to count as present (W4).
    assert [one.children for one in head.children if getattr(one, "name", "") == "noscript"] == [[refresh]]
    assert timedelta(seconds=30) < rules.LOST_AFTER


def test_nothing_is_said_of_the_wait_without_a_basis(rynek: House) -> None:
    page = Page(waiting(Client(), arrive(rynek)).get(door(rynek, "wait/")))

    assert "Others waited" not in page.text
    assert "You are next." in page.text


def test_screen_is_in_the_callers_language_or_the_one_asked_for(rynek: House) -> None:
    client = waiting(Client(), arrive(rynek, language="de"))

    own = client.get(door(rynek, "wait/"), headers={"Accept-Language": "pl"})
    other = client.get(door(rynek, "wait/?language=ro"))

    assert "Bitte lassen Sie diese Seite geöffnet." in Page(own).text
    assert "Vă rugăm să lăsați această pagină deschisă." in Page(other).text
    for response, language in ((own, "de"), (other, "ro")):
        subject, _made = tokens.read(response.cookies["live"].value) or (None, 0)
        assert subject is not None
        assert subject.language == language
    assert f"{door(rynek, 'listen/')}?language=ro" in other.content.decode()


def test_state_gives_what_a_page_lacks(rynek: House) -> None:
    caller = arrive(rynek)
    for text in ("One", "Two", "<b>Three"):
        notify(rynek, caller, text)
    client = waiting(Client(), caller)

    def ask(after: str) -> dict[str, object]:
        found: dict[str, object] = json.loads(client.get(door(rynek, f"state/?after={after}")).content)
        return found

    answer = ask("1")
    assert (answer["is_present"], answer["status"], answer["place"]) == (True, "waiting", 1)
    assert [each["number"] for each in answer["notices"]] == [2, 3]  # type: ignore[attr-defined]
    assert "&lt;b&gt;Three" in answer["notices"][1]["html"]  # type: ignore[index]
    assert len(ask("")["notices"]) == len(ask("-1")["notices"]) == len(ask("9" * 30)["notices"]) == 3  # type: ignore[arg-type]
    assert ask("3")["notices"] == []
    take(caller, at=NOW)
    assert (ask("3")["status"], ask("3")["place"]) == ("in_call", None)
    absent(caller, 29)
    assert ask("3") == {"is_present": False, "may_resume": True}
    absent(caller, 31)
    assert ask("3") == {"is_present": False, "may_resume": False}


def test_who_was_away_is_back_with_the_next_token(rynek: House) -> None:
    caller = absent(arrive(rynek), 20)

    response = waiting(Client(), caller).post(door(rynek, "listen/"), headers=HTMX)

    caller.refresh_from_db()
    assert (response.status_code, caller.status, caller.arrived_at) == (204, "waiting", NOW)
    assert response["X-Live"] == response.cookies["live"]["path"]
    absent(caller, 31)
    refused = waiting(Client(), caller).post(door(rynek, "listen/"))
    assert (refused.status_code, "live" in refused.cookies) == (410, False)


def test_reload_after_an_absence_offers_to_go_on(rynek: House) -> None:
    client = waiting(Client(), absent(arrive(rynek), 20))

    page = Page(client.get(door(rynek, "wait/")))
    assert page.heading == "You were away for a moment"
    assert "Continue waiting" in page.buttons()
    assert client.get(door(rynek))["Location"] == door(rynek, "wait/")
    assert client.post(door(rynek, "resume/"))["Location"] == door(rynek, "wait/")

    assert "Your place 1" in Page(client.get(door(rynek, "wait/"))).text


@pytest.mark.parametrize(
    ("how", "heading"),
    [
        ("removed", "You are no longer in the waiting area"),
        ("themselves", "You have left the waiting area"),
        ("ended", "The call is over"),
        ("absent", "You were away for too long"),
    ],
)
def test_page_says_how_it_ended_and_resumes_nothing(how: str, heading: str, rynek: House) -> None:
    caller = arrive(rynek)
    notify(rynek, caller, "Kept for you")
    Caller.objects.filter(pk=caller.pk).update(status="left", how_left=how, left_at=NOW - 31 * MINUTES)
    client = waiting(Client(), caller)

    assert client.post(door(rynek, "resume/")).status_code == 302
    response = client.get(door(rynek, "wait/"))

    assert Page(response).heading == heading
    assert "Kept for you" in Page(response).text
    assert "live" not in response.cookies
    assert client.get(door(rynek)).status_code == 200
    caller.refresh_from_db()
    assert caller.status == "left"


def test_leaving_gives_the_place_up(rynek: House) -> None:
    client = Client()
    come_in(client, rynek)

    response = client.post(door(rynek, "leave/"))

    caller = Caller.objects.get()
    assert (response["Location"], caller.status, caller.how_left) == (
        door(rynek, "wait/"),
        "left",
        "themselves",
    )
    assert Page(client.get(door(rynek, "wait/"))).heading == "You have left the waiting area"
    assert come_in(client, rynek).status_code == 302
    assert Caller.objects.count() == 2


# --- Whose cookie opens what (A46, A52) ------------------------------------------------------------

PAGES = [
    ("get", "wait/"), ("get", "state/"), ("post", "listen/"), ("post", "resume/"), ("post", "leave/"),
    ("get", "write/"), ("post", "write/"),
]  # fmt: skip


@pytest.mark.parametrize(("method", "path"), PAGES)
def test_other_clinics_cookie_opens_nothing(method: str, path: str, rynek: House, markt: House) -> None:
    """A46."""
    theirs = arrive(markt, "Ottilie Kanarienvogel")
    client = waiting(Client(), theirs)

    response = getattr(client, method)(door(rynek, path))

    assert response.status_code == 404
    assert b"Kanarienvogel" not in response.content
    theirs.refresh_from_db()
    assert theirs.status == "waiting"


@pytest.mark.parametrize(("method", "path"), PAGES)
@pytest.mark.parametrize(
    "cookie",
    ["1", "forged", signing.dumps(1, salt="another"), signing.dumps(987_654_321, salt=SALT)],
    ids=["number", "text", "of-another-kind", "of-nobody"],
)
def test_forged_cookie_opens_nothing(method: str, path: str, cookie: str, rynek: House) -> None:
    arrive(rynek)
    client = Client()
    client.cookies[COOKIE] = cookie

    assert getattr(client, method)(door(rynek, path)).status_code == 404
    # The door itself is open to everybody.
    assert client.get(door(rynek)).status_code == 200


def test_without_a_cookie_the_screen_leads_to_the_door(rynek: House) -> None:
    caller = arrive(rynek)

    assert Client().get(door(rynek, "wait/"))["Location"] == door(rynek)
    assert Client().get(door(rynek, f"state/?caller={caller.pk}")).status_code == 404
    assert Client().get("/w/no-such-area/").status_code == 404
    assert Client().get("/w/gabinety-rynek/").status_code == 404


def test_cookie_of_yesterday_leads_to_the_door(rynek: House) -> None:
    client = waiting(Client(), arrive(rynek))
    with time_machine.travel(datetime.now(UTC) + timedelta(hours=13)):
        assert client.get(door(rynek, "wait/")).status_code == 302


def test_caller_changes_nothing_by_what_they_send(rynek: House) -> None:
    caller = arrive(rynek)
    client = waiting(Client(), caller)

    client.post(
        door(rynek, "resume/"), {"status": "in_call", "name": "Other", "clinic": "1", "arrived_at": "2000"}
    )
    client.get(door(rynek, "wait/?status=in_call&place=1&caller=1"))

    again = Caller.objects.get()
    assert (again.status, again.name, again.arrived_at) == ("waiting", "Ewa Siwa", NOW)
    operations.leave(caller_id=caller.pk, actor=PATIENT, at=NOW)
