"""Absences and a date's own hours, edited from the calendar; nothing is cancelled by them (D4, E8.4)."""

from datetime import UTC, date, datetime, time
from typing import Any

import pytest
from django.test import Client

from clinic.appointments.enums import Status
from clinic.audit.models import AuditEntry
from clinic.audit.operations import SYSTEM
from clinic.calendars.absences import StaleAbsence, add_absence, change_absence, remove_absence
from clinic.calendars.day_hours import StaleDay, remove_day_exception, set_day_exception
from clinic.calendars.models import Absence, DayException
from clinic.calendars.queries import open_spans
from clinic.models import Appointment
from tests.factories.house import DAYS, HOURS, HTMX, NOW, TODAY, House, book, make_patient
from tests.factories.page import Page, text_of


def instant(day: int, hour: int, minute: int = 0, month: int = 5) -> datetime:
    return datetime(2027, month, day, hour, minute, tzinfo=UTC)


@pytest.fixture
def away(rynek: House) -> Absence:
    """From Thursday noon to Friday noon of next week, over Zofia's appointment's next day."""
    return add_absence(
        practitioner=rynek.calendar.practitioner, starts_at=NOW + 10 * DAYS, ends_at=NOW + 11 * DAYS,
        actor=SYSTEM, at=NOW,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        pytest.param(
            {"from_day": "2027-05-13", "until_day": "2027-05-14"}, (instant(12, 22), instant(14, 22)),
            id="whole-days",
        ),
        pytest.param(
            {"from_day": "2027-05-13", "from_time": "10:30", "until_day": "2027-05-13", "until_time": "12:00"},
            (instant(13, 8, 30), instant(13, 10)), id="hours",
        ),
        pytest.param({"from_day": "2027-05-13"}, (instant(12, 22), None), id="until-further-notice"),
        pytest.param(
            {"from_day": "2027-10-30", "until_day": "2027-10-31"},
            (instant(29, 22, month=10), instant(31, 23, month=10)), id="over-the-clock-change",
        ),
    ],
)  # fmt: skip
def test_entered_absence_lists_whom_it_hits_and_cancels_nobody(
    typed: dict, expected: tuple, rynek: House, desk: Client
) -> None:
    person = rynek.calendar.practitioner

    response = desk.post(rynek.url("calendar/absences/"), {"practitioner": person.pk, **typed}, follow=True)

    made = Absence.objects.get()
    assert (made.practitioner, made.starts_at, made.ends_at) == (person, *expected)
    page = Page(response)
    assert AuditEntry.objects.filter(action="absence.added").count() == 1
    assert Appointment.objects.get(pk=rynek.appointment.pk).status == Status.BOOKED
    if typed["from_day"] == "2027-05-13":
        assert "1 appointment lies in it" in page.text
        rows = [text_of(node) for node in page.all("li", lambda it: it.get("class") == "row")]
        assert rows == [
            "13 May 2027 11:00 Zofia Pawłowska-Gąsior Consultation · dr Tomasz Wilczek · +48 512 345 678"
        ]
    else:
        assert "No coming appointment lies in it." in page.text


@pytest.mark.parametrize(
    ("typed", "field", "error"),
    [
        ({"from_day": ""}, "from_day", "This field is required."),
        ({"from_day": "soon"}, "from_day", "This is not a date. Write it like 2027-05-31."),
        ({"from_time": "25:00"}, "from_time", "This is not a time of day. Write it like 10:20."),
        ({"until_day": "2027-05-12"}, "until_day", "The end must lie after the beginning."),
        ({"until_day": "", "until_time": "10:00"}, "until_day", "Please write the day too, or leave both empty."),
        (
            {"from_day": "2027-03-28", "from_time": "02:30"}, "from_time",
            "There is no such time on that day: the clocks go forward. Please choose another.",
        ),
    ],
)  # fmt: skip
def test_bad_input_is_said_beside_the_field(
    typed: dict, field: str, error: str, rynek: House, desk: Client
) -> None:
    data = {
        "practitioner": rynek.calendar.practitioner_id, "from_day": "2027-05-13", "until_day": "2027-05-14",
        **typed,
    }  # fmt: skip

    response = desk.post(rynek.url("calendar/absences/"), data)

    page = Page(response)
    assert response.status_code == 422
    assert page.error(field) == error
    assert all(page.fields[name] == value for name, value in typed.items())
    assert not Absence.objects.exists()


@pytest.mark.parametrize("until", ["2027-05-14", ""])
def test_second_press_of_the_same_form_enters_nothing_more(until: str, rynek: House, desk: Client) -> None:
    form = {
        "practitioner": rynek.calendar.practitioner_id, "from_day": "2027-05-13", "from_time": "",
        "until_day": until, "until_time": "",
    }  # fmt: skip

    answers = [desk.post(rynek.url("calendar/absences/"), form) for _press in range(2)]

    absence = Absence.objects.get()
    assert [one["Location"] for one in answers] == [rynek.url(f"calendar/absences/{absence.pk}/")] * 2
    assert AuditEntry.objects.filter(action="absence.added").count() == 1


def test_usual_hours_of_no_day_change_nothing(rynek: House, desk: Client) -> None:
    set_day_exception(calendar=rynek.calendar, day=TODAY, hours=[], actor=SYSTEM, at=NOW)

    for day in ("", "x"):
        response = desk.post(rynek.url(f"calendar/{rynek.calendar.pk}/hours/"), {"day": day, "usual": "1"})
        assert response.status_code == 422

    assert DayException.objects.get().day == TODAY


def test_another_clinics_practitioner_is_refused(rynek: House, markt: House, desk: Client) -> None:
    response = desk.post(
        rynek.url("calendar/absences/"),
        {"practitioner": markt.calendar.practitioner_id, "from_day": "2027-05-13"},
    )

    assert response.status_code == 422
    assert "Storch" not in response.content.decode()
    assert not Absence.objects.exists()


def test_list_shows_present_and_coming_ones(rynek: House, markt: House, away: Absence, desk: Client) -> None:
    person = rynek.calendar.practitioner
    add_absence(practitioner=person, starts_at=NOW - 2 * DAYS, ends_at=NOW, actor=SYSTEM, at=NOW)
    add_absence(practitioner=person, starts_at=NOW + 20 * DAYS, ends_at=None, actor=SYSTEM, at=NOW)
    add_absence(practitioner=markt.calendar.practitioner, starts_at=NOW, ends_at=None, actor=SYSTEM, at=NOW)

    page = Page(desk.get(rynek.url("calendar/absences/")))

    assert [text_of(node) for node in page.all("li", lambda it: it.get("class") == "row")] == [
        "dr Tomasz Wilczek from Thursday 13 May 2027 at 09:00 until Friday 14 May 2027 at 09:00",
        "dr Tomasz Wilczek from Sunday 23 May 2027 at 09:00 until further notice",
    ]


def test_change_end_and_remove(rynek: House, away: Absence, desk: Client) -> None:
    url = rynek.url(f"calendar/absences/{away.pk}/")
    fields = Page(desk.get(url)).fields
    assert (fields["from_day"], fields["from_time"], fields["until_time"]) == ("2027-05-13", "09:00", "09:00")

    changed = desk.post(url, {**fields, "from_day": "2027-05-01", "from_time": ""})
    away.refresh_from_db()
    assert (changed.status_code, away.starts_at) == (302, datetime(2027, 4, 30, 22, tzinfo=UTC))
    ended = desk.post(url, {"seen": Page(desk.get(url)).fields["seen"], "end": "1"})
    away.refresh_from_db()
    assert (ended.status_code, away.ends_at) == (302, NOW)
    removed = desk.post(url, {"seen": Page(desk.get(url)).fields["seen"], "remove": "1"})
    assert removed.status_code == 302
    assert not Absence.objects.exists()
    assert list(AuditEntry.objects.filter(action__startswith="absence.").values_list("action", flat=True)) == [
        "absence.added", "absence.changed", "absence.changed", "absence.removed",
    ]  # fmt: skip
    assert desk.get(url).status_code == 404


def test_two_who_change_one_absence_are_told_apart(rynek: House, away: Absence, desk: Client) -> None:
    url = rynek.url(f"calendar/absences/{away.pk}/")
    fields = Page(desk.get(url)).fields
    change_absence(absence=away, starts_at=NOW + 9 * DAYS, ends_at=None, actor=SYSTEM, at=NOW)

    response = desk.post(url, {**fields, "until_day": "2027-05-15"})

    page = Page(response)
    assert response.status_code == 409
    assert "Somebody else changed this absence meanwhile." in page.alerts[0]
    assert "until further notice" in page.text
    assert page.fields["until_day"] == "2027-05-15"
    assert Absence.objects.get().ends_at is None
    old = Absence(pk=away.pk, clinic=rynek.clinic, practitioner=away.practitioner, starts_at=NOW, ends_at=NOW)
    with pytest.raises(StaleAbsence):
        remove_absence(absence=old, actor=SYSTEM, at=NOW)
    with pytest.raises(StaleAbsence):
        change_absence(absence=old, starts_at=NOW, ends_at=None, actor=SYSTEM, at=NOW)


# --- A date's own hours --------------------------------------------------------------------------------


def test_other_hours_hold_on_their_date_alone_and_list_what_is_outside(rynek: House, desk: Client) -> None:
    url = rynek.url(f"calendar/{rynek.calendar.pk}/hours/")
    assert Page(desk.get(f"{url}?day=2027-05-13")).fields["hours"] == "08:00–12:00, 13:00–16:00"

    response = desk.post(url, {"day": "2027-05-13", "hours": "13-15"}, follow=True)

    page = Page(response)
    assert "Booked outside these hours" in page.text
    assert "Zofia Pawłowska-Gąsior" in page.text
    spans = open_spans(calendar=rynek.calendar, first=rynek.appointment.starts_at.date(), days=2)
    assert spans[0] == (instant(13, 11), instant(13, 13))
    assert len(spans) == 3
    assert AuditEntry.objects.filter(action="calendar.exception_set").count() == 1

    desk.post(url, {"day": "2027-05-13", "usual": "1"})

    assert not DayException.objects.exists()
    assert AuditEntry.objects.filter(action="calendar.exception_removed").count() == 1
    desk.post(url, {"day": "2027-05-13", "usual": "1"})
    assert AuditEntry.objects.filter(action="calendar.exception_removed").count() == 1


def test_closed_day_in_the_dialog_closes_it_where_nobody_is_hit(rynek: House, desk: Client) -> None:
    url = rynek.url(f"calendar/{rynek.calendar.pk}/hours/")

    response = desk.post(url, {"day": TODAY.isoformat(), "hours": ""}, headers=HTMX)

    assert response["HX-Trigger"] == '{"calendar:done": {}}'
    assert open_spans(calendar=rynek.calendar, first=TODAY, days=1) == []


def test_unreadable_hours_are_said_beside_the_field(rynek: House, desk: Client) -> None:
    response = desk.post(
        rynek.url(f"calendar/{rynek.calendar.pk}/hours/"), {"day": "2027-05-13", "hours": "9-25"}
    )

    page = Page(response)
    assert response.status_code == 422
    assert page.error("hours") == "Write hours like 08:00–12:00, 13:00–16:00. Empty means closed."
    assert (page.fields["hours"], page.fields["day"]) == ("9-25", "2027-05-13")
    assert not DayException.objects.exists()


def test_hit_lists_only_what_is_still_to_come(rynek: House, away: Absence, desk: Client) -> None:
    book(make_patient(rynek.clinic, "Zu Spät"), rynek.calendar, NOW + 12 * DAYS)
    gone = book(make_patient(rynek.clinic, "Schon Fort"), rynek.calendar, NOW + 10 * DAYS + 4 * HOURS)
    Appointment.objects.filter(pk=gone.pk).update(status=Status.CANCELLED)

    page = Page(desk.get(rynek.url(f"calendar/absences/{away.pk}/")))

    assert "1 appointment lies in it" in page.text
    assert "Zu Spät" not in page.text
    assert "Schon Fort" not in page.text
    assert time(9) == NOW.astimezone(rynek.calendar.zone).time()


@pytest.mark.parametrize("press", [{}, {"usual": "1"}])
def test_two_who_set_one_days_hours_are_told_apart(press: dict[str, str], rynek: House, desk: Client) -> None:
    url = rynek.url(f"calendar/{rynek.calendar.pk}/hours/")
    day = date(2027, 5, 13)
    mine: dict[str, Any] = {"calendar": rynek.calendar, "day": day, "actor": SYSTEM, "at": NOW}
    if press:
        set_day_exception(hours=[(time(9), time(10))], **mine)
    fields = Page(desk.get(f"{url}?day=2027-05-13")).fields
    set_day_exception(hours=[(time(13), time(15))], **mine)

    response = desk.post(url, {**fields, "hours": "8-12", **press})

    page = Page(response)
    assert response.status_code == 409
    assert page.alerts == [
        "Somebody else changed this day's hours meanwhile. Nothing was saved; they are now: 13:00–15:00."
    ]
    assert page.fields["hours"] == "8-12"
    assert "This day has hours of its own." in page.text
    hours = DayException.objects.get(day=day).hours
    assert list(hours.values_list("opens", "closes")) == [(time(13), time(15))]
    assert desk.post(url, {**page.fields, **press}).status_code == 302
    assert list(hours.values_list("opens", "closes")) == ([] if press else [(time(8), time(12))])
    assert DayException.objects.filter(day=day).exists() is not bool(press)


def test_same_hours_from_two_are_no_clash(rynek: House, desk: Client) -> None:
    url = rynek.url(f"calendar/{rynek.calendar.pk}/hours/")
    fields = Page(desk.get(f"{url}?day=2027-05-13")).fields

    for _press in range(2):
        assert desk.post(url, {**fields, "hours": "13-15"}).status_code == 302
    assert AuditEntry.objects.filter(action="calendar.exception_set").count() == 1


def test_hours_that_became_the_usual_again_are_no_hours_of_before(rynek: House, desk: Client) -> None:
    url = rynek.url(f"calendar/{rynek.calendar.pk}/hours/")
    day = date(2027, 5, 13)
    set_day_exception(calendar=rynek.calendar, day=day, hours=[], actor=SYSTEM, at=NOW)
    fields = Page(desk.get(f"{url}?day=2027-05-13")).fields
    remove_day_exception(calendar=rynek.calendar, day=day, actor=SYSTEM, at=NOW)

    response = desk.post(url, {**fields, "hours": "8-9"})

    assert response.status_code == 409
    assert "they are now: 08:00–12:00, 13:00–16:00." in Page(response).alerts[0]
    assert not DayException.objects.exists()
    with pytest.raises(StaleDay):
        set_day_exception(
            calendar=rynek.calendar, day=day, hours=[(time(8), time(9))], seen="=", actor=SYSTEM, at=NOW
        )
