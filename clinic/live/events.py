"""What travels: an event on the bus, and the bytes of it that a browser reads."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

# The bus itself speaks in names that no page's event may have.
REVOKE = "-revoke"
SYNC = "-sync"


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened.

    Args:
        name: what browsers know it by.
        topics: who hears it, each with its number there (None: not numbered).
        data: what it says, to everybody.
        by_language: what it says instead, per language; made once, not once per listener.
    """

    name: str
    topics: Mapping[str, int | None]
    data: Mapping[str, Any] = field(default_factory=dict)
    by_language: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


def pack(event: Event) -> str:
    """Return an event as text for the bus."""
    content = {"n": event.name, "t": event.topics, "d": event.data, "l": event.by_language}
    return json.dumps({key: value for key, value in content.items() if value}, separators=(",", ":"))


def unpack(text: str | bytes) -> Event:
    """Return the event that `pack` made text of."""
    content = json.loads(text)
    return Event(content["n"], content.get("t", {}), content.get("d", {}), content.get("l", {}))


def body_of(event: Event, language: str) -> bytes:
    """Return the part of an event's frame that all listeners of one language share.

    What happened stands in the data and not in the frame's own name: browsers give a named frame only to
    whoever waits for that name, and one page hears for all of a person's. JSON holds no line break, so no
    text inside can end the event or begin another (A58).
    """
    said = event.by_language.get(language) or event.by_language.get("en") or event.data
    content = {"name": event.name, "data": said}
    return f"data: {json.dumps(content, separators=(',', ':'))}\n\n".encode()


def frame(name: str, **data: Any) -> bytes:
    """Return a whole frame of the stream's own: `ping`, `sync` and the like, the same in all languages."""
    return f"event: {name}\ndata: {json.dumps(data, separators=(',', ':'))}\n\n".encode()
