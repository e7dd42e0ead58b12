"""Which kinds of message exist. The floor that plans a kind registers it in `ready()`."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from notifications.enums import Channel

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of message and its written policy (K4).

    `retry_unknown`: the channels over which it is tried once more when it cannot be known whether the
    provider took it (G3). `invitation`: needs an opt-out of its own and is never tried again (P16).
    `to_patients`: an invitation in the words in which patients choose it.
    `for_staff`: no patient gets it, `on_request`: it answers what was done on a page at this moment; no calendar
    and no appointment switches either.
    """

    name: str
    label: "StrOrPromise"
    help: "StrOrPromise"  # what it does to patients, one sentence
    order: int
    retry_unknown: frozenset[Channel] = frozenset({Channel.EMAIL, Channel.PUSH})
    invitation: bool = False
    has_self_service: bool = False
    for_staff: bool = False
    on_request: bool = False
    to_patients: "StrOrPromise" = ""


_kinds: dict[str, Kind] = {}


def register_kind(kind: Kind) -> None:
    """Add a kind; called in an app's `ready()`."""
    _kinds[kind.name] = kind


def get_kind(name: str) -> Kind:
    """Return a kind by name.

    Raises:
        KeyError: nobody registered it.
    """
    return _kinds[name]


def list_kinds() -> list[Kind]:
    """Return the kinds that patients get unasked, in the order in which settings show them."""
    kinds = (kind for kind in _kinds.values() if not (kind.for_staff or kind.on_request))
    return sorted(kinds, key=lambda kind: kind.order)


def list_invitations() -> list[Kind]:
    """Return the kinds that patients may refuse for themselves (P16), in the order of the settings."""
    return [kind for kind in list_kinds() if kind.invitation]
