"""The beat's sweep."""

from typing import Any

from celery import shared_task

from clinic.lib import clock
from waiting_area import presence


@shared_task(name="waiting_area.sweep_presence")
def sweep_presence(**_kwargs: Any) -> None:
    """Find out whose page is gone."""
    presence.sweep(at=clock.now())
