"""Every page, for staff and patient, in light and dark: nothing that axe complains of."""

from collections.abc import Callable
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

from clinic.models import Patient
from messaging.links import token_of
from tests.factories.house import DAYS, HOURS, NOW, House, book, make_calendar, make_patient
from tests.guards.test_access_matrix import GETS, address
from tests.journeys.conftest import MakeContext, log_in

# A letter stands in a frame of the mailbox, in a style that mail programs understand.
LETTERS = {"mailbox:mailbox_letter", "reminders:appointment_link", "clinic:first_clinic"}


def complaints(page: Page, scheme: str) -> list[str]:
    found: dict[str, Any] = Axe().run(page, options={"runOnly": ["wcag2a", "wcag2aa", "wcag21aa", "wcag22aa",
                                                               "best-practice"]}).response  # fmt: skip
    return [
        f"{scheme} {page.url.split('/', 3)[3]}: {one['id']}: {node['target']} {node['failureSummary'][:160]}"
        for one in found["violations"]
        for node in one["nodes"]
    ]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_staff_pages_are_sound(
    scheme: str, live: str, rynek: House, new_context: MakeContext, sweep: Callable[..., None]
) -> None:
    make_calendar(rynek.clinic, "dr Alicja Lis")
    lost = make_patient(rynek.clinic, "Jan Niemy", email="", phone_number="")
    book(lost, rynek.calendar, NOW + HOURS)
    bounced = make_patient(rynek.clinic, "Ewa Odbita")
    Patient.objects.filter(pk=bounced.pk).update(email_bounced_at=NOW)
    book(bounced, rynek.calendar, NOW + 2 * HOURS)
    book(rynek.patient, rynek.calendar, NOW + DAYS)
    sweep()
    page = new_context(color_scheme=scheme, locale="en-GB").new_page()
    page.goto(f"{live}/log-in/")
    found = complaints(page, scheme)
    log_in(page, live, rynek)
    rynek.assistant.memberships.update(role="admin")

    for name in GETS:
        if name in LETTERS or name in {"clinic:log_in", "reminders:patient_appointment"}:
            continue
        if name.startswith("waiting_area:wait"):
            continue  # the caller's own journey looks at these
        page.goto(live + address(name, rynek))
        found += complaints(page, scheme)
    for path in ("nothing/", "appointments/book/?day=2027-05-08", "patients/999/", f"patients/{bounced.pk}/"):
        page.goto(live + rynek.url(path))
        found += complaints(page, scheme)
    page.goto(live + rynek.url("patients/new/"))
    page.get_by_role("button", name="Save").evaluate("button => { button.form.noValidate = true; }")
    page.get_by_role("button", name="Save").click()
    found += complaints(page, scheme)
    assert found == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_patients_page_is_sound(scheme: str, live: str, rynek: House, new_context: MakeContext) -> None:
    page = new_context(color_scheme=scheme, viewport={"width": 360, "height": 780}).new_page()

    page.goto(f"{live}/a/{token_of(rynek.link)}/")
    found = complaints(page, scheme)
    page.get_by_text("Cancel the appointment").click()
    found += complaints(page, scheme)
    page.get_by_role("button", name="I will be there").click()
    found += complaints(page, scheme)
    page.get_by_text("Cancel the appointment").click()
    page.get_by_role("button", name="Yes, cancel it").click()
    found += complaints(page, scheme)
    page.goto(f"{live}/a/forged/")
    found += complaints(page, scheme)
    assert found == []
