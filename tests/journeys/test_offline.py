"""A page that cannot be reached, in a browser that was here before."""

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.factories.house import House
from tests.factories.waiting import door
from tests.journeys.conftest import MakeContext, log_in

pytestmark = pytest.mark.one_engine

KEPT = """async () => {
    const requests = [];
    for (const name of await caches.keys()) requests.push(...(await (await caches.open(name)).keys()));
    return requests.map((one) => new URL(one.url).pathname).sort();
}"""
WORKS = """async (language) => {
    for (;;) {
        const names = await caches.keys();
        const worker = (await navigator.serviceWorker.ready).active;
        const tidy = names.length === 1 && names[0].endsWith(`-${language}`);
        if (tidy && worker.state === "activated" && worker.scriptURL.endsWith(language)) return;
        await new Promise((resolve) => setTimeout(resolve, 20));
    }
}"""


def cut(context: BrowserContext, page: Page, url: str) -> None:
    context.set_offline(True)
    page.goto(url)


def test_staff_are_told_in_their_language_and_come_back(
    live: str, rynek: House, new_context: MakeContext
) -> None:
    rynek.assistant.language = "de"
    rynek.assistant.save()
    context = new_context(locale="en-GB")
    page = context.new_page()
    log_in(page, live, rynek)
    page.evaluate(WORKS, "de")

    cut(context, page, live + rynek.url("patients/"))
    expect(page.get_by_role("heading", level=1)).to_have_text("Keine Verbindung")
    # Drawn as every page, though nothing could be fetched.
    assert page.evaluate("getComputedStyle(document.querySelector('.button-main')).backgroundColor") == (
        "rgb(11, 110, 110)"
    )
    assert page.url == live + rynek.url("patients/")

    context.set_offline(False)
    expect(page.locator("main [data-search]")).to_be_visible()
    # No patient's data stays behind in the browser.
    assert page.evaluate(KEPT) == [
        "/offline/", "/static/anteroom.css", "/static/icon.svg", "/static/offline.js", "/static/public.css",
    ]  # fmt: skip
    expect(page.locator("body")).to_have_attribute("data-connection", "open")


def test_caller_is_told_in_theirs(live: str, rynek: House, new_context: MakeContext) -> None:
    context = new_context(locale="ro-RO", viewport={"width": 360, "height": 780})
    page = context.new_page()
    page.goto(f"{live}{door(rynek)}")
    page.evaluate(WORKS, "ro")

    cut(context, page, f"{live}{door(rynek)}")
    expect(page.get_by_role("heading", level=1)).to_have_text("Fără conexiune")
    context.set_offline(False)
    expect(page.locator("form.entry")).to_be_visible()
