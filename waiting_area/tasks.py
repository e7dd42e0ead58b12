"""The beat's sweeps."""

from typing import Any

from celery import shared_task

from clinic.lib import clock
from waiting_area import long_wait, presence, retention


@shared_task(name="waiting_area.sweep_presence")
def sweep_presence(**_kwargs: Any) -> None:
    """Find out whose page is gone, then who of the others has waited too long."""
    at = clock.now()
    if presence.sweep(at=at):
        long_wait.plan(at=at)


@shared_task(name="waiting_area.forget")
def forget(**_kwargs: Any) -> None:
    """Delete who left long ago."""
    retention.forget(at=clock.now())
