"""Finding patients: which words a card has, what is meant by what is typed, and that both stay true (D3)."""

import pytest
from django.db import connection

from clinic.audit.operations import SYSTEM
from clinic.models import PatientWord
from clinic.people.operations import change_patient
from clinic.people.queries import find_patients, list_by_address
from clinic.people.rules import MOST_WANTED, WORD_LENGTH, wanted_words, words_of
from tests.factories.house import NOW, House, make_patient


@pytest.mark.parametrize(
    ("card", "words"),
    [
        pytest.param({"name": "Łukasz Żółć"}, {"lukasz", "zolc"}, id="polish"),
        pytest.param({"name": "Ștefan Ţurcanu"}, {"stefan", "turcanu"}, id="comma-and-cedilla"),
        pytest.param({"name": "Jürgen Groß"}, {"jurgen", "juergen", "gross"}, id="umlaut-both-ways"),
        pytest.param({"name": "Ju\u0308rgen"}, {"jurgen", "juergen"}, id="umlaut-in-two-signs"),
        pytest.param({"name": "Anna O'Brien-Ząb"}, {"anna", "o", "brien", "zab", "obrienzab"}, id="joined"),
        pytest.param({"name": "Łukasz Łukasz"}, {"lukasz"}, id="twice"),
        pytest.param({"name": "李小龍"}, {"李小龍"}, id="no-letters-of-ours"),
        pytest.param(
            {"name": "X", "email": "Jan.Kowal+a@Mail.example"},
            {"x", "jan.kowal+a@mail.example", "jan", "kowal", "a"},
            id="address",
        ),
        pytest.param({"name": "X", "phone_number": "+48512345678"}, {"x", "48512345678", "512345678"}, id="number"),
        pytest.param({"name": "X", "reference": "P-0012"}, {"x", "p", "12", "p0012"}, id="reference"),
        pytest.param({"name": "x" * 120}, {"x" * WORD_LENGTH}, id="long"),
    ],
)  # fmt: skip
def test_words_of_a_card(card: dict[str, str], words: set[str]) -> None:
    assert words_of(**card) == words


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("KOW jan", ["jan", "kow"]), ("Gąsior", ["gasior"]), ("pawlowska-g", ["pawlowska", "g"]),
        ("512 345", ["512345"]), ("+48 (512) 34", ["4851234"]), ("0048512", ["48512"]),
        ("+49 (0) 171 2", ["491712"]), ("0171/23", ["17123"]), ("jan 512 345", ["512345", "jan"]),
        ("jan.kow@m", ["jan.kow@m"]), ("P-0012", ["12", "p"]), ("@", []), ("%", []), ("0", []), ("\0 \u202e", []),
        ("a@\0b", ["a@b"]), (" ".join("abcdefghijkl"), list("abcdefgh")), ("x" * 500, ["x" * WORD_LENGTH]),
    ],
)  # fmt: skip
def test_what_is_meant(text: str, words: list[str]) -> None:
    assert wanted_words(text) == words
    assert len(words) <= MOST_WANTED


def names(house: House, text: str, most: int = 20) -> list[str]:
    return [card.name for card in find_patients(clinic=house.clinic, text=text, most=most)]


@pytest.mark.parametrize(
    "text",
    ["mueller", "MÜLLER", "müll jür", "juergen mu", "obrien", "O'BR", "brien jur", "0171 234", "+49 171 2345678",
     "491712", "00491712", "0171/2345678", "jm@pri", "jm@PRIVATE.example", "jurgen 0171"],
)  # fmt: skip
def test_one_card_by_many_ways(text: str, rynek: House) -> None:
    make_patient(
        rynek.clinic, "Jürgen O'Brien Müller", email="jm@private.example", phone_number="+491712345678"
    )

    assert names(rynek, text) == ["Jürgen O'Brien Müller"]


@pytest.mark.parametrize("text", ["urgen", "jurgen zofia", "private", "345678", "jurgenm"])
def test_middle_of_a_word_finds_nobody(text: str, rynek: House) -> None:
    make_patient(
        rynek.clinic, "Jürgen O'Brien Müller", email="jm@private.example", phone_number="+491712345678"
    )

    assert names(rynek, text) == []


def test_whole_words_come_first_then_the_names_in_order(rynek: House) -> None:
    for name in ("Jan Nowakowski", "Zenon Nowak", "Łucja Nowak", "Anna Nowaczyk", "Nowak Adam"):
        make_patient(rynek.clinic, name, email="", phone_number="")

    assert names(rynek, "nowa") == [
        "Anna Nowaczyk", "Łucja Nowak", "Nowak Adam", "Zenon Nowak", "Jan Nowakowski",
    ]  # fmt: skip
    assert names(rynek, "nowak") == ["Łucja Nowak", "Nowak Adam", "Zenon Nowak", "Jan Nowakowski"]
    assert names(rynek, "nowa", most=2) == ["Anna Nowaczyk", "Łucja Nowak"]


def test_card_with_many_words_alike_takes_nobody_elses_place(rynek: House) -> None:
    make_patient(rynek.clinic, "Ab Aba Abb Abc Abd Abe Abf Abg Abh", email="ab.ax@a.example", phone_number="")
    make_patient(rynek.clinic, "Axel Zuber", email="", phone_number="")

    assert names(rynek, "a", most=2) == ["Ab Aba Abb Abc Abd Abe Abf Abg Abh", "Axel Zuber"]


def test_search_follows_every_change(rynek: House) -> None:
    card = make_patient(rynek.clinic, "Ewa Stara", email="ewa@old.example", phone_number="601 111 111")

    change_patient(
        patient=card, name="Ewa Nowa", email="ewa@new.example", phone_number="602 222 222", language="pl",
        actor=SYSTEM, at=NOW,
    )  # fmt: skip

    assert [names(rynek, text) for text in ("stara", "ewa@old.example", "601111111")] == [[], [], []]
    assert [names(rynek, text) for text in ("nowa", "ewa@n", "602 22")] == [["Ewa Nowa"]] * 3


def test_words_are_one_clinics(rynek: House, markt: House) -> None:
    make_patient(markt.clinic, "Zofia Kanarienvogel")

    assert names(rynek, "zofia") == ["Zofia Pawłowska-Gąsior"]
    assert names(rynek, "zofia kanarien") == []
    assert set(PatientWord.objects.filter(patient=rynek.patient).values_list("clinic", flat=True)) == {
        rynek.clinic.pk
    }


def test_letters_are_put_in_order_by_their_numbers_on_both_engines(rynek: House) -> None:
    for name in ("z1", "za", "z李", "z"):
        make_patient(rynek.clinic, name, email="", phone_number="")

    assert names(rynek, "z")[:4] == ["z", "z1", "za", "Zofia Pawłowska-Gąsior"]
    assert names(rynek, "z")[4] == "z李"


def test_an_index_answers(rynek: House) -> None:
    rows = PatientWord.objects.filter(clinic=rynek.clinic, word__gte="zof", word__lt="zof\U0010ffff")
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SET LOCAL enable_seqscan = off")
            cursor.execute("SET LOCAL enable_bitmapscan = off")
            cursor.execute("SET LOCAL enable_sort = off")
    plan = rows.order_by("word", "name", "patient_id").values_list("patient_id")[:20].explain()

    assert "patient_word" in plan
    assert "SORT" not in plan.upper().replace("PATIENT", "")
    assert "TEMP B-TREE" not in plan


def test_card_is_found_by_all_the_addresses_given(rynek: House, markt: House) -> None:
    long_name = " ".join("abcdefghijklmnopqrstuvwxyz0123456789")
    card = make_patient(
        rynek.clinic, long_name, email="Lucja.Zak@Patients.example", phone_number="+48601234567"
    )
    other = make_patient(rynek.clinic, "Jan Inny", email="jan@patients.example", phone_number="+48601234567")
    make_patient(markt.clinic, "Hans Anders", email=card.email, phone_number=card.phone)

    def found(email: str = "", number: str = "") -> list[int]:
        rows = list_by_address(clinic=rynek.clinic, email=email, phone_number=number)
        return [one.pk for one in rows]

    assert found("lucja.zak@patients.EXAMPLE") == [card.pk]
    assert found(number="+48601234567") == [card.pk, other.pk]
    assert found("jan@patients.example", "+48601234567") == [other.pk]
    # No beginnings, no look-alikes, no other way of writing a number, and nobody for nothing.
    assert found("jan@patients.exampl") == []
    assert found("łucja.żak@patients.example") == []
    assert found(number="601234567") == []
    assert found("jan@patients.example", "+48601234568") == []
    assert found() == []
