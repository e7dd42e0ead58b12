"""Tables that are uploaded, and a calendar's secret address, for tests."""

from clinic.feeds.operations import BUSY, key_of
from clinic.models import CalendarFeed
from tests.factories.house import NOW, House


class Table:
    """A file to upload; it may be sent any number of times."""

    content_type = "text/csv"

    def __init__(self, content: str | bytes, name: str = "table.csv") -> None:
        self._content = content if isinstance(content, bytes) else content.encode()
        self.name = name

    def read(self) -> bytes:
        """Return all of it."""
        return self._content


def one_patient() -> Table:
    """Return a table with one new patient."""
    return Table("patient_ref;patient_name;email\nN1;Ewa Nowa;ewa@patients.example\n")


def feed_token(house: House, shows: str = BUSY) -> str:
    """Return the secret part of an address of the house's calendar."""
    return f"{shows}-{house.slug}-{'x' * 30}"


def feed_of(house: House, shows: str = BUSY) -> CalendarFeed:
    """Return that address."""
    made, _created = CalendarFeed.objects.get_or_create(
        key=key_of(feed_token(house, shows)),
        defaults={"clinic": house.clinic, "calendar": house.calendar, "created_at": NOW},
    )
    return made
