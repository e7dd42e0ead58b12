"""What the demonstration's patients say afterwards, and what the clinics answer. Pure."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random

from clinic.demo.days import Visit

SHARE, SHARE_ANSWERED = 0.3, 0.5


@dataclass(frozen=True, slots=True)
class Opinion:
    """A review with the moment it was written, and the clinic's answer if there is one."""

    stars: int
    text: str
    written_at: datetime
    answer: str = ""
    report: str = ""


_SAID: dict[str, tuple[tuple[int, str], ...]] = {
    "pl": (
        (5, "Bardzo spokojna i rzeczowa rozmowa. Wszystko zostało wyjaśnione, bez pośpiechu."),
        (5, "Punktualnie, miło, konkretnie. Polecam każdemu, kto nie lubi lekarzy."),
        (4, "Dobra wizyta, choć trzeba było poczekać kwadrans."),
        (5, ""),
        (3, "Sama wizyta w porządku, ale w rejestracji nikt nie odbierał telefonu."),
        (4, "Jasne zalecenia na piśmie. Parking jest za budynkiem, warto wiedzieć."),
        (2, "Czekanie czterdzieści minut mimo umówionej godziny."),
    ),
    "de": (
        (5, "Sehr ruhige, klare Erklärungen. Ich fühle mich gut aufgehoben."),
        (5, "Pünktlich und freundlich."),
        (4, "Guter Termin. Die Praxis ist etwas schwer zu finden: Eingang im Hof."),
        (5, ""),
        (3, "Fachlich gut, aber die Wartezeit war lang."),
        (2, "Eine halbe Stunde Wartezeit trotz Termin."),
    ),
}
_ANSWERED = {
    "pl": "Dziękujemy za tę uwagę i przepraszamy za niedogodność. Zmieniliśmy dyżury w rejestracji.",
    "de": "Vielen Dank für die offene Rückmeldung. Das tut uns leid; wir planen jetzt mehr Zeit ein.",
}
_REPORTED = {
    "pl": "Tego dnia nikt nie czekał dłużej niż dziesięć minut.",
    "de": "An diesem Tag hat niemand länger als zehn Minuten gewartet.",
}


def opinion_of(seed: int, visit: Visit) -> Opinion | None:
    """Return what the visitor writes some hours after the visit, if they came and write at all."""
    rng = Random(f"{seed} review {visit.calendar.name} {visit.starts_at.isoformat()}")
    if visit.cancelled_at or visit.is_no_show or rng.random() >= SHARE:
        return None
    stars, text = rng.choice(_SAID[visit.clinic.language])
    is_answered = stars <= 3 and rng.random() < SHARE_ANSWERED
    return Opinion(
        stars=stars,
        text=text,
        written_at=visit.ends_at + timedelta(minutes=rng.randint(125, 600)),
        answer=_ANSWERED[visit.clinic.language] if is_answered else "",
        report=_REPORTED[visit.clinic.language] if stars == 2 and not is_answered else "",
    )
