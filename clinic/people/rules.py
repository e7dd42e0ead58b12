"""How patients are looked for: which words a card is found by, and which words were meant."""

import re
import unicodedata

from clinic.lib import phone

WORD_LENGTH, ORDER_LENGTH = 80, 120
# No name has more; what stands behind them only costs time.
MOST_WORDS, MOST_WANTED, MOST_LETTERS = 30, 8, 200

# Letters that Unicode does not take apart.
_ALONE = str.maketrans({"ł": "l", "đ": "d", "ø": "o", "æ": "ae", "œ": "oe"})
# As German names are written where there is no ä: who reads "Müller" may type "mueller".
_UMLAUTS = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue"})
# Digits with what people write between them, standing alone.
_NUMBER = re.compile(r"(?:(?<=\s)|^)[+(]?\d[\d\s().\-/]*(?=\s|$)")


def folded(text: str) -> str:
    """Return a text as a search compares it: no case, no diacritics, also for ł and ß."""
    plain = unicodedata.normalize("NFKD", text.casefold()).translate(_ALONE)
    return "".join(character for character in plain if not unicodedata.combining(character))


def order_name(name: str) -> str:
    """Return a name as the found are put in order by it."""
    return " ".join(folded(name).split())[:ORDER_LENGTH]


def words_of(*, name: str, email: str = "", phone_number: str = "", reference: str = "") -> set[str]:
    """Return the words of which each may be the beginning that is typed to find a card (D3).

    Args:
        phone_number: E.164, or empty.
    """
    composed = unicodedata.normalize("NFC", name.casefold())
    # Addresses first: no name is so long that a card is not found by them.
    words = [folded(email), *phone.digits(phone_number)]
    words += [*_parts(name, joined=True), *_parts(composed.translate(_UMLAUTS), joined=True)]
    words += [*_parts(reference, joined=True), *_parts(email.partition("@")[0])]
    return {short for word in words[:MOST_WORDS] if (short := _short(word))}


def address_word(address: str) -> str:
    """Return the word by which a card is found that has just this e-mail address or E.164 number."""
    return _short(folded(address.removeprefix("+")))


def wanted_words(text: str) -> list[str]:
    """Return the beginnings that all must be found on a card, the longest (so the rarest) first.

    A number may be typed in any spelling, national or with its country.
    """
    plain = folded(text[:MOST_LETTERS])
    numbers = [match.replace("(0)", "") for match in _NUMBER.findall(plain)]
    wanted = ["".join(sign for sign in number if sign.isdigit()) for number in numbers]
    for token in _NUMBER.sub(" ", plain).split():
        wanted += [token] if "@" in token.strip("@") else _parts(token)
    words = {short for word in wanted if (short := _short(word))}
    return sorted(words, key=lambda word: (-len(word), word))[:MOST_WANTED]


def _parts(text: str, *, joined: bool = False) -> list[str]:
    """Return the runs of letters and digits; `joined`: "O'Brien" is found as "obrien" as well."""
    found = []
    for token in folded(text).split():
        parts = "".join(sign if sign.isalnum() else " " for sign in token).split()
        found += parts
        if joined and len(parts) > 1:
            found.append("".join(parts))
    return found


def _short(word: str) -> str:
    # Zeros before a number are a way of dialling (00 48, 0 71), or filling: "0012" is 12.
    plain = word.lstrip("0") if word.isdigit() else word
    return "".join(sign for sign in plain if sign.isprintable())[:WORD_LENGTH]
