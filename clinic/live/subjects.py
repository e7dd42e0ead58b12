"""Who listens: one login session in one clinic, one caller. Each kind is registered by the app that owns it."""

import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Subject:
    """One holder of rights to listen, as named in a signed token.

    Args:
        kind: a registered kind ("member", "caller").
        key: what the kind's check needs to find the subject again; unique within the kind.
        clinic: the clinic's id; everything heard belongs to it (X2).
        topics: what is heard.
        scopes: names by which the rights are taken away ("session:…", "user:5", "caller:9").
        language: of the texts sent.

    Attributes:
        stream_id: the subject's own part of its stream's address; says nothing about who it is.
    """

    kind: str
    key: str
    clinic: int
    topics: tuple[str, ...]
    scopes: tuple[str, ...] = ()
    language: str = "en"
    stream_id: str = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        made = hashlib.sha256(f"{self.kind}|{self.clinic}|{self.key}".encode()).hexdigest()[:20]
        object.__setattr__(self, "stream_id", made)


@dataclass(frozen=True, slots=True)
class Presence:
    """What an open page said of itself.

    Args:
        seen: the number of the last thing shown on it.
        at: when it said so (UTC).
    """

    subject: Subject
    seen: int
    is_visible: bool
    at: datetime


def nothing_noted(presences: Sequence[Presence]) -> None:
    """Forget what pages say of themselves."""


@dataclass(frozen=True, slots=True)
class Kind:
    """How subjects of one kind are looked after.

    Args:
        name: as in `Subject.kind`.
        still_allowed: of the subjects given, those whose rights still stand; one query for all.
        note_presence: writes down what pages said of themselves, many at a time. Called every few
            seconds by each server, also when none said anything: so it is known that somebody listened.
    """

    name: str
    still_allowed: Callable[[Sequence[Subject]], Iterable[Subject]]
    note_presence: Callable[[Sequence[Presence]], None] = field(default=nothing_noted)


_kinds: dict[str, Kind] = {}


def register_kind(kind: Kind) -> None:
    """Add a kind of subject; called in an app's `ready()`."""
    _kinds[kind.name] = kind


def list_kinds() -> list[Kind]:
    """Return all registered kinds."""
    return list(_kinds.values())


def get_kind(name: str) -> Kind:
    """Return a registered kind.

    Raises:
        KeyError: there is none of this name.
    """
    return _kinds[name]
