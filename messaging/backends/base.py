"""What every channel's sender promises the outbox: accepted, or one of three kinds of failure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Attachment:
    """One file of an e-mail; `content_type` may carry parameters (`text/calendar; method=REQUEST`)."""

    name: str
    content: bytes
    content_type: str


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One delivery, rendered, as a sender needs it. Nothing here is read again from the database."""

    delivery_id: int
    address: str  # e-mail address, or telephone number in E.164
    text: str
    subject: str = ""
    html: str = ""
    attachments: tuple[Attachment, ...] = ()
    sender: str = ""  # From header (e-mail) or sending number (SMS)
    reply_to: str = ""
    message_id: str = ""  # stable over tries, with angle brackets (e-mail)
    return_address: str = ""  # envelope sender of its own, so that a bounce finds the delivery
    status_callback: str = ""  # absolute URL that carries our id (SMS)
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Accepted:
    """The provider took it; `provider_id` is the provider's own name for it ("" where it has none)."""

    provider_id: str = ""


class SendError(Exception):
    """A try that did not end in acceptance. `code` is short and holds nothing personal."""

    def __init__(self, code: str, *, retry_after: float | None = None) -> None:
        super().__init__(code)
        self.code = code[:64]
        self.retry_after = retry_after  # seconds, when the provider named them


class PermanentError(SendError):
    """Trying again cannot help (bad address, blocked recipient).

    `no_such_address`: the provider says that nobody has this address; other refusals may concern the text,
    or us, and say nothing about it (P13).
    """

    def __init__(self, code: str, *, no_such_address: bool = False) -> None:
        super().__init__(code)
        self.no_such_address = no_such_address


class PassingError(SendError):
    """Nothing was taken; trying later may help."""


class AmbiguousError(SendError):
    """The line broke where it cannot be known whether the provider took it (X3)."""


class Backend(Protocol):
    """One open line to a provider, used by one thread at a time."""

    def send(self, outgoing: Outgoing) -> Accepted:
        """Hand over one delivery.

        Raises:
            PermanentError, PassingError, AmbiguousError: see each.
        """

    def find(self, outgoing: Outgoing, *, since: datetime) -> Accepted | None:
        """Return what the provider knows of a delivery whose outcome was lost (G3), or None."""

    def close(self) -> None:
        """Give the line back; never raises."""
