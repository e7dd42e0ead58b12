"""What calls for the clinic's people on every page: how much, for whom, and how it is heard (W10)."""

import pytest
from django.test import Client

from clinic.audit.operations import PATIENT, user_actor
from clinic.lib import clock
from clinic.models import Clinic, Membership, User
from tests.factories.house import DAYS, MINUTES, NOW, House, logged_in
from tests.factories.page import Page, queries_of, text_of
from tests.factories.waiting import SECONDS, arrive, broadcast_of, join, notify, write
from waiting_area import calls, notices, operations, watching
from waiting_area.models import Caller, Watch


def needs(client: Client, house: House, path: str = "waiting/needs/") -> tuple[str, dict[str, str]]:
    """Return what the counts say, and what the script is told."""
    (part,) = Page(client.get(house.url(path))).all("div", lambda it: it.get("id") == "needs-now")
    told = {name[5:]: str(value) for name, value in part.attributes if name.startswith("data-")}
    return text_of(part), told


def news(client: Client, house: House) -> list[str]:
    return needs(client, house)[1]["news"].split()


def membership(house: House, user: User) -> Membership:
    return Membership.objects.get(clinic=house.clinic, user=user)


def name_watchers(house: House, *users: User) -> None:
    watching.name_watchers(
        clinic=house.clinic, memberships=[membership(house, one).pk for one in users],
        actor=user_actor(house.admin), at=NOW,
    )  # fmt: skip


@pytest.mark.parametrize("path", ["waiting/needs/", "", "patients/", "waiting/", "waiting/alerts/"])
def test_counts_stand_on_every_page(path: str, rynek: House, markt: House, desk: Client) -> None:
    assert needs(desk, rynek, path)[0] == ""
    for name in ("Ada", "Bea"):
        write(arrive(rynek, name))
    write(arrive(markt))
    alone = arrive(rynek, "Cia")
    call = join(rynek, alone)
    calls.leave_call(call=call, actor=user_actor(rynek.assistant), at=NOW, rest=calls.Rest.ALONE)
    assert needs(desk, rynek, path)[0] == "2 wrote"

    calls.alert_alone(caller_id=alone.pk, at=NOW + MINUTES)

    text, told = needs(desk, rynek, path)
    assert text == "1 alone 2 wrote"
    assert told["pressing"] == "3"
    assert told["live"] == "watch"


def test_who_left_or_was_answered_calls_no_more(rynek: House, desk: Client) -> None:
    first, second, third = (arrive(rynek, name) for name in ("Ada", "Bea", "Cia"))
    for one in (first, second, third):
        write(one)
    assert needs(desk, rynek)[0] == "3 wrote"

    notify(rynek, first)
    notices.tick_off(caller_id=second.pk, actor=user_actor(rynek.assistant), at=NOW)
    assert needs(desk, rynek)[0] == "1 wrote"
    # Who asked and is gone still waits for an answer, if only by phone; on another day nobody does.
    operations.leave(caller_id=third.pk, actor=PATIENT, at=NOW)
    assert needs(desk, rynek)[0] == "1 wrote"
    Caller.objects.filter(pk=third.pk).update(left_at=NOW - DAYS)
    assert needs(desk, rynek)[0] == ""


# --- Who is called -----------------------------------------------------------------------------------


def test_everybody_watches_where_nobody_is_named(rynek: House) -> None:
    write(arrive(rynek))

    for user in (rynek.admin, rynek.practitioner, rynek.assistant):
        assert needs(logged_in(user), rynek)[0] == "1 wrote"


def test_named_watchers_alone_are_called(rynek: House, markt: House) -> None:
    write(arrive(rynek))
    name_watchers(rynek, rynek.practitioner)
    name_watchers(markt, markt.admin)

    assert needs(logged_in(rynek.practitioner), rynek)[0] == "1 wrote"
    for user in (rynek.admin, rynek.assistant):
        text, told = needs(logged_in(user), rynek)
        assert (text, set(told)) == ("", {"live", "memory"})


def test_who_may_not_log_in_keeps_nobody_from_watching(rynek: House, desk: Client) -> None:
    write(arrive(rynek))
    name_watchers(rynek, rynek.practitioner)
    assert needs(desk, rynek)[0] == ""

    User.objects.filter(pk=rynek.practitioner.pk).update(is_active=False)

    assert needs(desk, rynek)[0] == "1 wrote"


# --- How it is heard ---------------------------------------------------------------------------------


def test_own_sound_and_volume_are_told(rynek: House, desk: Client, office: Client) -> None:
    assert {**needs(desk, rynek)[1], "news": "", "memory": ""} == {
        "memory": "",
        "live": "watch", "news": "", "pressing": "0", "sound": "bell", "volume": "60",
    }  # fmt: skip
    Watch.objects.create(
        membership=membership(rynek, rynek.assistant), sound="knock", volume=35, notifies=True
    )

    told = needs(desk, rynek)[1]
    assert (told["sound"], told["volume"]) == ("knock", "35")
    assert told["notifies"] == "Somebody in the waiting area needs you"
    Watch.objects.update(is_muted=True)
    told = needs(desk, rynek)[1]
    assert (told["volume"], "notifies" in told) == ("0", True)
    assert needs(office, rynek)[1]["volume"] == "60"


def test_each_question_is_news_once(rynek: House, desk: Client) -> None:
    caller = arrive(rynek, at=NOW - 5 * MINUTES)
    assert news(desk, rynek) == []

    write(caller, "One")
    assert news(desk, rynek) == [f"q{caller.pk}.1"]
    # The clinic's own words to all are no question, though this one still waits for an answer.
    broadcast_of(rynek)
    assert news(desk, rynek) == [f"q{caller.pk}.1"]
    write(caller, "Two")
    assert news(desk, rynek) == [f"q{caller.pk}.3"]
    notify(rynek, caller)
    assert news(desk, rynek) == []


def test_coming_in_is_news_for_two_minutes(rynek: House, desk: Client) -> None:
    caller = arrive(rynek)

    for seconds, expected in ((0, [f"c{caller.pk}"]), (119, [f"c{caller.pk}"]), (120, [])):
        with clock.held_at(NOW + seconds * SECONDS):
            assert news(desk, rynek) == expected
    assert needs(desk, rynek)[1]["pressing"] == "0"


def test_each_time_alone_is_news(rynek: House, desk: Client) -> None:
    caller = arrive(rynek, at=NOW - 5 * MINUTES)
    actor = user_actor(rynek.assistant)

    def left_alone(minute: int) -> str:
        call = join(rynek, caller, at=NOW + minute * MINUTES)
        calls.leave_call(call=call, actor=actor, at=NOW + minute * MINUTES, rest=calls.Rest.ALONE)
        calls.alert_alone(caller_id=caller.pk, at=NOW + (minute + 1) * MINUTES)
        (found,) = news(desk, rynek)
        return found

    # The status is the same all the time: in a call.
    assert left_alone(0) == f"a{caller.pk}.{int(NOW.timestamp())}"
    assert left_alone(3) == f"a{caller.pk}.{int((NOW + 3 * MINUTES).timestamp())}"


def test_counts_cost_two_reads_for_any_number(rynek: House) -> None:
    client = logged_in(rynek.assistant)
    # The session, the user and the membership come first.
    assert queries_of(lambda: client.get(rynek.url("waiting/needs/"))) == 4
    write(arrive(rynek))
    assert queries_of(lambda: client.get(rynek.url("waiting/needs/"))) == 5
    for number in range(60):
        write(arrive(rynek, f"Caller {number}"))

    assert queries_of(lambda: client.get(rynek.url("waiting/needs/"))) == 5
    text, told = needs(client, rynek)
    assert text == "61 wrote"
    assert told["pressing"] == "61"
    assert len([one for one in told["news"].split() if one.startswith("q")]) == 50
    assert Caller.objects.count() == 61
    assert Clinic.objects.count() == 1


def test_who_does_not_watch_costs_one_read(rynek: House) -> None:
    name_watchers(rynek, rynek.practitioner)
    write(arrive(rynek))
    client = logged_in(rynek.assistant)

    assert queries_of(lambda: client.get(rynek.url("waiting/needs/"))) == 4
