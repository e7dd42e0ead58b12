"""Signals from below, each turned into one call."""

from typing import Any

from django.dispatch import receiver

from clinic.lib.signals import data_restored
from messaging import operations
from messaging.bell import ring_on_commit
from notifications.signals import sending_paused


@receiver(data_restored)
def on_restored(*, taken_at: Any, at: Any, **_kwargs: Any) -> None:
    operations.settle_after_restore(taken_at=taken_at, at=at)


@receiver(sending_paused)
def on_paused(*, is_paused: bool, **_kwargs: Any) -> None:
    if not is_paused:
        ring_on_commit()
