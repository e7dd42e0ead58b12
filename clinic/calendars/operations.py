"""Making calendars and shaping their hours."""

from collections.abc import Iterable, Mapping
from datetime import date, datetime, time
from decimal import Decimal

from django.db import transaction

from clinic.audit.operations import Actor, record
from clinic.calendars.models import (
    Absence,
    Calendar,
    DayException,
    ExceptionHours,
    OpeningHours,
    Service,
)
from clinic.people.models import Practitioner

Hours = tuple[time, time]


@transaction.atomic
def create_calendar(
    *,
    practitioner: Practitioner,
    name: str,
    time_zone: str = "",
    address: str = "",
    city: str = "",
    phone: str = "",
    actor: Actor,
    at: datetime,
) -> Calendar:
    """Make a calendar: one practitioner at one address. Empty: the clinic's zone, address, city and phone."""
    home = practitioner.clinic
    made = Calendar.objects.create(
        clinic=home,
        practitioner=practitioner,
        name=name,
        time_zone=time_zone or home.time_zone,
        address=address or home.address,
        city=city or home.city,
        phone=phone or home.phone,
    )
    record(actor, "calendar.created", made, new={"name": name}, at=at)
    return made


@transaction.atomic
def change_calendar(
    *,
    calendar: Calendar,
    name: str,
    address: str,
    city: str,
    phone: str,
    change_until_hours: int,
    actor: Actor,
    at: datetime,
) -> None:
    """Change what a calendar's patients read of it.

    Args:
        phone: E.164, or empty.
        change_until_hours: until how many hours before the start patients may move and cancel (P6).
    """
    wanted = {
        "name": name,
        "address": address,
        "city": city,
        "phone": phone,
        "change_until_hours": change_until_hours,
    }
    old = {field: getattr(calendar, field) for field in wanted}
    if old == wanted:
        return
    for field, value in wanted.items():
        setattr(calendar, field, value)
    calendar.save(update_fields=list(wanted))
    record(actor, "calendar.changed", calendar, old=old, new=wanted, at=at)


@transaction.atomic
def create_service(
    *, calendar: Calendar, name: str, minutes: int, price: Decimal | None = None, actor: Actor, at: datetime
) -> Service:
    """Add a service of `minutes` to a calendar; the price is in the clinic's currency."""
    made = Service.objects.create(calendar=calendar, name=name, minutes=minutes, price=price)
    record(actor, "calendar.service_added", calendar, new={"name": name, "minutes": minutes}, at=at)
    return made


@transaction.atomic
def set_opening_hours(
    *, calendar: Calendar, week: Mapping[int, Iterable[Hours]], actor: Actor, at: datetime
) -> None:
    """Replace the weekly hours: weekday (Monday is 0) to spans of local wall time; breaks are the gaps (D4)."""
    OpeningHours.objects.filter(calendar=calendar).delete()
    rows = [
        OpeningHours(calendar=calendar, weekday=weekday, opens=opens, closes=closes)
        for weekday, spans in week.items()
        for opens, closes in spans
    ]
    OpeningHours.objects.bulk_create(rows)
    record(actor, "calendar.hours_set", calendar, new={"hours": [str(row) for row in rows]}, at=at)


@transaction.atomic
def set_day_exception(
    *, calendar: Calendar, day: date, hours: Iterable[Hours], actor: Actor, at: datetime
) -> None:
    """Let other hours hold on one local date; none: closed (D4)."""
    exception, _created = DayException.objects.get_or_create(calendar=calendar, day=day)
    exception.hours.all().delete()
    ExceptionHours.objects.bulk_create(
        ExceptionHours(exception=exception, opens=opens, closes=closes) for opens, closes in hours
    )
    record(actor, "calendar.exception_set", calendar, new={"day": day.isoformat()}, at=at)


@transaction.atomic
def add_absence(
    *,
    practitioner: Practitioner,
    starts_at: datetime,
    ends_at: datetime | None,
    actor: Actor,
    at: datetime,
) -> Absence:
    """Enter an absence between two aware instants; no end: until further notice. Cancels nothing (E8.4)."""
    made = Absence.objects.create(
        clinic_id=practitioner.clinic_id, practitioner=practitioner, starts_at=starts_at, ends_at=ends_at
    )
    record(
        actor,
        "absence.added",
        made,
        new={"starts_at": starts_at.isoformat(), "ends_at": ends_at.isoformat() if ends_at else None},
        at=at,
    )
    return made
