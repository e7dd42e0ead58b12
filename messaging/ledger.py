"""What a round writes: a few statements for all its rows, however many lines there are.

Written as SQL because a round has a few thousandths of a second for all of it: the ORM would need longer
to compose these statements than a database needs to run them. Both engines understand every one.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import connection

from messaging.enums import OVERCOME
from messaging.models import SentText

Statement = tuple[str, list[Any]]

# Whatever was thought of it meanwhile (unknown, planned once more): now it is known.
_SENT = """
UPDATE messaging_delivery
SET state = 'sent', sent_at = COALESCE(sent_at, %s), claim = '', lease_until = NULL,
    ended_at = NULL, reason = CASE WHEN reason IN ({overcome}) THEN '' ELSE reason END
WHERE id IN ({ids}) AND state IN ('planned', 'claimed', 'sending', 'unknown')
"""
# A callback may have been quicker than we: then only the missing instant is filled in.
_INSTANT = "UPDATE messaging_delivery SET sent_at = %s WHERE id IN ({ids}) AND sent_at IS NULL"
# What was flagged unknown meanwhile stays on record as that.
_ACCEPTED = """
WITH ended (delivery_id, number, provider_id) AS (VALUES {rows})
UPDATE messaging_attempt
SET outcome = CASE WHEN ended_at IS NULL THEN 'accepted' ELSE outcome END, ended_at = COALESCE(ended_at, %s),
    provider_id = CASE WHEN ended.provider_id = '' THEN messaging_attempt.provider_id ELSE ended.provider_id END
FROM ended
WHERE messaging_attempt.delivery_id = ended.delivery_id AND messaging_attempt.number = ended.number
"""
_TEXTS = """
INSERT INTO messaging_senttext (delivery_id, subject, text, html, has_live_links) VALUES {rows}
ON CONFLICT (delivery_id) DO UPDATE SET subject = excluded.subject, text = excluded.text,
    html = excluded.html, has_live_links = excluded.has_live_links
"""
# Rounds share their clinics until they are committed; a pause wants its clinic alone. No rows: the ids that
# come back are those of deliveries. Every statement sees what was committed before it: the next one, the pause.
_SHARE_CLINICS = """
SELECT 0 FROM (VALUES {rows}) AS clinic (id)
WHERE PG_ADVISORY_XACT_LOCK_SHARED(%s, clinic.id %% 2147483647) IS NULL
"""
_SHUT_OUT = "SELECT PG_ADVISORY_XACT_LOCK(%s, %s %% 2147483647)"
_ROUNDS = 0x0A7E  # the first half of these locks' names
_OPEN = """
UPDATE messaging_delivery SET state = 'sending', tries = tries + 1, lease_until = {lease_end}
WHERE id IN ({ids}) AND state = 'claimed' AND claim = %s AND NOT EXISTS (
    SELECT 1 FROM notifications_clinicpause AS pause WHERE pause.clinic_id = messaging_delivery.clinic_id
)
RETURNING id
"""
# For those alone that the statement before has taken.
_BEGIN = """
WITH chosen (id, address) AS (VALUES {rows})
INSERT INTO messaging_attempt (delivery_id, number, address, started_at, outcome, code, provider_id)
SELECT delivery.id, delivery.tries, chosen.address, {at}, '', '', ''
FROM chosen JOIN messaging_delivery AS delivery ON delivery.id = chosen.id
WHERE delivery.state = 'sending' AND delivery.claim = %s
"""


@dataclass(frozen=True, slots=True)
class Try:
    """A try that a provider took, by its number."""

    delivery_id: int
    number: int
    provider_id: str = ""


@dataclass(frozen=True, slots=True)
class Choice:
    """A claimed delivery that is to be offered to a provider next."""

    delivery_id: int
    clinic_id: int
    claim: str
    address: str


def close(tries: Sequence[Try], texts: Sequence[SentText], *, at: datetime) -> list[Statement]:
    """Return what writes down that providers took these at one instant, with the texts that are kept."""
    ids, instant = [one.delivery_id for one in tries], _stored(at)
    ended = [value for one in tries for value in (one.delivery_id, one.number, one.provider_id)]
    kept = [
        value
        for one in texts
        for value in (one.delivery_id, one.subject, one.text, one.html, one.has_live_links)
    ]
    return [
        (
            _SENT.format(overcome=marks(len(OVERCOME)), ids=marks(len(ids))),
            [instant, *OVERCOME, *ids],
        ),
        (_INSTANT.format(ids=marks(len(ids))), [instant, *ids]),
        (_ACCEPTED.format(rows=_rows(len(tries), 3)), [*ended, instant]),
        (_TEXTS.format(rows=_rows(len(texts), 5)), kept),
    ]


def open_next(choices: Sequence[Choice], *, at: datetime) -> list[Statement]:
    """Return what marks claimed deliveries as `sending`, with a row for each try.

    A row whose claim was dropped meanwhile (cancelled, replanned, lease over) or whose clinic is paused (P15)
    is not taken.
    """
    by_claim: dict[str, list[Choice]] = {}
    for one in choices:
        by_claim.setdefault(one.claim, []).append(one)
    statements: list[Statement] = []
    started = "%s"
    if connection.vendor == "postgresql" and choices:
        started = "%s::timestamptz"
        clinics = sorted({one.clinic_id for one in choices})
        statements.append((_SHARE_CLINICS.format(rows=_rows(len(clinics), 1)), [*clinics, _ROUNDS]))
    for claim, group in by_claim.items():
        ids = [one.delivery_id for one in group]
        chosen = [value for one in group for value in (one.delivery_id, one.address)]
        statements += [
            (_OPEN.format(lease_end=lease_end(), ids=marks(len(ids))), [*ids, claim]),
            (_BEGIN.format(rows=_rows(len(group), 2), at=started), [*chosen, _stored(at), claim]),
        ]
    return statements


def write(statements: Sequence[Statement]) -> set[int]:
    """Run them in order, in the caller's transaction; return the ids that they return.

    PostgreSQL gets all of them in one go: at four or eight rows each, the way there and back is what costs.
    """
    if not statements:
        return set()
    found: set[int] = set()
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(
                ";".join(text for text, _ in statements), [v for _, values in statements for v in values]
            )
            while True:
                if cursor.description:
                    found.update(row[0] for row in cursor.fetchall())
                if not cursor.nextset():
                    return found
        for text, values in statements:
            cursor.execute(text, values)
            if cursor.description:
                found.update(row[0] for row in cursor.fetchall())
    return found


def shut_out_rounds(clinic_id: int) -> None:
    """Wait until no round with deliveries of a clinic is open; later ones wait for this transaction's end.

    SQLite has one writer at a time: nothing to wait for.
    """
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute(_SHUT_OUT, [_ROUNDS, clinic_id])


def lease_end() -> str:
    """Return SQL for the end of a lease that begins now, on the database's clock."""
    seconds = int(settings.SEND_LEASE_SECONDS)
    if connection.vendor == "postgresql":
        return f"STATEMENT_TIMESTAMP() + INTERVAL '{seconds} seconds'"
    return f"STRFTIME('%%Y-%%m-%%d %%H:%%M:%%f', 'NOW', '+{seconds} seconds')"


def marks(count: int) -> str:
    """Return so many placeholders for a list."""
    return ", ".join(["%s"] * count)


def _rows(count: int, columns: int) -> str:
    return ", ".join([f"({marks(columns)})"] * count)


def _stored(instant: datetime) -> Any:
    return connection.ops.adapt_datetimefield_value(instant)
