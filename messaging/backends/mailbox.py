"""The transports "mailbox" and "render": everything is taken and goes nowhere."""

from datetime import datetime

from messaging.backends.base import Accepted, Outgoing


class MailboxBackend:
    """Accepts at once. The embedded mailbox page shows the text that the outbox keeps with the result."""

    def send(self, outgoing: Outgoing) -> Accepted:
        """Accept; never raises."""
        return Accepted()

    def find(self, outgoing: Outgoing, *, since: datetime) -> Accepted | None:
        """Return None: what was not kept with its result was not shown to anybody."""
        return None

    def close(self) -> None:
        """Do nothing."""
