"""What the streams keep: events on their way from processes that serve no browser, and rights that ended."""

from django.db import models


class LiveEvent(models.Model):
    """An event of a process without the bus (a command beside the embedded server), until the server takes it."""

    packed = models.TextField()

    def __str__(self) -> str:
        return f"live event {self.pk}"


class LiveRevocation(models.Model):
    """Rights that ended: no token made before opens a stream, also after a restart (R27)."""

    scope = models.CharField(max_length=100)
    at = models.DateTimeField(db_index=True)

    def __str__(self) -> str:
        return f"{self.scope} until {self.at}"
