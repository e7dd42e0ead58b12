"""A day at the front desk on the calendar, by pointer and by keyboard; two at once, and nothing typed is lost."""

from datetime import timedelta

import pytest
from playwright.sync_api import Locator, Page, expect

from clinic.appointments.enums import CancelledBy, Status
from clinic.appointments.operations import cancel, move
from clinic.audit.operations import SYSTEM, user_actor
from clinic.models import Appointment
from tests.factories.house import DAYS, HOURS, NOW, House, book, make_calendar, make_patient
from tests.journeys.conftest import MakeContext, log_in

DAY = "2027-05-20"
MINUTES = timedelta(minutes=1)


def open_day(page: Page, live: str, house: House, query: str = f"?day={DAY}") -> None:
    page.goto(f"{live}/c/{house.slug}/calendar/{query}")
    expect(page.locator("body")).to_have_attribute("data-connection", "open")


def point(page: Page, column: Locator, hour: int, minute: int = 0) -> tuple[float, float]:
    """Return where a time stands in a column; the axis begins at 8."""
    column.locator(".column-body").scroll_into_view_if_needed()
    box = column.locator(".column-body").bounding_box()
    assert box is not None
    minutes = (hour - 8) * 60 + minute
    return box["x"] + box["width"] / 2, box["y"] + box["height"] * (minutes + 1) / (8 * 60)


def visit(page: Page, name: str) -> Locator:
    return page.locator(".visit", has_text=name)


@pytest.mark.one_engine
def test_day_at_the_front_desk(live: str, rynek: House, new_context: MakeContext) -> None:
    make_calendar(rynek.clinic, "dr Alicja Lis")
    for number in range(10):
        make_patient(rynek.clinic, f"Patient {chr(65 + number)}bc")
    page = new_context(locale="en-GB", viewport={"width": 1440, "height": 1000}).new_page()
    log_in(page, live, rynek)
    open_day(page, live, rynek)
    wilczek = page.locator(f"#column-{rynek.calendar.pk}-{DAY}")

    # Nine by pressing an empty time, each found by what is typed of the name.
    for number in range(9):
        name = f"Patient {chr(65 + number)}bc"
        page.mouse.click(*point(page, wilczek, 8 + number // 2, number % 2 * 30))
        expect(page.locator("#id_text")).to_be_focused()
        expect(page.locator("#id_time")).to_have_value(f"{8 + number // 2:02}:{number % 2 * 30:02}")
        page.locator("#id_text").press_sequentially(name)
        page.get_by_label(name).check()
        page.locator("#booking-form").get_by_role("button", name="Book", exact=True).click()
        expect(visit(page, name)).to_be_visible()
        expect(page.locator("#dialog")).to_be_hidden()
        expect(page.locator(".toast").last).to_contain_text("Appointment details: E-mail at once")
    assert Appointment.objects.filter(status=Status.BOOKED).count() == 10

    # The tenth by the keyboard alone: after the ninth, with a card of its own.
    visit(page, "Patient Ibc").locator("a").focus()
    page.keyboard.press("n")
    expect(page.locator("#id_time")).to_have_value("12:30")
    page.keyboard.type("Patient Jbc")
    expect(page.get_by_label("Patient Jbc")).to_be_visible()
    page.get_by_label("Patient Jbc").focus()
    page.keyboard.press("Space")
    page.locator("#booking-form").get_by_role("button", name="Book", exact=True).focus()
    page.keyboard.press("Enter")
    expect(visit(page, "Patient Jbc")).to_be_visible()

    # Dragged to the other calendar, looked at, done.
    lis = page.locator(".column", has_text="dr Alicja Lis")
    x, y = point(page, wilczek, 8)
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 20, y + 20)
    page.mouse.move(*point(page, lis, 10))
    expect(page.locator(".ghost")).to_contain_text("10:00 Patient Abc")
    page.mouse.up()
    expect(page.get_by_role("heading", name="Move the appointment?")).to_be_visible()
    expect(page.locator("#dialog .told")).to_contain_text("Moved appointment: E-mail at once")
    page.locator("#dialog").get_by_role("button", name="Move", exact=True).click()
    expect(lis.get_by_role("link", name="10:00 Patient Abc")).to_be_visible()

    # Moved by the keyboard alone, and said aloud.
    visit(page, "Patient Bbc").locator("a").focus()
    page.keyboard.press("m")
    page.keyboard.press("ArrowUp")
    page.keyboard.press("Shift+ArrowUp")
    expect(page.locator("#diary-said")).to_contain_text(
        "Patient Bbc: Thursday 20 May, dr Tomasz Wilczek, 08:10."
    )
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(page.locator("#dialog").get_by_role("button", name="Move", exact=True)).to_be_focused()
    page.keyboard.press("Enter")
    expect(visit(page, "Patient Bbc")).to_contain_text("08:15")
    expect(visit(page, "Patient Bbc").locator("a")).to_be_focused()

    # Left where it is.
    page.keyboard.press("m")
    page.keyboard.press("PageDown")
    page.keyboard.press("Escape")
    expect(page.locator("#diary-said")).to_contain_text("Patient Bbc: stays where it was.")

    # Cancelled by the keyboard alone, and taken back.
    page.keyboard.press("Enter")
    expect(page.locator("#dialog-title")).to_be_focused()
    page.locator("#card summary", has_text="Move").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Look at the move")).to_be_in_viewport()
    page.locator("#card summary", has_text="Cancel").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="The patient's")).to_be_in_viewport()
    page.get_by_role("button", name="The patient's").focus()
    page.keyboard.press("Enter")
    expect(visit(page, "Patient Bbc")).to_have_count(0)
    page.get_by_role("button", name="Undo").click()
    expect(visit(page, "Patient Bbc")).to_be_visible()
    row = Appointment.objects.get(patient__name="Patient Bbc")
    assert (row.status, row.starts_at) == (Status.BOOKED, NOW + 17 * DAYS - 45 * MINUTES)


def test_two_at_the_desk_and_nothing_typed_is_lost(live: str, rynek: House, new_context: MakeContext) -> None:
    standing = book(make_patient(rynek.clinic, "Ewa Stoi"), rynek.calendar, NOW + 17 * DAYS)
    page = new_context(locale="en-GB", viewport={"width": 1440, "height": 1000}).new_page()
    log_in(page, live, rynek)
    open_day(page, live, rynek)
    wilczek = page.locator(f"#column-{rynek.calendar.pk}-{DAY}")

    page.mouse.click(*point(page, wilczek, 10))
    page.get_by_label("A new patient").check()
    page.get_by_label("Name", exact=True).fill("Łukasz Źrebięcy")
    page.get_by_label("E-mail", exact=True).fill("lukasz@patients.example")
    # Meanwhile somebody else takes that time, and moves another one.
    other = user_actor(rynek.admin)
    book(make_patient(rynek.clinic, "Adam Szybszy"), rynek.calendar, NOW + 17 * DAYS + HOURS, actor=other)
    move(appointment_id=standing.pk, starts_at=NOW + 17 * DAYS + 2 * HOURS, actor=other, at=NOW)
    expect(visit(page, "Adam Szybszy")).to_have_count(1)
    expect(visit(page, "Ewa Stoi")).to_contain_text("11:00")
    expect(page.get_by_label("Name", exact=True)).to_have_value("Łukasz Źrebięcy")
    page.locator("#booking-form").get_by_role("button", name="Book", exact=True).click()
    expect(page.get_by_text("This time was just taken. Please choose another.")).to_be_visible()
    expect(page.get_by_label("Name", exact=True)).to_have_value("Łukasz Źrebięcy")
    expect(page.get_by_label("E-mail", exact=True)).to_have_value("lukasz@patients.example")
    page.locator("#id_time").fill("12:15")
    page.locator("#booking-form").get_by_role("button", name="Book", exact=True).click()
    expect(visit(page, "Łukasz Źrebięcy")).to_contain_text("12:15")

    # A move that is looked at while the appointment is cancelled elsewhere.
    visit(page, "Ewa Stoi").locator("a").focus()
    page.keyboard.press("m")
    page.keyboard.press("PageDown")
    page.keyboard.press("PageDown")
    page.keyboard.press("Enter")
    expect(page.locator("#dialog").get_by_role("button", name="Move", exact=True)).to_be_visible()
    cancel(appointment_id=standing.pk, by=CancelledBy.PATIENT, actor=SYSTEM, at=NOW)
    expect(visit(page, "Ewa Stoi")).to_have_count(0)
    page.locator("#dialog").get_by_role("button", name="Move", exact=True).click()
    expect(page.locator("#dialog").get_by_role("alert")).to_contain_text("Nothing was done")
    assert Appointment.objects.get(pk=standing.pk).status == Status.CANCELLED


@pytest.mark.parametrize("view", ["day", "week"])
def test_without_script_it_is_a_list_with_every_word(
    view: str, live: str, rynek: House, new_context: MakeContext
) -> None:
    for number in range(3):
        book(rynek.patient, rynek.calendar, NOW + 17 * DAYS + number * HOURS)
    page = new_context(java_script_enabled=False, locale="en-GB").new_page()
    log_in(page, live, rynek)
    page.goto(f"{live}/c/rynek/calendar/?view={view}&day={DAY}")

    expect(page.get_by_text("Thursday 20 May").first).to_be_visible()
    tops = [one.bounding_box() for one in page.locator(".visit").all()]
    assert all(box is not None for box in tops)
    assert [box["y"] for box in tops if box] == sorted(box["y"] for box in tops if box)
    expect(page.locator(".visit").first).to_contain_text("09:00–09:30")
    page.locator(".visit a").first.click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("09:00–09:30 · Zofia")
    page.go_back()
    page.locator(f"#column-{rynek.calendar.pk}-{DAY}").get_by_role("link", name="Book appointment").click()
    expect(page.get_by_label("Day", exact=True)).to_have_value(DAY)
