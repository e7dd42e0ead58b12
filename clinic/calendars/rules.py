"""Free time, computed from hours, exceptions, absences and what is taken. Pure: spans in, spans out."""

import re
from collections.abc import Iterable, Iterator
from datetime import datetime, time, timedelta

_SPAN = re.compile(r"(\d{1,2})(?:[:.](\d{2}))?\s*-\s*(\d{1,2})(?:[:.](\d{2}))?")

Span = tuple[datetime, datetime]  # half-open, aware


def merged(spans: Iterable[Span]) -> list[Span]:
    """Return the spans in order, those that touch or overlap joined."""
    result: list[Span] = []
    for start, end in sorted(spans):
        if result and start <= result[-1][1]:
            result[-1] = (result[-1][0], max(result[-1][1], end))
        elif start < end:
            result.append((start, end))
    return result


def without(spans: Iterable[Span], taken: Iterable[Span]) -> list[Span]:
    """Return what is left of the spans when the taken ones are cut out."""
    left = merged(spans)
    for cut_start, cut_end in merged(taken):
        pieces: list[Span] = []
        for start, end in left:
            if cut_end <= start or end <= cut_start:
                pieces.append((start, end))
                continue
            if start < cut_start:
                pieces.append((start, cut_start))
            if cut_end < end:
                pieces.append((cut_end, end))
        left = pieces
    return left


def starts(
    open_spans: Iterable[Span],
    taken: Iterable[Span],
    *,
    length: timedelta,
    step: timedelta,
    not_before: datetime,
) -> Iterator[datetime]:
    """Yield the starts at which something of this length fits, on a grid that begins with each opening.

    Elapsed time throughout: a day of 23 or 25 hours has one hour's slots fewer or more (D4). The grid
    belongs to the opening, not to the gap, so that taking one slot does not shift the others.
    """
    free = without(open_spans, taken)
    for opened, closed in merged(open_spans):
        at = opened
        while at + length <= closed:
            if at >= not_before and any(start <= at and at + length <= end for start, end in free):
                yield at
            at += step


class UnreadableHours(ValueError):
    """A text that does not name opening hours."""


# The end of hours that last until midnight: a wall time has no 24:00, and nothing comes after this one.
MIDNIGHT = time.max


def parse_hours(text: str, *, may_end_at_midnight: bool = False) -> list[tuple[time, time]]:
    """Return opening hours written as `08:00-12:00, 13:00-16:00`; an empty text is closed.

    Args:
        may_end_at_midnight: whether `18:00-24:00` and `18:00-00:00` are hours, which end at `MIDNIGHT`.

    Raises:
        UnreadableHours: it is written otherwise, ends before it begins, or overlaps.
    """
    spans: list[tuple[time, time]] = []
    for part in text.replace("–", "-").replace(";", ",").split(","):
        if not part.strip():
            continue
        match = _SPAN.fullmatch(part.strip())
        if match is None:
            raise UnreadableHours(part.strip())
        hours, minutes, last_hours, last_minutes = (int(group or 0) for group in match.groups())
        try:
            is_until_midnight = may_end_at_midnight and (last_hours % 24, last_minutes) == (0, 0)
            span = time(hours, minutes), MIDNIGHT if is_until_midnight else time(last_hours, last_minutes)
        except ValueError as error:
            raise UnreadableHours(part.strip()) from error
        if span[0] >= span[1] or (spans and span[0] < spans[-1][1]):
            raise UnreadableHours(part.strip())
        spans.append(span)
    return spans


def written_hours(spans: Iterable[tuple[time, time]]) -> str:
    """Return opening hours as `parse_hours` reads them."""
    return ", ".join(
        f"{opens:%H:%M}–{'24:00' if closes == MIDNIGHT else closes.strftime('%H:%M')}"
        for opens, closes in sorted(spans)
    )
