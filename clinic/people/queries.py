"""Reads of people for pages."""

from django.db.models import OuterRef, QuerySet, Subquery

from clinic.people.models import Clinic, Patient, PatientWord
from clinic.people.rules import address_word, folded, wanted_words

__all__ = [
    "MOST_FOUND",
    "MOST_OFFERED",
    "find_card",
    "find_patients",
    "folded",
    "list_by_address",
    "list_patients",
    "with_chosen",
]

MOST_FOUND = 50
# To choose from, in a form.
MOST_OFFERED = 20
# Words that so many cards have are all alike common.
MANY = 5000
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
    first, *others = _rarest_first(clinic, wanted)
    rows = PatientWord.objects.filter(clinic=clinic, **_begins(first))
    for number, word in enumerate(others):
        same = PatientWord.objects.filter(patient=OuterRef("patient"), **_begins(word)).values("pk")[:1]
        # Not EXISTS: PostgreSQL would make a join of it, and read every card that has either word.
        rows = rows.alias(**{f"has_{number}": Subquery(same)}).filter(**{f"has_{number}__isnull": False})
    ids = _distinct(rows.order_by("word", "name", "patient_id").values_list("patient_id", flat=True), most)
    cards = Patient.objects.filter(clinic=clinic).in_bulk(ids)
    return [cards[pk] for pk in ids if pk in cards]


def _rarest_first(clinic: Clinic, wanted: list[str]) -> list[str]:
    """Return the words in the order in which they leave the fewest cards to look through."""
    if len(wanted) == 1:
        return wanted
    rows = PatientWord.objects.filter(clinic=clinic)
    counts = {word: rows.filter(**_begins(word))[:MANY].count() for word in wanted}
    return sorted(wanted, key=lambda word: counts[word])


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


def list_by_address(*, clinic: Clinic, email: str = "", phone_number: str = "") -> QuerySet[Patient]:
    """Return the patients whose cards have every address given, the e-mail in whatever case.

    By the search's index: without it all cards of the clinic would be read, while whoever books waits.
    """
    rows = list_patients(clinic=clinic).order_by("pk")
    if not (email or phone_number):
        return rows.none()
    for address, same in ((email, {"email__iexact": email}), (phone_number, {"phone": phone_number})):
        if address:
            words = PatientWord.objects.filter(clinic=clinic, word=address_word(address))
            rows = rows.filter(pk__in=words.values("patient"), **same)
    return rows


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
