"""What open pages do with their stream: many tabs, late answers, pages out of sight, refused renewals (R26)."""

from functools import partial
from itertools import pairwise

import pytest
from playwright.sync_api import BrowserContext, Page, Route, expect

from clinic.live import hub, tokens
from clinic.live.bus import publish
from clinic.people.listening import clinic_topic
from tests.clinic.live.conftest import eventually
from tests.factories.house import House
from tests.factories.waiting import arrive
from tests.journeys.conftest import MakeContext, log_in, until

pytestmark = pytest.mark.one_engine

# A page out of sight, for headless pages never are: `look(false)` turns to another tab. And what it was told.
EYES = """
(() => {
  let hidden = false;
  Object.defineProperty(document, "hidden", { get: () => hidden });
  Object.defineProperty(document, "visibilityState", { get: () => (hidden ? "hidden" : "visible") });
  window.look = (seen) => {
    hidden = !seen;
    document.dispatchEvent(new Event("visibilitychange"));
  };
  window.told = 0;
  document.addEventListener("live:caller", () => { window.told += 1; });
})();
"""
# When the page asked for its next token, by its own clock, and how many answers it has.
RENEWALS = """
(() => {
  const real = window.fetch;
  window.asked = [];
  window.answered = 0;
  window.fetch = (where, options) => {
    if (!String(where).includes("/listen/")) return real(where, options);
    window.asked.push(Date.now());
    return real(where, options).finally(() => { window.answered += 1; });
  };
})();
"""
# The stream that a page opened last.
SOURCE = """
window.EventSource = class extends EventSource {
  constructor(...given) {
    super(...given);
    window.opened = this;
  }
};
"""
SECOND = 1000


@pytest.fixture(autouse=True)
def _whole(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have no page ask at first: as on a server that is up for a while, in a clinic where nothing happens."""
    monkeypatch.setattr(hub.Hub, "_may_lack", lambda *_: False)


def desk(context: BrowserContext, live: str, house: House) -> Page:
    """Return the waiting area's page, with its stream open."""
    page = context.new_page()
    if not context.cookies():
        log_in(page, live, house)
    page.goto(f"{live}{house.url('waiting/')}")
    expect(page.locator("body")).to_have_attribute("data-connection", "open")
    return page


def freeze(page: Page) -> None:
    """Stop the pages' clock; from here on it goes only as far as it is told."""
    page.clock.pause_at(page.evaluate("Date.now()") / SECOND + 1)


def names(page: Page) -> list[str]:
    return page.locator(".caller .caller-name").all_inner_texts()


def test_eight_tabs_of_one_member_all_come_to_show_it_and_pages_still_load(
    live: str, rynek: House, new_context: MakeContext
) -> None:
    context = new_context(locale="en-GB", service_workers="block")
    context.add_init_script(EYES)
    tabs: list[Page] = []
    for _ in range(8):
        for earlier in tabs[-1:]:
            earlier.evaluate("look(false)")
        tabs.append(desk(context, live, rynek))
    # Browsers open six connections for a site.
    eventually(lambda: len(hub.hub) == 1)

    arrive(rynek, "Ada First")

    for tab in tabs:
        expect(tab.get_by_role("link", name="Ada First")).to_be_visible()
    one_more = context.new_page()
    one_more.goto(f"{live}{rynek.url('patients/')}")
    expect(one_more.locator("h1")).to_be_visible()


def test_eight_windows_side_by_side_hear_by_one_stream_whoever_holds_it(
    live: str, rynek: House, new_context: MakeContext
) -> None:
    context = new_context(locale="en-GB")
    context.add_init_script(SOURCE)
    windows = [desk(context, live, rynek) for _ in range(8)]
    eventually(lambda: len(hub.hub) == 1)
    arrive(rynek, "Ada First")
    for window in windows:
        expect(window.get_by_role("link", name="Ada First")).to_be_visible()

    # Who holds it goes; another takes it over.
    held = hub.hub._streams()
    (holder,) = [window for window in windows if window.evaluate("window.opened.readyState === 1")]
    windows.remove(holder)
    holder.close()
    until(windows[0], lambda: len(hub.hub) == 1 and hub.hub._streams() != held)
    arrive(rynek, "Bea Second")
    for window in windows:
        expect(window.get_by_role("link", name="Bea Second")).to_be_visible()


def test_page_that_holds_the_stream_passes_on_what_concerns_another_only(
    live: str, rynek: House, new_context: MakeContext
) -> None:
    context = new_context(locale="en-GB")
    context.add_init_script(SOURCE)
    waiting_area = desk(context, live, rynek)
    day = context.new_page()
    day.goto(f"{live}{rynek.url()}?day=2027-05-13")
    expect(day.locator("body")).to_have_attribute("data-connection", "open")
    eventually(lambda: len(hub.hub) == 1)
    # Today's page hears of appointments, not of callers; whichever of the two holds the stream now,
    # the other has it next.
    for name in ("Ada First", "Bea Second"):
        arrive(rynek, name)
        expect(waiting_area.get_by_role("link", name=name)).to_be_visible()
        other = day if waiting_area.evaluate("window.opened.readyState === 1") else waiting_area
        other.wait_for_timeout(1100)  # of two that stand up within a second, the same one always yields
        other.evaluate("window.live.restart()")
        until(other, partial(other.evaluate, "window.opened.readyState === 1"))
        eventually(lambda: len(hub.hub) == 1)


def test_answer_that_a_newer_change_overtook_is_asked_for_once_more(
    live: str, rynek: House, new_context: MakeContext
) -> None:
    context = new_context(locale="en-GB")
    context.add_init_script(EYES)
    page = desk(context, live, rynek)
    held: list[tuple[Route, object]] = []
    asked = 0

    def answer(route: Route) -> None:
        nonlocal asked
        asked += 1
        if asked == 1:
            held.append((route, route.fetch()))  # made now, and on its way for as long as the test likes
        else:
            route.continue_()

    page.route(f"**{rynek.url('waiting/')}?rows=*", answer)
    arrive(rynek, "Ada First")
    until(page, lambda: bool(held))
    arrive(rynek, "Bea Second")
    until(page, lambda: bool(page.evaluate("window.told === 2")))
    assert (asked, names(page)) == (1, [])

    route, late = held.pop()
    route.fulfill(response=late)  # type: ignore[arg-type]

    expect(page.get_by_role("link", name="Bea Second")).to_be_visible()
    assert names(page) == ["Ada First", "Bea Second"]
    assert asked == 2


def test_answer_that_never_comes_is_given_up_and_asked_for_again(
    live: str, rynek: House, new_context: MakeContext
) -> None:
    context = new_context(locale="en-GB")

    def hurry(route: Route) -> None:
        script = route.fetch().text()
        assert "PATIENCE = 20000" in script
        route.fulfill(
            body=script.replace("PATIENCE = 20000", "PATIENCE = 200"), content_type="text/javascript"
        )

    context.route("**/live*.js", hurry)
    page = desk(context, live, rynek)
    asked: list[Route] = []
    page.route(
        f"**{rynek.url('waiting/')}?rows=*",
        lambda route: asked.append(route) if not asked else route.continue_(),
    )

    arrive(rynek, "Ada First")

    expect(page.get_by_role("link", name="Ada First")).to_be_visible()
    assert len(asked) == 1  # and it was never answered


def test_page_out_of_sight_hears_on(live: str, rynek: House, new_context: MakeContext) -> None:
    context = new_context(locale="en-GB")
    context.add_init_script(EYES)
    context.clock.install()
    page = desk(context, live, rynek)
    freeze(page)

    page.evaluate("look(false)")
    page.clock.run_for(60 * SECOND)
    # A minute of the page's time without a word took none of the server's: it has opened its stream anew.
    expect(page.locator("body")).to_have_attribute("data-connection", "open")
    arrive(rynek, "Ada First")

    until(page, lambda: bool(page.evaluate("window.told === 1")))
    eventually(lambda: len(hub.hub) == 1)


def test_page_out_of_sight_without_a_channel_lets_go_and_is_right_when_seen_again(
    live: str, rynek: House, new_context: MakeContext
) -> None:
    context = new_context(locale="en-GB")
    context.add_init_script(EYES)
    context.add_init_script("delete window.BroadcastChannel")
    context.clock.install()
    page = desk(context, live, rynek)
    freeze(page)

    page.evaluate("look(false)")
    page.clock.run_for(10 * SECOND - 1)
    page.evaluate("look(true)")
    page.clock.run_for(10 * SECOND)
    page.evaluate("look(false)")
    page.clock.run_for(10 * SECOND - 1)
    arrive(rynek, "Ada First")
    until(page, lambda: bool(page.evaluate("window.told === 1")))

    page.clock.run_for(1)
    eventually(lambda: len(hub.hub) == 0)
    arrive(rynek, "Bea Second")
    page.clock.resume()
    page.evaluate("look(true)")

    expect(page.get_by_role("link", name="Bea Second")).to_be_visible()
    assert names(page) == ["Ada First", "Bea Second"]
    # By asking: nobody told it.
    assert page.evaluate("window.told") == 1
    assert len(hub.hub) == 1


@pytest.mark.parametrize(
    ("status", "retry_after", "least"),
    [
        (503, None, [2, 4, 8]),
        (503, "7", [7, 7, 8]),
        (429, "12", [12, 12]),
    ],
)
def test_refused_renewal_is_asked_for_again_later_and_later(
    status: int,
    retry_after: str | None,
    least: list[int],
    live: str,
    rynek: House,
    new_context: MakeContext,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(tokens, "RENEW_AFTER", 1)
    context = new_context(locale="en-GB")
    context.add_init_script(RENEWALS)
    context.clock.install()
    page = desk(context, live, rynek)
    freeze(page)
    headers = {"Retry-After": retry_after} if retry_after else {}
    refusing = f"**{rynek.url('listen/')}"
    page.route(refusing, lambda route: route.fulfill(status=status, headers=headers))
    until(page, lambda: bool(page.evaluate("window.answered === window.asked.length")))
    page.evaluate("window.asked = []; window.answered = 0")

    def renewals() -> list[int]:
        # Silence would be another reason to ask.
        publish("ping", {clinic_topic(rynek.clinic.pk): None})
        page.clock.run_for(SECOND)
        until(page, lambda: bool(page.evaluate("window.answered === window.asked.length")))
        found: list[int] = page.evaluate("window.asked")
        return found

    while len(renewals()) <= len(least):
        pass

    at = renewals()
    gaps = [(later - earlier) / SECOND for earlier, later in pairwise(at)]
    # Half as much again at most, by chance, and a tick of the page's watch.
    assert all(few <= gap <= few * 1.5 + 2 for few, gap in zip(least, gaps, strict=True)), gaps
    # Answered at last, it goes on as usual.
    page.unroute(refusing)
    while len(renewals()) < len(at) + 3:
        pass
    at = renewals()[-2:]
    assert SECOND < at[1] - at[0] <= 2 * SECOND


def test_page_that_starts_anew_waits_as_long_as_it_was_told(
    live: str, rynek: House, new_context: MakeContext
) -> None:
    context = new_context(locale="en-GB")
    context.add_init_script(RENEWALS)
    context.clock.install()
    page = desk(context, live, rynek)
    freeze(page)
    page.route(
        f"**{rynek.url('listen/')}", lambda route: route.fulfill(status=429, headers={"Retry-After": "12"})
    )

    page.evaluate("window.live.restart()")
    for _ in range(30):
        until(page, lambda: bool(page.evaluate("window.answered === window.asked.length")))
        page.clock.run_for(SECOND)

    at = page.evaluate("window.asked")
    assert len(at) >= 2
    assert all(later - earlier >= 12 * SECOND for earlier, later in pairwise(at)), at


@pytest.mark.parametrize("how", ["stream", "bus"])
def test_all_windows_catch_up_when_the_one_stream_was_away(
    how: str, live: str, rynek: House, new_context: MakeContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    context = new_context(locale="en-GB")
    windows = [desk(context, live, rynek) for _ in range(3)]
    eventually(lambda: len(hub.hub) == 1)

    # Said to nobody; then the stream ends, or the bus is back after it was away.
    with monkeypatch.context() as deaf:
        deaf.setattr(hub.Hub, "deliver_soon", lambda *_: None)
        arrive(rynek, "Ada First")
    (held,) = hub.hub._streams()
    hub.hub._soon(held.end if how == "stream" else hub.hub.sync_all)

    for window in windows:
        expect(window.get_by_role("link", name="Ada First")).to_be_visible()
