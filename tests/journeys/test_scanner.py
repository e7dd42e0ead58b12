"""A mail scanner opens every link, runs the scripts, scrolls: nothing changes (A19, P11, G4)."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from clinic.models import Calendar
from messaging.models import Delivery, SentText
from tests.factories.house import NOW, House
from tests.factories.whole_database import everything
from tests.journeys.conftest import MakeContext

pytestmark = pytest.mark.one_engine

POKE = """() => {
    window.scrollTo(0, document.body.scrollHeight);
    for (const kind of ["pointerdown", "keydown", "click", "touchstart", "mousemove", "focus", "scroll"])
        document.dispatchEvent(new Event(kind, { bubbles: true }));
    document.querySelectorAll("details").forEach((one) => { one.open = true; });
}"""


def details(house: House) -> dict[str, tuple[str, str]]:
    rows = Delivery.objects.filter(message__appointment=house.appointment, message__kind="details")
    return {row.channel: (row.state, row.reason) for row in rows}


def test_scripted_visit_changes_nothing_and_a_real_click_is_a_reading(
    live: str, rynek: House, new_context: MakeContext, sweep: Callable[..., None]
) -> None:
    # A week of free times to move to is as good as two months of them.
    Calendar.objects.update(online_horizon_days=7)
    sweep()
    links = {f"{live}/a/{token}/" for token in tokens()}
    assert links
    before = everything()

    scanner = new_context().new_page()
    waiting, seen = list(links), set(links)
    while waiting:
        url = waiting.pop()
        scanner.goto(url)
        scanner.evaluate(POKE)
        scanner.wait_for_timeout(150)
        for found in scanner.eval_on_selector_all("a[href]", "all => all.map((one) => one.href)"):
            if found.startswith(live) and found not in seen:
                seen.add(found)
                waiting.append(found)
    assert len(seen) >= 4

    assert everything() == before
    assert details(rynek) == {"email": ("sent", ""), "sms": ("planned", "if_unread")}

    reader = new_context().new_page()
    reader.goto(links.pop())
    with reader.expect_response(lambda answer: answer.url.endswith("/seen/")) as told:
        reader.get_by_role("heading", level=1).click()
    assert told.value.status == 204
    expect(reader.get_by_role("button", name="I will be there")).to_be_visible()
    assert details(rynek) == {"email": ("read", ""), "sms": ("skipped", "read")}
    assert Delivery.objects.get(message__appointment=rynek.appointment, state="read").read_at == NOW


def tokens() -> set[str]:
    """Return the tokens in everything that was sent."""
    found = set()
    for text in SentText.objects.all():
        found |= set(re.findall(r"/a/([\w-]+)/", text.text + text.html))
    return found
