"""Two hundred things happen at random while pages stand open: each comes to show what a plain model says, by what
it hears alone, and the same again when it is opened anew (R29)."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from random import Random
from typing import Any

import pytest
from django.conf import settings
from django.core import signing
from playwright.sync_api import BrowserContext, Error, Page

from clinic.lib import clock
from clinic.live import upkeep
from clinic.live.hub import hub
from clinic.models import User
from tests.factories.house import MINUTES, NOW, House, logged_in
from tests.factories.waiting import door
from tests.journeys.conftest import MakeContext
from tests.journeys.open_pages import READ, Expected
from tests.waiting_area.walk import Walk
from waiting_area import operations
from waiting_area.models import Call, Caller, Pulse
from waiting_area.views.waiting_screen import COOKIE, SALT

STEPS, SEEDS = 200, 50
# A seed in whose first steps nearly everything happens.
IN_THE_PLAIN_SUITE, FIRST_STEPS = 117, 40
# What must have stood on some page that was looked at, lest a walk goes by it.
ALWAYS = ("'rows': [{", "'said': [[", "'call': {", "'out': [", "'wait': {", "'over': [")
IN_THE_FIRST_STEPS = (
    *ALWAYS, "badge badge-clinic'", "badge badge-caller badge-unanswered", "badge badge-clinic badge-unanswered",
    " wrote", " alone", "In a call Nobody is with them", "taken back", "This notice was withdrawn.", "Rejoin: ",
    "You are in a call with", "Somebody will be back", "You cannot write here", "What you typed", "They have left.",
)  # fmt: skip
# Steps from one look at the pages to the next: what one step leaves out must not be made good by the next, and
# what comes at once must not be mixed up.
TOGETHER = (1, 2, 4, 10)
# Seconds that a busy machine may take until all pages have caught up.
PATIENCE = 30.0
PATIENTS = 3
# Lines are cut, and nobody has pressed anything on these pages, which then may not shake.
EXPECTED_IN_CONSOLE = ("Failed to load resource: net::ERR_", "Blocked call to navigator.vibrate")

# How many of a page's requests for its next token are under way; and it asks how things stand sooner than pages
# do that spread their questions.
ALONE = """
(() => {
  const [fetch, random] = [window.fetch, Math.random];
  window.renewing = 0;
  window.fetch = (where, options) => {
    if (!String(where).includes("/listen/")) return fetch(where, options);
    window.renewing += 1;
    return fetch(where, options).finally(() => { window.renewing -= 1; });
  };
  Math.random = () => random() / 20;
})();
"""

write_presence = upkeep.Upkeep.write_presence


@pytest.fixture
def by_hand(monkeypatch: pytest.MonkeyPatch, rynek: House) -> None:
    """Write down what pages say of themselves when a walk says so: the server would do it at any moment."""
    monkeypatch.setattr(upkeep.Upkeep, "write_presence", lambda _self: None)
    Pulse.objects.create(pk=1, at=NOW, counting_since=NOW - 60 * MINUTES)


@dataclass
class Window:
    """An open page, and what it must show."""

    name: str
    page: Page
    expected: Callable[[], dict[str, Any]]

    def found(self) -> dict[str, Any] | None:
        """Return what it shows; None while it goes somewhere."""
        try:
            found: dict[str, Any] = self.page.evaluate(READ)
        except Error:
            return None
        return found


@dataclass
class Patient:
    """A caller's own page."""

    window: Window
    is_fresh: bool = False  # opened anew
    is_offline: bool = False


class WalkOnPages(Walk):
    """A random walk while pages stand open: lists, conversations, calls, and some callers' own."""

    # Those who have a page open come and go more often.
    weights = {**Walk.weights, "arrives": 12, "leaves": 3, "removed": 3, "falls_silent": 6, "resumes": 8}

    def __init__(self, seed: int, house: House, other: House, live: str, new_context: MakeContext) -> None:
        super().__init__(seed, house, other)
        self.live, self.new_context = live, new_context
        self.eye = Random(seed)  # for which pages are opened: the walk itself is the same without them
        self.shown: set[tuple[int, int]] = set()
        self.must = Expected(self, self.shown)
        self.met = ""  # all that was on pages, in words
        self.looks = 0

        self.desks = [self.logged_in(user) for user in self.users[:2]]
        status = self.eye.choice(("waiting", "in_call", "on_hold", "left"))
        upstairs = self.areas[1].pk
        self.lists = [
            self.open("list", "waiting/", self.must.board),
            self.open(
                f"list, {status}", f"waiting/?status={status}", lambda: self.must.board(statuses=(status,))
            ),
            self.open("list, upstairs", f"waiting/?area={upstairs}", lambda: self.must.board(area=1)),
            self.open("patients", "patients/", lambda: self.must.bar("Patients")),
        ]
        self.conversation: Window | None = None
        self.calls: dict[int, tuple[int, Window]] = {}  # by the member: the call whose page is open
        self.patients: dict[int, Patient] = {}

    # --- Opening -------------------------------------------------------------------------------------

    def logged_in(self, user: User) -> BrowserContext:
        context = self.new_context(locale="en-GB")
        session = logged_in(user).cookies[settings.SESSION_COOKIE_NAME]
        context.add_cookies([{"name": session.key, "value": session.value, "url": self.live}])
        return context

    def open(self, name: str, path: str, expected: Callable[[], dict[str, Any]], member: int = 0) -> Window:
        page = self.desks[member].new_page()
        page.goto(f"{self.live}{self.house.url(path)}")
        return Window(name, page, expected)

    def rearrange(self) -> None:
        """Open what has come into being since, and something else here and there."""
        here = [number for number, one in enumerate(self.model.people) if one.is_here]
        self.open_calls()
        self.open_patients(here)
        if self.looks % 6 == 2 and here:
            self.open_conversations(here)

    def open_calls(self) -> None:
        """Let members have the page of their call open, and keep it when they are out of it."""
        for member in range(len(self.desks)):
            call = self.model.member_in.get(member)
            before = self.calls.get(member)
            if call is None or (before and before[0] == call):
                continue
            if before:
                before[1].page.close()
            key = Call.objects.get(pk=self.call_ids[call]).key
            expected = partial(self.must.call, member, call)
            self.calls[member] = (
                call,
                self.open(f"call {call} of {member}", f"calls/{key}/", expected, member),
            )

    def open_patients(self, here: list[int]) -> None:
        for number, patient in list(self.patients.items()):
            # Whose page has said that it is over, and who is not only away.
            if number not in here and not patient.is_offline:
                patient.window.page.context.close()
                del self.patients[number]
        others = [number for number in here if number not in self.patients]
        self.eye.shuffle(others)
        # Rather those with whom more happens.
        others.sort(key=lambda number: self.model.people[number].status == "waiting")
        for number in others[: PATIENTS - len(self.patients)]:
            self.patients[number] = self.open_patient(number)

    def open_patient(self, number: int) -> Patient:
        context = self.new_context(locale="en-GB", expected=EXPECTED_IN_CONSOLE)
        context.add_init_script(ALONE)
        cookie = signing.dumps(self.ids[number], salt=SALT)
        context.add_cookies([{"name": COOKIE, "value": cookie, "url": f"{self.live}{door(self.house)}"}])
        page = context.new_page()
        page.goto(f"{self.live}{door(self.house, 'wait/')}")
        # Every other one has begun to write.
        draft = "Half a sen" if number % 2 and self.model.may_write(number) else ""
        if draft:
            page.get_by_label("Type a message").fill(draft)

        def expected() -> dict[str, Any]:
            return self.must.waiting_screen(number, draft, is_fresh=self.patients[number].is_fresh)

        return Patient(Window(f"page of {number}", page, expected))

    def open_conversations(self, here: list[int]) -> None:
        """Open one in the drawer beside the list, mostly of somebody whose page is open, and one as a page."""
        talked = [number for number in here if self.model.people[number].words] or here
        followed = [number for number in self.patients if number in talked]
        beside, alone = self.eye.choice(followed or talked), self.eye.choice(talked)
        board = self.lists[0]
        board.page.locator(f"#caller-{self.ids[beside]}-name").dispatch_event("click")
        board.expected = lambda: {**self.must.board(), **self.must.talk(beside)}
        if self.conversation is not None:
            self.conversation.page.close()
        expected = partial(self.must.conversation, alone)
        self.conversation = self.open("conversation", f"waiting/{self.ids[alone]}/", expected)

    # --- Looking -------------------------------------------------------------------------------------

    def all_windows(self) -> list[Window]:
        talk = [self.conversation] if self.conversation else []
        online = [one.window for one in self.patients.values() if not one.is_offline]
        return [*self.lists, *talk, *(window for _call, window in self.calls.values()), *online]

    def look(self) -> None:
        """Wait until each page shows what it must, and fail unless all come to that."""
        self.looks += 1
        for number in self.seeing():
            # What a page shows it says that it has shown; who is gone has seen nothing any more.
            words = [word.number for word in self.model.people[number].words if word.author == "clinic"]
            self.shown.update((number, word) for word in words)
        self.met += repr(self.catch_up(self.all_windows(), notes=True))

    def seeing(self) -> list[int]:
        """Return who of those here has a page open that is on the line."""
        online = [number for number, patient in self.patients.items() if not patient.is_offline]
        return [number for number in online if self.model.people[number].is_here]

    def unseen(self) -> list[str]:
        """Return whose page has not said yet that it shows all notices."""
        seen = dict(Caller.objects.values_list("pk", "seen_number"))
        words = {number: len(self.model.people[number].words) for number in self.seeing()}
        return [
            f"page of {number} has shown {seen[self.ids[number]]} of {count}"
            for number, count in words.items()
            if seen[self.ids[number]] != count
        ]

    def catch_up(self, windows: list[Window], *, notes: bool) -> list[dict[str, Any]]:
        """Wait for pages; return what they show.

        Args:
            notes: what they say of themselves is written down meanwhile.
        """
        wanted = [window.expected() for window in windows]
        end = time.monotonic() + PATIENCE
        while True:
            if notes:
                write_presence(upkeep.Upkeep(hub))
            # All of them at one time: none may have been right for a moment only.
            is_right = all(window.found() == one for window, one in zip(windows, wanted, strict=True))
            if is_right and not (notes and self.unseen()):
                return wanted
            if time.monotonic() > end:
                break
            windows[0].page.wait_for_timeout(50)
        wrong = [
            f"{window.name}: {line}"
            for window, one in zip(windows, wanted, strict=True)
            for line in differences(one, window.found())
        ]
        raise AssertionError("\n".join([f"seed {self.seed}, after step {self.step}", *wrong, *self.unseen()]))

    def finish(self) -> None:
        """Put everybody back on the line, then open all pages anew: they must show what they showed."""
        for number, patient in self.patients.items():
            if patient.is_offline:
                self.act = "resumes"
                self.both(partial(self.model.resume, number, self.at), partial(self.resume, number))
        self.look()
        self.lists[0].expected = self.must.board  # without its drawer
        for patient in self.patients.values():
            patient.is_fresh = True
        for window in self.all_windows():
            window.page.reload()
        self.look()

    # --- What goes on at the pages ---------------------------------------------------------------------

    def go(self) -> None:
        super().go()
        # Pages are made at the instant of the last step.
        clock.set_to(self.at)

    def lose(self, people: set[int]) -> None:
        """Take these callers' pages off the line, once they have caught up: nothing is on its way then."""
        for number in people & self.patients.keys():
            patient = self.patients[number]
            if self.model.people[number].is_here and not patient.is_offline:
                self.catch_up([patient.window], notes=False)
                patient.window.page.context.set_offline(True)
                patient.is_offline = True

    def resume(self, who: int) -> None:
        """Put a caller's page back on the line, if it is off: it brings them back by itself."""
        patient = self.patients.get(who)
        if patient is None or not patient.is_offline:
            super().resume(who)
            return
        clock.set_to(self.at)
        patient.window.page.context.set_offline(False)
        patient.is_offline = False
        end = time.monotonic() + PATIENCE
        while not Caller.objects.present().filter(pk=self.ids[who]).exists():
            if "over" in (patient.window.found() or {}):
                raise operations.CannotResume
            assert time.monotonic() < end, f"page of {who} came back to nothing: {patient.window.found()}"
            patient.window.page.wait_for_timeout(20)


def differences(expected: Any, found: Any, where: str = "") -> Iterator[str]:
    """Say where two plain values differ, as deep inside as can be told."""
    if expected == found:
        return
    if isinstance(expected, dict) and isinstance(found, dict):
        for key in {**expected, **found}:
            yield from differences(expected.get(key), found.get(key), f"{where}.{key}")
    elif isinstance(expected, list) and isinstance(found, list) and len(expected) == len(found):
        for at, (one, other) in enumerate(zip(expected, found, strict=True)):
            yield from differences(one, other, f"{where}[{at}]")
    else:
        yield f"{where}\n  must be {expected}\n  but is {found}"


@pytest.mark.parametrize(
    ("seed", "steps", "meets"),
    [
        pytest.param(IN_THE_PLAIN_SUITE, FIRST_STEPS, IN_THE_FIRST_STEPS, id="first steps"),
        *(
            pytest.param(seed, STEPS, ALWAYS, id=f"seed {seed}", marks=pytest.mark.faults)
            for seed in range(SEEDS)
        ),
    ],
)
def test_every_open_page_shows_what_the_model_says(
    seed: int,
    steps: int,
    meets: tuple[str, ...],
    by_hand: None,
    live: str,
    rynek: House,
    markt: House,
    new_context: MakeContext,
) -> None:
    walk = WalkOnPages(seed, rynek, markt, live, new_context)

    while walk.step < steps:
        walk.take_steps(min(walk.eye.choice(TOGETHER), steps - walk.step))
        walk.look()
        walk.rearrange()
    walk.finish()

    assert [words for words in meets if words not in walk.met] == []
