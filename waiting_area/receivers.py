"""Signals from below, each turned into one call."""

from typing import Any

from django.dispatch import receiver

from clinic.appointments.signals import (
    appointment_booked,
    appointment_cancelled,
    appointment_moved,
    appointment_restored,
)
from clinic.demo.signals import demo_filled
from clinic.people.signals import clinic_created
from waiting_area import areas, demo, visits


@receiver(clinic_created)
def on_clinic_created(*, clinic: Any, actor: Any, at: Any, **_kwargs: Any) -> None:
    areas.make_area(clinic=clinic, actor=actor, at=at)


@receiver(demo_filled)
def on_demo_filled(*, seed: int, at: Any, **_kwargs: Any) -> None:
    demo.fill(seed=seed, at=at)


@receiver(appointment_booked)
@receiver(appointment_moved)
def on_appointment_set(*, appointment: Any, at: Any, **_kwargs: Any) -> None:
    visits.make_link(appointment, at=at)


@receiver(appointment_cancelled)
def on_cancelled(*, appointment: Any, at: Any, **_kwargs: Any) -> None:
    visits.release(appointment, at=at)


@receiver(appointment_restored)
def on_restored(*, appointment: Any, **_kwargs: Any) -> None:
    visits.check_untold(appointment)
