"""Callers as the streams' benchmark has them: signed for the product, looked after like its own.

Their rights and what their pages say of themselves are rows of a table that only the benchmark has, read
and written the way a floor above the streams does it: one statement for all of them.
"""

from collections.abc import Iterable, Iterator, Sequence

from django.apps import AppConfig
from django.db import connection

from clinic.live.subjects import Kind, Presence, Subject

KIND = "bench"
EVERYBODY = "bench:all"
LANGUAGES = ("pl", "en", "de", "ro")
TABLE = """
CREATE TABLE bench_caller (
    id bigint PRIMARY KEY, seen integer, is_visible boolean, at timestamptz, is_waiting boolean NOT NULL);
INSERT INTO bench_caller SELECT n, 0, true, now(), true FROM generate_series(0, 9999) n;
CREATE SEQUENCE bench_writes;
CREATE FUNCTION bench_count() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN PERFORM nextval('bench_writes'); RETURN NULL; END $$;
CREATE TRIGGER bench_count AFTER UPDATE ON bench_caller EXECUTE FUNCTION bench_count();
"""
NOTE = """
UPDATE bench_caller SET seen = said.seen, is_visible = said.is_visible, at = said.at
FROM unnest(%s::bigint[], %s::integer[], %s::boolean[], %s::timestamptz[]) AS said (id, seen, is_visible, at)
WHERE bench_caller.id = said.id
"""


def still_waiting(asked: Sequence[Subject]) -> Iterable[Subject]:
    """Return those whose row says so."""
    with connection.cursor() as cursor:
        wanted = [int(subject.key) for subject in asked]
        cursor.execute("SELECT id FROM bench_caller WHERE is_waiting AND id = ANY(%s)", [wanted])
        waiting = {str(pk) for (pk,) in cursor.fetchall()}
    return [subject for subject in asked if subject.key in waiting]


def note(said: Sequence[Presence]) -> None:
    """Write down what pages said, in one statement."""
    with connection.cursor() as cursor:
        cursor.execute(
            NOTE,
            [
                [int(one.subject.key) for one in said],
                [one.seen for one in said],
                [one.is_visible for one in said],
                [one.at for one in said],
            ],
        )


class StreamsConfig(AppConfig):
    """Registers the kind."""

    name = "bench"
    label = "bench"

    def ready(self) -> None:
        from clinic.live.subjects import register_kind  # noqa: PLC0415 - after the product's own

        register_kind(Kind(KIND, still_waiting, note))


def own_topic(number: int) -> str:
    """Return the topic of one caller."""
    return f"bench:{number}"


def requests(count: int, *, here: bool = False) -> Iterator[str]:
    """Return what the callers' browsers send: each to its own address, with its own token.

    Args:
        here: not to open the stream but to say that the page is there.
    """
    from clinic.live import tokens  # noqa: PLC0415 - after django.setup()

    body = '{"seen": 1, "visible": true}'
    for n in range(count):
        language = LANGUAGES[n % len(LANGUAGES)]
        scopes = (f"caller:{n}",)
        subject = Subject(KIND, str(n), 1, (EVERYBODY, own_topic(n)), scopes, language)
        path = tokens.stream_path(subject)
        head = f"Host: 127.0.0.1\r\nCookie: {tokens.cookie_name()}={tokens.sign(subject)}\r\n"
        if here:
            yield (
                f"POST {path}here HTTP/1.1\r\n{head}Content-Type: application/json\r\n"
                f"Content-Length: {len(body)}\r\n\r\n{body}"
            )
        else:
            yield f"GET {path} HTTP/1.1\r\n{head}Accept: text/event-stream\r\n\r\n"
