"""Who may open a stream, what they hear, and when it ends (A55 to A61, R27)."""

import threading
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.contrib.sessions.models import Session
from django.core import signing
from django.db import connection, transaction
from django.test import Client
from django.utils import timezone

from clinic.live import asgi, hub, tokens
from clinic.live.bus import publish
from clinic.live.hub import Hub
from clinic.live.operations import revoke
from clinic.live.upkeep import Upkeep, recent_revocations
from clinic.models import LiveRevocation, Membership, User
from clinic.people.enums import Role
from clinic.people.listening import clinic_topic
from tests.clinic.live.conftest import Listen, at_today, eventually, stream_of
from tests.factories.house import HTMX, House, logged_in
from tests.fakes.listener import Heard, Listener

# --- Opening -----------------------------------------------------------------------------------


def test_page_opens_its_stream_and_hears_what_is_committed(rynek: House, listen: Listen) -> None:
    stream = listen(at_today(rynek, rynek.assistant))
    assert stream.status == 200
    assert stream.take() == ("sync", None, {})

    with transaction.atomic():
        publish("appointment", {clinic_topic(rynek.clinic.pk): None}, {"ids": [7]})
        assert stream.rest() == []
    assert stream.take() == ("appointment", None, {"ids": [7]})

    with transaction.atomic():
        publish("appointment", {clinic_topic(rynek.clinic.pk): None}, {"ids": [8]})
        transaction.set_rollback(True)
    publish("appointment", {clinic_topic(rynek.clinic.pk): 4}, {"ids": [9]})
    assert stream.take() == ("appointment", 4, {"ids": [9]})


# --- What a page lacks ---------------------------------------------------------------------------

WHOLE, LACKING = Heard("sync", None, {"whole": True}), Heard("sync", None, {})


def since(moment: float) -> str:
    """Return what a page adds to its stream's address that was made at a moment (seconds since 1970)."""
    return f"?since={int(moment * 1_000_000)}"


def test_page_on_whose_topics_nothing_was_said_need_not_ask(
    rynek: House, markt: House, listen: Listen, monkeypatch: pytest.MonkeyPatch
) -> None:
    client, other = at_today(rynek, rynek.assistant), at_today(markt, markt.assistant)
    path, their_path = stream_of(client)[0], stream_of(other)[0]
    monkeypatch.setattr(hub.hub, "_hears_since", time.time() - 100)
    publish("appointment", {clinic_topic(rynek.clinic.pk): None}, {"ids": [7]})
    eventually(lambda: clinic_topic(rynek.clinic.pk) in hub.hub._said)
    said = hub.hub._said[clinic_topic(rynek.clinic.pk)]

    # The clocks of the page's server and of this one may be two seconds apart.
    assert listen(client, path + since(said + hub.SKEW + 0.001)).take() == WHOLE
    assert listen(client, path + since(said + hub.SKEW - 0.001)).take() == LACKING
    assert listen(other, their_path + since(said - 1)).take() == WHOLE
    # A page from the future: a clock was set back since.
    assert listen(other, their_path + since(time.time() + hub.SKEW + 60)).take() == LACKING


@pytest.mark.parametrize("query", ["", "?since=", "?since=-5", "?since=x", "?since=" + "9" * 18, "?since=1"])
def test_page_that_does_not_say_when_it_was_made_asks(rynek: House, listen: Listen, query: str) -> None:
    client = at_today(rynek, rynek.assistant)
    assert listen(client, stream_of(client)[0] + query).take() == LACKING


def test_page_older_than_what_this_server_knows_asks(
    rynek: House, listen: Listen, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = at_today(rynek, rynek.assistant)
    path, now = stream_of(client)[0], time.time()
    monkeypatch.setattr(hub.hub, "_hears_since", now - 2 * hub.SAID_KEPT)
    assert listen(client, path + since(now - hub.SAID_KEPT - 5)).take() == LACKING
    assert listen(client, path + since(now - hub.SAID_KEPT + 60)).take() == WHOLE

    # The bus was away: whoever comes now with a page from before does not know either.
    hub.hub._soon(hub.hub.sync_all)
    eventually(lambda: hub.hub._hears_since >= now)
    assert listen(client, path + since(now)).take() == LACKING


def test_stream_is_for_no_cache_and_no_other_site(rynek: House, listen: Listen) -> None:
    headers = listen(at_today(rynek, rynek.assistant)).headers
    assert headers["cache-control"] == "no-store"
    assert headers["x-accel-buffering"] == "no"
    assert headers["content-type"] == "text/event-stream; charset=utf-8"
    assert headers["cross-origin-resource-policy"] == "same-origin"
    assert not [name for name in headers if name.startswith("access-control")]


def test_cookie_is_for_this_stream_only(rynek: House, markt: House) -> None:
    first, second = at_today(rynek, rynek.assistant), at_today(rynek, rynek.admin)
    cookie = first.cookies["live"]
    assert (cookie["httponly"], cookie["samesite"], cookie["max-age"]) == (True, "Strict", 300)
    assert cookie["path"].startswith("/live/")
    assert len({stream_of(one)[0] for one in (first, second, at_today(markt, markt.admin))}) == 3


@pytest.mark.django_db(transaction=True)
def test_without_a_token_nothing_opens(rynek: House, markt: House, live: str) -> None:
    client = at_today(rynek, rynek.assistant)
    path, good = stream_of(client)
    other_path, _ = stream_of(at_today(markt, markt.admin))
    forged = good["live"][:-1] + ("A" if good["live"][-1] != "A" else "B")
    elsewhere = signing.dumps(signing.loads(good["live"], salt=tokens.SALT), salt="another")

    def status(path: str, token: str | None) -> int:
        return Listener(live, path, {"live": token} if token is not None else {}).status

    assert [status(path, token) for token in (None, "", "x", forged, elsewhere)] == [401] * 5
    assert status(other_path, good["live"]) == 404
    assert status("/live/unknown/", good["live"]) == 404
    assert status(f"{path}more", good["live"]) == 404
    assert Listener(live, path, good, {"Host": "evil.example"}).status == 400


def test_old_token_opens_nothing(rynek: House, listen: Listen, monkeypatch: pytest.MonkeyPatch) -> None:
    client = at_today(rynek, rynek.assistant)
    assert listen(client).status == 200
    now = time.time()
    monkeypatch.setattr(signing.time, "time", lambda: now + tokens.LIFE + 1)  # type: ignore[attr-defined]
    assert listen(client).status == 401


def test_nothing_in_the_request_widens_what_is_heard(rynek: House, markt: House, listen: Listen) -> None:
    client = at_today(rynek, rynek.assistant)
    path, _ = stream_of(client)
    asked = f"{path}?clinic={markt.clinic.pk}&channel={clinic_topic(markt.clinic.pk)}"
    stream = listen(client, asked, headers={"Last-Event-ID": "999999"})
    assert stream.take().name == "sync"

    publish("appointment", {clinic_topic(markt.clinic.pk): None}, {"ids": [1]})
    publish("appointment", {clinic_topic(rynek.clinic.pk): None}, {"ids": [2]})

    assert stream.take() == ("appointment", None, {"ids": [2]})


def test_text_cannot_begin_another_event(rynek: House, listen: Listen) -> None:
    stream = listen(at_today(rynek, rynek.assistant))
    stream.take("sync")
    text = "Ann\n\nevent: revoked\ndata: {}\n\n\r\r"
    publish("notice", {clinic_topic(rynek.clinic.pk): 1}, {"name": text})
    publish("after", {clinic_topic(rynek.clinic.pk): 2})
    assert stream.take() == ("notice", 1, {"name": text})
    assert stream.take() == ("after", 2, {})


def test_each_hears_their_own_language(rynek: House, listen: Listen) -> None:
    User.objects.filter(pk=rynek.admin.pk).update(language="pl")
    english, polish = listen(at_today(rynek, rynek.assistant)), listen(at_today(rynek, rynek.admin))
    english.take("sync")
    polish.take("sync")
    said = {"en": {"text": "Good day"}, "pl": {"text": "Dzień dobry"}}
    publish("greeting", {clinic_topic(rynek.clinic.pk): None}, by_language=said)
    assert english.take().data == {"text": "Good day"}
    assert polish.take().data == {"text": "Dzień dobry"}


def test_one_more_tab_closes_the_oldest(
    rynek: House, listen: Listen, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hub, "MOST_PER_SUBJECT", 3)
    client = at_today(rynek, rynek.assistant)
    tabs = [listen(client) for _ in range(4)]
    for tab in tabs[1:]:
        tab.take("sync")
    assert [one.name for one in (tabs[0].take(), tabs[0].take())] == ["sync", "crowded"]
    tabs[0].wait_closed()
    publish("appointment", {clinic_topic(rynek.clinic.pk): None}, {"ids": [1]})
    assert [tab.take().name for tab in tabs[1:]] == ["appointment"] * 3


def test_send_of_another_server_is_left_to_it() -> None:
    async def send(_message: object) -> None:
        raise AssertionError

    asgi.notice_silence(send)
    asgi.hang_up(send)


def test_members_behind_one_address_are_not_counted(
    rynek: House, listen: Listen, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(asgi, "MOST_PER_ADDRESS", 0)
    assert listen(at_today(rynek, rynek.assistant)).status == 200


# --- Ending ------------------------------------------------------------------------------------


def log_out_elsewhere(house: House, client: Client) -> None:
    """Log out in another tab of the same browser."""
    other = Client()
    other.cookies["session"] = client.cookies["session"].value
    assert other.post("/log-out/").status_code == 302


def test_logging_out_in_another_tab_ends_it_for_good(rynek: House, listen: Listen) -> None:
    client = at_today(rynek, rynek.assistant)
    stream = listen(client)
    stream.take("sync")

    log_out_elsewhere(rynek, client)

    assert stream.take("revoked").data == {}
    stream.wait_closed()
    assert listen(client).status == 401
    # Nor after a restart: a server that begins knows who lost their rights while tokens may live.
    _path, cookies = stream_of(client)
    found = tokens.read(cookies["live"])
    assert found is not None

    async def begin() -> bool:
        fresh = Hub()
        fresh.start(recent_revocations_now)
        return fresh.may_open(*found)

    recent_revocations_now = recent_revocations()
    assert run(begin) is False


def run(work: Callable[[], Any]) -> Any:
    """Run a coroutine in a thread of its own: Playwright keeps a loop in this one."""
    import asyncio  # noqa: PLC0415

    box: list[Any] = []
    thread = threading.Thread(target=lambda: box.append(asyncio.run(work())))
    thread.start()
    thread.join()
    return box[0]


LOSSES: dict[str, Callable[[House], object]] = {
    "membership ended": lambda house: Membership.objects.filter(user=house.assistant).delete(),
    "role changed": lambda house: Membership.objects.filter(user=house.assistant).update(role=Role.ADMIN),
    "account disabled": lambda house: User.objects.filter(pk=house.assistant.pk).update(is_active=False),
    "session gone": lambda house: Session.objects.all().delete(),
    "password changed": lambda house: _change_password(house.assistant),
}


def _change_password(user: User) -> None:
    user.set_password("another-long-way-round")
    user.save()


@pytest.mark.parametrize("loss", LOSSES)
def test_rights_lost_in_any_way_end_it_at_the_next_look(rynek: House, listen: Listen, loss: str) -> None:
    client, stays = at_today(rynek, rynek.assistant), at_today(rynek, rynek.admin)
    stream, other = listen(client), listen(stays)
    stream.take("sync")
    other.take("sync")
    LOSSES[loss](rynek)
    if loss == "session gone":
        stays.force_login(rynek.admin)

    Upkeep(hub.hub).recheck()

    stream.take("revoked")
    stream.wait_closed()
    assert listen(client).status == 401
    if loss != "session gone":
        publish("after", {clinic_topic(rynek.clinic.pk): None})
        assert other.take().name == "after"


def test_a_look_that_finds_everything_in_order_ends_nothing(rynek: House, listen: Listen) -> None:
    stream = listen(at_today(rynek, rynek.assistant))
    stream.take("sync")
    Upkeep(hub.hub).recheck()
    publish("after", {clinic_topic(rynek.clinic.pk): None})
    assert stream.take().name == "after"


def test_rights_given_back_open_it_again(rynek: House, listen: Listen) -> None:
    client = at_today(rynek, rynek.assistant)
    stream = listen(client)
    revoke([f"user:{rynek.assistant.pk}"])
    stream.take("revoked")
    assert listen(client).status == 401
    # A token made after the loss: whoever still gets one may hear.
    assert client.post(rynek.url("listen/")).status_code == 204
    again = listen(client)
    again.take("sync")
    # Nor does a look that finds the old loss in the table end what was opened since.
    Upkeep(hub.hub).recheck()
    publish("after", {clinic_topic(rynek.clinic.pk): None})
    assert again.take().name == "after"


def test_who_is_away_when_it_is_looked_for_is_found_all_the_same(rynek: House, listen: Listen) -> None:
    client = at_today(rynek, rynek.assistant)
    stream = listen(client)
    stream.take("sync")
    stream.close()
    User.objects.filter(pk=rynek.assistant.pk).update(is_active=False)
    eventually(lambda: not len(hub.hub))

    Upkeep(hub.hub).recheck()

    assert LiveRevocation.objects.count() == 1
    assert listen(client).status == 401


def test_revocations_are_kept_as_long_as_tokens_live(rynek: House) -> None:
    LiveRevocation.objects.create(scope="caller:1", at=timezone.now() - timedelta(minutes=6))
    revoke(["caller:2"])
    assert list(LiveRevocation.objects.values_list("scope", flat=True)) == ["caller:2"]


# --- The next token ----------------------------------------------------------------------------


def test_next_token_is_for_whoever_may_still_hear(rynek: House, markt: House) -> None:
    client = at_today(rynek, rynek.assistant)
    path, before = stream_of(client)
    answer = client.post(rynek.url("listen/"))
    assert (answer.status_code, answer["X-Live"]) == (204, path)
    assert stream_of(client)[0] == path
    assert stream_of(client)[1] != before
    assert client.post(markt.url("listen/")).status_code == 404
    client.post("/log-out/")
    refused = client.post(rynek.url("listen/"), headers=HTMX)
    assert (refused.status_code, refused["HX-Redirect"]) == (204, "/log-in/")


def test_logging_out_takes_the_token_away(rynek: House) -> None:
    client = at_today(rynek, rynek.assistant)
    path, _ = stream_of(client)
    client.post("/log-out/")
    cookie = client.cookies["live"]
    assert (cookie.value, cookie["path"], cookie["max-age"]) == ("", path, 0)


def test_fragment_brings_no_token(rynek: House) -> None:
    client = logged_in(rynek.assistant)
    client.get(rynek.url(), headers=HTMX)
    assert "live" not in client.cookies


# --- Many at once ------------------------------------------------------------------------------


def test_ten_thousand_events_from_eight_threads_lose_nothing_and_keep_their_order(
    rynek: House, listen: Listen
) -> None:
    stream = listen(at_today(rynek, rynek.assistant))
    stream.take("sync")
    topic = clinic_topic(rynek.clinic.pk)

    def say(thread: int) -> None:
        for number in range(1250):
            publish("count", {topic: number}, {"thread": thread})
        connection.close()

    threads = [threading.Thread(target=say, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    heard: dict[int, list[int | None]] = {number: [] for number in range(8)}
    for _ in range(10_000):
        event = stream.take("count")
        heard[event.data["thread"]].append(event.number)
    for thread in threads:
        thread.join()
    assert heard == {number: list(range(1250)) for number in range(8)}


def test_streams_add_no_thread(rynek: House, listen: Listen) -> None:
    client = at_today(rynek, rynek.assistant)
    listen(client).take("sync")
    before = {one for one in threading.enumerate() if one.name != "listener"}
    for _ in range(10):
        listen(client).take("sync")
    assert {one for one in threading.enumerate() if one.name != "listener"} == before


def test_urls_hold_no_name(rynek: House) -> None:
    path, _ = stream_of(at_today(rynek, rynek.assistant))
    assert urlsplit(path).path.count("/") == 3
    assert rynek.slug not in path
