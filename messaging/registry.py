"""The voices: what the floor that plans a kind contributes at the moment of sending.

A kind's *voice* reads the world again inside the claim and renders the text; the outbox knows neither. What a
voice cannot know of the world, because another app of its floor does, it asks: *not now, because*.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from django.utils.functional import Promise

from messaging.backends.base import Attachment
from messaging.models import Delivery


@dataclass(frozen=True, slots=True)
class Ready:
    """A delivery that is still right, rendered for its channel; `links` are the live ones in the text.

    `headers`: an e-mail's own, beside those that the outbox writes.
    """

    address: str
    text: str
    subject: str = ""
    html: str = ""
    attachments: tuple[Attachment, ...] = ()
    sender_name: str = ""
    reply_to: str = ""
    links: tuple[str, ...] = ()
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Skip:
    """A delivery that the world has overtaken, with its reason.

    `is_lost`: the patient will not get by this way what they still should hear; other ways step in.
    """

    reason: str
    facts: Mapping[str, object] = field(default_factory=dict)
    is_lost: bool = False


@dataclass(frozen=True, slots=True)
class Hold:
    """A delivery that is right, but not at this hour."""

    until: datetime


Verdict = Ready | Skip | Hold
# Given claimed deliveries of its kinds (message, appointment and patient loaded) and the instant,
# returns what becomes of each, by delivery id.
Voice = Callable[[Sequence[Delivery], datetime], Mapping[int, Verdict]]

# Given ids of appointments, returns those whose patients need not be reminded now.
NotNow = Callable[[Collection[int]], Collection[int]]

_voices: dict[str, Voice] = {}
_not_now: dict[str, NotNow] = {}
_reasons: dict[str, str | Promise] = {}


def register_voice(kind: str, voice: Voice) -> None:
    """Say who speaks for a kind; called in an app's `ready()`."""
    _voices[kind] = voice


def get_voice(kind: str) -> Voice:
    """Return who speaks for a kind.

    Raises:
        KeyError: nobody does.
    """
    return _voices[kind]


def register_not_now(reason: str, ask: NotNow) -> None:
    """Add why a reminder may be needless at the moment it is due (E8.3); called in an app's `ready()`.

    Args:
        reason: its code; `register_reasons` has the sentence.
    """
    _not_now[reason] = ask


def why_not_now(appointments: Collection[int]) -> dict[int, str]:
    """Return, by appointment, why its patient need not be reminded now; each app is asked once for all."""
    if not appointments:
        return {}
    return {pk: reason for reason, ask in _not_now.items() for pk in ask(appointments)}


def register_reasons(reasons: Mapping[str, str | Promise]) -> None:
    """Add sentences for reason codes; `%(name)s` stand for the row's facts."""
    _reasons.update(reasons)


def reason_sentence(code: str, facts: Mapping[str, object]) -> str:
    """Return a reason in the reader's language; a code without a sentence is shown as it is."""
    sentence = _reasons.get(code, code)
    try:
        return str(sentence % facts)  # in this order: one that counts is nothing without its number
    except (KeyError, ValueError, TypeError):
        return str(sentence) or code
