"""The sentences that say why, with what they count."""

import pytest
from django.utils import translation

from messaging.registry import reason_sentence


@pytest.mark.parametrize(
    ("language", "hours", "sentence"),
    [
        ("en", 0, "no reminder: booked 0 hours ahead, less than 36"),
        ("en", 1, "no reminder: booked 1 hour ahead, less than 36"),
        ("en", 2, "no reminder: booked 2 hours ahead, less than 36"),
        ("pl", 1, "bez przypomnienia: wizyta umówiona 1 godzinę wcześniej, czyli mniej niż 36"),
        ("pl", 3, "bez przypomnienia: wizyta umówiona 3 godziny wcześniej, czyli mniej niż 36"),
        ("pl", 12, "bez przypomnienia: wizyta umówiona 12 godzin wcześniej, czyli mniej niż 36"),
        ("de", 1, "keine Erinnerung: 1 Stunde im Voraus gebucht, weniger als 36"),
        ("de", 5, "keine Erinnerung: 5 Stunden im Voraus gebucht, weniger als 36"),
        ("ro", 1, "fără memento: programare făcută cu 1 oră înainte, mai puțin de 36"),
        ("ro", 2, "fără memento: programare făcută cu 2 ore înainte, mai puțin de 36"),
        ("ro", 20, "fără memento: programare făcută cu 20 de ore înainte, mai puțin de 36"),
    ],
)
def test_hours_are_counted_as_the_language_counts(language: str, hours: int, sentence: str) -> None:
    with translation.override(language):
        assert reason_sentence("lead_too_short", {"hours": hours}) == sentence


def test_sentence_without_its_number_still_says_something() -> None:
    assert reason_sentence("lead_too_short", {}) == "lead_too_short"
