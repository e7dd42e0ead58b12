"""Signals from below, each turned into one call."""

from typing import Any

from anymail.signals import tracking
from django.dispatch import receiver

from clinic.demo.signals import demo_advanced
from clinic.lib import clock
from clinic.lib.signals import data_restored
from clinic.people.signals import patients_merged
from messaging import catch_up, operations
from messaging.provider_states import is_no_such_address
from notifications.signals import sending_paused


@receiver(data_restored)
def on_restored(*, taken_at: Any, restored_at: Any, **_kwargs: Any) -> None:
    operations.settle_after_restore(taken_at=taken_at, at=restored_at)


@receiver(demo_advanced)
def on_demo_advanced(*, at: Any, **_kwargs: Any) -> None:
    catch_up.send_demo_until(at=at)


@receiver(sending_paused)
def on_paused(*, clinic: Any, is_paused: bool, **_kwargs: Any) -> None:
    operations.follow_pause(clinic.pk, is_paused=is_paused)


@receiver(tracking)
def on_tracking(*, event: Any, **_kwargs: Any) -> None:
    """Take in what an e-mail provider reports; its open and click events prove nothing (P11)."""
    delivery_id = str((event.metadata or {}).get("delivery", ""))
    if delivery_id.isdecimal():
        operations.record_provider_state(
            delivery_id=int(delivery_id),
            reported=event.event_type,
            code=event.event_type,
            no_such_address=is_no_such_address(event.event_type, event.reject_reason),
            at=clock.now(),
        )


@receiver(patients_merged)
def on_patients_merged(*, kept: Any, gone: Any, **_kwargs: Any) -> None:
    operations.follow_merge(kept.pk, gone.pk)
