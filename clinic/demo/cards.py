"""What stands on the demonstration's patient cards beside the appointments. Pure."""

from datetime import datetime, timedelta
from random import Random

from clinic.demo.days import Visit

SHARE, SHARE_TWICE = 0.08, 0.03
_NOTED: dict[str, tuple[str, ...]] = {
    "pl": (
        "Prosi o telefon dopiero po 16.",
        "Przychodzi z córką, która ma upoważnienie.",
        "Porusza się o kulach: gabinet na parterze.",
        "Woli SMS-y niż e-maile, pocztę czyta rzadko.",
        "Zawsze spóźnia się autobusem z 8:12, umawiać po 9.",
    ),
    "de": (
        "Bitte erst nach 16 Uhr anrufen.",
        "Kommt mit der Tochter, sie hat eine Vollmacht.",
        "Kommt mit dem Rollator: Raum im Erdgeschoss.",
        "Liest E-Mails selten, lieber SMS.",
        "Spricht am liebsten Türkisch, die Nichte übersetzt.",
    ),
}


def note_of(seed: int, visit: Visit) -> tuple[str, datetime] | None:
    """Return what somebody at the desk writes on the visitor's card at a booking, and when."""
    rng = Random(f"{seed} note {visit.calendar.name} {visit.starts_at.isoformat()}")
    if rng.random() >= SHARE:
        return None
    return rng.choice(_NOTED[visit.clinic.language]), visit.booked_at + timedelta(minutes=rng.randint(1, 9))


def second_card_at(seed: int, visit: Visit) -> datetime | None:
    """Return when somebody who did not find the visitor's card made another on the phone, if anybody did."""
    rng = Random(f"{seed} second card {visit.calendar.name} {visit.starts_at.isoformat()}")
    return visit.booked_at + timedelta(hours=rng.randint(1, 20)) if rng.random() < SHARE_TWICE else None
