"""Signals from below, each turned into one call."""

from typing import Any

from django.dispatch import receiver

from clinic.demo.signals import demo_filled
from clinic.people.signals import clinic_created
from waiting_area import areas, demo


@receiver(clinic_created)
def on_clinic_created(*, clinic: Any, actor: Any, at: Any, **_kwargs: Any) -> None:
    areas.make_area(clinic=clinic, actor=actor, at=at)


@receiver(demo_filled)
def on_demo_filled(*, seed: int, at: Any, **_kwargs: Any) -> None:
    demo.fill(seed=seed, at=at)
