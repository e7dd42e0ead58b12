"""When patients are told what, over which ways (P5, P10, P11, P14; E1, E2; R16, R17)."""

from datetime import UTC, datetime, timedelta
from itertools import product
from zoneinfo import ZoneInfo

import pytest

from reminders.rules import (
    CANCELLED,
    DETAILS,
    MOVED,
    REMINDER,
    Reach,
    Step,
    Timing,
    reminder_timing,
    steps,
    too_late,
)

WARSAW = ZoneInfo("Europe/Warsaw")
START = datetime(2026, 3, 12, 10, 0, tzinfo=UTC)
PLANNED = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
HOUR, MINUTE, SECOND = timedelta(hours=1), timedelta(minutes=1), timedelta(seconds=1)
TICK = timedelta(microseconds=1)
BOTH, EMAIL_ONLY, PHONE_ONLY = Reach(True, True), Reach(True, False), Reach(False, True)
NOBODY, BOUNCED = Reach(False, False), Reach(False, True, bounced=True)


def local(day: str) -> datetime:
    return datetime.fromisoformat(day).replace(tzinfo=WARSAW)


@pytest.mark.parametrize(
    ("lead", "expected"),
    [
        pytest.param(
            72 * HOUR + SECOND,
            Timing(START - 48 * HOUR, "48h_before", {"hours": 72, "days": 3}),
            id="72h-and-a-second",
        ),
        pytest.param(
            72 * HOUR, Timing(START - 24 * HOUR, "24h_before", {"hours": 72, "days": 3}), id="exactly-72h"
        ),
        pytest.param(
            72 * HOUR - SECOND,
            Timing(START - 24 * HOUR, "24h_before", {"hours": 71, "days": 2}),
            id="a-second-below-72h",
        ),
        pytest.param(
            36 * HOUR + SECOND,
            Timing(START - 24 * HOUR, "24h_before", {"hours": 36, "days": 1}),
            id="36h-and-a-second",
        ),
        pytest.param(
            36 * HOUR, Timing(START - 24 * HOUR, "24h_before", {"hours": 36, "days": 1}), id="exactly-36h"
        ),
        pytest.param(
            36 * HOUR - SECOND,
            Timing(None, "lead_too_short", {"hours": 35, "days": 1}),
            id="a-second-below-36h",
        ),
        pytest.param(timedelta(0), Timing(None, "lead_too_short", {"hours": 0, "days": 0}), id="at-once"),
        pytest.param(
            timedelta(days=90),
            Timing(START - 48 * HOUR, "48h_before", {"hours": 2160, "days": 90}),
            id="three-months",
        ),
    ],
)
def test_reminder_follows_the_lead(lead: timedelta, expected: Timing) -> None:
    assert reminder_timing(starts_at=START, set_at=START - lead) == expected


@pytest.mark.parametrize(
    ("starts_at", "set_at", "at", "reason"),
    [
        # The clocks go forward on Sunday 29 March 2026, 02:00 to 03:00.
        pytest.param(
            "2026-03-30 08:00", "2026-03-20 12:00", datetime(2026, 3, 28, 6, tzinfo=UTC), "48h_before",
            id="spring-48h-is-saturday-0700",
        ),
        pytest.param(
            "2026-03-30 08:00", "2026-03-27 08:00", datetime(2026, 3, 29, 6, tzinfo=UTC), "24h_before",
            id="spring-72-wall-hours-are-71",
        ),
        pytest.param(
            "2026-03-30 08:00", "2026-03-27 06:59:59", datetime(2026, 3, 28, 6, tzinfo=UTC), "48h_before",
            id="spring-72h-and-a-second",
        ),
        pytest.param(
            "2026-03-29 12:00", "2026-03-28 00:00", None, "lead_too_short", id="spring-36-wall-hours-are-35"
        ),
        # They go back on Sunday 25 October 2026, 03:00 to 02:00.
        pytest.param(
            "2026-10-26 08:00", "2026-10-16 12:00", datetime(2026, 10, 24, 7, tzinfo=UTC), "48h_before",
            id="autumn-48h-is-saturday-0900",
        ),
        pytest.param(
            "2026-10-26 08:00", "2026-10-23 08:00", datetime(2026, 10, 24, 7, tzinfo=UTC), "48h_before",
            id="autumn-72-wall-hours-are-73",
        ),
        pytest.param(
            "2026-10-25 12:00", "2026-10-24 01:00", datetime(2026, 10, 24, 11, tzinfo=UTC), "24h_before",
            id="autumn-35-wall-hours-are-36",
        ),
    ],
)  # fmt: skip
def test_reminder_counts_elapsed_hours_over_clock_changes(
    starts_at: str, set_at: str, at: datetime | None, reason: str
) -> None:
    timing = reminder_timing(starts_at=local(starts_at).astimezone(UTC), set_at=local(set_at).astimezone(UTC))

    assert (timing.at, timing.reason) == (at, reason)


EMAIL = Step("email", PLANNED)
NO_EMAIL = Step("email", None, "no_email", skip=True)
NO_PHONE = Step("sms", None, "no_phone", skip=True)
SMS_FOR_PUSH = Step("sms", PLANNED, "instead_of_push")
SMS_ALONE = Step("sms", PLANNED, "no_email")
WAITING = Step("sms", START - 5 * HOUR, "if_not_left")

TABLE = {
    # kind, by the patient: reach both, e-mail only, phone only, neither
    (DETAILS, False): ([EMAIL, WAITING], [EMAIL, NO_PHONE], [NO_EMAIL, SMS_ALONE], [NO_EMAIL, NO_PHONE]),
    (DETAILS, True): ([EMAIL, SMS_FOR_PUSH], [EMAIL, NO_PHONE], [NO_EMAIL, SMS_FOR_PUSH], [NO_EMAIL, NO_PHONE]),
    (MOVED, False): ([EMAIL, WAITING], [EMAIL, NO_PHONE], [NO_EMAIL, SMS_ALONE], [NO_EMAIL, NO_PHONE]),
    (MOVED, True): ([EMAIL], [EMAIL], [SMS_ALONE], [NO_PHONE]),
    (CANCELLED, False): ([EMAIL, SMS_FOR_PUSH], [EMAIL, NO_PHONE], [NO_EMAIL, SMS_FOR_PUSH], [NO_EMAIL, NO_PHONE]),
    (CANCELLED, True): ([EMAIL], [EMAIL], [SMS_ALONE], [NO_PHONE]),
    (REMINDER, False): ([EMAIL, SMS_FOR_PUSH], [EMAIL, NO_PHONE], [NO_EMAIL, SMS_FOR_PUSH], [NO_EMAIL, NO_PHONE]),
}  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "by_patient", "reach", "expected"),
    [
        pytest.param(
            kind,
            by_patient,
            reach,
            expected,
            id=f"{kind}-{'patient' if by_patient else 'staff'}-{name}",
        )
        for (kind, by_patient), row in TABLE.items()
        for (name, reach), expected in zip(
            [("both", BOTH), ("email", EMAIL_ONLY), ("phone", PHONE_ONLY), ("none", NOBODY)], row, strict=True
        )
    ],
)
def test_ways_by_kind_reach_and_author(
    kind: str, by_patient: bool, reach: Reach, expected: list[Step]
) -> None:
    found = steps(kind, planned_at=PLANNED, starts_at=START, reach=reach, by_patient=by_patient)

    assert found == expected


@pytest.mark.parametrize(
    ("kind", "by_patient", "expected"),
    [
        (DETAILS, False, [Step("email", None, "email_bounced", skip=True), Step("sms", PLANNED, "email_bounced")]),
        (MOVED, True, [Step("sms", PLANNED, "email_bounced")]),
        (REMINDER, False, [Step("email", None, "email_bounced", skip=True), SMS_FOR_PUSH]),
    ],
)  # fmt: skip
def test_an_address_that_does_not_work_is_called_that(
    kind: str, by_patient: bool, expected: list[Step]
) -> None:
    found = steps(kind, planned_at=PLANNED, starts_at=START, reach=BOUNCED, by_patient=by_patient)

    assert found == expected


@pytest.mark.parametrize(
    ("reach", "reason"), [(NOBODY, "no_contact"), (Reach(False, False, bounced=True), "bounced_no_phone")]
)
def test_nobody_can_be_reached_and_why(reach: Reach, reason: str) -> None:
    assert not reach
    assert reach.why_nobody == reason


@pytest.mark.parametrize("kind", [DETAILS, MOVED])
@pytest.mark.parametrize(
    ("ahead", "accepted_after", "lost_after", "expected"),
    [
        pytest.param(5 * HOUR, None, None, Step("sms", PLANNED, "if_not_left"), id="exactly-5h-waits"),
        pytest.param(
            6 * HOUR, None, None, Step("sms", PLANNED + HOUR, "if_not_left"), id="waits-until-5h-before-at-most"
        ),
        pytest.param(
            5 * HOUR - SECOND, None, None, Step("sms", PLANNED, "starts_soon"), id="below-5h-at-once"
        ),
        pytest.param(
            240 * HOUR, HOUR, None, Step("sms", PLANNED + 5 * HOUR, "if_unread"), id="4h-from-acceptance"
        ),
        pytest.param(
            6 * HOUR, HOUR, None, Step("sms", PLANNED + 5 * HOUR, "if_unread"), id="accepted-exactly-5h-ahead"
        ),
        pytest.param(
            6 * HOUR, HOUR + SECOND, None, Step("sms", PLANNED + HOUR + SECOND, "starts_soon"),
            id="accepted-below-5h-ahead",
        ),
        pytest.param(
            240 * HOUR, None, HOUR, Step("sms", PLANNED + HOUR, "email_lost"), id="lost-before-acceptance"
        ),
        pytest.param(
            240 * HOUR, HOUR, 2 * HOUR, Step("sms", PLANNED + 2 * HOUR, "email_lost"), id="lost-at-a-moment"
        ),
        pytest.param(
            4 * HOUR, None, 2 * HOUR, Step("sms", PLANNED + 2 * HOUR, "email_lost"), id="lost-beats-soon"
        ),
    ],
)  # fmt: skip
def test_fallback_after_staff_made_it(
    kind: str,
    ahead: timedelta,
    accepted_after: timedelta | None,
    lost_after: timedelta | None,
    expected: Step,
) -> None:
    found = steps(
        kind,
        planned_at=PLANNED,
        starts_at=PLANNED + ahead,
        reach=BOTH,
        by_patient=False,
        accepted_at=PLANNED + accepted_after if accepted_after else None,
        lost_at=PLANNED + lost_after if lost_after else None,
    )

    assert found == [EMAIL, expected]


@pytest.mark.parametrize(("kind", "by_patient"), [(REMINDER, False), (CANCELLED, False), (DETAILS, True)])
def test_other_kinds_wait_for_nobody(kind: str, by_patient: bool) -> None:
    for accepted, lost in product([None, PLANNED + HOUR], repeat=2):
        found = steps(
            kind, planned_at=PLANNED, starts_at=START, reach=BOTH, by_patient=by_patient,
            accepted_at=accepted, lost_at=lost,
        )  # fmt: skip

        assert found == [EMAIL, SMS_FOR_PUSH]


@pytest.mark.parametrize("kind", [MOVED, CANCELLED])
def test_a_receipt_whose_mail_is_lost_goes_by_sms(kind: str) -> None:
    for reach, expected in (
        (BOTH, Step("sms", PLANNED + HOUR, "email_lost")),
        (BOUNCED, Step("sms", PLANNED + HOUR, "email_lost")),
        (EMAIL_ONLY, NO_PHONE),
    ):
        found = steps(
            kind, planned_at=PLANNED, starts_at=START, reach=reach, by_patient=True, lost_at=PLANNED + HOUR
        )

        assert found == [EMAIL, expected]


@pytest.mark.parametrize(
    ("kind", "before_start", "expected"),
    [
        (REMINDER, 2 * HOUR, False),
        (REMINDER, 2 * HOUR - SECOND, True),
        (REMINDER, timedelta(0), True),
        (DETAILS, SECOND, False),
        (DETAILS, timedelta(0), True),
        (MOVED, SECOND, False),
        (MOVED, timedelta(0), True),
        (CANCELLED, SECOND, False),
        (CANCELLED, timedelta(0), True),
        (CANCELLED, -SECOND, True),
    ],
)
def test_too_late(kind: str, before_start: timedelta, expected: bool) -> None:
    assert too_late(kind, starts_at=START, at=START - before_start) is expected


@pytest.mark.parametrize(
    ("kind", "due", "at", "expected"),
    [
        pytest.param(REMINDER, -2 * HOUR, -2 * HOUR + TICK, False, id="a-moment-late"),
        pytest.param(REMINDER, -2 * HOUR, -2 * HOUR + MINUTE, False, id="a-minute-late"),
        pytest.param(REMINDER, -2 * HOUR, -2 * HOUR + MINUTE + TICK, True, id="more-than-a-minute-late"),
        pytest.param(REMINDER, -2 * HOUR + TICK, -2 * HOUR + 2 * TICK, True, id="due-too-late"),
        pytest.param(REMINDER, -2 * HOUR - SECOND, -2 * HOUR + TICK, False, id="due-in-time"),
        pytest.param(REMINDER, -2 * HOUR - 2 * MINUTE, -2 * HOUR + TICK, True, id="due-in-time-and-left"),
        pytest.param(REMINDER, HOUR, -2 * HOUR + TICK, True, id="not-due-yet"),
        pytest.param(DETAILS, -TICK, timedelta(0), True, id="never-after-the-start"),
        pytest.param(REMINDER, -TICK, timedelta(0), True, id="a-reminder-never-after-the-start"),
        pytest.param(DETAILS, -HOUR, -TICK, False, id="others-until-the-start"),
    ],
)
def test_too_late_is_judged_when_it_was_due(kind: str, due: timedelta, at: timedelta, expected: bool) -> None:
    assert too_late(kind, starts_at=START, at=START + at, due_at=START + due) is expected
