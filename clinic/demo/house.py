"""The demonstration's clinics: who works where, when and at what. Streets, numbers and people are made up."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import time
from decimal import Decimal
from functools import partial

from clinic.people.enums import Plan, Role

Hours = tuple[tuple[time, time], ...]
WEEKDAYS = frozenset(range(5))


@dataclass(frozen=True, slots=True)
class ServicePlan:
    name: str
    minutes: int
    price: Decimal
    is_online: bool = True


@dataclass(frozen=True, slots=True)
class CalendarPlan:
    """One practitioner at one address; no address: the clinic's own."""

    name: str
    hours: Hours
    weekdays: frozenset[int] = WEEKDAYS
    is_on_duty: bool = False  # open around now, whatever the hour and the day
    address: str = ""
    books_online: bool = True


@dataclass(frozen=True, slots=True)
class PractitionerPlan:
    name: str
    calendars: tuple[CalendarPlan, ...]
    log_in: str = ""
    specialty: str = ""
    about: str = ""


@dataclass(frozen=True, slots=True)
class UserPlan:
    email: str
    name: str
    language: str
    roles: Mapping[str, Role]  # by the clinic's slug; none: an operator


@dataclass(frozen=True, slots=True)
class ClinicPlan:
    slug: str
    name: str
    country: str
    language: str
    time_zone: str
    plan: Plan
    details: Mapping[str, object]
    languages: Mapping[str, float]  # of its patients
    patients: int
    services: tuple[ServicePlan, ...]
    practitioners: tuple[PractitionerPlan, ...]
    about: str = ""

    @property
    def calendars(self) -> list[CalendarPlan]:
        return [calendar for practitioner in self.practitioners for calendar in practitioner.calendars]


def _hours(*edges: str) -> Hours:
    """Return spans from "8:00-13:00" and the like; the gap between two is the lunch break."""
    pairs = (edge.split("-") for edge in edges)
    return tuple((_time(opens), _time(closes)) for opens, closes in pairs)


def _time(text: str) -> time:
    hour, minute = text.split(":")
    return time(int(hour), int(minute))


EARLY = _hours("8:00-13:00", "13:30-17:00")
LATE = _hours("10:00-14:00", "14:30-18:30")
NOON = _hours("8:00-12:30", "13:00-17:30")


def _one(
    name: str, hours: Hours, specialty: str, *, log_in: str = "", is_on_duty: bool = False
) -> PractitionerPlan:
    """Return a practitioner with one calendar of the same name, at the clinic's address."""
    calendars = (CalendarPlan(name, hours, is_on_duty=is_on_duty),)
    return PractitionerPlan(name, calendars, log_in, specialty)


def _services(*rows: tuple[str, int, str]) -> tuple[ServicePlan, ...]:
    # The longest of a practice needs a word before: nobody books it by themselves.
    longest = max(minutes for _name, minutes, _price in rows)
    return tuple(
        ServicePlan(name, minutes, Decimal(price), is_online=minutes < longest)
        for name, minutes, price in rows
    )


def _details(
    address: str, city: str, latitude: float, longitude: float, email: str, phone: str
) -> Mapping[str, object]:
    """Return where a clinic is and how it is reached."""
    return {
        "address": address,
        "city": city,
        "latitude": latitude,
        "longitude": longitude,
        "email": email,
        "phone": phone,
    }


_polish = partial(
    ClinicPlan,
    country="PL",
    language="pl",
    time_zone="Europe/Warsaw",
    services=_services(
        ("Konsultacja", 20, "180"),
        ("Wizyta kontrolna", 20, "140"),
        ("Badanie", 30, "220"),
        ("Zabieg", 40, "350"),
    ),
)
_german = partial(
    ClinicPlan,
    country="DE",
    language="de",
    time_zone="Europe/Berlin",
    services=_services(
        ("Sprechstunde", 20, "48.50"),
        ("Kontrolle", 20, "35"),
        ("Vorsorge", 30, "72"),
        ("Eingriff", 40, "120"),
    ),
)

# Telephone numbers of the clinics: after the area code none begins with 0 in Poland; +49 30 23125xxx is
# kept free for fiction in Germany.
CLINICS = (
    _polish(
        slug="rynek",
        name="Gabinety Rynek",
        about="Wejście od podwórza, winda na drugie piętro. Najbliższy przystanek: trzy minuty pieszo.",
        plan=Plan.PREMIUM,
        details=_details(
            "ul. Przykładowa 12", "Wrocław", 51.1101, 17.0325, "kontakt@rynek.example", "+48710001230"
        ),
        languages={"pl": 0.62, "de": 0.12, "en": 0.14, "ro": 0.12},
        patients=130,
        practitioners=(
            PractitionerPlan(
                "dr Tomasz Wilczek",
                (
                    CalendarPlan("dr Tomasz Wilczek, Rynek", EARLY, frozenset({0, 2, 4}), is_on_duty=True),
                    CalendarPlan(
                        "dr Tomasz Wilczek, Krzyki", LATE, frozenset({1, 3}), address="ul. Zmyślona 40"
                    ),
                ),
                log_in="tomasz@rynek.example",
                specialty="medycyna rodzinna",
                about=(
                    "Przyjmuję dorosłych i dzieci od szóstego roku życia, po polsku i po niemiecku.\n\n"
                    "Na pierwszą wizytę proszę zabrać wyniki badań z ostatniego roku i listę przyjmowanych leków."
                ),
            ),
            _one("dr Alicja Żuraw", NOON, "dermatologia", is_on_duty=True),
            _one("dr Barbara Lis", EARLY, "pediatria"),
            _one("dr Henryk Łoś", LATE, "kardiologia"),
            _one("mgr Iwona Sowa", NOON, "fizjoterapia"),
        ),
    ),
    _polish(
        slug="nadodrze",
        name="Przychodnia Nadodrze",
        plan=Plan.BASIC,
        details=_details(
            "ul. Wymyślona 7", "Wrocław", 51.1216, 17.0353, "rejestracja@nadodrze.example", "+48710001240"
        ),
        languages={"pl": 0.8, "en": 0.08, "de": 0.06, "ro": 0.06},
        patients=75,
        practitioners=(
            _one("lek. Ewa Kruk", EARLY, "medycyna rodzinna", log_in="ewa@nadodrze.example", is_on_duty=True),
            _one("lek. Marcin Bóbr", LATE, "neurologia"),
            _one("lek. Teresa Gil", NOON, "okulistyka"),
        ),
    ),
    _german(
        slug="am-markt",
        name="Praxis am Markt",
        plan=Plan.PREMIUM,
        details=_details(
            "Musterstraße 7", "Berlin", 52.5208, 13.4095, "praxis@markt.example", "+493023125700"
        ),
        languages={"de": 0.62, "pl": 0.14, "en": 0.14, "ro": 0.1},
        patients=95,
        practitioners=(
            _one(
                "Dr. Greta Storch", EARLY, "Allgemeinmedizin", log_in="greta@markt.example", is_on_duty=True
            ),
            _one("Dr. Hinnerk Dachs", LATE, "Orthopädie", is_on_duty=True),
            _one("Dr. Ayşe Reiher", NOON, "Augenheilkunde"),
            _one("Dr. Volker Specht", EARLY, "Hals-Nasen-Ohren-Heilkunde"),
        ),
    ),
)

USERS = (
    UserPlan("anna@rynek.example", "Anna Maj", "pl", {"rynek": Role.ADMIN}),
    UserPlan("tomasz@rynek.example", "Tomasz Wilczek", "pl", {"rynek": Role.PRACTITIONER}),
    UserPlan("ola@rynek.example", "Ola Grudzień", "pl", {"rynek": Role.ASSISTANT}),
    UserPlan("piotr@nadodrze.example", "Piotr Luty", "pl", {"nadodrze": Role.ADMIN}),
    UserPlan("ewa@nadodrze.example", "Ewa Kruk", "pl", {"nadodrze": Role.PRACTITIONER}),
    UserPlan("maja@nadodrze.example", "Maja Lipiec", "pl", {"nadodrze": Role.ASSISTANT}),
    UserPlan("jonas@markt.example", "Jonas März", "de", {"am-markt": Role.ADMIN}),
    UserPlan("greta@markt.example", "Greta Storch", "de", {"am-markt": Role.PRACTITIONER}),
    UserPlan("lena@markt.example", "Lena Juli", "de", {"am-markt": Role.ASSISTANT}),
    UserPlan(
        "kasia@wroclaw.example", "Kasia Sierpień", "pl", {"rynek": Role.ASSISTANT, "nadodrze": Role.ADMIN}
    ),
    UserPlan("operator@anteroom.example", "Operator", "en", {}),
)
# Who books for each clinic in the demonstration: the first of its assistants.
ASSISTANTS = {
    slug: user.email
    for user in reversed(USERS)
    for slug, role in user.roles.items()
    if role is Role.ASSISTANT
}
