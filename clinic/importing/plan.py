"""What an import would do, row by row, against the database as it stands; nothing is written (D5)."""

import hashlib
from bisect import bisect_left, insort
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import islice

from django.utils.dateparse import parse_datetime

from clinic.appointments.models import Appointment, Occupancy
from clinic.audit.models import AuditValue
from clinic.importing.cards import Card, Cards, Unfitting
from clinic.importing.cells import CANCELLED, Problem, Row, Visit
from clinic.people.models import Clinic

# As many rows are looked up by one query.
TOGETHER = 400

CREATE, CHANGE, KEEP, REFUSE = "create", "change", "keep", "refuse"


@dataclass(frozen=True, slots=True)
class Step:
    """What becomes of one row."""

    row: Row
    action: str
    card: int = 0  # the patient's, 0 for one to be made
    by: str = ""  # the column by which the card was found
    changes: tuple[tuple[str, str, str], ...] = ()  # field, as it is, as it would be
    problem: Problem | None = None


@dataclass(slots=True)
class Plan:
    """What becomes of all rows, in the order of the file."""

    steps: list[Step] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)

    def having(self, action: str) -> list[Step]:
        """Return the steps of one sort."""
        return [step for step in self.steps if step.action == action]

    @property
    def to_do(self) -> list[Step]:
        """The steps that write."""
        return [step for step in self.steps if step.action in {CREATE, CHANGE}]

    @property
    def digest(self) -> str:
        """A word for all that the plan says: another plan has another one."""
        said = repr([(s.row, s.action, s.card, s.changes) for s in self.steps]) + repr(self.problems)
        return hashlib.sha256(said.encode()).hexdigest()


def make_plan(*, clinic: Clinic, rows: Sequence[Row], problems: Sequence[Problem], at: datetime) -> Plan:
    """Return what becomes of the rows; `problems` are of the lines that are no good rows by themselves.

    Args:
        at: the present instant.
    """
    plan = Plan()
    cards = Cards(clinic)
    visits = _Visits(clinic, rows, at)
    waiting = iter(rows)
    while together := list(islice(waiting, TOGETHER)):
        cards.load(together)
        visits.load(together, cards.keys())
        plan.steps += (_step(row, cards, visits) for row in together)
    found = [step.problem for step in plan.steps if step.problem]
    plan.problems = sorted([*problems, *found], key=lambda problem: problem.line)
    return plan


def _step(row: Row, cards: Cards, visits: "_Visits") -> Step:
    try:
        fitting, by = cards.find(row)
        return (
            _visit_step(row, fitting, by, cards, visits) if row.visit else _card_step(row, fitting, by, cards)
        )
    except Unfitting as refusal:
        return Step(row, REFUSE, problem=refusal.problem)


def _card_step(row: Row, fitting: list[Card], by: str, cards: Cards) -> Step:
    for same in fitting:
        if not same.wanted(row):
            return Step(row, KEEP, same.pk, by)
    card = _only(row, fitting)
    if card is None:
        cards.add(_new_card(row))
        return Step(row, CREATE)
    wanted = card.wanted(row)
    if card.line:
        # The last of both would win, and the next import of the same file would change it back.
        column = "patient_ref" if by == "patient_ref" else "patient_name"
        raise Unfitting(Problem(row.line, column, "said_before", row.name, card.line))
    changes = tuple((name, getattr(card, name), value) for name, value in wanted.items())
    for name, value in wanted.items():
        setattr(card, name, value)
    card.line = row.line
    return Step(row, CHANGE, card.pk, by, changes)


def _only(row: Row, fitting: list[Card]) -> Card | None:
    """Return the one card that a row means, None for a new one."""
    if len(fitting) > 1:
        raise Unfitting(Problem(row.line, "patient_name", "several", row.name))
    return fitting[0] if fitting else None


def _new_card(row: Row) -> Card:
    return Card(0, row.reference, row.name, row.email, row.phone, row.language, row.line)


def _visit_step(row: Row, fitting: list[Card], by: str, cards: Cards, visits: "_Visits") -> Step:
    visit = row.visit
    assert visit is not None
    for known in fitting:
        if visits.is_there(known, visit):
            return Step(row, KEEP, known.pk, by)
    if visit.outcome == CANCELLED:
        return Step(row, KEEP)
    card = _only(row, fitting)
    visits.take(row, visit, card)
    if card is None:
        card = _new_card(row)
        cards.add(card)
    return Step(row, CREATE, card.pk, by)


class _Visits:
    """Which appointments there are, and who has which time."""

    def __init__(self, clinic: Clinic, rows: Sequence[Row], at: datetime) -> None:
        self._clinic, self._at = clinic, at
        self._there: set[tuple[int, int, datetime]] = set()
        self._taken: dict[int, list[tuple[datetime, datetime, str, int]]] = {}
        visits = [row.visit for row in rows if row.visit]
        if visits:
            self._read_taken(visits)

    def _read_taken(self, visits: Sequence[Visit]) -> None:
        first = min(visit.starts_at for visit in visits)
        last = max(visit.starts_at for visit in visits) + timedelta(days=1)
        spans = (
            Occupancy.objects.filter(
                calendar__in={visit.calendar for visit in visits}, starts_at__lt=last, ends_at__gt=first
            )
            .exclude(expires_at__lte=self._at)
            .order_by("starts_at")
            .values_list("calendar", "starts_at", "ends_at")
        )
        for calendar, start, end in spans.iterator():
            self._taken.setdefault(calendar, []).append((start, end, "", 0))

    def load(self, rows: Sequence[Row], cards: list[int]) -> None:
        """Read the appointments that rows may mean, also those that stood there before they were moved."""
        starts = {row.visit.starts_at for row in rows if row.visit}
        if not starts:
            return
        mine = Appointment.objects.filter(clinic=self._clinic)
        self._there.update(
            mine.filter(starts_at__in=starts).values_list("patient_id", "calendar_id", "starts_at")
        )
        moved = dict(mine.filter(patient__in=cards, sequence__gt=0).values_list("pk", "patient_id"))
        told = AuditValue.objects.filter(
            entry__object_type="appointment", entry__action="appointment.booked", entry__object_id__in=moved
        )
        for pk, new in told.values_list("entry__object_id", "new"):
            if start := parse_datetime(new.get("starts_at", "")):
                self._there.add((moved[pk], new.get("calendar", 0), start))

    def is_there(self, card: Card, visit: Visit) -> bool:
        """Return whether this patient has or had this appointment, whatever became of it since."""
        return bool(card.pk) and (card.pk, visit.calendar, visit.starts_at) in self._there

    def take(self, row: Row, visit: Visit, card: Card | None) -> None:
        """Give the row its time.

        Raises:
            Unfitting: somebody has any part of it, or its outcome cannot be known yet.
        """
        if visit.outcome and visit.starts_at > self._at:
            raise Unfitting(Problem(row.line, "outcome", "not_yet", visit.outcome))
        if visit.booked_at and visit.booked_at > self._at:
            raise Unfitting(Problem(row.line, "booked_at", "future"))
        end = visit.starts_at + timedelta(minutes=visit.minutes)
        spans = self._taken.setdefault(visit.calendar, [])
        at = bisect_left(spans, (end,))
        if at and spans[at - 1][1] > visit.starts_at:
            _start, _end, _name, line = spans[at - 1]
            raise Unfitting(Problem(row.line, "starts_at", "overlaps_line" if line else "overlaps", "", line))
        insort(spans, (visit.starts_at, end, "", row.line))


def chunks(steps: Sequence[Step], size: int) -> Iterator[Sequence[Step]]:
    """Yield the steps in parts."""
    for first in range(0, len(steps), size):
        yield steps[first : first + size]
