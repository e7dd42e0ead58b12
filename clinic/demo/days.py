"""The demonstration's days: when each calendar is open, and which appointments fill it. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from random import Random
from zoneinfo import ZoneInfo

from clinic.demo.cast import Person, make_person
from clinic.demo.house import CLINICS, WEEKDAYS, CalendarPlan, ClinicPlan, Hours, ServicePlan
from clinic.lib.local_time import edge

WORKING_DAYS_BACK, DAYS_AHEAD = 2, 14
# How much of a day is taken: today's is full, the others leave room to book.
TODAY_FILL, PAST_FILL, COMING_FILL = 0.85, 0.35, 0.32
# On duty, a calendar is open at least this long before and after the present.
DUTY = timedelta(hours=3)
LAST_MINUTE = time(23, 59)
LONG_NAME = (
    "Maria Magdalena Wiktoria Aleksandra "
    "von Brzęczyszczykiewicz-Hohenlohe-Constantinescu z domu Chrząszczyńska"
)
ABSENT = "dr Barbara Lis"
EXCEPTIONAL = "lek. Ewa Kruk"
# Without a break: nobody else would be there meanwhile.
OFF_DAY: Hours = ((time(8), time(17)),)
SHORT_DAY: Hours = ((time(9), time(12)),)


@dataclass(frozen=True, slots=True)
class Visit:
    """An appointment as the demonstration plans it, with all that will happen to it."""

    clinic: ClinicPlan
    calendar: CalendarPlan
    service: ServicePlan
    person: int  # in the clinic's list of people
    starts_at: datetime
    booked_at: datetime
    is_online: bool
    moved_from: datetime | None = None
    moved_at: datetime | None = None
    confirmed_at: datetime | None = None
    cancelled_at: datetime | None = None
    is_cancelled_by_patient: bool = False
    is_no_show: bool = False
    marked_at: datetime | None = None

    @property
    def key(self) -> tuple[str, datetime]:
        """By what it is known: nobody else ever gets this start in this calendar."""
        return self.calendar.name, self.starts_at

    @property
    def ends_at(self) -> datetime:
        return self.starts_at + timedelta(minutes=self.service.minutes)

    def is_running(self, at: datetime) -> bool:
        """Return whether the patient is with the doctor at this instant."""
        return self.starts_at <= at < self.ends_at and self.cancelled_at is None and not self.is_no_show


@dataclass(frozen=True, slots=True)
class Away:
    """The absence and the exceptional day, in the second half of the coming week."""

    first: date
    last: date
    short_day: date


def away(today: date) -> Away:
    """Return when somebody is away and when somebody works shorter."""
    short_day = today + timedelta(days=5)
    while short_day.weekday() not in WEEKDAYS:
        short_day += timedelta(days=1)
    return Away(today + timedelta(days=4), today + timedelta(days=8), short_day)


def people(seed: int, clinic: ClinicPlan) -> list[Person]:
    """Return a clinic's patients; the first four show what can be missing, or long."""
    rng = Random(f"{seed} people {clinic.slug}")
    made = [
        make_person(rng, languages=clinic.languages, number=number, no_email=0.1, no_phone=0.04)
        for number in range(1, clinic.patients + 1)
    ]
    reachable = replace(made[0], email="no.phone@patients.example.org", phone="+44 7700 900111")
    made[0] = replace(reachable, phone="")
    made[1] = replace(reachable, name=made[1].name, email="")
    made[2] = replace(reachable, name=made[2].name, email="", phone="")
    made[3] = replace(reachable, name=LONG_NAME, email="long.name@patients.example.org")
    return made


def today_hours(calendar: CalendarPlan, *, now: datetime, zone: ZoneInfo) -> Hours:
    """Return a calendar's hours today: the usual ones, on duty stretched so that now is well inside."""
    local = now.astimezone(zone)
    usual = calendar.hours if local.weekday() in calendar.weekdays else ()
    if not calendar.is_on_duty:
        return usual
    hours = usual or OFF_DAY
    day, first, last = local.date(), hours[0][0], hours[-1][1]
    from_, until = local - DUTY, local + DUTY
    opens = time() if from_.date() < day else min(first, time(from_.hour))
    closes = LAST_MINUTE if until.date() > day else max(last, time(until.hour))
    if usual and (first, last) == (opens, closes):
        return usual
    if usual and edge(day, first, zone) + DUTY / 3 <= now <= edge(day, last, zone) - DUTY / 3:
        return usual
    if len(hours) == 1:
        return ((opens, closes),)
    return ((opens, hours[0][1]), *hours[1:-1], (hours[-1][0], closes))


def hours_on(calendar: CalendarPlan, day: date, *, now: datetime, zone: ZoneInfo) -> Hours:
    """Return when a calendar is open on a local date, exceptions and absence included."""
    today = now.astimezone(zone).date()
    if day == today:
        return today_hours(calendar, now=now, zone=zone)
    plan = away(today)
    if calendar.name == ABSENT and plan.first <= day < plan.last:
        return ()
    if calendar.name == EXCEPTIONAL and day == plan.short_day:
        return SHORT_DAY
    return calendar.hours if day.weekday() in calendar.weekdays else ()


def visits(seed: int, now: datetime) -> Iterator[Visit]:
    """Yield every appointment of the demonstration's days, also those that are not yet booked at `now`."""
    for clinic in CLINICS:
        zone = ZoneInfo(clinic.time_zone)
        today = now.astimezone(zone).date()
        day = _first_day(today)
        while day <= today + timedelta(days=DAYS_AHEAD):
            found = list(_day(seed, clinic, day, now=now, zone=zone))
            if day == today and not any(visit.is_running(now) for visit in found):
                found = list(_day(seed, clinic, day, now=now, zone=zone, with_running=True))
            yield from found
            day += timedelta(days=1)


def _first_day(today: date) -> date:
    """Return the date that lies some working days back."""
    day, left = today, WORKING_DAYS_BACK
    while left:
        day -= timedelta(days=1)
        left -= day.weekday() in WEEKDAYS
    return day


def _day(
    seed: int, clinic: ClinicPlan, day: date, *, now: datetime, zone: ZoneInfo, with_running: bool = False
) -> Iterator[Visit]:
    """Yield a clinic's day; nobody comes twice on it.

    With `with_running` everybody at work has somebody with them now; otherwise the day is the same
    whenever during the usual hours it is looked at.
    """
    today = now.astimezone(zone).date()
    fill = TODAY_FILL if day == today else PAST_FILL if day < today else COMING_FILL
    rng = Random(f"{seed} {clinic.slug} {day} order")
    # Today everybody comes who shows what can be missing; later anybody.
    order = list(range(4, clinic.patients))
    rng.shuffle(order)
    order = order if day != today else [*order[:8], 0, 1, 2, 3, *order[8:]]
    reachable = [bool(person.email or person.phone) for person in people(seed, clinic)]
    for calendar in clinic.calendars:
        rng = Random(f"{seed} {clinic.slug} {calendar.name} {day}")
        slots = list(_slots(rng, clinic, hours_on(calendar, day, now=now, zone=zone), day, zone))
        running = _running(slots, now) if with_running else None
        taken = {start: service for start, service in slots if rng.random() < fill or start == running}
        gaps = [start for start, service in slots if start not in taken and service.minutes >= 20]
        for start, service in taken.items():
            if not order:
                return
            person = order.pop(0)
            booked_at, is_online = _booking(rng, start, zone)
            visit = Visit(
                clinic, calendar, service, person, start, booked_at, is_online and reachable[person]
            )
            yield visit if start == running else _with_fate(rng, visit, gaps, is_reachable=reachable[person])


def _running(slots: list[tuple[datetime, ServicePlan]], now: datetime) -> datetime | None:
    """Return the start of the slot that now lies in."""
    return next(
        (start for start, service in slots if start <= now < start + timedelta(minutes=service.minutes)), None
    )


def _slots(
    rng: Random, clinic: ClinicPlan, hours: Hours, day: date, zone: ZoneInfo
) -> Iterator[tuple[datetime, ServicePlan]]:
    """Yield starts back to back inside the hours, each with the service that fits there."""
    for opens, closes in hours:
        at, end = edge(day, opens, zone), edge(day, closes, zone)
        while at + timedelta(minutes=20) <= end:
            service = rng.choices(clinic.services, (50, 25, 15, 10))[0]
            if at + timedelta(minutes=service.minutes) > end:
                service = clinic.services[0]
            yield at, service
            at += timedelta(minutes=service.minutes)


def _booking(rng: Random, start: datetime, zone: ZoneInfo) -> tuple[datetime, bool]:
    """Return when an appointment was booked and whether the patient did it online."""
    is_online = rng.random() < 0.3
    days = rng.choices((0, rng.randint(1, 2), rng.randint(3, 4), rng.randint(5, 30)), (15, 20, 15, 50))[0]
    if days == 0:
        return start - timedelta(seconds=rng.randint(30 * 60, 8 * 3600)), is_online
    office = time(rng.randint(8, 17), rng.randrange(60), rng.randrange(60))
    day = start.astimezone(zone).date() - timedelta(days=days)
    return edge(day, office, zone), is_online


def _with_fate(rng: Random, visit: Visit, gaps: list[datetime], *, is_reachable: bool) -> Visit:
    """Return the visit with what becomes of it: moved, confirmed, cancelled, done or not come."""
    if rng.random() < 0.08 and gaps and (old := gaps.pop(rng.randrange(len(gaps)))) > visit.booked_at:
        visit = replace(
            visit, moved_from=old, moved_at=_between(rng, visit.booked_at, min(old, visit.starts_at))
        )
    since = visit.moved_at or visit.booked_at
    if rng.random() < 0.09:
        return replace(
            visit,
            cancelled_at=_between(rng, since, visit.starts_at),
            is_cancelled_by_patient=rng.random() < 0.7,
        )
    if is_reachable and rng.random() < 0.45:
        asked = max(since, visit.starts_at - timedelta(hours=48))
        visit = replace(visit, confirmed_at=_between(rng, asked, visit.starts_at))
    if rng.random() < 0.08:
        return replace(visit, is_no_show=True, marked_at=visit.starts_at + timedelta(minutes=15))
    return replace(visit, marked_at=visit.ends_at + timedelta(minutes=rng.randint(0, 6)))


def _between(rng: Random, start: datetime, end: datetime) -> datetime:
    """Return a whole second somewhere between two instants, neither of them."""
    seconds = (end - start).total_seconds() * rng.uniform(0.15, 0.85)
    return (start + timedelta(seconds=seconds)).astimezone(UTC).replace(microsecond=0)
