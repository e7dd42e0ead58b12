"""Made-up people in four languages, with addresses and numbers that belong to nobody."""

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from random import Random

# First names with the surnames that go with them, for women and for men.
_NAMES: dict[str, tuple[tuple[str, str], ...]] = {
    "pl": (
        (
            "Agnieszka Bożena Danuta Elżbieta Grażyna Hanna Izabela Joanna Katarzyna Łucja Małgorzata Zofia",
            "Bąk Cieślak Dąbrowska Gołębiowska Jabłońska Kaźmierczak Łukasik Ostrowska Świątek Żurawska",
        ),
        (
            "Bartłomiej Błażej Grzegorz Jarosław Józef Krzysztof Łukasz Michał Paweł Rafał Wojciech",
            "Brzęczek Chmielewski Głowacki Jóźwiak Kępa Łapiński Michałowski Pająk Różycki Śliwa Wójcik Żak",
        ),
    ),
    "de": (
        (
            "Änne Brigitte Dörte Franziska Gisela Heike Jördis Käthe Marlene Saskia Ulrike Wiebke",
            "Bäcker Däumling Förster Gößling Hübner Jürgens Köhler Lößner Möbius Schäfer Strauß Wünsche",
        ),
        (
            "Bernd Detlef Götz Henning Jörg Jürgen Karsten Matthäus Rüdiger Sören Till Uwe",
            "Böttcher Dörfler Fröhlich Grünwald Höfer Jäger Krüger Lüders Nüßlein Schröder Tölle Weiß",
        ),
    ),
    "ro": (
        (
            "Alexandra Anișoara Brândușa Cătălina Domnița Ilinca Loredana Mădălina Raluca Sânziana Ștefania",
            "Bălan Chirilă Dănăilă Găvan Ionașcu Lăzărescu Mănescu Nițu Pătrașcu Șerban Țîrlea Văcărescu",
        ),
        (
            "Bogdan Cătălin Dănuț Horațiu Ionuț Laurențiu Mircea Răzvan Sorin Ștefan Tănase Vlăduț",
            "Botoșaru Ciobănel Dragoș Fănică Grădinaru Hîncu Mărgărit Oprișan Rădulescu Stănescu Țepeș",
        ),
    ),
    "en": (
        (
            "Abigail Beatrix Chloë Dorothy Eleanor Fiona Harriet Imogen Moira Niamh Siân Winifred",
            "Ashdown Brontë-Hale Coulthard Dunmore Elphick Fairweather Gathercole Hollis Inkpen Oakes Thorne",
        ),
        (
            "Alistair Barnaby Cillian Dermot Edmund Fergus Gareth Humphrey Ivor Lachlan Rhys Zoë-Lee",
            "Birtwhistle Crabtree Dankworth Entwistle Farthing Greatorex Hepplewhite Kettle O'Dowd Wren",
        ),
    ),
}
_ASCII = str.maketrans({"ł": "l", "Ł": "L", "ß": "ss", "'": "", " ": "."})


@dataclass(frozen=True, slots=True)
class Person:
    """A patient before any clinic knows them."""

    name: str
    email: str
    phone: str
    language: str


def plain(text: str) -> str:
    """Return a text in lower-case ASCII letters, as addresses need it."""
    folded = unicodedata.normalize("NFKD", text.translate(_ASCII))
    return folded.encode("ascii", "ignore").decode().lower()


def fictional_phone(rng: Random, language: str) -> str:
    """Return a number that a regulator keeps free for fiction.

    Germany: +49 171 39200xx and, for Berlin, +49 30 23125xxx. Poland and Romania keep none free, and a
    number made up there would be somebody's: they get Britain's +44 7700 900xxx.
    """
    if language == "de":
        # A tenth have a landline, which takes no SMS.
        return (
            f"+49 30 23125{rng.randrange(1000):03}"
            if rng.random() < 0.1
            else f"+49 171 39200{rng.randrange(100):02}"
        )
    return f"+44 7700 900{rng.randrange(1000):03}"


def make_person(
    rng: Random, *, languages: Mapping[str, float], number: int, no_email: float, no_phone: float
) -> Person:
    """Return a made-up patient.

    Args:
        languages: how likely each language is.
        number: told apart by it in the e-mail address.
        no_email, no_phone: how likely each is missing.
    """
    language = rng.choices(list(languages), list(languages.values()))[0]
    first_names, surnames = rng.choice(_NAMES[language])
    name = f"{rng.choice(first_names.split())} {rng.choice(surnames.split())}"
    return Person(
        name=name,
        email="" if rng.random() < no_email else f"{plain(name)}.{number}@patients.example.org",
        phone="" if rng.random() < no_phone else fictional_phone(rng, language),
        language=language,
    )
