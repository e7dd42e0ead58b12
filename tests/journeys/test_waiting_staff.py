"""The staff's side of the waiting area in browsers side by side: the sources' steps in their order, and what
goes on while somebody is in the middle of something (seeds 000 and 001; W1, W2, W5 to W10, W12 to W14)."""

import uuid
from datetime import timedelta

import pytest
from django.db import transaction
from playwright.sync_api import BrowserContext, Locator, Page, Route, expect

from clinic.audit.operations import PATIENT, SYSTEM, user_actor
from tests.factories.house import NOW, House
from tests.factories.waiting import SECONDS, area_of, arrive, beat, door, hold, join, notify, switch
from tests.factories.waiting import write as ask
from tests.journeys.conftest import MakeContext, log_in, until
from tests.journeys.test_waiting_area import enter, heard, texts, with_ear
from waiting_area import areas, calls, operations, presence
from waiting_area.enums import Left
from waiting_area.models import Caller, Notice, Watch

# Counts what a page of the staff's plays: one for each tone that begins; a bell has two.
TONES = """
window.tones = 0;
const start = OscillatorNode.prototype.start;
OscillatorNode.prototype.start = function (...given) {
  window.tones += 1;
  return start.apply(this, given);
};
"""
BELL = 2
SECOND = 1000
ORANGE, BLUE = "badge badge-caller badge-unanswered", "badge badge-clinic"


def board(context: BrowserContext, live: str, house: House, query: str = "") -> Page:
    """Return the open list of somebody of the house's, with its stream open."""
    page = context.new_page()
    if not context.cookies():
        log_in(page, live, house)
    page.goto(f"{live}{house.url(f'waiting/{query}')}")
    expect(page.locator("body")).to_have_attribute("data-connection", "open")
    return page


def row(desk: Page, name: str) -> Locator:
    return desk.locator(".caller", has_text=name)


def from_the_dots(desk: Page, name: str, act: str) -> None:
    row(desk, name).locator(".menu-dots > summary").click()
    row(desk, name).locator(".menu-dots").get_by_text(act, exact=True).click()


def say(desk: Page, text: str, where: str = "#drawer") -> None:
    """Write into what is open beside the list or before it, and send."""
    desk.locator(where).get_by_label("Notice").fill(text)
    desk.locator(where).get_by_role("button", name="Send").click()


def sweep_after(passed: timedelta) -> None:
    """Look after calls as if so much time had passed, in which pings were taken."""
    with transaction.atomic():
        beat(NOW + passed)
        presence.sweep(at=NOW + passed)


def test_every_step_of_the_sources_in_their_order(live: str, rynek: House, new_context: MakeContext) -> None:
    switch(rynek, True)
    desk = board(new_context(locale="en-GB"), live, rynek)
    elsewhere = desk.context.new_page()
    elsewhere.goto(f"{live}{rynek.url('patients/')}")
    sue, tom = with_ear(new_context(locale="en-GB")), new_context(locale="en-GB").new_page()
    enter(sue, f"{live}{door(rynek)}", "Sue Smith")
    sue.get_by_role("button", name="Turn the sound on and wait").click()
    enter(tom, f"{live}{door(rynek)}", "Tom Thumb")
    assert heard(sue) == 1  # the test tone

    # One caller, from the three dots: no number yet, then a blue 1, and a sound on their screen.
    badge = row(desk, "Sue Smith").locator(".badge")
    expect(row(desk, "Sue Smith")).to_be_visible()
    expect(badge).to_have_count(0)
    from_the_dots(desk, "Sue Smith", "Notify")
    say(desk, "Your doctor is late.")
    expect(sue.get_by_text("Your doctor is late.")).to_be_visible()
    expect(badge).to_have_class(BLUE)
    expect(badge).to_contain_text("1 notice, from the clinic")
    assert heard(sue) == 2
    desk.keyboard.press("Escape")

    # They answer: orange, 2, unanswered, and counted on every page.
    sue.get_by_label("Type a message").fill("How late?")
    sue.get_by_role("button", name="Send").click()
    expect(badge).to_have_class(ORANGE)
    expect(badge).to_contain_text("2 notices, the last from them, unanswered")
    expect(row(desk, "Sue Smith").locator(".caller-question")).to_have_text("How late?")
    for page in (desk, elsewhere):
        expect(page.locator("#needs-now")).to_have_text("1 wrote")
        expect(page).to_have_title(page.title() if page.title().startswith("(1) ") else "(1)")

    # The clinic answers: 3, blue, and nothing waits any more.
    row(desk, "Sue Smith").locator(".caller-name").click()
    say(desk, "Ten minutes.")
    expect(badge).to_have_class(BLUE)
    expect(badge).to_contain_text("3 notices, the last from the clinic")
    expect(elsewhere.locator("#needs-now")).to_have_text("")
    desk.keyboard.press("Escape")

    # Join, the call manager, hold, hang up and leave: in this order.
    row(desk, "Sue Smith").get_by_role("button", name="Join").click()
    expect(desk.get_by_role("heading", name="Call manager")).to_be_visible()
    expect(sue.get_by_text("You are in a call with Ola Grudzien.")).to_be_visible()
    expect(sue.get_by_label("Type a message")).to_be_hidden()
    desk.get_by_role("button", name="Hold : Sue Smith").click()
    expect(desk.get_by_role("button", name="Take off hold : Sue Smith")).to_be_visible()
    desk.get_by_text("Hang up").click()
    desk.get_by_role("button", name="Leave call").click()
    desk.wait_for_url(f"{live}{rynek.url('waiting/')}")
    expect(desk.get_by_text("You have left the call.")).to_be_visible()
    expect(row(desk, "Sue Smith").locator(".caller-status")).to_contain_text("On hold")

    # Both ways on hold.
    expect(sue.get_by_label("Type a message")).to_be_visible()
    sue.get_by_label("Type a message").fill("I am still here")
    sue.get_by_role("button", name="Send").click()
    expect(badge).to_have_class(ORANGE)
    expect(badge).to_contain_text("4 notices")

    # Filtered by status, Notify goes to those on the list alone.
    for status in ("Waiting", "In a call"):
        with desk.expect_navigation():
            desk.locator("#filter").get_by_text(status).click()
    assert desk.url.endswith("?status=on_hold")
    expect(row(desk, "Tom Thumb")).to_have_count(0)
    expect(desk.locator("#notify")).to_have_text("Notify displayed 1")
    desk.locator("#notify").click()
    expect(desk.locator("#dialog-title")).to_have_text("To 1 caller")
    say(desk, "Back in a minute.", "#dialog")
    expect(desk.locator("#reached .reached")).to_have_text("1 shown")
    expect(sue.get_by_text("Back in a minute.")).to_be_visible()
    assert texts(tom) == []
    # Blue again; but nobody has answered what they asked.
    expect(badge).to_have_class(f"{BLUE} badge-unanswered")
    expect(badge).to_contain_text("5 notices, the last from the clinic, unanswered")
    assert texts(sue) == [
        "Your doctor is late.", "How late?", "Ten minutes.", "I am still here", "Back in a minute.",
    ]  # fmt: skip


def test_notify_goes_to_whom_the_dialog_named_while_the_list_changes(
    live: str, rynek: House, new_context: MakeContext
) -> None:
    first, second, third = (new_context(locale="en-GB").new_page() for _ in range(3))
    for page, name in ((first, "Ada"), (second, "Bea"), (third, "Cia")):
        enter(page, f"{live}{door(rynek)}", name)
    desk = board(new_context(locale="en-GB"), live, rynek, "?status=waiting")
    expect(desk.locator(".caller")).to_have_count(3)

    desk.locator("#notify").click()
    expect(desk.locator("#dialog-title")).to_have_text("To 3 callers")
    desk.locator("#dialog").get_by_label("Notice").fill("We go on at ten.")
    # One is taken meanwhile and leaves the filtered list, one goes away, one comes.
    join(rynek, Caller.objects.get(name="Bea"), by=rynek.admin)
    third.get_by_text("Leave the waiting area").click()
    third.get_by_role("button", name="Yes, leave").click()
    arrive(rynek, "Dan")
    expect(desk.locator(".caller .caller-name")).to_have_text(["Ada", "Dan"])
    expect(desk.locator("#notify")).to_contain_text("2")
    expect(desk.locator("#dialog").get_by_label("Notice")).to_have_value("We go on at ten.")
    desk.locator("#dialog").get_by_role("button", name="Send").click()

    expect(first.get_by_text("We go on at ten.")).to_be_visible()
    expect(second.get_by_text("We go on at ten.")).to_have_count(1)
    expect(desk.locator("#dialog-title")).to_have_text("Sent to 2 callers")
    expect(desk.locator("#ask")).to_contain_text("1 had left before it was sent.")
    # It counts up while one looks.
    expect(desk.locator(".reached")).to_have_text("2 shown")
    assert set(Notice.objects.values_list("caller__name", flat=True)) == {"Ada", "Bea"}

    # A further text to the same people.
    desk.get_by_text("Write to the same people again").click()
    say(desk, "Thank you.", "#dialog")
    expect(first.get_by_text("Thank you.")).to_be_visible()
    assert Notice.objects.filter(text="Thank you.").count() == 2
    assert not Notice.objects.filter(caller__name="Dan").exists()


def test_text_filter_says_whom_notify_reaches(live: str, rynek: House, new_context: MakeContext) -> None:
    for name in ("Łucja Malik", "Jan Szary"):
        arrive(rynek, name)
    desk = board(new_context(locale="en-GB"), live, rynek)

    desk.get_by_placeholder("Name or purpose").fill("lucja")
    expect(desk.locator("#notify")).to_have_text("Notify displayed 1")
    # Who comes while it stands is sifted as well.
    arrive(rynek, "Tom Nowy")
    arrive(rynek, "Ewa Siwa")
    expect(desk.locator(".caller:not([hidden]) .caller-name")).to_have_text(["Łucja Malik"])
    expect(desk.locator(".caller")).to_have_count(4)
    desk.locator("#notify").click()
    say(desk, "For one.", "#dialog")
    expect(desk.locator("#dialog-title")).to_have_text("Sent to 1 caller")
    assert Notice.objects.get().caller.name == "Łucja Malik"
    desk.keyboard.press("Escape")

    desk.get_by_placeholder("Name or purpose").fill("nobody of that name")
    expect(desk.locator("#notify")).to_be_disabled()
    expect(desk.get_by_text("Nobody is")).to_be_visible()
    assert "lucja" not in desk.url


def test_open_list_says_whether_patients_may_write_whoever_switches_that(
    live: str, rynek: House, new_context: MakeContext
) -> None:
    desk = board(new_context(locale="en-GB"), live, rynek)
    foot = desk.locator(".board-foot")
    expect(foot).to_contain_text("Patients may write to you.")

    switch(rynek, False)
    expect(foot).to_contain_text("Patients cannot write to you.")
    # A row that changes in the same moment does not take its place.
    switch(rynek, True)
    arrive(rynek, "Sue Smith")
    expect(row(desk, "Sue Smith")).to_be_visible()
    expect(foot).to_contain_text("Patients may write to you.")
    areas.change_area(area=area_of(rynek), is_open=False, actor=SYSTEM, at=NOW)
    expect(desk.locator("#board-hours")).to_contain_text(
        "The waiting area is closed: nobody new can come in."
    )


# --- Left alone --------------------------------------------------------------------------------------


def test_leave_anyway_leaves_them_alone_and_alerts_after_a_minute(
    live: str, rynek: House, new_context: MakeContext
) -> None:
    switch(rynek, True)
    phone = new_context(locale="en-GB").new_page()
    enter(phone, f"{live}{door(rynek)}", "Sue Smith")
    desk = board(new_context(locale="en-GB"), live, rynek)
    row(desk, "Sue Smith").get_by_role("button", name="Join").click()
    desk.get_by_text("Hang up").click()
    desk.get_by_role("button", name="Leave call").click()
    expect(desk.locator("#hold-and-leave")).to_be_focused()
    desk.get_by_role("button", name="Stay").click()
    expect(desk.locator("#dialog")).to_be_hidden()
    desk.get_by_text("Hang up").click()
    desk.get_by_role("button", name="Leave call").click()
    desk.get_by_role("button", name="Leave anyway").click()

    desk.wait_for_url(f"{live}{rynek.url('waiting/')}")
    status = row(desk, "Sue Smith").locator(".caller-status")
    expect(status).to_contain_text("In a call Nobody is with them")
    expect(phone.get_by_text("Somebody will be back with you soon.")).to_be_visible()
    expect(phone.get_by_label("Type a message")).to_be_hidden()
    expect(desk.locator("#needs-now")).to_have_text("")

    sweep_after(61 * SECONDS)

    expect(desk.locator("#needs-now")).to_have_text("1 alone")
    expect(status.locator(".caller-lost").first).to_be_visible()
    from_the_dots(desk, "Sue Smith", "Hold")
    expect(status).to_contain_text("On hold")
    expect(desk.locator("#needs-now")).to_have_text("")
    expect(phone.get_by_label("Type a message")).to_be_visible()


def test_last_browser_of_the_clinic_dies_and_its_caller_is_on_hold(
    live: str, rynek: House, new_context: MakeContext
) -> None:
    switch(rynek, True)
    phone = new_context(locale="en-GB").new_page()
    enter(phone, f"{live}{door(rynek)}", "Sue Smith")
    desk = board(new_context(locale="en-GB"), live, rynek)
    dying = new_context(locale="en-GB")
    doctor = board(dying, live, rynek)
    row(doctor, "Sue Smith").get_by_role("button", name="Join").click()
    expect(doctor.get_by_role("heading", name="Call manager")).to_be_visible()
    expect(row(desk, "Sue Smith").locator(".caller-with")).to_have_text("with Ola Grudzien")

    dying.close()
    sweep_after(61 * SECONDS)

    status = row(desk, "Sue Smith").locator(".caller-status")
    expect(status).to_contain_text("On hold")
    expect(status).to_contain_text("The connection of the person with them was lost")
    expect(desk.locator("#needs-now")).to_have_text("1 alone")
    expect(phone.get_by_label("Type a message")).to_be_visible()
    row(desk, "Sue Smith").get_by_role("button", name="Rejoin").click()
    expect(phone.get_by_text("You are in a call with Ola Grudzien.")).to_be_visible()
    expect(desk.locator("#needs-now")).to_have_text("")


def test_two_windows_of_a_call_go_where_its_end_leads(
    live: str, rynek: House, new_context: MakeContext
) -> None:
    switch(rynek, True)
    sue, tom = (new_context(locale="en-GB").new_page() for _ in range(2))
    for page, name in ((sue, "Sue Smith"), (tom, "Tom Thumb")):
        enter(page, f"{live}{door(rynek)}", name)
    desk = board(new_context(locale="en-GB"), live, rynek)
    row(desk, "Sue Smith").get_by_role("button", name="Join").click()
    desk.wait_for_url("**/calls/*/")
    other = desk.context.new_page()
    other.goto(desk.url)
    expect(other.locator("body")).to_have_attribute("data-connection", "open")

    # Somebody more, held, each with words of their own.
    desk.get_by_text("Bring somebody in").click()
    desk.get_by_role("link", name="Tom Thumb").click()
    # Looked at before they are in somebody else's call.
    expect(desk.locator("h1")).to_have_text("Join Tom Thumb?")
    desk.get_by_role("button", name="Join").click()
    desk.wait_for_url("**/calls/*/")
    expect(other.locator(".participant-name")).to_have_text(["Sue Smith", "Tom Thumb"])
    expect(other.locator("h1")).to_have_text("Sue Smith, Tom Thumb")
    desk.get_by_role("button", name="Hold : Tom Thumb").click()
    tom.get_by_label("Type a message").fill("Only from Tom")
    tom.get_by_role("button", name="Send").click()
    expect(other.get_by_role("region", name="Notices with Tom Thumb")).to_contain_text("Only from Tom")
    expect(other.get_by_role("region", name="Notices with Sue Smith")).not_to_contain_text("Only from Tom")
    assert texts(sue) == []
    # Written to from the call, beside it; the manager stays as it was.
    desk.locator("#manager").get_by_role("link", name="Write").nth(1).click()
    say(desk, "We hear you, Tom.")
    expect(tom.get_by_text("We hear you, Tom.")).to_be_visible()
    desk.keyboard.press("Escape")
    expect(desk.locator("#drawer")).to_be_hidden()
    expect(desk.locator("#manager")).to_be_visible()

    desk.get_by_text("Hang up").click()
    desk.get_by_role("button", name="End call").click()

    desk.wait_for_url(f"{live}{rynek.url('waiting/')}")
    expect(desk.get_by_text("The call has ended.")).to_be_visible()
    # Who is on hold outlives it, and is found from the other window.
    expect(other.get_by_role("heading", name="You are out of this call")).to_be_visible()
    expect(other.get_by_role("link", name="Rejoin : Tom Thumb")).to_be_visible()
    expect(sue.get_by_role("heading", level=1)).to_contain_text("over")
    expect(tom.locator("[data-status=on_hold]")).to_be_visible()


def test_page_of_a_call_that_somebody_is_out_of_says_how_it_goes_on(
    live: str, rynek: House, new_context: MakeContext
) -> None:
    sue, tom = arrive(rynek, "Sue Smith"), arrive(rynek, "Tom Thumb")
    call = join(rynek, sue)
    context = new_context(locale="en-GB")
    desk = board(context, live, rynek)
    desk.goto(f"{live}{rynek.url(f'calls/{call.key}/')}")
    expect(desk.locator(".participant-name")).to_have_text(["Sue Smith"])

    calls.leave_call(call=call, actor=user_actor(rynek.assistant), rest=calls.Rest.ALONE, at=NOW)
    states = desk.locator(".participant .caller-state")
    expect(desk.locator("h1")).to_have_text("You are out of this call")
    expect(states).to_have_text(["In a call"])
    # A colleague goes on with it: holds her, and brings in somebody else.
    join(rynek, sue, by=rynek.admin)
    calls.hold(caller_id=sue.pk, actor=user_actor(rynek.admin), at=NOW)
    expect(states).to_have_text(["On hold"])
    calls.join(caller_id=tom.pk, actor=user_actor(rynek.admin), into=call, at=NOW)
    expect(states).to_have_text(["On hold", "In a call"])
    expect(desk.locator(".participant-name")).to_have_text(["Sue Smith", "Tom Thumb"])

    # In it again, by another window: the call is back at its address.
    join(rynek, tom)
    expect(desk.locator("#call-names")).to_have_text("Sue Smith, Tom Thumb")
    calls.leave_call(call=call, actor=user_actor(rynek.assistant), at=NOW)
    expect(desk.locator("h1")).to_have_text("You are out of this call")
    for caller in (sue, tom):
        operations.leave(caller_id=caller.pk, actor=PATIENT, at=NOW)
    expect(desk.locator("h1")).to_have_text("The call is over")
    expect(states).to_have_count(0)
    desk.get_by_role("link", name="To the waiting area").click()
    desk.wait_for_url(f"{live}{rynek.url('waiting/')}")


# --- In the middle of something ------------------------------------------------------------------------


def test_what_is_taken_back_goes_from_the_callers_page(
    live: str, rynek: House, new_context: MakeContext
) -> None:
    phone = new_context(locale="en-GB").new_page()
    enter(phone, f"{live}{door(rynek)}", "Sue Smith")
    desk = board(new_context(locale="en-GB"), live, rynek)
    row(desk, "Sue Smith").locator(".caller-name").click()
    say(desk, "Meant for somebody else")
    expect(phone.get_by_text("Meant for somebody else")).to_be_visible()

    desk.get_by_role("button", name="Take back").click()

    expect(phone.get_by_text("This notice was withdrawn.")).to_be_visible()
    expect(phone.get_by_text("Meant for somebody else")).to_have_count(0)
    expect(desk.locator("#conversation")).to_contain_text("taken back")
    expect(row(desk, "Sue Smith").locator(".badge")).to_have_count(0)


def test_conversation_hears_on_when_an_answer_finds_its_place_taken_by_another(
    live: str, rynek: House, new_context: MakeContext
) -> None:
    sue = arrive(rynek, "Sue Smith")
    desk = board(new_context(locale="en-GB"), live, rynek)
    row(desk, "Sue Smith").locator(".caller-name").click()
    expect(desk.locator("#conversation")).to_be_visible()
    held: list[Route] = []

    def hold(route: Route) -> None:
        if route.request.method == "GET" and not held:
            held.append(route)
        else:
            route.continue_()

    desk.route(f"**{rynek.url(f'waiting/{sue.pk}/')}", hold)
    notify(rynek, sue, "From elsewhere")
    until(desk, lambda: bool(held))
    say(desk, "From here")
    expect(desk.locator("#conversation")).to_contain_text("From here")

    held[0].continue_()
    notify(rynek, sue, "And one more")

    expect(desk.locator("#conversation .notice-text")).to_have_text(
        ["From elsewhere", "From here", "And one more"]
    )


def test_what_is_typed_in_the_drawer_outlives_what_happens_around(
    live: str, rynek: House, new_context: MakeContext
) -> None:
    sue = arrive(rynek, "Sue Smith")
    desk = board(new_context(locale="en-GB"), live, rynek)
    row(desk, "Sue Smith").locator(".caller-name").click()
    field = desk.locator("#drawer").get_by_label("Notice")
    field.press_sequentially("Half a sen")

    ask(sue, "Are you there?")
    arrive(rynek, "Tom Thumb")

    expect(desk.locator("#conversation")).to_contain_text("Are you there?")
    expect(row(desk, "Tom Thumb")).to_be_visible()
    expect(row(desk, "Sue Smith").locator(".badge")).to_have_class(ORANGE)
    expect(field).to_be_focused()
    field.press_sequentially("tence.")
    expect(field).to_have_value("Half a sentence.")
    expect(desk.locator("#drawer [data-counter]")).to_have_text("16 / 1000")
    field.press("Control+Enter")
    expect(desk.locator("#conversation")).to_contain_text("Half a sentence.")
    expect(desk.locator("#drawer").get_by_label("Notice")).to_have_value("")


def test_open_conversation_says_who_has_left_and_who_is_back(
    live: str, rynek: House, new_context: MakeContext
) -> None:
    sue = arrive(rynek, "Sue Smith")
    beside = board(new_context(locale="en-GB"), live, rynek)
    row(beside, "Sue Smith").locator(".caller-name").click()
    alone, typing = beside.context.new_page(), beside.context.new_page()
    for page in (alone, typing):
        page.goto(f"{live}{rynek.url(f'waiting/{sue.pk}/')}")
    typing.get_by_label("Notice").fill("Half a sen")
    gone = "They have left. Nothing can be sent to them any more."

    operations.leave(caller_id=sue.pk, how=Left.ABSENT, actor=SYSTEM, at=NOW)
    for page in (beside, alone, typing):
        expect(page.get_by_role("alert")).to_have_text(gone)
    for page in (beside, alone):
        expect(page.get_by_label("Notice")).to_be_hidden()
    expect(typing.get_by_label("Notice")).to_have_value("Half a sen")
    opened_late = beside.context.new_page()
    opened_late.goto(alone.url)
    expect(opened_late.get_by_label("Notice")).to_be_hidden()

    operations.resume(caller_id=sue.pk, at=NOW)
    for page in (beside, alone, typing, opened_late):
        expect(page.get_by_text(gone)).to_have_count(0)
        expect(page.get_by_label("Notice")).to_be_editable()
    opened_late.get_by_label("Notice").fill("There you are.")
    opened_late.get_by_role("button", name="Send").click()
    expect(alone.locator("#conversation")).to_contain_text("There you are.")


def test_drawer_and_menus_by_keyboard_alone(live: str, rynek: House, new_context: MakeContext) -> None:
    sue = arrive(rynek, "Sue Smith")
    desk = board(new_context(locale="en-GB"), live, rynek)
    dots = desk.locator(f"#caller-{sue.pk}-dots")
    menu = desk.locator(f"#caller-{sue.pk}-menu")
    field = desk.locator("#drawer").get_by_label("Notice")

    dots.focus()
    desk.keyboard.press("Enter")
    expect(menu).to_have_attribute("open", "")
    desk.keyboard.press("Escape")
    expect(menu).not_to_have_attribute("open", "")
    expect(dots).to_be_focused()
    desk.keyboard.press("Enter")
    desk.keyboard.press("Tab")
    desk.keyboard.press("Enter")
    expect(field).to_be_focused()
    expect(menu).not_to_have_attribute("open", "")
    desk.keyboard.press("Escape")
    expect(desk.locator("#drawer")).to_be_hidden()
    expect(dots).to_be_focused()

    # From the name; and the row comes anew meanwhile.
    name = desk.locator(f"#caller-{sue.pk}-name")
    name.focus()
    desk.keyboard.press("Enter")
    expect(field).to_be_focused()
    desk.keyboard.type("Hello")
    desk.keyboard.press("Control+Enter")
    expect(row(desk, "Sue Smith").locator(".badge")).to_have_class(BLUE)
    desk.keyboard.press("Escape")
    expect(name).to_be_focused()

    # A dialog before the page.
    desk.locator("#notify").focus()
    desk.keyboard.press("Enter")
    expect(desk.locator("#dialog").get_by_label("Notice")).to_be_focused()
    desk.keyboard.press("Escape")
    expect(desk.locator("#dialog")).to_be_hidden()
    expect(desk.locator("#notify")).to_be_focused()

    # The call manager closes by the same key, and comes again.
    desk.locator(f"#caller-{sue.pk}-join").press("Enter")
    manager = desk.locator("#manager")
    expect(manager).to_be_visible()
    desk.get_by_role("button", name="Hold : Sue Smith").focus()
    desk.keyboard.press("Escape")
    expect(manager).to_be_hidden()
    opens = desk.get_by_role("button", name="Call manager")
    opens.press("Enter")
    expect(manager).to_be_focused()
    desk.keyboard.press("Escape")
    expect(manager).to_be_hidden()
    expect(opens).to_be_focused()

    # On a phone it is a part of the page: the press goes there, and no key closes it.
    opens.press("Enter")
    desk.set_viewport_size({"width": 360, "height": 780})
    foot = manager.get_by_text("Ola Grudzien")
    expect(foot).not_to_be_in_viewport()
    opens.click()
    expect(manager).to_be_focused()
    expect(foot).to_be_in_viewport()
    desk.keyboard.press("Escape")
    expect(manager).to_be_visible()


# --- Sound for staff -----------------------------------------------------------------------------------


def tones(*pages: Page) -> int:
    return sum(page.evaluate("window.tones") for page in pages)


@pytest.mark.parametrize("is_muted", [False, True])
def test_each_question_rings_once_in_one_window(
    is_muted: bool, live: str, rynek: House, new_context: MakeContext
) -> None:
    mine = rynek.assistant.memberships.get(clinic=rynek.clinic)
    Watch.objects.create(membership=mine, sound="bell", volume=50, is_muted=is_muted)
    sue = arrive(rynek, "Sue Smith", at=NOW - 300 * SECONDS)
    context = new_context(locale="en-GB")
    context.add_init_script(TONES)
    context.clock.install()
    first = board(context, live, rynek)
    second = board(context, live, rynek)
    for page in (first, second):
        page.locator("h1").click()
    bell = 0 if is_muted else BELL

    for number in (1, 2):
        ask(sue, f"Question {number}")
        for page in (first, second):
            expect(page.locator("#needs-now")).to_have_attribute("data-news", f"q{sue.pk}.{number}")
        context.clock.run_for(11 * SECOND)
        assert tones(first, second) == bell * number
        expect(second).to_have_title("(1) Waiting area · Gabinety Rynek · Anteroom")

    # A minute later it calls again, once, as long as nobody has answered.
    context.clock.run_for(60 * SECOND)
    assert tones(first, second) == bell * 3


def test_title_goes_on_calling_when_a_part_of_the_page_comes_anew(
    live: str, rynek: House, new_context: MakeContext
) -> None:
    sue = arrive(rynek, "Sue Smith", at=NOW - 300 * SECONDS)
    call = join(rynek, arrive(rynek, "Tom Thumb"))
    context = new_context(locale="en-GB")
    context.clock.install()
    pages = [board(context, live, rynek), board(context, live, rynek)]
    for page, path in zip(pages, (f"waiting/{sue.pk}/", f"calls/{call.key}/"), strict=True):
        page.goto(f"{live}{rynek.url(path)}")
        expect(page.locator("body")).to_have_attribute("data-connection", "open")
    ask(sue, "Are you there?")
    for page, name in zip(pages, ("Sue Smith", "Call"), strict=True):
        expect(page).to_have_title(f"(1) {name} · Gabinety Rynek · Anteroom")

    # What is looked after every five seconds does not count: the pages' clocks stand until they are told to go.
    context.clock.pause_at(pages[0].evaluate("Date.now()") / SECOND + 10)
    hold(rynek, Caller.objects.get(name="Tom Thumb"))
    notify(rynek, sue, "Yes", at=NOW)
    ask(sue, "Good")
    waits = [pages[0].get_by_text("Good"), pages[1].locator("#stage-people").get_by_text("On hold")]
    for wait in waits:
        for _ in range(40):
            if wait.count():
                break
            context.clock.run_for(100)
        expect(wait).to_have_count(1)
    for page, name in zip(pages, ("Sue Smith", "Call"), strict=True):
        expect(page).to_have_title(f"(1) {name} · Gabinety Rynek · Anteroom")


def test_menu_open_in_the_last_of_many_changed_rows_stays_open(
    live: str, rynek: House, new_context: MakeContext
) -> None:
    """They come in one answer and are put in place a few at a time."""
    callers = [arrive(rynek, f"Caller {number:02}") for number in range(12)]
    last = callers[-1]
    desk = board(new_context(locale="en-GB"), live, rynek)
    dots = desk.locator(f"#caller-{last.pk}-dots")
    dots.focus()
    desk.keyboard.press("Enter")
    menu = desk.locator(f"#caller-{last.pk}-menu")
    expect(menu).to_have_attribute("open", "")
    desk.evaluate("window.before = [...document.querySelectorAll('.caller')]; window.rounds = []")
    desk.evaluate(
        "document.addEventListener('live:rows', ({ detail }) => window.rounds.push(detail.rows.length))"
    )

    with transaction.atomic():
        for caller in callers:
            notify(rynek, caller, "Soon", at=NOW)

    for caller in callers:
        expect(desk.locator(f"#caller-{caller.pk} .badge")).to_contain_text("1 notice")
    assert desk.evaluate("window.before.filter((row) => row.isConnected).length") == 0
    rounds = desk.evaluate("window.rounds")
    assert max(rounds) <= 5
    assert sum(rounds) >= 12
    expect(menu).to_have_attribute("open", "")
    expect(dots).to_be_focused()
    menu.locator(f"#caller-{last.pk}-remove > summary").click()
    expect(menu.locator(f"#caller-{last.pk}-remove")).to_have_attribute("open", "")


def test_menu_of_a_row_that_went_is_closed_when_its_caller_is_back(
    live: str, rynek: House, new_context: MakeContext
) -> None:
    sue = arrive(rynek, "Sue Smith")
    desk = board(new_context(locale="en-GB"), live, rynek)
    menu = desk.locator(f"#caller-{sue.pk}-menu")
    row(desk, "Sue").locator(".menu-dots > summary").click()
    expect(menu).to_have_attribute("open", "")
    operations.leave(caller_id=sue.pk, how=Left.ABSENT, actor=SYSTEM, at=NOW)
    expect(row(desk, "Sue")).to_have_count(0)

    operations.resume(caller_id=sue.pk, at=NOW)

    expect(row(desk, "Sue")).to_have_count(1)
    expect(menu).not_to_have_attribute("open", "")
    arrive(rynek, "Tom Jones")
    expect(row(desk, "Tom")).to_have_count(1)
    expect(menu).not_to_have_attribute("open", "")


# --- A thousand callers --------------------------------------------------------------------------------


@pytest.mark.parametrize("many", [100, pytest.param(1000, marks=pytest.mark.faults)])
def test_one_change_touches_one_row_of_many(
    many: int, live: str, rynek: House, new_context: MakeContext
) -> None:
    area = area_of(rynek)
    Caller.objects.bulk_create(
        Caller(
            clinic=rynek.clinic, area=area, key=uuid.uuid4().hex, name=f"Caller {number:04}", purpose="Wyniki",
            language="pl", consented_at=NOW, status_since=NOW, arrived_at=NOW + number * SECONDS / 1000,
            last_seen_at=NOW,
        )
        for number in range(many)
    )  # fmt: skip
    desk = board(new_context(locale="en-GB"), live, rynek)
    expect(desk.locator("#notify")).to_have_text(f"Notify displayed {many}")
    changed = Caller.objects.get(name=f"Caller {many // 2:04}")
    desk.evaluate(
        """() => {
            window.touched = [];
            const name = (node) => node.id || node.parentElement?.id || node.nodeName;
            new MutationObserver((all) => {
                for (const { target, type, addedNodes, removedNodes } of all) {
                    if (type === "childList" && target.matches(".callers")) {
                        window.touched.push(...[...addedNodes].map((one) => `+${one.id}`));
                        window.touched.push(...[...removedNodes].map((one) => `-${one.id}`));
                    } else if (!target.parentElement?.closest(".caller-time")) window.touched.push(name(target));
                }
            }).observe(document.querySelector(".callers"), {
                childList: true, subtree: true, attributes: true, characterData: true,
            });
        }"""
    )

    join(rynek, changed, by=rynek.admin)

    mine = f"caller-{changed.pk}"
    expect(desk.locator(f"#{mine} .caller-status")).to_contain_text("In a call with Anna Maj")
    touched = desk.evaluate("window.touched")
    assert sorted(one for one in touched if one[0] in "+-") == [f"+{mine}", f"-{mine}"]
    assert set(touched) <= {f"+{mine}", f"-{mine}", mine}
    expect(desk.locator("#count-in_call")).to_have_text("1")
    expect(desk.locator("#count-waiting")).to_have_text(str(many - 1))
