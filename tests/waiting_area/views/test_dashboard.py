"""The staff's list: who is on it, by which filter, and what is done with one of them (W1, W2, W4, W13, W15)."""

import json
from datetime import UTC, datetime, time

import pytest
from django.test import Client

from clinic.audit.operations import PATIENT, user_actor
from clinic.lib import clock
from clinic.models import AuditEntry, User
from tests.factories.house import HTMX, MINUTES, NOW, House, logged_in, make_calendar
from tests.factories.page import Answer, Page, queries_of, text_of
from tests.factories.waiting import (
    area_of,
    arrive,
    broadcast_of,
    door,
    hold,
    join,
    notify,
    second_area,
    take,
    write,
)
from waiting_area import areas, calls, operations
from waiting_area.models import Call, Caller, Participation, WaitingArea

KEY = "0" * 32


def rows(page: Page) -> list[str]:
    return [text_of(node) for node in page.all("li", is_row)]


def is_row(attributes: dict[str, str]) -> bool:
    return "caller" in attributes.get("class", "").split()


def test_list_shows_who_is_here_in_order(rynek: House, markt: House, desk: Client) -> None:
    arrive(markt, "Ottilie Kanarienvogel")
    late = arrive(rynek, "Jan Szary", at=NOW - 5 * MINUTES, purpose="Recepta")
    early = arrive(rynek, "Ewa Siwa", at=NOW - 95 * MINUTES, purpose="Wyniki")
    gone = arrive(rynek, "Adam Nieobecny")
    operations.leave(caller_id=gone.pk, actor=PATIENT, at=NOW)
    take(late, at=NOW - 3 * MINUTES)
    notify(rynek, early)
    Caller.objects.filter(pk=early.pk).update(is_lost=True)
    Caller.objects.filter(pk=late.pk).update(notice_count=3, last_author="caller")

    page = Page(desk.get(rynek.url("waiting/")))

    first, second = rows(page)
    assert first.startswith("Ewa Siwa Wyniki Waiting Connection lost 1 h 35 min 1 1 notice, from the clinic")
    assert second.startswith("Jan Szary Recepta In a call 3 min 3 3 notices, the last from them")
    badges = page.all("span", lambda it: "badge" in it.get("class", "").split())
    assert [dict(badge.attributes)["class"] for badge in badges] == [
        "badge badge-clinic",
        "badge badge-caller",
    ]
    times = [dict(node.attributes)["class"] for node in page.all("time")]
    assert times == ["caller-time is-long", "caller-time"]
    assert "Nieobecny" not in page.text
    assert "Kanarienvogel" not in page.text


@pytest.mark.parametrize(("minutes", "is_long"), [(29, False), (30, True)])
def test_thirty_minutes_are_long(minutes: int, is_long: bool, rynek: House, desk: Client) -> None:
    arrive(rynek, at=NOW - minutes * MINUTES)

    (time,) = Page(desk.get(rynek.url("waiting/"))).all("time")

    assert ("is-long" in str(dict(time.attributes)["class"])) is is_long


def test_empty_list_says_how_people_come(rynek: House, desk: Client, settings: object) -> None:
    page = Page(desk.get(rynek.url("waiting/")))

    assert "Nobody is waiting." in page.text
    (link,) = page.all("input", lambda it: it.get("id") == "link")
    assert dict(link.attributes)["value"] == f"{settings.PUBLIC_URL}{door(rynek)}"  # type: ignore[attr-defined]
    WaitingArea.objects.all().delete()
    assert desk.get(rynek.url("waiting/")).status_code == 200


# --- Hours (E5.9) ----------------------------------------------------------------------------------

HOURS = {weekday: [(time(8), time(12)), (time(13), time(16))] for weekday in range(5)}


def change(house: House, area: WaitingArea, **wanted: object) -> None:
    areas.change_area(area=area, actor=user_actor(house.admin), at=NOW, **wanted)


def doors(client: Client, house: House, at: datetime = NOW, query: str = "") -> tuple[list[str], str]:
    """Return what the list says of areas that take nobody new, and what makes the page ask again."""
    with clock.held_at(at):
        page = Page(client.get(house.url(f"waiting/{query}")))
    (part,) = page.all("ul", lambda it: it.get("id") == "board-hours")
    told = dict(part.attributes)
    assert told["data-live"] == "area"
    assert told["hx-get"] == house.url(f"waiting/{query}")
    return [text_of(one) for one in part.children if text_of(one)], str(told["hx-trigger"])


OUTSIDE = "Outside its hours: nobody new can come in. It opens next:"


@pytest.mark.parametrize(
    ("at", "said", "seconds"),
    [
        # Warsaw is two hours ahead of these.
        (datetime(2027, 5, 3, 5, 59, 59, tzinfo=UTC), [f"{OUTSIDE} today at 08:00."], 2),
        (datetime(2027, 5, 3, 6, 0, tzinfo=UTC), [], 4 * 3600 + 1),
        (datetime(2027, 5, 3, 9, 59, 59, 500_000, tzinfo=UTC), [], 2),
        (datetime(2027, 5, 3, 10, 0, tzinfo=UTC), [f"{OUTSIDE} today at 13:00."], 3601),
        (datetime(2027, 5, 7, 14, 0, tzinfo=UTC), [f"{OUTSIDE} Monday 10 May 2027 at 08:00."], 64 * 3600 + 1),
    ],
)
def test_list_says_when_nobody_new_is_taken(
    at: datetime, said: list[str], seconds: int, rynek: House, desk: Client
) -> None:
    assert doors(desk, rynek, at) == ([], "live")

    change(rynek, area_of(rynek), hours=HOURS)

    assert doors(desk, rynek, at) == (said, f"live, load delay:{seconds}s")


def test_switched_off_area_waits_for_no_hour(rynek: House, desk: Client) -> None:
    change(rynek, area_of(rynek), hours=HOURS, is_open=False)

    assert doors(desk, rynek) == (["The waiting area is closed: nobody new can come in."], "live")


def test_each_of_several_areas_is_named(rynek: House, desk: Client) -> None:
    first, second = area_of(rynek), second_area(rynek)
    change(rynek, first, hours=HOURS)
    change(rynek, second, hours={0: [(time(6), time(8))]})
    noon = datetime(2027, 5, 3, 10, 0, tzinfo=UTC)
    here, there = f"{first.name} · {OUTSIDE} today at 13:00.", f"{second.name} · {OUTSIDE} "
    there += "Monday 10 May 2027 at 06:00."

    assert doors(desk, rynek) == ([there], f"live, load delay:{3 * 3600 + 1}s")
    assert doors(desk, rynek, noon) == ([here, there], "live, load delay:3601s")
    # Under a filter by area only that one is spoken of.
    assert doors(desk, rynek, noon, f"?area={second.pk}")[0] == [there]
    assert doors(desk, rynek, noon, f"?area={first.pk}") == ([here], "live, load delay:3601s")


@pytest.mark.parametrize(
    ("language", "said"),
    [
        (
            "pl",
            "Poza godzinami poczekalni: nikt nowy nie może wejść. "
            "Najbliższe otwarcie: poniedziałek, 10 maja 2027, godz. 08:00.",
        ),
        (
            "de",
            "Außerhalb der Zeiten des Wartebereichs: Niemand Neues kann eintreten. "
            "Nächste Öffnung: Montag, 10. Mai 2027 um 08:00 Uhr.",
        ),
        (
            "ro",
            "În afara programului sălii de așteptare: nicio persoană nouă nu poate intra. "
            "Se deschide din nou: luni, 10 mai 2027, ora 08:00.",
        ),
    ],
)
def test_hours_are_said_in_the_readers_words(language: str, said: str, rynek: House, desk: Client) -> None:
    change(rynek, area_of(rynek), hours=HOURS)
    User.objects.filter(pk=rynek.assistant.pk).update(language=language)

    assert doors(desk, rynek, datetime(2027, 5, 7, 14, 0, tzinfo=UTC))[0] == [said]


# --- The list's cost -------------------------------------------------------------------------------


def test_hours_of_many_areas_cost_one_read(rynek: House, desk: Client) -> None:
    change(rynek, area_of(rynek), hours=HOURS)
    one = queries_of(lambda: desk.get(rynek.url("waiting/")))
    for number in range(5):
        change(rynek, second_area(rynek, f"Floor {number}"), hours=HOURS)

    assert queries_of(lambda: desk.get(rynek.url("waiting/"))) == one == 9


def test_list_costs_the_same_for_any_number(rynek: House, desk: Client) -> None:
    arrive(rynek)
    one = queries_of(lambda: desk.get(rynek.url("waiting/")))
    for number in range(12):
        arrive(rynek, f"Caller {number}")

    assert queries_of(lambda: desk.get(rynek.url("waiting/"))) == one


def test_other_clinics_caller_does_not_exist(rynek: House, markt: House, desk: Client) -> None:
    theirs = arrive(markt, "Ottilie Kanarienvogel")

    for path in (f"waiting/{theirs.pk}/", f"waiting/{theirs.pk}/remove/"):
        response = desk.post(rynek.url(path), {"text": "A", "key": KEY})
        assert response.status_code == 404
        assert b"Kanarienvogel" not in response.content
        assert desk.post(markt.url(path), {"text": "A", "key": KEY}).status_code == 404
    theirs.refresh_from_db()
    assert (theirs.status, theirs.notice_count) == ("waiting", 0)


def test_caller_is_removed(rynek: House, desk: Client) -> None:
    caller = arrive(rynek)

    first = desk.post(rynek.url(f"waiting/{caller.pk}/remove/"), follow=True)
    second = desk.post(rynek.url(f"waiting/{caller.pk}/remove/"), follow=True)

    caller.refresh_from_db()
    assert (caller.status, caller.how_left) == ("left", "removed")
    assert "Ewa Siwa was removed." in Page(first).text
    assert "Ewa Siwa had left already." in Page(second).text
    assert AuditEntry.objects.get(action="caller.removed").actor_user == rynek.assistant
    assert area_of(rynek).callers.count() == 1


# --- Filters (W2) ------------------------------------------------------------------------------------


def names(answer: Answer) -> list[str]:
    page = Page(answer)
    return [text_of(node) for node in page.all("a", lambda it: it.get("class") == "caller-name")]


def recipients(answer: Answer) -> str:
    return Page(answer).fields["to"]


def counts(answer: Answer) -> dict[str, int]:
    (board,) = Page(answer).all("div", lambda it: it.get("id") == "callers")
    return dict(json.loads(str(dict(board.attributes)["data-counts"])))


def everybody(house: House) -> dict[str, Caller]:
    """Return a caller in each status, named after it."""
    found = {name: arrive(house, name.title()) for name in ("waiting", "held", "inside", "gone")}
    join(house, found["held"])
    hold(house, found["held"])
    calls.leave_call(call=Call.objects.get(), actor=user_actor(house.assistant), at=NOW, rest=calls.Rest.HOLD)
    join(house, found["inside"])
    operations.leave(caller_id=found["gone"].pk, actor=PATIENT, at=NOW)
    return found


@pytest.mark.parametrize(
    ("query", "listed"),
    [
        ("", ["Waiting", "Held", "Inside"]),
        ("?status=waiting", ["Waiting"]),
        ("?status=on_hold&status=in_call", ["Held", "Inside"]),
        ("?status=left", ["Gone"]),
        ("?status=waiting&status=left", ["Waiting", "Gone"]),
        ("?status=asleep", ["Waiting", "Held", "Inside"]),
        ("?status=asleep&status=on_hold", ["Held"]),
        ("?calendar=0&area=999999999999999999999&status=in_call", ["Inside"]),
        ("?calendar=x%00&area=-1", ["Waiting", "Held", "Inside"]),
    ],
)
def test_list_is_filtered_by_statuses(query: str, listed: list[str], rynek: House, desk: Client) -> None:
    found = everybody(rynek)

    answer = desk.get(rynek.url(f"waiting/{query}"))

    assert names(answer) == listed
    # Who has left is never a recipient.
    present = [str(found[name.lower()].pk) for name in listed if name != "Gone"]
    assert recipients(answer) == ",".join(present)
    assert counts(answer) == {"waiting": 1, "in_call": 1, "on_hold": 1, "left": 1}
    (button,) = Page(answer).all("button", lambda it: it.get("id") == "notify")
    assert ("disabled" in dict(button.attributes)) is (present == [])
    assert text_of(button) == f"Notify displayed {len(present)}"


def test_list_is_filtered_by_calendar_and_area(rynek: House, markt: House, desk: Client) -> None:
    other = make_calendar(rynek.clinic, "dr Alicja Lis")
    arrive(rynek, "With Lis", calendar=other)
    arrive(rynek, "With nobody")
    upstairs = operations.arrive(
        area=second_area(rynek), name="Upstairs", purpose="Wyniki", language="en", key="a" * 32,
        calendar=other, actor=PATIENT, at=NOW,
    )  # fmt: skip
    arrive(markt, "Ottilie Kanarienvogel", calendar=markt.calendar)

    def listed(**query: int) -> list[str]:
        return names(desk.get(rynek.url("waiting/"), query))

    assert listed(calendar=other.pk) == ["With Lis", "Upstairs"]
    assert listed(calendar=other.pk, area=upstairs.area_id) == ["Upstairs"]
    assert listed(area=area_of(rynek).pk) == ["With Lis", "With nobody"]
    assert listed(calendar=rynek.calendar.pk) == []
    # Another clinic's are unknown here.
    everyone = ["With Lis", "With nobody", "Upstairs"]
    assert listed(calendar=markt.calendar.pk) == everyone
    assert listed(area=area_of(markt).pk) == everyone
    answer = desk.get(rynek.url("waiting/"), {"calendar": other.pk, "area": upstairs.area_id})
    assert counts(answer) == {"waiting": 1, "in_call": 0, "on_hold": 0, "left": 0}
    assert (
        'hx-get="{}?calendar={}&amp;area={}"'.format(rynek.url("waiting/"), other.pk, upstairs.area_id)
        in answer.content.decode()
    )


def test_filter_keeps_its_choice_on_the_page(rynek: House, desk: Client) -> None:
    page = Page(desk.get(rynek.url("waiting/?status=on_hold&status=left")))

    checked = page.all("input", lambda it: it.get("name") == "status" and "checked" in it)
    assert [dict(node.attributes)["value"] for node in checked] == ["on_hold", "left"]
    assert "Nobody is here whom this filter lists." in page.text
    assert rynek.url("waiting/") in page.links()


@pytest.mark.parametrize("text", ["łukasz", "LUKASZ", "  kowal ", "recepta na oś"])
def test_text_filters_by_post_and_stands_in_no_address(text: str, rynek: House, desk: Client) -> None:
    found = arrive(rynek, "Łukasz Kowalik", purpose="Recepta na Ośrodek")
    arrive(rynek, "Jan Szary", purpose="Wyniki")
    url = rynek.url("waiting/?status=waiting")

    answer = desk.post(url, {"text": text})

    assert names(answer) == ["Łukasz Kowalik"]
    assert recipients(answer) == str(found.pk)
    page = Page(answer)
    assert page.fields["text"] == text
    forms = page.all("form", lambda it: it.get("role") == "search" and "board-text" in it.get("class", ""))
    assert [dict(one.attributes)["action"] for one in forms] == [url]
    assert "kowal" not in " ".join(page.links()).lower()
    # In an address it does nothing.
    assert len(names(desk.get(rynek.url("waiting/"), {"text": text}))) == 2


def test_text_that_nobody_has_lists_nobody(rynek: House, desk: Client) -> None:
    arrive(rynek)

    answer = desk.post(rynek.url("waiting/"), {"text": "x" * 5000})

    assert (names(answer), recipients(answer)) == ([], "")
    assert Page(answer).fields["text"] == "x" * 120


# --- Rows alone --------------------------------------------------------------------------------------


def only(answer: Answer) -> str:
    (board,) = Page(answer).all("div", lambda it: it.get("id") == "callers")
    return str(dict(board.attributes)["data-only"])


def test_rows_are_answered_alone(rynek: House, markt: House, desk: Client) -> None:
    first, second, third = (arrive(rynek, name) for name in ("Ada", "Bea", "Cia"))
    theirs = arrive(markt, "Ottilie Kanarienvogel")
    join(rynek, third)
    asked = f"{second.pk},{first.pk},{theirs.pk},{third.pk},x,,-1,{second.pk},{10**30}"

    answer = desk.get(rynek.url("waiting/"), {"rows": asked, "status": "waiting"}, headers=HTMX)

    assert answer.content.lstrip().startswith(b'<div id="callers"')
    assert names(answer) == ["Ada", "Bea"]
    # Whom the filter lists no more is asked for, and does not come.
    assert only(answer) == f"{second.pk} {first.pk} {theirs.pk} {third.pk}"
    assert b"Kanarienvogel" not in answer.content
    assert counts(answer) == {"waiting": 2, "in_call": 1, "on_hold": 0, "left": 0}
    orders = [str(dict(row.attributes)["data-order"]) for row in Page(answer).all("li", is_row)]
    assert orders == sorted(orders)
    assert names(desk.get(rynek.url("waiting/"), {"rows": ""})) == []


def test_no_more_than_a_hundred_rows_are_asked_for(rynek: House, desk: Client) -> None:
    caller = arrive(rynek)
    asked = ",".join(["0"] * 100 + [str(caller.pk)])

    assert names(desk.get(rynek.url("waiting/"), {"rows": asked})) == []
    assert names(desk.get(rynek.url("waiting/"), {"rows": asked[2:]})) == ["Ewa Siwa"]


# --- What a row says -----------------------------------------------------------------------------------


def test_row_says_what_was_asked_and_who_is_there(rynek: House, desk: Client) -> None:
    asks, inside = arrive(rynek, "Ada"), arrive(rynek, "Bea", calendar=rynek.calendar, phone="+48512345678")
    write(asks, "Is the <doctor> late?")
    broadcast_of(rynek)
    join(rynek, inside)
    join(rynek, inside, by=rynek.admin)

    first, second = rows(Page(desk.get(rynek.url("waiting/"))))

    assert first.startswith("Ada A prescription Is the <doctor> late? Waiting 0 min")
    # A broadcast makes the badge blue and answers nobody.
    assert "2 notices, the last from the clinic, unanswered" in first
    assert "Mark as answered" in first
    expected = "Bea dr Tomasz Wilczek · A prescription · …678 In a call with Ola Grudzien, Anna Maj"
    assert second.startswith(expected)


def test_row_of_who_was_left_alone_calls_for_somebody(rynek: House, desk: Client) -> None:
    caller = arrive(rynek)
    call = join(rynek, caller)
    calls.leave_call(call=call, actor=user_actor(rynek.assistant), at=NOW, rest=calls.Rest.ALONE)
    (row,) = rows(Page(desk.get(rynek.url("waiting/"))))
    assert "Nobody is with them" in row
    assert "Rejoin : Ewa Siwa" in row

    answer = desk.post(rynek.url(f"waiting/{caller.pk}/hold/"), follow=True)

    assert "Ewa Siwa is on hold." in Page(answer).text
    caller.refresh_from_db()
    assert (caller.status, caller.alone_since) == ("on_hold", None)
    again = desk.post(rynek.url(f"waiting/{caller.pk}/hold/"), follow=True)
    assert "Somebody else was quicker: nothing was changed." in Page(again).text


def test_nobody_holds_whom_somebody_else_is_with(rynek: House, office: Client) -> None:
    caller = arrive(rynek)
    join(rynek, caller)

    answer = office.post(rynek.url(f"waiting/{caller.pk}/hold/"), follow=True)

    assert "Somebody else was quicker: nothing was changed." in Page(answer).text
    caller.refresh_from_db()
    assert caller.status == "in_call"


def test_whole_page_asks_the_database_twelve_times_at_most(rynek: House) -> None:
    client = logged_in(rynek.assistant)

    def fill(number: int) -> None:
        calendar = make_calendar(rynek.clinic, f"dr {number}")
        second_area(rynek, f"Area {number}")
        asks, left = arrive(rynek, f"Asks {number}", calendar=calendar), arrive(rynek, f"Left {number}")
        write(asks)
        operations.leave(caller_id=left.pk, actor=PATIENT, at=NOW)
        inside = arrive(rynek, f"In {number}", calendar=calendar)
        take(inside)
        call = Call.objects.create(clinic=rynek.clinic, key=f"call-{number}", started_at=NOW)
        Caller.objects.filter(pk=inside.pk).update(call=call, alert="alone")
        Participation.objects.filter(user=rynek.admin).update(gone_at=NOW)
        Participation.objects.create(
            call=call, clinic=rynek.clinic, user=rynek.admin, joined_at=NOW, last_seen_at=NOW
        )

    url = rynek.url("waiting/?status=waiting&status=in_call&status=left")
    fill(1)
    broadcast_of(rynek)
    few = queries_of(lambda: client.get(url))
    for number in range(2, 14):
        fill(number)

    assert queries_of(lambda: client.get(url)) == few
    assert few <= 12
    caller = Caller.objects.present().filter(clinic=rynek.clinic).first()
    assert caller is not None
    assert queries_of(lambda: client.get(f"{url}&rows={caller.pk}")) <= 12


# --- Tick off, transfer ----------------------------------------------------------------------------------


def test_question_is_ticked_off(rynek: House, desk: Client) -> None:
    caller = arrive(rynek)
    write(caller)
    url = rynek.url(f"waiting/{caller.pk}/answered/")

    answer = desk.post(url, follow=True)

    caller.refresh_from_db()
    assert (caller.unanswered_since, caller.answered_number, caller.notice_count) == (None, 1, 1)
    page = Page(answer)
    assert "Marked as answered." in page.text
    (row,) = rows(page)
    assert "1 notice, from them" in row
    assert "unanswered" not in row
    write(caller, "And now?")
    script = desk.post(url, headers=HTMX)
    assert (script.status_code, script.content) == (204, b"")
    caller.refresh_from_db()
    assert (caller.unanswered_since, caller.answered_number) == (None, 2)
    assert "Marked as answered." not in Page(desk.get(rynek.url("waiting/"))).text


def test_caller_is_transferred(rynek: House, desk: Client) -> None:
    caller, upstairs = arrive(rynek), second_area(rynek)
    notify(rynek, caller)
    url = rynek.url(f"waiting/{caller.pk}/transfer/")
    page = Page(desk.get(url))
    assert (page.fields["area"], page.fields["calendar"]) == (str(area_of(rynek).pk), "")
    assert desk.get(url, headers=HTMX).content.lstrip().startswith(b'<div class="talk" id="ask"')

    answer = desk.post(url, {"area": upstairs.pk, "calendar": rynek.calendar.pk}, follow=True)

    caller.refresh_from_db()
    assert (caller.area_id, caller.calendar_id, caller.notice_count) == (
        upstairs.pk, rynek.calendar.pk, 1,
    )  # fmt: skip
    assert "Ewa Siwa was transferred." in Page(answer).text
    script = desk.post(url, {"area": area_of(rynek).pk, "calendar": ""}, headers=HTMX)
    assert (script.status_code, script["HX-Redirect"]) == (204, rynek.url("waiting/"))
    operations.leave(caller_id=caller.pk, actor=PATIENT, at=NOW)
    late = desk.post(url, {"area": upstairs.pk}, follow=True)
    assert "Ewa Siwa had left already." in Page(late).text


@pytest.mark.parametrize("field", ["area", "calendar"])
def test_nobody_is_transferred_to_another_clinic(
    field: str, rynek: House, markt: House, desk: Client
) -> None:
    caller = arrive(rynek)
    theirs = {"area": area_of(markt).pk, "calendar": markt.calendar.pk}
    url = rynek.url(f"waiting/{caller.pk}/transfer/")
    forged = {"area": area_of(rynek).pk, "calendar": "", field: theirs[field]}

    answer = desk.post(url, forged)

    page = Page(answer)
    assert answer.status_code == 422
    assert page.error(field) == "Select a valid choice. That choice is not one of the available choices."
    assert "Am Markt" not in page.text
    assert "Storch" not in page.text
    caller.refresh_from_db()
    assert (caller.area_id, caller.calendar_id) == (area_of(rynek).pk, None)


# --- Join ------------------------------------------------------------------------------------------------


def test_joining_leads_to_the_call(rynek: House, desk: Client) -> None:
    caller = arrive(rynek)
    url = rynek.url(f"waiting/{caller.pk}/join/")

    first = desk.post(url, {"was": "waiting"})
    # Pressed once more on a row of before, by whoever is there already.
    again = desk.post(url, {"was": "in_call"})

    call = Call.objects.get()
    assert first["Location"] == again["Location"] == rynek.url(f"calls/{call.key}/")
    caller.refresh_from_db()
    assert (caller.status, caller.call) == ("in_call", call)
    assert Participation.objects.get().user == rynek.assistant


@pytest.mark.parametrize("confirms", [True, False])
def test_area_may_ask_for_a_look_before_joining(confirms: bool, rynek: House, desk: Client) -> None:
    areas.change_area(area=area_of(rynek), confirms_name=confirms, actor=user_actor(rynek.admin), at=NOW)
    caller = arrive(rynek, phone="+48512345678")
    url = rynek.url(f"waiting/{caller.pk}/join/")

    asked = desk.post(url, {"was": "waiting"})

    assert asked.status_code == (409 if confirms else 302)
    assert Call.objects.exists() is not confirms
    if confirms:
        page = Page(asked)
        assert page.heading == "Join Ewa Siwa?"
        assert "Phone ends in 678" in page.text
        assert "Ask for the name before you speak about anything else." in page.text
        assert page.alerts == []
        assert page.fields["sure"] == "1"
        assert desk.post(url, {"was": page.fields["was"], "sure": "1"}).status_code == 302
        assert Call.objects.count() == 1


def test_row_that_became_old_joins_nobody(rynek: House, desk: Client, office: Client) -> None:
    caller = arrive(rynek)
    url = rynek.url(f"waiting/{caller.pk}/join/")
    join(rynek, caller)

    answer = office.post(url, {"was": "waiting"})

    page = Page(answer)
    assert answer.status_code == 409
    assert page.alerts == ["Something has changed since you pressed. Look again, please."]
    assert "Ola Grudzien is with Ewa Siwa. You can join them." in page.text
    assert page.fields["was"] == "in_call"
    assert Participation.objects.count() == 1
    assert office.post(url, {"was": "in_call", "sure": "1"}).status_code == 302
    assert Participation.objects.count() == 2


def test_who_is_in_another_call_is_led_there(rynek: House, desk: Client) -> None:
    call, caller = join(rynek, arrive(rynek, "Ada")), arrive(rynek)

    answer = desk.post(rynek.url(f"waiting/{caller.pk}/join/"), {"was": "waiting"}, follow=True)

    assert answer.redirect_chain == [(rynek.url(f"calls/{call.key}/"), 302)]
    assert "You are still in this call. Leave it before you join another." in Page(answer).text
    caller.refresh_from_db()
    assert caller.status == "waiting"


@pytest.mark.parametrize("method", ["get", "post"])
def test_who_left_is_not_joined(method: str, rynek: House, desk: Client) -> None:
    caller = arrive(rynek)
    operations.leave(caller_id=caller.pk, actor=PATIENT, at=NOW)

    answer = getattr(desk, method)(rynek.url(f"waiting/{caller.pk}/join/"), {"was": "waiting"}, follow=True)

    assert answer.redirect_chain == [(rynek.url("waiting/"), 302)]
    assert "Ewa Siwa had left already." in Page(answer).text
    assert not Call.objects.exists()


@pytest.mark.parametrize("path", ["answered/", "hold/", "transfer/", "join/"])
def test_nothing_is_done_with_another_clinics_caller(
    path: str, rynek: House, markt: House, desk: Client
) -> None:
    theirs = arrive(markt, "Ottilie Kanarienvogel")
    write(theirs)
    good = {"area": area_of(markt).pk, "was": "waiting"}

    for house in (rynek, markt):
        assert desk.post(house.url(f"waiting/{theirs.pk}/{path}"), good).status_code == 404
    theirs.refresh_from_db()
    assert (theirs.status, theirs.unanswered_since) == ("waiting", NOW)
    assert logged_in(markt.assistant).post(markt.url(f"waiting/{theirs.pk}/{path}"), good).status_code == 302
