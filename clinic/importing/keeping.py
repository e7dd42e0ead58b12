"""What an import needs between its pages: kept for an hour, for one member of one clinic, on the server (D5).

It lies in the cache: what is lost there is uploaded once more.
"""

from dataclasses import dataclass, field
from secrets import token_hex

import redis
from django.core.cache import cache

from clinic.access import Member
from clinic.importing.cells import Problem, Row
from clinic.importing.plan import Step
from clinic.importing.steps import Count

KEPT_SECONDS = 3600
# Longer than any step takes; one that died leaves the way free again.
STEP_SECONDS = 60


class CannotKeep(Exception):
    """The cache cannot be reached."""


class StillRunning(Exception):
    """The member's import before is not over; nothing was begun."""


@dataclass(frozen=True, slots=True)
class Upload:
    """A file that was read, and waits to be confirmed."""

    kind: str
    encoding: str
    separator: str
    ignored: tuple[str, ...]
    rows: list[Row]
    problems: list[Problem]
    token: str = field(default_factory=lambda: token_hex(16))


@dataclass(slots=True)
class Run:
    """An import that was confirmed, and how far it has come."""

    token: str
    total: int
    notify: bool
    done: int = 0
    is_lost: bool = False  # what was left to do is kept no more
    count: Count = field(default_factory=Count)

    @property
    def is_over(self) -> bool:
        return self.is_lost or self.done >= self.total


def _key(what: str, member: Member) -> str:
    return f"import:{what}:{member.clinic.pk}:{member.user.pk}"


def _set(key: str, value: object) -> None:
    try:
        cache.set(key, value, KEPT_SECONDS)
    except redis.RedisError as error:
        raise CannotKeep from error


def keep_upload(member: Member, upload: Upload) -> None:
    """Keep a file for the member, in place of an earlier one.

    Raises:
        CannotKeep: try again later.
    """
    _set(_key("upload", member), upload)


def find_upload(member: Member) -> Upload | None:
    """Return the member's file that waits."""
    found = _get(_key("upload", member))
    return found if isinstance(found, Upload) else None


def _get(key: str) -> object:
    try:
        return cache.get(key)
    except redis.RedisError:
        return None


def begin_run(member: Member, upload: Upload, steps: list[Step], *, notify: bool) -> None:
    """Let a confirmed file be imported; a second confirmation of the same begins nothing.

    Raises:
        CannotKeep: try again later; nothing was begun.
        StillRunning: another file's import is under way; this file goes on waiting.
    """
    begun = f"import:begun:{upload.token}"
    try:
        if not cache.add(begun, 1, KEPT_SECONDS):
            return
        # Who carries out a part of the other one holds this, and so does who begins one at the same moment.
        if not claim_step(member):
            cache.delete(begun)
            raise StillRunning
    except redis.RedisError as error:
        raise CannotKeep from error
    try:
        before = find_run(member)
        if before and not before.is_over:
            cache.delete(begun)
            raise StillRunning
        _set(_key("steps", member), steps)
        _set(_key("run", member), Run(upload.token, len(steps), notify))
        cache.delete(_key("upload", member))
    finally:
        release_step(member)


def find_run(member: Member) -> Run | None:
    """Return the member's last import, under way or over."""
    found = _get(_key("run", member))
    return found if isinstance(found, Run) else None


def find_steps(member: Member) -> list[Step]:
    """Return all steps of the member's import; nothing when they are kept no more."""
    found = _get(_key("steps", member))
    return found if isinstance(found, list) else []


def save_run(member: Member, run: Run) -> None:
    """Keep how far an import has come."""
    _set(_key("run", member), run)


def claim_step(member: Member) -> bool:
    """Return whether this request may do the next step: one at a time does."""
    return bool(cache.add(_key("claim", member), 1, STEP_SECONDS))


def release_step(member: Member) -> None:
    """Let the next request do the next step."""
    cache.delete(_key("claim", member))
