"""Questions that pages ask again and again: Django writes the SQL of each once (F15).

To write the SQL of a question takes Django several times as long as it takes the database to answer. Only the
text is kept, with a place for each value; what is asked for and what is answered never is.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from django.core.exceptions import EmptyResultSet
from django.db import connection
from django.db.models import QuerySet
from django.db.models.query import ModelIterable, get_related_populators

Value = int | date | Sequence[int]

# Values that stand for others while the SQL is written; no question has such a number or date of its own.
_FIRST_NUMBER, _FIRST_DAY = -1_999_000_000, date(1801, 1, 1)


@dataclass(frozen=True, slots=True)
class _Written:
    sql: str
    params: tuple[Any, ...]
    places: dict[int, int]  # of a parameter: which value goes there
    compiler: Any
    converters: dict[int, Any]
    gives_objects: bool

    def objects(self, rows: Iterable[Any]) -> Iterator[Any]:
        """Yield rows as what Django would have made of them."""
        about, select = self.compiler.klass_info, self.compiler.select
        begin, end = about["select_fields"][0], about["select_fields"][-1] + 1
        names = [column[0].target.attname for column in select[begin:end]]
        related = get_related_populators(about, select, connection.alias)  # type: ignore[call-arg]  # the stubs' newer Django
        for row in rows:
            one = about["model"].from_db(connection.alias, names, row[begin:end])
            for populator in related:
                populator.populate(row, one)
            yield one


class Prepared:
    """A question whose values differ from one time to the next.

    Args:
        build: makes the queryset from values given by name: with `values_list`, or of whole objects (with
            `select_related`, without annotations). It may look at how many numbers a sequence has, and at
            nothing else of the values, and must ask for each as it is.
    """

    def __init__(self, build: Callable[..., QuerySet[Any, Any]]) -> None:
        self._build = build
        self._known: dict[tuple[tuple[str, int], ...], _Written] = {}

    def __call__(self, **values: Value) -> list[Any]:
        """Return the rows or objects. Dates with a time must have a zone.

        Raises:
            TypeError: a value is not asked for as it is.
        """
        key = tuple((name, len(one) if isinstance(one, Sequence) else -1) for name, one in values.items())
        written = self._known.get(key)
        if written is None:
            try:
                written = self._known[key] = self._write(values)
            except EmptyResultSet:
                return []
        flat = [part for one in values.values() for part in (one if isinstance(one, Sequence) else (one,))]
        params = list(written.params)
        for place, number in written.places.items():
            params[place] = _adapted(flat[number], params[place])
        with connection.cursor() as cursor:
            cursor.execute(written.sql, params)
            rows = cursor.fetchall()
        found = written.compiler.apply_converters(rows, written.converters) if written.converters else rows
        return list(written.objects(found) if written.gives_objects else map(tuple, found))

    def _write(self, values: dict[str, Value]) -> _Written:
        markers: list[int | date] = []

        def marker(like: int | date) -> int | date:
            one: int | date = _FIRST_NUMBER + len(markers)
            if isinstance(like, datetime):
                days = timedelta(days=len(markers))
                one = datetime(_FIRST_DAY.year, 1, 1, tzinfo=UTC) + days
            elif isinstance(like, date):
                one = _FIRST_DAY + timedelta(days=len(markers))
            markers.append(one)
            return one

        marked = {
            name: [marker(part) for part in one] if isinstance(one, Sequence) else marker(one)
            for name, one in values.items()
        }
        queryset = self._build(**marked)
        compiler = queryset.query.get_compiler(connection=connection)
        sql, params = compiler.as_sql()
        places = {
            place: number
            for place, param in enumerate(params)
            for number, one in enumerate(markers)
            if param == _adapted(one, param)
        }
        if set(places.values()) != set(range(len(markers))):
            # Django wrote something else for it: the next time's value would have no place to go to.
            raise TypeError("A prepared question has to ask for each of its values as it is.")
        fields = [column[0] for column in compiler.select[: compiler.col_count]]
        converters = compiler.get_converters(fields)
        gives_objects = issubclass(queryset._iterable_class, ModelIterable)
        return _Written(sql, tuple(params), places, compiler, converters, gives_objects)


def _adapted(value: int | date, like: Any) -> Any:
    """Return a value as the database's driver takes it in the place of a parameter."""
    if isinstance(value, datetime):
        return connection.ops.adapt_datetimefield_value(value)
    if isinstance(value, date):
        return connection.ops.adapt_datefield_value(value)
    # The driver of PostgreSQL is told of which size a number is by its type.
    return type(like)(value) if isinstance(like, int) and not isinstance(like, bool) else value
