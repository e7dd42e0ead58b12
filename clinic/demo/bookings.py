"""A made-up file of bookings: the shape of a real one, all of it valid, the same for the same seed."""

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from random import Random
from typing import TextIO

from clinic.demo.cast import Person, make_person, plain
from clinic.importing.rules import COLUMNS

# A Friday in summer time: leads of up to 90 days reach back over the spring change.
DEFAULT_DAY = date(2027, 4, 30)
OPENS, CLOSES = time(7, 30), time(19, 30)
SERVICES = (("Consultation", 20), ("Check-up", 20), ("Follow-up", 10), ("Procedure", 40))


@dataclass(frozen=True, slots=True)
class _Town:
    """Where a made-up clinic lies, how it is called there, and who comes."""

    time_zone: str
    names: tuple[str, ...]
    languages: dict[str, float]


_TOWNS = (
    _Town(
        "Europe/Warsaw",
        ("Gabinet Lipowy", "Przychodnia Dębowa", "Poradnia Źródlana", "Centrum Różane", "Gabinet Jesionowy"),
        {"pl": 0.7, "en": 0.12, "de": 0.1, "ro": 0.08},
    ),
    _Town(
        "Europe/Berlin",
        ("Praxis Lindenhof", "Praxis Süßkirsche", "Ärztehaus Mühlbach", "Praxis Eichengrund"),
        {"de": 0.72, "pl": 0.12, "en": 0.1, "ro": 0.06},
    ),
    _Town(
        "Europe/Bucharest",
        ("Cabinet Teiului", "Clinica Măgura", "Policlinica Șoimului"),
        {"ro": 0.82, "en": 0.1, "de": 0.08},
    ),
    _Town("Europe/London", ("Orchard Surgery", "Millpond Practice"), {"en": 0.85, "pl": 0.1, "ro": 0.05}),
)
_TOWN_SHARES = (0.6, 0.2, 0.12, 0.08)


@dataclass(slots=True)
class _Card:
    """A patient of a made-up clinic, and until when they are busy."""

    reference: str
    person: Person
    busy_until: datetime
    booked_at: datetime


def make_rows(*, seed: int, rows: int, day: date = DEFAULT_DAY) -> Iterator[dict[str, str]]:
    """Yield made-up bookings for one day as the rows of a file, clinic by clinic, calendar by calendar."""
    rng = Random(seed)
    left, seen = rows, 0
    while left > 0:
        town = rng.choices(_TOWNS, _TOWN_SHARES)[0]
        seen += 1
        name = f"{rng.choice(town.names)} {seen}"
        slug = plain(name).replace(".", "-")
        cards: list[_Card] = []
        for number in range(1, rng.randint(1, 4) + 1):
            for row in _calendar_rows(rng, town, cards, day, prefix=f"{seen:03}"):
                if left:
                    left -= 1
                    yield {
                        "clinic": slug,
                        "calendar": f"{name} / {number}",
                        "time_zone": town.time_zone,
                        **row,
                    }


def write_rows(file: TextIO, *, seed: int, rows: int, day: date = DEFAULT_DAY) -> None:
    """Write made-up bookings with their header; `file` is open with `newline=""`."""
    writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(make_rows(seed=seed, rows=rows, day=day))


def _calendar_rows(
    rng: Random, town: _Town, cards: list[_Card], day: date, *, prefix: str
) -> Iterator[dict[str, str]]:
    """Yield one calendar's day: back to back, with pauses here and there."""
    start = datetime.combine(day, OPENS) + timedelta(minutes=10 * rng.randrange(4))
    for _appointment in range(rng.randint(12, 26)):
        service, minutes = rng.choices(SERVICES, (45, 23, 25, 7))[0]
        end = start + timedelta(minutes=minutes)
        if end > datetime.combine(day, CLOSES):
            return
        card = _card(rng, town, cards, start, prefix)
        card.busy_until = end
        yield {
            "patient_ref": card.reference,
            "patient_name": card.person.name,
            "email": card.person.email,
            "phone": card.person.phone,
            "language": card.person.language,
            "service": service,
            "booked_at": card.booked_at.isoformat(),
            "starts_at": start.isoformat(timespec="minutes"),
            "minutes": str(minutes),
            "outcome": rng.choices(("done", "no_show", ""), (78, 17, 5))[0],
        }
        start = end + timedelta(minutes=rng.choice((0, 0, 0, 10, 20)))


def _card(rng: Random, town: _Town, cards: list[_Card], start: datetime, prefix: str) -> _Card:
    """Return who comes at `start`: mostly somebody new, sometimes one who was here earlier that day."""
    if rng.random() < 0.07 and (free := [card for card in cards if card.busy_until <= start]):
        card = rng.choice(free)
        if rng.random() < 0.5:  # the others booked both at once
            card.booked_at = _booked_at(rng, start)
        return card
    number = len(cards) + 1
    person = make_person(rng, languages=town.languages, number=number, no_email=0.12, no_phone=0.05)
    card = _Card(f"P{prefix}{number:03}", person, start, _booked_at(rng, start))
    cards.append(card)
    return card


def _booked_at(rng: Random, start: datetime) -> datetime:
    """Return a moment of booking, minutes to 90 days ahead, never in the hours when clocks change."""
    kind = rng.choices(("minutes", "hours", "days", "weeks", "months"), (12, 18, 25, 25, 20))[0]
    if kind == "minutes":
        return start - timedelta(seconds=rng.randint(5 * 60, 59 * 60))
    if kind == "hours":
        return start - timedelta(seconds=rng.randint(3600, 3600 * (start.hour - 5)))
    days = rng.randint(*{"days": (1, 4), "weeks": (5, 30), "months": (31, 89)}[kind])
    office = time(rng.randint(7, 18), rng.randrange(60), rng.randrange(60))
    return datetime.combine(start.date() - timedelta(days=days), office)
