"""The doorbell: a commit tells a worker that something is due. A lost ring costs two seconds, no message."""

import logging
import time

from celery import current_app
from django.conf import settings
from django.db import transaction

from notifications.enums import Channel

log = logging.getLogger("anteroom.bell")

QUIET_SECONDS = 0.1
_rung_at = 0.0


def ring() -> None:
    """Ask for a sweep now. Never raises, never waits longer than half a second (K13)."""
    global _rung_at
    if time.monotonic() - _rung_at < QUIET_SECONDS:
        return
    _rung_at = time.monotonic()
    try:
        with current_app.connection_for_write(
            connect_timeout=0.5, transport_options=settings.BELL_TRANSPORT_OPTIONS
        ) as connection:
            for channel in (Channel.EMAIL, Channel.SMS):
                current_app.send_task(
                    "messaging.send_due",
                    kwargs={"channel": str(channel)},
                    connection=connection,
                    retry=False,
                    expires=30,
                )
    except Exception as error:
        log.warning("the bell could not be rung: %s", type(error).__name__)


def ring_on_commit() -> None:
    """Ring once the transaction is committed; a rolled-back one rings nothing."""
    if settings.OUTBOX_BELL:
        transaction.on_commit(ring, robust=True)
