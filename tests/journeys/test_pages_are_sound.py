"""Every page of the product, opened in the browser as somebody whom it is for (X6).

In light and in dark, on a desk's screen and on a phone: nothing that axe complains of, nothing that scrolls
sideways, a skip link first, and the main action near. A page without an entry here fails, so that none is forgotten.
"""

from collections.abc import Callable, Iterator
from datetime import time
from typing import NamedTuple

import pytest
from axe_playwright_python.base import AXE_SCRIPT
from django.test import Client
from playwright.sync_api import BrowserContext, Page

from clinic.audit.operations import SYSTEM, user_actor
from clinic.calendars.absences import add_absence
from clinic.lib import clock
from clinic.models import Patient, User
from messaging.links import token_of
from reminders.choices import choices_address
from reminders.offers.voice import offer_address
from reminders.planning import review_address
from tests.factories.directory import held, listed, profile_of, reported_of
from tests.factories.house import (
    DAYS,
    HOURS,
    NOW,
    House,
    book,
    by_link,
    logged_in,
    make_calendar,
    make_patient,
)  # fmt: skip
from tests.factories.offers import give_up, later
from tests.factories.waiting import (
    area_of,
    arrive,
    by_way_in,
    call_of,
    caller_of,
    door,
    join,
    notify,
    waiting,
    way_in_of,
    write,
)
from tests.guards.test_access_matrix import GETS, ROWS, address
from tests.journeys.conftest import MakeContext
from waiting_area.areas import change_area
from waiting_area.calls import end_call
from waiting_area.models import Caller

pytestmark = pytest.mark.one_engine

# What is opened like a page but is none: a letter in a frame of the mailbox, a way to a page, data, a script.
NO_PAGES = {
    "mailbox:mailbox_letter", "reminders:appointment_link", "waiting_area:wait_state", "clinic:service_worker",
    "waiting_area:needs", "waiting_area:personal_link", "reminders:review_link",
    "reminders:offer_link", "reminders:next_link", "reminders:choices_link", "reminders:unsubscribe",
    "clinic:sitemap", "clinic:robots",
    "clinic:appointment_card",
    "clinic:feed", "clinic:import_template",
}  # fmt: skip
# Opened on their own, for who opens them is not there at all hours: on the day of the appointment alone, after it,
# right after a booking, or with a code.
ELSEWHERE = {
    "waiting_area:personal", "reminders:patient_review",
    "reminders:patient_offer", "reminders:patient_choices", "clinic:book_done", "reminders:patient_card",
    "clinic:import_plan", "clinic:import_run",
}  # fmt: skip
# Each page's main action, as one finds it: what somebody most likely came to do, or the first field to do it in.
MAIN = {
    "clinic:appointment": "main .actions-row :is(a, summary, button)",
    "clinic:appointment_book": "main form :is(select, input:not([type=hidden]))",
    "clinic:absence": "main form input:not([type=hidden])",
    "clinic:absences": "main form :is(select, input:not([type=hidden]))",
    "clinic:book_details": "main [name=name]",
    "clinic:book_service": "main .booking-services a",
    "clinic:book_time": "main .button-main",
    "clinic:calendar": "main .diary-steps a",
    "clinic:calendar_free": "main form :is(select, input:not([type=hidden]))",
    "clinic:calendar_hours": "main form input:not([type=hidden])",
    "clinic:calendar_print": "main :is([data-print], a)",
    "clinic:calendar_feeds": "main form input:not([type=hidden])",
    "clinic:calendar_service": "main form input:not([type=hidden])",
    "clinic:calendar_settings": "main form input:not([type=hidden])",
    "clinic:clinic_profile": "main a",
    "clinic:clinic_settings": "main form textarea",
    "clinic:export_file": "main form button",
    "clinic:find": "main [name=what]",
    "clinic:first_clinic": "main form input:not([type=hidden])",
    "clinic:home": "main a",
    "clinic:import_file": "main form [name=file]",
    "clinic:log_in": "[name=username]",
    "clinic:offline": "main .button-main",
    "clinic:patient": ".bar-book",
    "clinic:patient_edit": "main form input:not([type=hidden])",
    "clinic:patient_merge": "main .compare a",
    "clinic:patient_new": "main form input:not([type=hidden])",
    "clinic:patients": "main [data-search]",
    "clinic:practitioner_profile": "main a",
    "clinic:practitioner_settings": "main form input:not([type=hidden])",
    "clinic:reported_reviews": "main .button",
    "clinic:reviews": "main summary",
    "clinic:settings": "main .row a",
    "clinic:style": "main .button-main",
    "clinic:today": ".bar-book",
    "mailbox:mailbox": "main a",
    "notifications:calendar_communication": "main form input:not([type=hidden])",
    "reminders:lost_link": "main [name=address]",
    "reminders:patient_appointment": "main .button-main",
    "reminders:patient_code": "main .button-main",
    "reminders:patient_move": "main .button-main",
    "waiting_area:area_settings": "main form input:not([type=hidden])",
    "waiting_area:broadcast_sent": "main .further > summary",
    "waiting_area:call": "main #hang-up > summary",
    "waiting_area:caller_join": "main .button-main",
    "waiting_area:caller_notify": "main textarea",
    "waiting_area:caller_transfer": "main select",
    "waiting_area:callers": "main #notify",
    "waiting_area:entry": "main [name=name]",
    "waiting_area:my_alerts": "main [name=sound]",
    "waiting_area:wait": "main .button-main",
    "waiting_area:wait_write": "main textarea",
    "waiting_area:waiting_settings": "main .row a",
}
NARROW, PHONE, DESK = 320, 390, 1440
LOOK = """async () => {
    const only = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];
    const { violations } = await axe.run({ runOnly: only, resultTypes: ["violations"] });
    return violations.flatMap((one) => one.nodes.map((node) => `${one.id}: ${node.target} ${node.failureSummary}`));
}"""
AT = """(wanted) => {
    const here = document.activeElement;
    return [here.matches(wanted), here.matches(".skip"), here.id];
}"""
FIRST_IS_SKIP = """() => {
    const stops = "a[href], button, input:not([type=hidden]), select, textarea, summary, [tabindex='0']";
    return document.querySelector(stops).matches(".skip");
}"""


class Stop(NamedTuple):
    """Where the focus stands."""

    is_wanted: bool
    is_skip: bool
    id: str


def who_opens(name: str) -> str:
    """Return somebody who gets the page: members before an operator, an operator before a passer-by."""
    if name == "clinic:first_clinic":
        return "first"
    return next(
        who
        for who in ("admin", "assistant", "patient", "operator", "anonymous")
        if ROWS[name, "GET"][who] == 200
    )


def test_every_page_has_its_entry() -> None:
    assert set(GETS) - NO_PAGES - ELSEWHERE == set(MAIN)


class Walk:
    """Opens pages one after the other and keeps what is wrong with them."""

    def __init__(self, context: BrowserContext) -> None:
        self.page: Page = context.new_page()
        self.found: list[str] = []

    def visit(self, url: str, main: str) -> None:
        """Open a page, go to its main action by keyboard, and look at it."""
        self.page.set_viewport_size({"width": DESK, "height": 900})
        self.page.goto(url)
        self.found += [f"{self._here}: {fault}" for fault in self._by_keyboard(main)]
        self.page.evaluate(
            "document.activeElement.blur()"
        )  # a skip link that has the focus covers what is below it
        self.look()

    def look(self) -> None:
        """Look at the page that is open, as it now is, in both themes and three widths."""
        self.page.evaluate(AXE_SCRIPT)
        for scheme, width in (("light", DESK), ("dark", PHONE)):
            self.page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
            self._sideways(width)
            self.found += [
                f"{self._here}, {scheme}, {width}: {one[:300]}" for one in self.page.evaluate(LOOK)
            ]
        self._sideways(NARROW)

    @property
    def _here(self) -> str:
        return self.page.url.split("/", 3)[3]

    def _sideways(self, width: int) -> None:
        self.page.set_viewport_size({"width": width, "height": 900})
        if (needed := self.page.evaluate("document.scrollingElement.scrollWidth")) > width:
            self.found.append(f"{self._here}: {needed} wide where there is {width}")

    def _press(self, key: str, main: str) -> Stop:
        self.page.keyboard.press(key)
        return Stop(*self.page.evaluate(AT, main))

    def _by_keyboard(self, main: str) -> Iterator[str]:
        if Stop(*self.page.evaluate(AT, main)).is_wanted:  # one may begin to type at once
            if not self.page.evaluate(FIRST_IS_SKIP):
                yield "does not begin with a skip link"
            return
        stops = [self._press("Tab", main)]
        if not stops[0].is_skip:
            yield "does not begin with a skip link"
            return
        stops += [self._press("Tab", main), self._press("Tab", main)]
        self.page.locator(".skip").focus()
        target = self._press("Enter", main)
        if target.id != "content":
            yield f"the skip link leads to {target.id!r}"
        stops += [self._press("Tab", main) for _ in range(3)]
        if not any(stop.is_wanted for stop in stops):
            yield f"{main} is not within three stops"


@pytest.fixture
def walk_as(live: str, new_context: MakeContext) -> Callable[..., Walk]:
    """Begin a walk in the browser of whoever this test client is."""

    def begin(client: Client) -> Walk:
        context = new_context(locale="en-GB", reduced_motion="reduce", service_workers="block")
        for name, cookie in client.cookies.items():
            context.add_cookies(
                [{"name": name, "value": cookie.value, "domain": "127.0.0.1", "path": cookie["path"] or "/"}]
            )
        return Walk(context)

    return begin


@pytest.fixture
def busy(rynek: House, sweep: Callable[..., None]) -> House:
    """Rynek on a day on which every mark is to be seen."""
    make_calendar(rynek.clinic, "dr Alicja Lis")
    lost = make_patient(rynek.clinic, "Jan Niemy", email="", phone_number="")
    book(lost, rynek.calendar, NOW + HOURS)
    bounced = make_patient(rynek.clinic, "Ewa Odbita")
    Patient.objects.filter(pk=bounced.pk).update(email_bounced_at=NOW)
    book(bounced, rynek.calendar, NOW + 2 * HOURS)
    book(rynek.patient, rynek.calendar, NOW + DAYS)
    notify(rynek, caller_of(rynek))
    profile_of(rynek)
    reported_of(rynek)
    Caller.objects.filter(pk=arrive(rynek, "Jan Szary").pk).update(
        is_lost=True, last_author="caller", notice_count=2
    )
    sweep()
    return rynek


def test_members_pages_are_sound(live: str, busy: House, walk_as: Callable[..., Walk]) -> None:
    walk = walk_as(logged_in(busy.admin))
    for name in sorted(MAIN):
        if who_opens(name) == "admin":
            walk.visit(live + address(name, busy), MAIN[name])
    bounced = Patient.objects.get(name="Ewa Odbita")
    walk.visit(live + busy.url(f"patients/{bounced.pk}/"), ".bar-book")
    walk.visit(live + busy.url("nothing/"), "main a")
    # A form with what is wrong beside its fields.
    walk.page.goto(live + busy.url("patients/new/"))
    walk.page.get_by_role("button", name="Save").evaluate("button => { button.form.noValidate = true; }")
    walk.page.get_by_role("button", name="Save").click()
    walk.page.locator(".errorlist").first.wait_for()
    walk.look()
    # What an import would do, with a bad row, and what it has done: the script presses by itself.
    walk.page.goto(live + busy.url("settings/import/"))
    table = b"patient_name;email\nEwa Nowa;ewa@patients.example\nJan;nowhere\n"
    walk.page.set_input_files("[name=file]", {"name": "a.csv", "mimeType": "text/csv", "buffer": table})
    walk.page.get_by_role("button", name="Check the file").click()
    walk.page.get_by_role("heading", name="What would happen").wait_for()
    walk.look()
    walk.page.get_by_text("Import the good rows").click()
    walk.page.get_by_role("button", name="Import these rows").click()
    walk.page.get_by_text("The import is finished.").wait_for()
    walk.look()
    assert Patient.objects.filter(name="Ewa Nowa").count() == 1

    assert not walk.found, "\n".join(walk.found)


def test_everybody_elses_pages_are_sound(
    live: str, busy: House, operator: User, walk_as: Callable[..., Walk]
) -> None:
    patient = waiting(by_link(busy.link), caller_of(busy))
    walks = {
        "assistant": walk_as(logged_in(busy.assistant)),
        "operator": walk_as(logged_in(operator)),
        "patient": walk_as(patient),
        "anonymous": walk_as(Client()),
    }
    for name in sorted(MAIN):
        if walk := walks.get(who_opens(name)):
            walk.visit(live + address(name, busy), MAIN[name])
    walks["anonymous"].visit(f"{live}/a/forged/", "main a")

    found = [fault for walk in walks.values() for fault in walk.found]
    assert not found, "\n".join(found)


def test_first_page_of_an_empty_house_is_sound(live: str, walk_as: Callable[..., Walk]) -> None:
    walk = walk_as(Client())
    walk.visit(f"{live}/start/", MAIN["clinic:first_clinic"])

    assert not walk.found, "\n".join(walk.found)


def test_patients_page_is_sound_whatever_they_press(
    live: str, rynek: House, walk_as: Callable[..., Walk]
) -> None:
    walk = walk_as(Client())
    page = walk.page
    page.goto(f"{live}/a/{token_of(rynek.link)}/")
    page.get_by_text("Cancel the appointment").click()
    walk.look()
    page.get_by_role("button", name="I will be there").click()
    page.get_by_text("We know that you will come.").wait_for()
    walk.look()
    page.get_by_text("Cancel the appointment").click()
    page.get_by_role("button", name="Yes, cancel it").click()
    page.get_by_text("The appointment is cancelled. Thank you").wait_for()
    walk.look()

    assert not walk.found, "\n".join(walk.found)


def test_waiting_areas_dialogs_are_sound(live: str, busy: House, walk_as: Callable[..., Walk]) -> None:
    caller = caller_of(busy)
    write(caller, "Where are you?")
    join(busy, arrive(busy, "Bea Inside", phone="+48512345678"))
    walk = walk_as(logged_in(busy.assistant))
    page = walk.page
    page.goto(live + busy.url("waiting/?status=waiting&status=in_call"))
    page.locator("#notify").click()
    page.locator("#dialog textarea").wait_for()
    walk.look()
    page.locator("#dialog textarea").fill("To all of you")
    page.locator("#dialog").get_by_role("button", name="Send").click()
    page.locator("#reached").wait_for()
    walk.look()
    page.keyboard.press("Escape")
    page.set_viewport_size({"width": DESK, "height": 900})
    page.locator(f"#caller-{caller.pk}-dots").click()
    walk.look()
    page.locator(f"#caller-{caller.pk}-name").click()
    page.locator("#drawer textarea").wait_for()
    walk.look()
    page.goto(live + address("waiting_area:call", busy))
    page.locator("#hang-up summary").click()
    page.locator("#leave-call").click()
    page.locator("#hold-and-leave").wait_for()
    walk.look()
    page.locator("#stay").click()
    end_call(call=call_of(busy), actor=user_actor(busy.assistant), at=NOW)
    page.get_by_role("heading", name="The call is over").wait_for()
    walk.look()

    assert not walk.found, "\n".join(walk.found)


def test_calendars_dialogs_are_sound(live: str, busy: House, walk_as: Callable[..., Walk]) -> None:
    add_absence(
        practitioner=busy.calendar.practitioner, starts_at=NOW + DAYS, ends_at=None, actor=SYSTEM, at=NOW
    )
    walk = walk_as(logged_in(busy.assistant))
    page = walk.page
    page.set_viewport_size({"width": DESK, "height": 900})
    page.goto(live + busy.url("calendar/?view=week&calendar=all"))
    walk.look()
    page.set_viewport_size({"width": DESK, "height": 900})
    page.goto(live + busy.url("calendar/"))
    page.locator(".visit a").last.focus()
    page.keyboard.press("m")
    page.keyboard.press("PageDown")
    page.keyboard.press("Enter")
    page.get_by_role("heading", name="Move the appointment?").wait_for()
    walk.look()
    for name, there in (("calendar/free/", "#free"), ("calendar/absences/", "#absences")):
        page.keyboard.press("Escape")
        page.locator(f"main a[href$='{name}']").evaluate("link => link.click()")
        page.locator(f"#dialog {there}").wait_for()
        walk.look()
    page.locator("#absences .row a").click()
    page.locator("#dialog #absence .row").first.wait_for()
    walk.look()
    page.keyboard.press("Escape")
    page.locator(".column-book").first.evaluate("link => link.click()")
    page.locator("#dialog #booking-form").wait_for()
    walk.look()
    page.keyboard.press("Escape")
    page.set_viewport_size({"width": DESK, "height": 900})
    page.locator(".visit a").last.press("Enter")
    page.locator("#card").wait_for()
    walk.look()
    page.set_viewport_size({"width": DESK, "height": 900})
    page.locator("#card summary", has_text="Cancel").click()
    page.get_by_role("button", name="The clinic's").click()
    page.get_by_role("button", name="Undo").wait_for()
    walk.look()

    assert not walk.found, "\n".join(walk.found)


def test_patients_way_in_is_sound(live: str, rynek: House, walk_as: Callable[..., Walk]) -> None:
    link = way_in_of(rynek)
    with clock.held_at(rynek.appointment.starts_at):
        walk = walk_as(by_way_in(link))
        walk.visit(live + address("waiting_area:personal", rynek), "main .button-main")
        walk.page.get_by_role("button", name="Continue as").wait_for()

    assert not walk.found, "\n".join(walk.found)


def test_writing_a_review_is_sound(live: str, rynek: House, walk_as: Callable[..., Walk]) -> None:
    listed(rynek.calendar)
    walk = walk_as(Client())
    page = walk.page
    page.goto(live + review_address(held(rynek), at=NOW))
    walk.look()
    page.get_by_role("button", name="Publish the review").evaluate("one => { one.form.noValidate = true; }")
    page.get_by_role("button", name="Publish the review").click()
    page.locator(".errorlist").first.wait_for()
    walk.look()
    page.get_by_text("4 stars").click()
    page.get_by_role("button", name="Publish the review").click()
    page.get_by_text("Your review stands on the public profile now.").wait_for()
    walk.look()
    page.get_by_role("link", name="To the public profile").click()
    page.get_by_role("heading", name="Reviews").wait_for()
    walk.look()

    assert not walk.found, "\n".join(walk.found)


def test_choosing_invitations_is_sound(live: str, rynek: House, walk_as: Callable[..., Walk]) -> None:
    """The patient's page by its link, and what staff see of it on the card."""
    patient, staff = walk_as(Client()), walk_as(logged_in(rynek.admin))
    patient.page.goto(live + "/u/" + choices_address(rynek.patient, at=NOW).split("/u/")[1])
    patient.look()
    patient.page.get_by_role("button", name="None of these").click()
    patient.page.get_by_text("You get none of these any more.").wait_for()
    patient.look()
    staff.page.goto(live + rynek.url(f"patients/{rynek.patient.pk}/"))
    staff.page.get_by_text("not wanted since").first.wait_for()
    staff.look()

    found = [*patient.found, *staff.found]
    assert not found, "\n".join(found)


def test_taking_an_earlier_time_is_sound(live: str, rynek: House, walk_as: Callable[..., Walk]) -> None:
    """Both who wins and who comes too late, and what staff see of it."""
    later(rynek, 1), later(rynek, 2)
    first, second = give_up(rynek.appointment).offers.order_by("pk")
    give_up(book(make_patient(rynek.clinic, "Wera Wczesna"), rynek.calendar, NOW + 1 * DAYS))
    winner, loser, staff = walk_as(Client()), walk_as(Client()), walk_as(logged_in(rynek.admin))
    for walk, offer in ((winner, first), (loser, second)):
        address_of = offer_address(offer, at=NOW)
        walk.page.goto(live + "/o/" + address_of.split("/o/")[1])
        walk.look()
        walk.page.emulate_media(color_scheme="light")
    for walk, says in ((winner, "The new time is yours."), (loser, "This time is already taken")):
        walk.page.get_by_role("button", name="Take the new time").click()
        walk.page.get_by_text(says).wait_for()
        walk.look()
    staff.page.goto(live + rynek.url(f"appointments/{rynek.appointment.pk}/"))
    staff.page.get_by_text("has taken it").wait_for()
    staff.look()
    staff.page.goto(live + rynek.url())
    staff.page.get_by_text("Freed late").wait_for()
    staff.look()

    found = [*winner.found, *loser.found, *staff.found]
    assert not found, "\n".join(found)


def test_waiting_areas_other_faces_are_sound(live: str, rynek: House, walk_as: Callable[..., Walk]) -> None:
    area = area_of(rynek)
    walk, stranger = walk_as(logged_in(rynek.admin)), walk_as(Client())
    wrong = {"hours_0": "morning", "keep_days": "0", "welcome_de": "x\a", "long_wait_minutes": "5"}
    walk.page.goto(live + address("waiting_area:area_settings", rynek))
    walk.page.locator("main form").evaluate("form => { form.noValidate = true; }")
    for name, text in wrong.items():
        walk.page.locator(f"[name={name}]").fill(text)
    walk.page.get_by_role("button", name="Save").click()
    walk.page.locator(".errorlist").first.wait_for()
    walk.look()
    change_area(area=area, asks_phone="optional", asks_calendar="required", actor=SYSTEM, at=NOW)
    stranger.page.goto(live + door(rynek))
    stranger.page.get_by_role("button", name="Go to the waiting area").click()
    stranger.page.locator(".errorlist").first.wait_for()
    stranger.look()
    walk.page.goto(live + rynek.url("waiting/"))
    walk.page.locator("body[data-connection=open]").wait_for()
    change_area(area=area, hours={6: [(time(8), time(9))]}, actor=SYSTEM, at=NOW)
    # The open list hears of it.
    walk.page.get_by_text("Outside its hours: nobody new can come in.").wait_for()
    walk.look()
    # What was typed stays below the closed door.
    stranger.page.get_by_role("button", name="Go to the waiting area").click()
    stranger.page.get_by_role("button", name="Try again").wait_for()
    stranger.look()
    stranger.page.goto(live + door(rynek))
    stranger.page.get_by_text("It opens next").wait_for()
    stranger.look()

    found = [*walk.found, *stranger.found]
    assert not found, "\n".join(found)
