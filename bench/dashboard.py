"""The longest task of the waiting area's page with a thousand rows: `python -m bench.dashboard`.

Chromium has the page open, served by one process on SQLite. Callers change one at a time; then *Notify* goes to
everybody displayed, so that every row comes anew; then every one of them is shown the notice. What held the page's
own thread for longer than 50 ms would hold up a press.
"""

import argparse
import os
import subprocess
import sys
import time
from typing import Any

from playwright.sync_api import Page, sync_playwright

from bench import ground
from bench.notify import TEXT, House
from bench.streams_servers import free_port

# The longest task, in milliseconds (the issue's own bound; also what browsers call a long one).
TASK = 50.0
WATCH = """
window.tasks = [];
new PerformanceObserver((list) => {
  for (const task of list.getEntries()) window.tasks.push(task.duration);
}).observe({ type: "longtask" });
"""

# Whether something in a caller's row has a text. Asked by its id and seldom: a selector that looks for texts goes
# through a thousand rows, and would itself be the long task.
SHOWS = """
([pk, selector, text, wanted]) => {
  const found = document.getElementById(`caller-${pk}`)?.querySelector(selector);
  return Boolean(found) && found.textContent.includes(text) === wanted;
}
"""
POLL = 100  # milliseconds


def main() -> int:
    """Change rows, and print the longest task of each kind of change and whether it holds."""
    parser = argparse.ArgumentParser(prog="python -m bench.dashboard", description=__doc__)
    parser.add_argument("--callers", type=int, default=1000)
    parser.add_argument("--changes", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=ground.ROUNDS)
    options = parser.parse_args()
    ground.tell_machine()
    single: list[float] = []
    all_rows: list[float] = []
    with ground.folder() as folder:
        env = ground.environment(folder)
        os.environ.update(env, DJANGO_ALLOW_ASYNC_UNSAFE="1")
        house = House(options.callers)
        port = free_port()
        command = [
            sys.executable, "-m", "uvicorn", "--log-level", "error", "--no-access-log", "config.asgi:application",
            "--port", str(port), "--lifespan", "on", "--ws", "none",
        ]  # fmt: skip
        server = subprocess.Popen(command, env=env, cwd=ground.ROOT)
        try:
            with sync_playwright() as playwright:
                browser = playwright.chromium.launch(
                    executable_path=os.environ.get("CHROMIUM", "/usr/bin/chromium"),
                    args=["--no-sandbox", "--disable-gpu"],
                )
                for number in range(options.rounds):
                    page = _desk(browser, port, house)
                    single.append(_one_by_one(page, house, options.changes))
                    all_rows.append(_all(page, house, number))
                    print(f"one row: {single[-1]:.0f} ms; all rows: {all_rows[-1]:.0f} ms", flush=True)
                    page.context.close()
        finally:
            server.kill()
            server.wait()
    return ground.tell(
        [
            ground.Figure("longest task, one caller changes, ms", single, TASK, at_most=True),
            ground.Figure("longest task, every caller changes, ms", all_rows, TASK, at_most=True),
        ]
    )


def _desk(browser: Any, port: int, house: House) -> Page:
    """Return the list with its stream open; what loading it took is not counted."""
    address = f"http://127.0.0.1:{port}"
    context = browser.new_context(viewport={"width": 1440, "height": 900}, service_workers="block")
    context.add_cookies([{"name": "session", "value": house.session, "url": address}])
    page: Page = context.new_page()
    for _try in range(100):
        try:
            page.goto(f"{address}/c/rynek/waiting/")
            break
        except Exception:
            time.sleep(0.2)
    page.wait_for_selector("body[data-connection=open]")
    page.wait_for_timeout(3000)
    page.evaluate(WATCH)
    return page


def _longest(page: Page) -> float:
    found = page.evaluate("window.tasks.splice(0)")
    return float(max(found, default=0.0))


def _one_by_one(page: Page, house: House, count: int) -> float:
    from clinic.audit.operations import user_actor  # noqa: PLC0415 - after django.setup()
    from clinic.lib import clock  # noqa: PLC0415
    from waiting_area import calls  # noqa: PLC0415

    actor = user_actor(house.house.assistant)
    for pk in house.callers[100 : 100 + count]:
        call = calls.join(caller_id=pk, actor=actor, at=clock.now())
        page.wait_for_function(SHOWS, arg=[pk, ".caller-status", "Ola Ruta", True], polling=POLL)
        calls.hold(caller_id=pk, actor=actor, at=clock.now())
        calls.leave_call(call=call, actor=actor, at=clock.now())
        page.wait_for_function(SHOWS, arg=[pk, ".caller-status", "Ola Ruta", False], polling=POLL)
    return _longest(page)


def _all(page: Page, house: House, number: int) -> float:
    from clinic.audit.operations import user_actor  # noqa: PLC0415 - after django.setup()
    from clinic.lib import clock  # noqa: PLC0415
    from waiting_area import notices  # noqa: PLC0415

    notices.broadcast(
        clinic=house.house.clinic, caller_ids=house.callers, text=f"{TEXT} {number}", key=f"bench-{number}",
        actor=user_actor(house.house.assistant), at=clock.now(),
    )  # fmt: skip
    last = [house.callers[-1], ".badge", str(number + 1), True]
    page.wait_for_function(SHOWS, arg=last, polling=POLL, timeout=60_000)
    page.wait_for_timeout(3000)
    return _longest(page)


if __name__ == "__main__":
    sys.exit(main())
