"""Making calendars and shaping their hours."""

from collections.abc import Iterable, Mapping
from datetime import datetime, time
from decimal import Decimal

from django.db import transaction

from clinic.audit.operations import Actor, record
from clinic.calendars.cities import find_city
from clinic.calendars.models import (
    Absence,
    Calendar,
    OpeningHours,
    Service,
)
from clinic.calendars.signals import calendar_changed, calendar_hours_changed
from clinic.people.models import Clinic, Practitioner

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
    address, city = address or home.address, city or home.city
    latitude, longitude = _coordinates(home, address, city)
    made = Calendar.objects.create(
        clinic=home,
        practitioner=practitioner,
        name=name,
        time_zone=time_zone or home.time_zone,
        address=address,
        city=city,
        phone=phone or home.phone,
        latitude=latitude,
        longitude=longitude,
    )
    record(actor, "calendar.created", made, new={"name": name}, at=at)
    calendar_changed.send(Calendar, calendar=made, at=at)
    return made


def _coordinates(home: Clinic, address: str, city: str) -> tuple[float | None, float | None]:
    """Return where an address is: as exactly as the clinic knows its own, else the middle of its city (D1)."""
    if (address, city) == (home.address, home.city) and home.latitude is not None:
        return home.latitude, home.longitude
    found = find_city(city, home.country) or find_city(city)
    return (found.latitude, found.longitude) if found else (None, None)


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
    calendar.latitude, calendar.longitude = _coordinates(calendar.clinic, address, city)
    calendar.save(update_fields=[*wanted, "latitude", "longitude"])
    record(actor, "calendar.changed", calendar, old=old, new=wanted, at=at)
    calendar_changed.send(Calendar, calendar=calendar, at=at)


@transaction.atomic
def set_online_booking(
    *,
    calendar: Calendar,
    books_online: bool,
    online_notice_hours: int,
    online_horizon_days: int,
    actor: Actor,
    at: datetime,
) -> None:
    """Say whether patients book by themselves, and which times they may choose, also to move (D2, P6).

    Args:
        online_notice_hours: how many hours before its start a time can be chosen at the latest.
        online_horizon_days: how many days ahead, counted from today.
    """
    wanted: dict[str, object] = {
        "books_online": books_online,
        "online_notice_hours": online_notice_hours,
        "online_horizon_days": online_horizon_days,
    }
    old = {field: getattr(calendar, field) for field in wanted}
    if old == wanted:
        return
    for field, value in wanted.items():
        setattr(calendar, field, value)
    calendar.save(update_fields=list(wanted))
    record(actor, "calendar.online_booking_set", calendar, old=old, new=wanted, at=at)


class NameTaken(Exception):
    """The calendar offers another service of this name."""


class StaleService(Exception):
    """Somebody changed the service, or switched it off, since it was looked at; nothing was done."""


@transaction.atomic
def create_service(
    *,
    calendar: Calendar,
    name: str,
    minutes: int,
    price: Decimal | None = None,
    is_online: bool = True,
    actor: Actor,
    at: datetime,
) -> Service:
    """Add a service of `minutes` to a calendar; the price is in the clinic's currency.

    Args:
        is_online: whether patients may book it by themselves, where the calendar lets them.

    Raises:
        NameTaken: the calendar has a service of this name.
    """
    _lock_services(calendar)
    made = _offer(Service(calendar=calendar, name=name, minutes=minutes, price=price, is_online=is_online))
    record(actor, "calendar.service_added", calendar, new=_facts(made), at=at)
    calendar_changed.send(Calendar, calendar=calendar, at=at)
    return made


@transaction.atomic
def change_service(
    *,
    service: Service,
    name: str,
    minutes: int,
    price: Decimal | None,
    is_online: bool | None = None,
    again: bool = False,
    actor: Actor,
    at: datetime,
) -> Service:
    """Offer a service under another name, with another length or price; return it as it is offered now.

    Appointments keep the service as it was when they were booked.

    Args:
        minutes: its length.
        is_online: whether patients may book it by themselves; None: as it was.
        again: the service was switched off, and is to be offered again.

    Raises:
        NameTaken: the calendar has another service of this name.
        StaleService: it is not offered any more, or is already (`again`).
    """
    _lock_services(service.calendar)
    service.refresh_from_db()
    if service.is_offered is again:
        raise StaleService
    old = _facts(service)
    wanted = Service(
        calendar=service.calendar,
        name=name,
        minutes=minutes,
        price=price,
        is_online=service.is_online if is_online is None else is_online,
    )
    if _facts(wanted) == old:
        if not again:
            return service
        wanted = service
    if service.is_offered:
        Service.objects.filter(pk=service.pk).update(is_offered=False)
    made = _offer(wanted)
    action = "calendar.service_offered" if again else "calendar.service_changed"
    record(actor, action, service.calendar, old=old, new=_facts(made), at=at)
    calendar_changed.send(Calendar, calendar=service.calendar, at=at)
    return made


@transaction.atomic
def stop_service(*, service: Service, actor: Actor, at: datetime) -> None:
    """Offer a service no more; what is booked stays booked.

    Raises:
        StaleService: it is not offered any more.
    """
    if not Service.objects.filter(pk=service.pk, is_offered=True).update(is_offered=False):
        raise StaleService
    record(actor, "calendar.service_stopped", service.calendar, old=_facts(service), at=at)
    calendar_changed.send(Calendar, calendar=service.calendar, at=at)


def _lock_services(calendar: Calendar) -> None:
    """Let nobody else change this calendar's services until the transaction ends."""
    Calendar.objects.select_for_update().get(pk=calendar.pk)


def _offer(service: Service) -> Service:
    others = Service.objects.filter(calendar=service.calendar, name=service.name, is_offered=True)
    if others.exists():
        raise NameTaken
    service.is_offered = True
    service.save()
    return service


def _facts(service: Service) -> dict[str, object]:
    price = None if service.price is None else f"{service.price:.2f}"
    return {
        "name": service.name,
        "minutes": service.minutes,
        "price": price,
        "is_online": service.is_online,
    }


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
    tell_hours_changed(calendar, actor=actor, at=at)


def tell_hours_changed(of: Calendar | Absence, *, actor: Actor, at: datetime) -> None:
    """Announce that a calendar, or all of whoever is absent, is open at other times."""
    calendar_hours_changed.send(
        type(of),
        clinic_id=of.clinic_id,
        practitioner_id=of.practitioner_id,
        actor=actor,
        at=at,
    )
