"""A caller arrives, waits and reads; staff see them, write to them and send them away: in two browsers."""

import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.db import connection, transaction
from playwright.sync_api import BrowserContext, Page, expect

from clinic.live import bus
from clinic.live.events import Event
from tests.factories.house import NOW, House
from tests.factories.waiting import arrive, door, notify
from tests.journeys.conftest import MakeContext, log_in
from waiting_area.announcing import announce_state, caller_topic
from waiting_area.models import Caller, Notice

# Listens where a page's sound leaves it: counts each stretch of signal that silence ends.
EAR = """
(() => {
  const connect = AudioNode.prototype.connect;
  window.heard = 0;
  AudioNode.prototype.connect = function (target, ...rest) {
    if (target instanceof AudioDestinationNode && !this.isEar) {
      const context = this.context;
      if (!context.ear) {
        const ear = context.ear = context.createAnalyser();
        ear.isEar = true;
        ear.fftSize = 2048;
        const samples = new Float32Array(ear.fftSize);
        let sounds = false;
        setInterval(() => {
          ear.getFloatTimeDomainData(samples);
          const now = samples.some((sample) => Math.abs(sample) > 0.01);
          if (now && !sounds) window.heard += 1;
          sounds = now;
        }, 20);
        connect.call(ear, context.destination);
      }
      connect.call(this, context.ear);
    }
    return connect.call(this, target, ...rest);
  };
})();
"""
SECOND = 1000


def with_ear(context: BrowserContext) -> Page:
    """Return a page whose sound is listened to."""
    context.add_init_script(EAR)
    return context.new_page()


def heard(page: Page) -> int:
    """Return how many sounds the page has made, once it is quiet."""
    before = -1
    while (now := page.evaluate("window.heard")) != before:
        before = now
        page.wait_for_timeout(1200)
    return int(now)


def enter(page: Page, link: str, name: str = "Ioana Pușcașu") -> None:
    """Come in by the public link."""
    page.goto(link)
    page.get_by_label("Your name").fill(name)
    page.get_by_label("What do you come for?").fill("Blood test results")
    page.get_by_label("I agree").check()
    page.get_by_role("button", name="Go to the waiting area").click()
    page.wait_for_url("**/wait/")


def texts(page: Page) -> list[str]:
    return page.locator(".notice-text").all_inner_texts()


def write(desk: Page, text: str) -> None:
    """Write into the open dialog, and send."""
    desk.get_by_label("Notice").fill(text)
    desk.get_by_role("button", name="Send").click()


def test_caller_arrives_and_is_notified(live: str, rynek: House, new_context: MakeContext) -> None:
    desk = new_context(locale="en-GB").new_page()
    log_in(desk, live, rynek)
    desk.get_by_role("link", name="Waiting area").click()
    expect(desk.get_by_text("Nobody is waiting.")).to_be_visible()
    link = desk.locator("#link").input_value()
    assert link == f"{live}{door(rynek)}"
    expect(desk.locator("body")).to_have_attribute("data-connection", "open")

    phone = with_ear(new_context(locale="en-GB", viewport={"width": 360, "height": 780}))
    enter(phone, link)
    row = desk.locator(".caller", has_text="Ioana Pușcașu")
    expect(row).to_be_visible()
    expect(row).to_contain_text("Blood test results")
    expect(row).to_contain_text("Waiting")
    expect(row.locator("time")).to_have_text("0 min")
    expect(row.locator(".badge")).to_have_count(0)
    expect(phone.locator("#place")).to_have_text("1")
    expect(phone.locator("#next")).to_be_visible()
    expect(phone.get_by_text("Connected. Please keep this page open.")).to_be_visible()
    phone.get_by_role("button", name="Turn the sound on and wait").click()
    expect(phone.get_by_text("Sound is on")).to_be_visible()
    assert heard(phone) == 1

    row.locator("summary").first.click()
    row.get_by_role("link", name="Notify").click()
    write(desk, "The doctor is ten minutes late.")
    expect(phone.get_by_text("The doctor is ten minutes late.")).to_be_visible()
    dialog = desk.get_by_role("dialog")
    expect(dialog.get_by_text("shown")).to_be_visible()
    expect(dialog.get_by_label("Notice")).to_have_value("")
    assert heard(phone) == 2
    badge = row.locator(".badge")
    expect(badge).to_contain_text("1 notice, from the clinic")
    expect(badge).to_have_class("badge badge-clinic")
    assert badge.evaluate("it => getComputedStyle(it).backgroundColor") == "rgb(29, 95, 209)"

    phone.reload()
    expect(phone.get_by_text("The doctor is ten minutes late.")).to_be_visible()
    phone.get_by_role("button", name="Turn the sound on and wait").click()
    assert heard(phone) == 1  # the test tone alone
    write(desk, "Now we are ready.")
    expect(phone.get_by_text("Now we are ready.")).to_be_visible()
    assert texts(phone) == ["The doctor is ten minutes late.", "Now we are ready."]
    assert heard(phone) == 2
    expect(badge).to_contain_text("2 notices, the last from the clinic")

    desk.keyboard.press("Escape")
    row.locator("summary").first.click()
    row.get_by_text("Remove", exact=True).click()
    row.get_by_role("button", name="Yes, remove").click()
    expect(desk.get_by_text("Ioana Pușcașu was removed.")).to_be_visible()
    expect(desk.get_by_text("Nobody is waiting.")).to_be_visible()
    expect(phone.get_by_role("heading", name="You are no longer in the waiting area")).to_be_visible()


def test_a_row_in_somebodys_hands_stays_when_others_change(
    live: str, rynek: House, new_context: MakeContext
) -> None:
    desk = new_context(locale="en-GB").new_page()
    log_in(desk, live, rynek)
    desk.get_by_role("link", name="Waiting area").click()
    link = desk.locator("#link").input_value()
    expect(desk.locator("body")).to_have_attribute("data-connection", "open")
    enter(new_context(locale="en-GB").new_page(), link, "Ada First")
    first = desk.locator(".caller", has_text="Ada First")
    first.locator("summary").first.click()
    first.evaluate("row => { window.held = row }")

    enter(new_context(locale="en-GB").new_page(), link, "Bea Second")
    second = desk.locator(".caller", has_text="Bea Second")
    expect(second).to_be_visible()
    assert first.evaluate("row => row === window.held && row.querySelector('details').open")

    second.locator(".caller-name").click()
    write(desk, "One moment.")
    expect(second.locator(".badge")).to_contain_text("1 notice")
    assert first.evaluate("row => row === window.held")
    assert desk.locator(".caller .caller-name").all_inner_texts() == ["Ada First", "Bea Second"]


def test_queue_moves_up_and_dialog_shows_nobody_elses_words(
    live: str, rynek: House, new_context: MakeContext
) -> None:
    first, second = (new_context(locale="en-GB").new_page() for _ in range(2))
    enter(first, f"{live}{door(rynek)}", "Ewa Siwa")
    enter(second, f"{live}{door(rynek)}", "Jan Szary")
    expect(second.locator("#place")).to_have_text("2")
    expect(second.locator("body")).to_have_attribute("data-connection", "open")

    notify(rynek, Caller.objects.get(name="Ewa Siwa"), "Only for Ewa")
    expect(first.get_by_text("Only for Ewa")).to_be_visible()
    first.get_by_text("Leave the waiting area").click()
    first.get_by_role("button", name="Yes, leave").click()

    expect(first.get_by_role("heading", name="You have left the waiting area")).to_be_visible()
    expect(second.locator("#place")).to_have_text("1")
    expect(second.locator("#next")).to_be_visible()
    assert texts(second) == []


def test_notices_of_two_hands_come_in_the_order_of_their_numbers(
    live: str, rynek: House, new_context: MakeContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Commits, not beginnings, give the numbers, and pages keep to them however the events travel (W11).

    On PostgreSQL the transaction that began second commits first. SQLite's writers come one by one: there
    it waits for the first. On both, the second number's event is sent before the first's.
    """
    phone, other_tab = (new_context(locale="en-GB").new_page() for _ in range(2))
    enter(phone, f"{live}{door(rynek)}")
    other_tab.context.add_cookies(phone.context.cookies())  # type: ignore[arg-type]
    other_tab.goto(phone.url)
    for page in (phone, other_tab):
        expect(page.locator("body")).to_have_attribute("data-connection", "open")
    caller = Caller.objects.get()
    overtakes = connection.vendor == "postgresql"
    begun, one_is_committed, two_is_sent = threading.Event(), threading.Event(), threading.Event()
    really_send = bus._send

    def send(event: Event) -> None:
        number = event.topics.get(caller_topic(caller.pk))
        if number == 1:
            one_is_committed.set()
            two_is_sent.wait(10)
        really_send(event)
        if number == 2:
            two_is_sent.set()

    def begin_first() -> None:
        with closing(connection), transaction.atomic():
            Caller.objects.get()
            begun.set()
            assert not overtakes or one_is_committed.wait(10)
            notify(rynek, caller, "Began first")

    def begin_second() -> None:
        with closing(connection):
            assert begun.wait(10)
            notify(rynek, caller, "Began second")

    monkeypatch.setattr(bus, "_send", send)
    with ThreadPoolExecutor(2) as pool:
        for done in [pool.submit(begin_first), pool.submit(begin_second)]:
            done.result(30)

    expected = ["Began second", "Began first"] if overtakes else ["Began first", "Began second"]
    assert two_is_sent.is_set()
    assert list(Notice.objects.order_by("number").values_list("number", "text")) == [*enumerate(expected, 1)]
    for page in (phone, other_tab):
        expect(page.locator(".notice-text")).to_have_text(expected)
    phone.reload()
    expect(phone.locator(".notice-text")).to_have_text(expected)
    desk = new_context(locale="en-GB").new_page()
    log_in(desk, live, rynek)
    desk.goto(f"{live}{rynek.url(f'waiting/{caller.pk}/')}")
    expect(desk.locator(".notice-text")).to_have_text(expected)


def test_who_was_away_is_back_by_themselves(live: str, rynek: House, new_context: MakeContext) -> None:
    phone = new_context(locale="en-GB").new_page()
    enter(phone, f"{live}{door(rynek)}")
    expect(phone.locator("body")).to_have_attribute("data-connection", "open")
    caller = Caller.objects.get()
    gone = {"status": "left", "left_from": "waiting", "how_left": "absent", "left_at": NOW}

    # The page slept so long that its caller was let go; it wakes and hears so.
    Caller.objects.update(**gone)
    announce_state(caller)
    deadline = time.monotonic() + 10
    while Caller.objects.get().status == "left" and time.monotonic() < deadline:
        phone.wait_for_timeout(50)
    notify(rynek, caller, "Still here")
    expect(phone.get_by_text("Still here")).to_be_visible()

    Caller.objects.update(**gone)
    phone.reload()
    expect(phone.locator("#place")).to_have_text("1")
    expect(phone.get_by_text("Still here")).to_be_visible()
    assert Caller.objects.get().status == "waiting"


def test_eight_tabs_of_one_caller_all_show_a_notice_and_pages_still_load(
    live: str, rynek: House, new_context: MakeContext
) -> None:
    context = new_context(locale="en-GB")
    tabs = [context.new_page()]
    enter(tabs[0], f"{live}{door(rynek)}")
    for _ in range(7):
        tabs.append(context.new_page())
        tabs[-1].goto(f"{live}{door(rynek, 'wait/')}")
    for tab in tabs:
        expect(tab.locator("body")).to_have_attribute("data-connection", "open")

    notify(rynek, Caller.objects.get(), "Hello all")

    for tab in tabs:
        expect(tab.get_by_text("Hello all")).to_be_visible()
    # None of them takes the connections that ordinary requests need.
    asked = "fetch(location.href, { signal: AbortSignal.timeout(5000) }).then(answer => answer.status)"
    assert [tab.evaluate(asked) for tab in tabs] == [200] * 8
    # The page whose stream the others hear through goes away.
    tabs.pop(0).close()
    notify(rynek, Caller.objects.get(), "Hello again")
    for tab in tabs:
        expect(tab.get_by_text("Hello again")).to_be_visible()


def test_everything_works_without_script(live: str, rynek: House, new_context: MakeContext) -> None:
    desk = new_context(java_script_enabled=False, locale="en-GB").new_page()
    phone = new_context(java_script_enabled=False, locale="en-GB").new_page()
    log_in(desk, live, rynek)
    enter(phone, f"{live}{door(rynek)}")
    expect(phone.locator("#place")).to_have_text("1")
    again = phone.locator("head meta[http-equiv=refresh]")
    assert again.evaluate_all("all => all.map(one => one.content)") == ["30"]
    with_script = new_context(locale="en-GB").new_page()
    enter(with_script, f"{live}{door(rynek)}", "Ewa Siwa")
    expect(with_script.locator("meta[http-equiv=refresh]")).to_have_count(0)

    desk.goto(f"{live}{rynek.url('waiting/')}")
    desk.locator(".menu-dots > summary").first.click()
    desk.get_by_role("link", name="Notify").first.click()
    write(desk, "Please come to the desk.")
    expect(desk.get_by_text("The notice is sent.")).to_be_visible()
    expect(desk.get_by_text("not seen yet")).to_be_visible()

    phone.get_by_role("link", name="Look now").click()
    expect(phone.get_by_text("Please come to the desk.")).to_be_visible()


# --- A server that goes away -----------------------------------------------------------------------


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


@pytest.fixture
def served(transactional_db: None, tmp_path: Path, settings: Any) -> Iterator[Any]:
    """Return functions that start and stop the server as a process of its own, on the tests' database."""
    port = free_port()
    settings.PUBLIC_URL = f"http://127.0.0.1:{port}"
    running: list[subprocess.Popen[bytes]] = []

    def start() -> str:
        program = (
            "import django\n"
            "django.setup()\n"
            "from django.conf import settings\n"
            f"settings.DATABASES['default']['NAME'] = {str(database_name())!r}\n"
            "from django.db import connections\n"
            f"connections['default'].settings_dict['NAME'] = {str(database_name())!r}\n"
            "from clinic.lib.server import web\n"
            "from clinic.live.hub import hub\n"
            "configuration = web.configuration('config.asgi:application', behind_proxy=False)\n"
            f"configuration.port = {port}\n"
            "web.Server(configuration, stopping=hub.stop).run()\n"
        )
        environment = {
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "config.test_settings",
            "PUBLIC_URL": f"http://127.0.0.1:{port}",
            "SECRET_KEY": settings.SECRET_KEY,
        }
        running.append(subprocess.Popen([sys.executable, "-c", program], env=environment))
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            assert running[-1].poll() is None
            try:
                socket.create_connection(("127.0.0.1", port), 0.2).close()
                return f"http://127.0.0.1:{port}"
            except OSError:
                time.sleep(0.05)
        raise AssertionError("the server did not start")

    def stop() -> None:
        one = running.pop()
        one.terminate()
        one.wait(10)

    class Process:
        pass

    process = Process()
    process.start, process.stop = start, stop  # type: ignore[attr-defined]
    yield process
    while running:
        stop()


def database_name() -> str:
    from django.db import connection  # noqa: PLC0415

    return str(connection.settings_dict["NAME"])


def test_notices_around_a_restart_come_once_each_in_order(
    served: Any, rynek: House, new_context: MakeContext
) -> None:
    url = served.start()
    phone = with_ear(new_context(locale="en-GB", expected=("Failed to load resource: net::ERR_",)))
    enter(phone, f"{url}{door(rynek)}")
    expect(phone.locator("body")).to_have_attribute("data-connection", "open")
    phone.get_by_role("button", name="Turn the sound on and wait").click()
    caller = Caller.objects.get()
    notify(rynek, caller, "One")
    expect(phone.get_by_text("One", exact=True)).to_be_visible()
    assert heard(phone) == 2

    served.stop()
    expect(phone.get_by_text("Connection lost")).to_be_visible()
    notify(rynek, caller, "Two")
    notify(rynek, caller, "Three")
    served.start()

    expect(phone.get_by_text("Three", exact=True)).to_be_visible()
    expect(phone.get_by_text("Connected.")).to_be_visible()
    notify(rynek, caller, "Four")
    expect(phone.get_by_text("Four", exact=True)).to_be_visible()
    assert texts(phone) == ["One", "Two", "Three", "Four"]
    assert heard(phone) == 5
    assert Caller.objects.get().pk == caller.pk


# --- Nothing that axe complains of -----------------------------------------------------------------


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_callers_pages_are_sound(scheme: str, live: str, rynek: House, new_context: MakeContext) -> None:
    page = new_context(color_scheme=scheme, locale="en-GB", viewport={"width": 360, "height": 780}).new_page()
    found: list[str] = []

    def look() -> None:
        answer: dict[str, Any] = Axe().run(page).response
        found.extend(
            f"{one['id']}: {node['target']}" for one in answer["violations"] for node in one["nodes"]
        )

    page.goto(f"{live}{door(rynek)}")
    look()
    page.get_by_role("button", name="Go to the waiting area").click()
    expect(page.get_by_text("Please enter your name.")).to_be_visible()
    look()
    enter(page, f"{live}{door(rynek)}")
    notify(rynek, Caller.objects.get(), "A word")
    expect(page.get_by_text("A word")).to_be_visible()
    look()
    page.get_by_role("button", name="Turn the sound on and wait").click()
    look()
    page.get_by_text("Leave the waiting area").click()
    page.get_by_role("button", name="Yes, leave").click()
    expect(page.get_by_role("heading", name="You have left")).to_be_visible()
    look()
    assert found == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_dashboard_with_its_dialog_is_sound(
    scheme: str, live: str, rynek: House, new_context: MakeContext
) -> None:
    caller = arrive(rynek)
    notify(rynek, caller)
    Caller.objects.filter(pk=arrive(rynek, "Jan Szary").pk).update(
        is_lost=True, last_author="caller", notice_count=2
    )
    page = new_context(color_scheme=scheme, locale="en-GB").new_page()
    log_in(page, live, rynek)
    page.goto(f"{live}{rynek.url('waiting/')}")
    found: list[str] = []

    def look() -> None:
        answer: dict[str, Any] = Axe().run(page).response
        found.extend(
            f"{one['id']}: {node['target']}" for one in answer["violations"] for node in one["nodes"]
        )

    look()
    page.locator(".menu-dots > summary").first.click()
    look()
    page.get_by_role("link", name="Notify").click()
    expect(page.get_by_role("dialog")).to_be_visible()
    look()
    assert found == []
