"""Reads of people for pages."""

from django.db.models import Exists, OuterRef, QuerySet

from clinic.people.models import Clinic, Patient, PatientWord
from clinic.people.rules import folded, wanted_words

__all__ = [
    "MOST_FOUND",
    "MOST_OFFERED",
    "find_card",
    "find_patients",
    "folded",
    "list_patients",
    "with_chosen",
]

MOST_FOUND = 50
# To choose from, in a form.
MOST_OFFERED = 20
# Behind every word that begins with the same letters: no character stands after this one.
_LAST = "\U0010ffff"


def find_patients(*, clinic: Clinic, text: str, most: int = MOST_FOUND) -> list[Patient]:
    """Return patients of whom every word typed begins a name, address, number or reference (D3).

    Words that are whole come first, then by word and by name. An index answers, however many there are: both
    engines walk it in the order in which the found are shown, and stop at the last one that is.
    """
    if not text.strip():
        return list(list_patients(clinic=clinic)[:most])
    wanted = wanted_words(text)
    if not wanted:
        return []
    rows = PatientWord.objects.filter(clinic=clinic, **_begins(wanted[0]))
    for word in wanted[1:]:
        same = PatientWord.objects.filter(patient=OuterRef("patient"), **_begins(word))
        rows = rows.filter(Exists(same))
    ids = _distinct(rows.order_by("word", "name", "patient_id").values_list("patient_id", flat=True), most)
    cards = Patient.objects.filter(clinic=clinic).in_bulk(ids)
    return [cards[pk] for pk in ids if pk in cards]


def _begins(word: str) -> dict[str, str]:
    # Not LIKE: neither engine would use a plain index for it.
    return {"word__gte": word, "word__lt": word + _LAST}


def _distinct(rows: "QuerySet[PatientWord, int]", most: int) -> list[int]:
    """Return the first so many cards; one that several of its words would find stands where it came first."""
    limit = 3 * most
    while True:
        found = list(rows[:limit])
        ids = list(dict.fromkeys(found))
        if len(ids) >= most or len(found) < limit:
            return ids[:most]
        limit *= 4


def find_card(*, clinic: Clinic, number: str) -> Patient | None:
    """Return the clinic's patient whose id was posted; for a card that went into another, that one."""
    if not number.isdecimal() or len(number) > 18:
        return None
    found = Patient.objects.filter(clinic=clinic, pk=int(number)).select_related("merged_into").first()
    return found.standing if found else None


def with_chosen(found: list[Patient], chosen: Patient | None) -> list[Patient]:
    """Return the patients to choose from, the one who is chosen already among them."""
    return found if chosen is None or chosen in found else [chosen, *found]


def list_patients(*, clinic: Clinic) -> QuerySet[Patient]:
    """Return a clinic's patients by name; a card that went into another is no patient of its own."""
    return Patient.objects.filter(clinic=clinic, merged_into=None).order_by("name", "pk")
