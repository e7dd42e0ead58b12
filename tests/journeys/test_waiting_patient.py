"""The caller's side of the waiting area in real browsers: writing, being called, held, sent on, coming back."""

from datetime import timedelta
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import APIResponse, Page, Route, expect

from clinic.appointments import operations as appointments
from clinic.appointments.enums import CancelledBy
from clinic.audit.operations import SYSTEM, user_actor
from clinic.lib import clock
from clinic.live.hub import hub
from messaging.links import token_of
from tests.factories.house import NOW, House
from tests.factories.waiting import (
    area_of,
    arrive,
    door,
    hold,
    join,
    notify,
    second_area,
    switch,
    way_in_of,
    write,
)
from tests.journeys.conftest import MakeContext, log_in
from tests.journeys.test_open_pages import until
from tests.journeys.test_waiting_area import enter, heard, texts, with_ear
from waiting_area import areas, calls, notices, operations
from waiting_area.announcing import area_topic, caller_topic
from waiting_area.models import Caller, Notice, WaitingArea

# What the callers' pages do is the same on both engines; test_waiting_area.py goes that way on each.
pytestmark = pytest.mark.one_engine

SECOND = 1000
PHONE = {"width": 360, "height": 780}
FIELD = "Type a message"
ERROR = ".write .errorlist"
NOW_OFF = "The clinic takes no messages here at the moment. What you typed was not sent."


def connected(page: Page) -> None:
    expect(page.locator("body")).to_have_attribute("data-connection", "open")


def come(page: Page, live: str, house: House, name: str = "Ioana Pușcașu") -> Caller:
    """Come in by the public link; return the caller once their page is connected."""
    enter(page, f"{live}{door(house)}", name)
    connected(page)
    return Caller.objects.order_by("-pk")[0]


def say(page: Page, text: str) -> None:
    """Write into the field, and send."""
    page.get_by_label(FIELD).fill(text)
    page.get_by_role("button", name="Send").click()


def other_device(page: Page, new_context: MakeContext) -> Page:
    """Return a second device of the same caller, on the same page."""
    context = new_context(locale="en-GB", viewport=PHONE)
    context.add_cookies(page.context.cookies())  # type: ignore[arg-type]
    second = context.new_page()
    second.goto(page.url)
    connected(second)
    return second


def test_caller_writes_and_the_clinic_answers(live: str, rynek: House, new_context: MakeContext) -> None:
    desk = new_context(locale="en-GB").new_page()
    log_in(desk, live, rynek)
    desk.goto(f"{live}{rynek.url('waiting/')}")
    phone = with_ear(new_context(locale="en-GB", viewport=PHONE))
    caller = come(phone, live, rynek)
    tablet = other_device(phone, new_context)
    phone.get_by_role("button", name="Turn the sound on and wait").click()
    assert heard(phone) == 1

    say(phone, "Do I need\nmy <b>card</b>?")
    for page in (phone, tablet):
        expect(page.locator(".notice-caller .notice-text")).to_have_text("Do I need my <b>card</b>?")
    expect(phone.get_by_label(FIELD)).to_have_value("")
    expect(phone.get_by_label(FIELD)).to_be_focused()
    badge = desk.locator(".caller", has_text="Ioana Pușcașu").locator(".badge")
    expect(badge).to_have_class("badge badge-caller badge-unanswered")
    assert heard(phone) == 1  # nobody is called by their own words

    notify(rynek, caller, "Yes, please.")
    say(phone, "Thank you")
    for page in (phone, tablet):
        expect(page.locator(".notice-text")).to_have_text(
            ["Do I need my <b>card</b>?", "Yes, please.", "Thank you"]
        )
    assert heard(phone) == 2
    phone.reload()
    assert texts(phone) == ["Do I need\nmy <b>card</b>?", "Yes, please.", "Thank you"]
    assert list(Notice.objects.values_list("author", flat=True).order_by("number")) == [
        "caller",
        "clinic",
        "caller",
    ]


def test_two_presses_and_a_lost_answer_write_once(live: str, rynek: House, new_context: MakeContext) -> None:
    phone = new_context(locale="en-GB", expected=("Failed to load resource: net::ERR_",)).new_page()
    come(phone, live, rynek)
    phone.get_by_label(FIELD).fill("Twice pressed")
    phone.evaluate("() => [1, 2].forEach(() => document.getElementById('write').requestSubmit())")
    expect(phone.locator(".notice-text")).to_have_text(["Twice pressed"])

    def lose_answer(route: Route) -> None:
        route.fetch()
        route.abort()

    phone.route("**/write/", lose_answer)
    say(phone, "Answer lost")
    expect(phone.locator(ERROR)).to_have_text("Your message was not sent. Please try again.")
    expect(phone.get_by_label(FIELD)).to_have_value("Answer lost")
    phone.unroute("**/write/")
    phone.reload()
    expect(phone.get_by_label(FIELD)).to_have_value("Answer lost")
    phone.get_by_role("button", name="Send").click()
    expect(phone.get_by_label(FIELD)).to_have_value("")
    expect(phone.locator(".notice-text")).to_have_text(["Twice pressed", "Answer lost"])

    # Another text than the lost one is another message.
    phone.route("**/write/", lose_answer)
    say(phone, "First words")
    expect(phone.locator(ERROR)).to_have_text("Your message was not sent. Please try again.")
    phone.unroute("**/write/")
    say(phone, "Other words")
    expect(phone.locator(".notice-text")).to_have_text(
        ["Twice pressed", "Answer lost", "First words", "Other words"]
    )
    assert Notice.objects.count() == 4


def test_refusals_stand_beside_the_field(live: str, rynek: House, new_context: MakeContext) -> None:
    phone = new_context(locale="en-GB", viewport=PHONE).new_page()
    caller = come(phone, live, rynek)
    field = phone.get_by_label(FIELD)
    counter = phone.locator("[data-counter]")
    expect(counter).to_have_text("0 / 1000")

    say(phone, " ")
    expect(phone.locator(ERROR)).to_have_text("Please write something.")
    field.fill("x" * 1001)
    expect(counter).to_have_text("1000 / 1000")
    expect(phone.locator(ERROR)).to_be_empty()
    write(caller, "From another page")
    for _ in range(10):
        field.fill("Again")
        phone.get_by_role("button", name="Send").click()
        expect(field).to_have_value("")
    say(phone, "One too many")
    expect(phone.locator(ERROR)).to_contain_text("many messages within a minute")
    expect(field).to_have_value("One too many")


def test_switch_acts_on_open_screens_and_loses_nothing(
    live: str, rynek: House, new_context: MakeContext
) -> None:
    typing, idle = (new_context(locale="en-GB", viewport=PHONE).new_page() for _ in range(2))
    come(typing, live, rynek)
    caller = come(idle, live, rynek, "Somebody else")
    notify(rynek, caller, "History stays")
    typing.get_by_label(FIELD).fill("Half a sent")

    switch(rynek, False)
    expect(idle.get_by_label(FIELD)).to_have_count(0)
    expect(idle.get_by_text("History stays")).to_be_visible()
    expect(typing.get_by_text(NOW_OFF)).to_be_visible()
    expect(typing.get_by_label(FIELD)).to_have_value("Half a sent")
    expect(typing.get_by_label(FIELD)).not_to_be_editable()
    expect(typing.get_by_role("button", name="Send")).to_be_hidden()
    typing.reload()
    expect(typing.get_by_text(NOW_OFF)).to_contain_text("Half a sent")
    expect(typing.get_by_label(FIELD)).to_have_count(0)
    connected(typing)

    switch(rynek, True)
    expect(idle.get_by_label(FIELD)).to_be_editable()
    expect(typing.get_by_label(FIELD)).to_have_value("Half a sent")
    expect(typing.get_by_text(NOW_OFF)).to_be_hidden()
    typing.get_by_role("button", name="Send").click()
    expect(typing.locator(".notice-text")).to_have_text(["Half a sent"])
    say(idle, "Back again")
    expect(idle.locator(".notice-text")).to_have_text(["History stays", "Back again"])


def test_press_that_comes_after_the_switch_keeps_the_text(
    live: str, rynek: House, new_context: MakeContext
) -> None:
    phone = new_context(locale="en-GB").new_page()
    come(phone, live, rynek)
    phone.get_by_label(FIELD).fill("Too late")
    # The page has not heard of it yet.
    areas.WaitingArea.objects.update(guest_notices=False)

    phone.get_by_role("button", name="Send").evaluate("button => button.click()")

    expect(phone.get_by_text(NOW_OFF)).to_be_visible()
    expect(phone.get_by_label(FIELD)).to_have_value("Too late")
    assert not Notice.objects.exists()


def test_notice_taken_back_keeps_its_place(live: str, rynek: House, new_context: MakeContext) -> None:
    expected = ("Failed to load resource: net::ERR_",)
    phone, sleeper = (new_context(locale="en-GB", expected=expected).new_page() for _ in range(2))
    caller = come(phone, live, rynek)
    sleeper.context.add_cookies(phone.context.cookies())  # type: ignore[arg-type]
    sleeper.goto(phone.url)
    connected(sleeper)
    notify(rynek, caller, "One")
    wrong = notify(rynek, caller, "Room 9, Mrs Canary")
    notify(rynek, caller, "Three")
    for page in (phone, sleeper):
        expect(page.locator(".notice-text")).to_have_text(["One", "Room 9, Mrs Canary", "Three"])
    sleeper.context.set_offline(True)

    notices.withdraw(notice_id=wrong.pk, actor=user_actor(rynek.assistant), at=NOW)

    left = ["One", "This notice was withdrawn.", "Three"]
    expect(phone.locator(".notice-text")).to_have_text(left)
    sleeper.context.set_offline(False)
    expect(sleeper.locator(".notice-text")).to_have_text(left, timeout=30 * SECOND)
    phone.reload()
    expect(phone.locator(".notice-text")).to_have_text(left)
    assert "Canary" not in phone.content() + sleeper.content()
    assert phone.locator("[data-number]").evaluate_all("all => all.map(one => one.dataset.number)") == [
        "1",
        "2",
        "3",
    ]


def test_page_that_is_to_be_made_anew_waits_for_its_line(
    live: str, rynek: House, new_context: MakeContext
) -> None:
    expected = ("Failed to load resource: ",)
    phone = new_context(locale="en-GB", expected=expected, service_workers="block").new_page()
    caller = come(phone, live, rynek)
    place = phone.url
    # The next time is a second away: pages do not go round in circles.
    phone.evaluate("sessionStorage.setItem('anew', String(Date.now() - 14000))")
    with phone.expect_response(lambda answer: answer.json() == {"is_present": False, "may_resume": False}):
        operations.remove(caller_id=caller.pk, actor=user_actor(rynek.assistant), at=NOW)

    # A browser's own error page would ask for nothing twice.
    for _time in range(2):
        with phone.expect_event("requestfailed", lambda request: request.url == place):
            phone.context.set_offline(True)
    expect(phone.locator("#wait")).to_be_visible()
    phone.context.set_offline(False)

    expect(phone.get_by_role("heading", name="You are no longer in the waiting area")).to_be_visible(
        timeout=30 * SECOND
    )


def test_call_hold_and_goodbye(live: str, rynek: House, new_context: MakeContext) -> None:
    phone = new_context(locale="en-GB", viewport=PHONE).new_page()
    caller = come(phone, live, rynek)
    tablet = other_device(phone, new_context)
    phone.get_by_label(FIELD).fill("Unfinished")

    call = join(rynek, caller)
    for page in (phone, tablet):
        expect(page.get_by_role("heading", name="It is your turn.")).to_be_visible()
        expect(page.get_by_text("You are in a call with Ola Grudzien.")).to_be_visible()
    expect(tablet.get_by_label(FIELD)).to_have_count(0)
    expect(phone.get_by_text("You cannot write here while you are in a call.")).to_be_visible()
    expect(phone.get_by_label(FIELD)).to_have_value("Unfinished")
    join(rynek, caller, by=rynek.practitioner)
    expect(phone.get_by_text("You are in a call with Ola Grudzien, Tomasz Wilczek.")).to_be_visible()
    notify(rynek, caller, "Said in the call")
    expect(phone.get_by_text("Said in the call")).to_be_visible()

    calls.leave_call(call=call, actor=user_actor(rynek.practitioner), at=NOW)
    calls.leave_call(call=call, rest=calls.Rest.ALONE, actor=user_actor(rynek.assistant), at=NOW)
    expect(phone.get_by_text("Somebody will be back with you soon.")).to_be_visible()
    expect(tablet.get_by_label(FIELD)).to_have_count(0)

    hold(rynek, caller)
    for page in (phone, tablet):
        expect(page.get_by_text("You are on hold.").first).to_be_visible()
        expect(page.get_by_label(FIELD)).to_be_editable()
    phone.get_by_role("button", name="Send").click()
    expect(tablet.get_by_text("Unfinished")).to_be_visible()
    notify(rynek, caller, "Heard on hold")
    expect(phone.get_by_text("Heard on hold")).to_be_visible()

    tablet.get_by_label(FIELD).fill("Left behind")
    call = join(rynek, caller)
    expect(phone.get_by_text("You are in a call with Ola Grudzien.")).to_be_visible()
    assert "Left behind" in tablet.evaluate("JSON.stringify(sessionStorage)")
    calls.end_call(call=call, actor=user_actor(rynek.assistant), at=NOW)
    for page in (phone, tablet):
        expect(page.get_by_role("heading", name="The call is over")).to_be_visible()
        expect(page.get_by_text("Heard on hold")).to_be_visible()
    assert "Left behind" not in tablet.evaluate("JSON.stringify(sessionStorage)")


def test_sent_on_to_another_area_with_all_notices_and_the_sound(
    live: str, rynek: House, new_context: MakeContext
) -> None:
    phone = with_ear(new_context(locale="en-GB", viewport=PHONE))
    caller = come(phone, live, rynek)
    phone.get_by_role("button", name="Turn the sound on and wait").click()
    assert heard(phone) == 1
    notify(rynek, caller, "Before")
    upstairs = second_area(rynek)
    areas.change_area(area=upstairs, welcomes={"en": "Second floor."}, actor=SYSTEM, at=NOW)
    arrive(rynek, "Upstairs before", at=NOW - timedelta(minutes=1))
    Caller.objects.filter(name="Upstairs before").update(area=upstairs)
    page_url = phone.url

    operations.transfer(
        caller_id=caller.pk, area=upstairs, calendar=None, actor=user_actor(rynek.assistant), at=NOW
    )

    expect(phone.get_by_text("Second floor.")).to_be_visible()
    expect(phone.locator("#area-name")).to_have_text("Upstairs")
    expect(phone.locator("#place")).to_have_text("2")
    connected(phone)
    assert phone.url == page_url
    # It hears the new area now, and still sounds.
    areas.change_area(area=upstairs, own_guest_notices=False, actor=SYSTEM, at=NOW)
    expect(phone.get_by_label(FIELD)).to_have_count(0)
    before = heard(phone)
    notify(rynek, caller, "After")
    expect(phone.get_by_text("After", exact=True)).to_be_visible()
    assert heard(phone) == before + 1 == 3
    phone.reload()
    expect(phone.locator(".notice-text")).to_have_text(["Before", "After"])
    expect(phone.locator("#area-name")).to_have_text("Upstairs")
    phone.get_by_text("Leave the waiting area").click()
    phone.get_by_role("button", name="Yes, leave").click()
    expect(phone.get_by_role("heading", name="You have left the waiting area")).to_be_visible()


def test_sent_on_and_back_in_one_breath_hears_the_area_they_are_in(
    live: str, rynek: House, new_context: MakeContext
) -> None:
    before, upstairs = arrive(rynek, "Before", at=NOW - timedelta(minutes=1)), second_area(rynek)
    phone = new_context(locale="en-GB", viewport=PHONE).new_page()
    caller = come(phone, live, rynek)
    late: list[tuple[Route, APIResponse]] = []

    def delay(route: Route) -> None:
        """Let the answer be made, and not come yet."""
        late.append((route, route.fetch())) if not late else route.continue_()

    def send_to(area: WaitingArea) -> None:
        operations.transfer(caller_id=caller.pk, area=area, calendar=None, actor=SYSTEM, at=NOW)

    phone.route("**/listen/", delay)
    send_to(upstairs)
    until(phone, lambda: bool(late))
    expect(phone.locator("#area-name")).to_have_text("Upstairs")
    send_to(area_of(rynek))
    expect(phone.locator("#area-name")).to_have_text("")
    expect(phone.locator("#place")).to_have_text("2")
    ((route, answer),) = late
    route.fulfill(response=answer)

    topics = (caller_topic(caller.pk), area_topic(area_of(rynek).pk))
    until(phone, lambda: [stream.subject.topics for stream in hub._streams()] == [topics])
    operations.leave(caller_id=before.pk, actor=SYSTEM, at=NOW)
    expect(phone.locator("#place")).to_have_text("1")


def test_personal_link_on_a_second_device(live: str, rynek: House, new_context: MakeContext) -> None:
    start = rynek.appointment.starts_at
    link = f"{live}/w/p/{token_of(way_in_of(rynek))}/"
    with clock.held_at(start):
        desk = new_context(locale="en-GB").new_page()
        log_in(desk, live, rynek)
        desk.goto(f"{live}{rynek.url(f'appointments/{rynek.appointment.pk}/')}")
        expect(desk.locator("#way-in")).to_have_value(link)
        expect(desk.get_by_text("The patient is not in the waiting area.")).to_be_visible()
        connected(desk)

        phone = new_context(locale="en-GB", viewport=PHONE).new_page()
        phone.goto(link)
        assert "/w/p/" not in phone.url
        phone.get_by_role("button", name="Continue as Zofia P.").click()
        connected(phone)
        expect(desk.get_by_text("The patient is here since 11:00: Waiting")).to_be_visible()
        say(phone, "I am here")
        expect(phone.locator(".notice-text")).to_have_text(["I am here"])

        tablet = new_context(locale="en-GB").new_page()
        tablet.goto(link)
        expect(tablet.get_by_text("You are in the waiting area already.")).to_be_visible()
        tablet.get_by_role("button", name="Continue as Zofia P.").click()
        connected(tablet)
        expect(tablet.locator(".notice-text")).to_have_text(["I am here"])
        notify(rynek, Caller.objects.get(), "For both of you", at=start)
        for page in (phone, tablet):
            expect(page.get_by_text("For both of you")).to_be_visible()
        assert Caller.objects.count() == 1


def test_cancelled_appointment_releases_who_waits(live: str, rynek: House, new_context: MakeContext) -> None:
    start = rynek.appointment.starts_at
    with clock.held_at(start):
        phone = new_context(locale="en-GB", viewport=PHONE).new_page()
        phone.goto(f"{live}/w/p/{token_of(way_in_of(rynek))}/")
        phone.get_by_role("button", name="Continue as Zofia P.").click()
        connected(phone)

        appointments.cancel(
            appointment_id=rynek.appointment.pk, by=CancelledBy.CLINIC, actor=SYSTEM, at=start
        )

        expect(phone.get_by_role("heading", name="Your appointment was cancelled")).to_be_visible()
        expect(phone.get_by_text("Thursday 13 May 2027 at 11:00")).to_be_visible()


def test_screen_is_kept_awake_once_the_sound_is_on(live: str, rynek: House, new_context: MakeContext) -> None:
    phone = new_context(locale="en-GB").new_page()
    phone.add_init_script(
        "window.locks = []; Object.defineProperty(navigator, 'wakeLock', { value: { request: async (kind) => {"
        " const lock = { kind, released: false }; window.locks.push(lock); return lock; } } });"
    )
    come(phone, live, rynek)
    assert phone.evaluate("window.locks.length") == 0

    phone.get_by_role("button", name="Turn the sound on and wait").click()
    phone.wait_for_function("window.locks.length === 1")
    # The browser lets go of it when the page is out of sight; seen again, the page asks anew.
    phone.evaluate(
        "() => { window.locks[0].released = true; document.dispatchEvent(new Event('visibilitychange')); }"
    )
    phone.wait_for_function("window.locks.length === 2")
    phone.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    assert phone.evaluate("window.locks.map((one) => one.kind)") == ["screen", "screen"]


def test_caller_writes_without_script(live: str, rynek: House, new_context: MakeContext) -> None:
    phone = new_context(java_script_enabled=False, locale="en-GB", viewport=PHONE).new_page()
    enter(phone, f"{live}{door(rynek)}")
    expect(phone.get_by_label(FIELD)).to_be_hidden()

    phone.get_by_role("link", name=FIELD).click()
    expect(phone.locator("meta[http-equiv=refresh]")).to_have_count(0)
    say(phone, " ")
    expect(phone.get_by_text("Please write something.")).to_be_visible()
    say(phone, "By hand")
    expect(phone.locator(".notice-text")).to_have_text(["By hand"])
    phone.get_by_role("link", name=FIELD).click()
    phone.get_by_label(FIELD).fill("Not any more")
    switch(rynek, False)
    phone.get_by_role("button", name="Send").click()
    expect(phone.get_by_text(NOW_OFF)).to_be_visible()
    expect(phone.get_by_label(FIELD)).to_have_value("Not any more")
    phone.get_by_role("link", name="Back to the waiting area").click()
    expect(phone.get_by_role("link", name=FIELD)).to_have_count(0)


def test_hostile_words_are_inert_on_both_sides(live: str, rynek: House, new_context: MakeContext) -> None:
    """A53: neither name nor message runs, loads or posts anything, on the staff's page or the caller's."""
    hostile = (
        '<script>window.hit = 1</script><img src=x onerror="window.hit = 2"><svg onload="window.hit = 3">'
        '<a href="javascript:window.hit=4">x</a><b hx-get="/" hx-trigger="load">y</b>'
        "<style>body{display:none}</style>{{ 7 }}{% now %}"
    )
    desk = new_context(locale="en-GB").new_page()
    log_in(desk, live, rynek)
    desk.goto(f"{live}{rynek.url('waiting/')}")
    connected(desk)
    phone = new_context(locale="en-GB", viewport=PHONE).new_page()
    caller = come(phone, live, rynek, hostile[:110])

    say(phone, hostile)
    expect(phone.locator(".notice-text")).to_have_text([hostile])
    row = desk.locator(".caller", has_text="window.hit")
    expect(row.locator(".badge")).to_be_visible()
    desk.goto(f"{live}{rynek.url(f'waiting/{caller.pk}/')}")
    expect(desk.locator(".notice-text").first).to_have_text(hostile)
    phone.reload()
    for page in (phone, desk):
        expect(page.locator(".notice-text").first).to_have_text(hostile)
        assert page.evaluate("window.hit") is None
        assert page.locator(".notice-text *").count() == 0
        assert page.locator("[hx-get='/'], img[src=x], svg[onload]").count() == 0


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_callers_new_states_are_sound(scheme: Any, live: str, rynek: House, new_context: MakeContext) -> None:
    page = new_context(color_scheme=scheme, locale="en-GB", viewport=PHONE).new_page()
    found: list[str] = []

    def look() -> None:
        answer: dict[str, Any] = Axe().run(page).response
        found.extend(
            f"{one['id']}: {node['target']}" for one in answer["violations"] for node in one["nodes"]
        )

    caller = come(page, live, rynek)
    say(page, " ")
    expect(page.locator(ERROR)).to_have_text("Please write something.")
    look()
    page.get_by_label(FIELD).fill("Unsent")
    wrong = notify(rynek, caller, "Wrong")
    notices.withdraw(notice_id=wrong.pk, actor=user_actor(rynek.assistant), at=NOW)
    join(rynek, caller)
    expect(page.get_by_text("You are in a call with")).to_be_visible()
    expect(page.get_by_text("This notice was withdrawn.")).to_be_visible()
    expect(page.get_by_text("What you typed was not sent.")).to_be_visible()
    look()
    hold(rynek, caller)
    expect(page.get_by_text("You are on hold.").first).to_be_visible()
    look()
    page.goto(f"{live}{door(rynek, 'write/')}")
    look()
    with clock.held_at(rynek.appointment.starts_at):
        page.goto(f"{live}/w/p/{token_of(way_in_of(rynek))}/")
        expect(page.get_by_role("button", name="Continue as")).to_be_visible()
        look()
    assert found == []
