"""What a text costs as SMS: the GSM 03.38 alphabet, transliteration into it, and the count of segments.

Pure functions. One letter outside the alphabet turns a whole text into UCS-2 and cuts a segment from
160 characters to 70, so texts are transliterated unless a clinic asks for its diacritics.
"""

import unicodedata
from functools import lru_cache

BASIC = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
EXTENSION = frozenset("^{}\\[~]|€\f")  # each is sent as an escape and a character: it counts twice

GSM_SINGLE, GSM_PART = 160, 153  # a part gives seven characters to the header that joins the parts
UCS2_SINGLE, UCS2_PART = 70, 67

# Letters that Unicode does not decompose, and signs whose nearest relative is not its decomposition.
_REPLACEMENTS = str.maketrans(
    {
        # Polish and its neighbours; a stroke or a bar is part of the letter for Unicode.
        "ł": "l", "Ł": "L", "đ": "d", "Đ": "D", "ħ": "h", "Ħ": "H", "ı": "i", "ŧ": "t", "Ŧ": "T",
        "œ": "oe", "Œ": "OE", "ð": "d", "Ð": "D", "þ": "th", "Þ": "Th", "ẞ": "SS", "ŋ": "n", "Ŋ": "N",
        # Quotes: curly, low, angled, primes, and the accents that people type for an apostrophe.
        "“": '"', "”": '"', "„": '"', "‟": '"', "«": '"', "»": '"', "″": '"',
        "‘": "'", "’": "'", "‚": "'", "‛": "'", "‹": "'", "›": "'", "′": "'", "`": "'", "´": "'", "ʼ": "'",
        # Dashes, minus, and the hyphens that only guide line breaks.
        "‐": "-", "‑": "-", "‒": "-", "–": "-", "—": "-", "―": "-", "−": "-", "\u00ad": "",
        "•": "-", "·": ".", "…": "...", "⁄": "/", "×": "x", "÷": "/", "¦": "|", "№": "No", "¢": "c",
        "©": "(c)", "®": "(R)", "™": "(TM)", "→": "->", "←": "<-",
        # Ends of lines and tabs; a carriage return alone is rare but a line end too.
        "\t": " ", "\u2028": "\n", "\u2029": "\n", "\x0b": "\n", "\x85": "\n",
    }
)  # fmt: skip


def gsm(text: str) -> str:
    """Return `text` written with the GSM 03.38 alphabet only.

    Letters lose the marks that the alphabet lacks (ą → a, ș and ş → s; ä, ö, ü, ß, é stay), typographic
    signs become plain ones, and what has no relative there becomes "?".

    Args:
        text: any text; line ends of any kind become "\\n".
    """
    text = unicodedata.normalize("NFC", text.replace("\r\n", "\n").replace("\r", "\n"))
    if BASIC.issuperset(text):
        return text
    return "".join([c if c in BASIC or c in EXTENSION else _plain(c) for c in text.translate(_REPLACEMENTS)])


@lru_cache(maxsize=1024)
def _plain(character: str) -> str:
    """Return what stands for a character outside the alphabet: bare letters, a space, nothing, or "?"."""
    category = unicodedata.category(character)
    if category == "Zs":
        return " "
    if category in {"Mn", "Me", "Cf", "Cc"}:  # marks that combine with nothing, joiners, controls
        return ""
    bare = "".join(c for c in unicodedata.normalize("NFKD", character) if not unicodedata.combining(c))
    bare = bare.translate(_REPLACEMENTS)
    return bare if bare and all(c in BASIC or c in EXTENSION for c in bare) else "?"


def segments(text: str) -> tuple[str, int, int]:
    """Return how `text` travels: its encoding, how many units it takes, and in how many segments.

    Args:
        text: the text exactly as sent.

    Returns:
        ("GSM-7" or "UCS-2", units used, segments). A unit is a character; in GSM-7 those of the
        extension table (€ [ ] { } \\ ^ ~ |) take two, in UCS-2 those outside the first plane (emoji) do.
        An empty text takes ("GSM-7", 0, 0).
    """
    if all(c in BASIC or c in EXTENSION for c in text):
        return ("GSM-7", *_fill([2 if c in EXTENSION else 1 for c in text], GSM_SINGLE, GSM_PART))
    return ("UCS-2", *_fill([2 if ord(c) > 0xFFFF else 1 for c in text], UCS2_SINGLE, UCS2_PART))


def _fill(sizes: list[int], single: int, part: int) -> tuple[int, int]:
    """Return (units, segments) of characters of these sizes, where no character is cut in two."""
    used = sum(sizes)
    if used <= single:
        return used, min(used, 1)
    count, room = 1, part
    for size in sizes:
        if size > room:
            count, room = count + 1, part
        room -= size
    return used, count
