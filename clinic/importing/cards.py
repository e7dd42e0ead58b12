"""Which patient card a row means: by its reference, else by name and address; and what the row says otherwise."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from django.db.models import Q

from clinic.importing.cells import Problem, Row
from clinic.importing.rules import is_same_name, plain_form
from clinic.people.models import Clinic, Patient

FIELDS = ("reference", "email", "phone", "language")


@dataclass(slots=True)
class Card:
    """A patient card as it stands, or as the file would leave it; `pk` is 0 for one that is to be made."""

    pk: int
    reference: str
    name: str
    email: str
    phone: str
    language: str
    line: int = 0  # of the file, that made or changed it
    # References of cards that were given up for this one, each with the name that card had.
    former: dict[str, str] = field(default_factory=dict)

    def is_named(self, row: Row) -> bool:
        """Return whether a row with the card's reference has its name, or that of the card whose reference it was."""
        names = (self.name, self.former.get(row.reference, self.name))
        return any(is_same_name(name, row.name) for name in names)

    def wanted(self, row: Row) -> dict[str, str]:
        """Return what a row says otherwise; an empty cell says nothing, and a reference is never replaced."""
        return {
            name: getattr(row, name)
            for name in FIELDS
            if getattr(row, name)
            and getattr(row, name) != getattr(self, name)
            and not (name == "reference" and (self.reference or row.reference in self.former))
        }


class Cards:
    """The cards of a clinic that the rows of a file may mean."""

    def __init__(self, clinic: Clinic) -> None:
        self._clinic = clinic
        self._by_key: dict[int, Card] = {}
        self._by_reference: dict[str, Card] = {}
        self._by_name: dict[str, list[Card]] = {}

    def load(self, rows: Iterable[Row]) -> None:
        """Read what the rows may mean; cards met before stay as the file has left them."""
        rows = list(rows)
        fitting = (
            Q(reference__in={row.reference for row in rows if row.reference})
            | Q(name__in={row.name for row in rows})
            | Q(email__in={row.email for row in rows if row.email})
            | Q(phone__in={row.phone for row in rows if row.phone})
        )
        found = Patient.objects.filter(fitting, clinic=self._clinic).order_by("pk")
        merged = {row.reference: row for row in found if row.merged_into_id}
        for card in found:
            if not card.merged_into_id:
                self._add_stored(card)
        # A card that was given up for another one leaves its reference behind: it means the other one.
        into = {gone.merged_into_id or 0 for gone in merged.values()}
        for card in Patient.objects.filter(pk__in=into, merged_into=None):
            self._add_stored(card)
        for reference, gone in merged.items():
            kept = self._by_key.get(gone.merged_into_id or 0)
            if reference and kept:
                kept.former[reference] = gone.name
                self._by_reference.setdefault(reference, kept)

    def _add_stored(self, card: Patient) -> None:
        if card.pk not in self._by_key:
            self.add(Card(card.pk, card.reference, card.name, card.email, card.phone, card.language))

    def add(self, card: Card) -> None:
        """Know one more card."""
        if card.pk:
            self._by_key[card.pk] = card
        self._by_name.setdefault(plain_form(card.name), []).append(card)
        if card.reference:
            self._by_reference[card.reference] = card

    def keys(self) -> list[int]:
        """Return the keys of all cards known."""
        return list(self._by_key)

    def find(self, row: Row) -> tuple[list[Card], str]:
        """Return the cards that a row may mean, and by which columns; none: nobody is known.

        Raises:
            Unfitting: its reference belongs to somebody of another name.
        """
        if row.reference and (card := self._by_reference.get(row.reference)):
            if not card.is_named(row):
                raise Unfitting(Problem(row.line, "patient_ref", "other_name", row.reference, card.line))
            return [card], "patient_ref"
        for column in ("email", "phone"):
            value = getattr(row, column)
            fitting = [card for card in self._named(row) if value and getattr(card, column) == value]
            if fitting:
                return fitting, column
        if row.email or row.phone:
            return [], ""
        return [card for card in self._named(row) if not card.email and not card.phone], "patient_name"

    def _named(self, row: Row) -> list[Card]:
        """Return the cards of this name; one with a reference of its own is not another reference's."""
        cards = self._by_name.get(plain_form(row.name), [])
        return [card for card in cards if not (row.reference and card.reference)]


class Unfitting(Exception):
    """A row contradicts what stands in the database, or an earlier row; `problem` says how."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.code)
        self.problem = problem
