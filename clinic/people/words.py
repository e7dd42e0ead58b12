"""Keeping the search's words true to the cards: called by every operation that changes what a card says."""

from collections.abc import Iterable, Iterator

from clinic.people.models import Patient, PatientWord
from clinic.people.rules import order_name, words_of

BATCH = 2000


def write_words(cards: Iterable[Patient]) -> None:
    """Write the words of cards that have none yet."""
    PatientWord.objects.bulk_create((word for card in cards for word in _words(card)), BATCH)


def refresh_words(*cards: Patient) -> None:
    """Let the search find changed cards by what they say now; one that went into another by nothing."""
    PatientWord.objects.filter(patient__in=cards).delete()
    write_words(card for card in cards if card.merged_into_id is None)


def _words(card: Patient) -> Iterator[PatientWord]:
    name = order_name(card.name)
    found = words_of(name=card.name, email=card.email, phone_number=card.phone, reference=card.reference)
    for word in sorted(found):
        yield PatientWord(clinic_id=card.clinic_id, patient=card, word=word, name=name)
