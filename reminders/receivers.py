"""Signals from below, each turned into one call."""

from typing import Any

from django.dispatch import receiver

from clinic.appointments.signals import (
    appointment_booked,
    appointment_cancelled,
    appointment_marked,
    appointment_moved,
    appointment_restored,
)
from clinic.calendars.signals import calendar_hours_changed
from clinic.demo.signals import demo_filled
from clinic.people.signals import patient_contact_changed
from messaging.signals import deliveries_accepted, deliveries_lost
from notifications.signals import (
    appointment_switches_changed,
    calendar_communication_changed,
    clinic_invitations_changed,
    invitation_choice_changed,
)
from reminders import operations
from reminders.after import operations as after
from reminders.choices import follow_choice
from reminders.contact_changes import tell_old_address
from reminders.offers import demo
from reminders.offers import operations as offers
from reminders.planning import replan


@receiver(appointment_booked)
def on_booked(*, appointment: Any, actor: Any, told: bool, extra: Any, at: Any, **_kwargs: Any) -> None:
    operations.tell_booked(appointment, actor=actor, told=told, extra=extra, at=at)
    offers.close_under(appointment, at=at)


@receiver(appointment_moved)
def on_moved(*, appointment: Any, actor: Any, at: Any, was: Any, **_kwargs: Any) -> None:
    operations.tell_moved(appointment, actor=actor, at=at)
    after.follow_moved(appointment, at=at)
    offers.follow_moved(appointment, was=was, actor=actor, at=at)


@receiver(appointment_cancelled)
def on_cancelled(*, appointment: Any, by: Any, actor: Any, at: Any, **_kwargs: Any) -> None:
    operations.tell_cancelled(appointment, by=by, actor=actor, at=at)
    after.follow_cancelled(appointment, actor=actor, at=at)
    offers.follow_cancelled(appointment, by=by, actor=actor, at=at)


@receiver(appointment_restored)
def on_restored(*, appointment: Any, at: Any, **_kwargs: Any) -> None:
    offers.take_back(appointment, at=at)
    offers.close_under(appointment, at=at)
    operations.take_back_cancelled(appointment, at=at)
    after.follow_restored(appointment, at=at)


@receiver(appointment_marked)
def on_marked(*, appointment: Any, at: Any, **_kwargs: Any) -> None:
    after.follow_mark(appointment, at=at)


@receiver(calendar_hours_changed)
def on_hours_changed(*, practitioner_id: int, at: Any, **_kwargs: Any) -> None:
    offers.follow_hours(practitioner_id=practitioner_id, at=at)


@receiver(patient_contact_changed)
def on_contact_changed(*, patient: Any, at: Any, old: Any = None, **_kwargs: Any) -> None:
    operations.follow_patient(patient, at=at)
    after.follow_patient(patient, at=at)
    tell_old_address(patient, old=old or {}, at=at)


@receiver(demo_filled)
def on_demo_filled(*, at: Any, **_kwargs: Any) -> None:
    demo.fill(at=at)


@receiver(calendar_communication_changed)
def on_calendar_changed(*, calendar: Any, at: Any, **_kwargs: Any) -> None:
    operations.follow_calendar(calendar, at=at)
    after.follow_calendar(calendar, at=at)


@receiver(appointment_switches_changed)
def on_switches_changed(*, appointment: Any, at: Any, **_kwargs: Any) -> None:
    replan(appointment, at=at)
    after.refresh([appointment], at=at)


@receiver(invitation_choice_changed)
def on_choice_changed(*, patient: Any, kind: Any, is_wanted: Any, at: Any, **_kwargs: Any) -> None:
    follow_choice(patient=patient, kind=kind, is_wanted=is_wanted, at=at)
    after.follow_patient(patient, at=at)


@receiver(clinic_invitations_changed)
def on_consent_changed(*, clinic: Any, at: Any, **_kwargs: Any) -> None:
    after.follow_clinic(clinic, at=at)


@receiver(deliveries_accepted)
def on_accepted(*, deliveries: Any, at: Any, **_kwargs: Any) -> None:
    operations.start_fallbacks(deliveries, at=at)


@receiver(deliveries_lost)
def on_lost(*, deliveries: Any, at: Any, **_kwargs: Any) -> None:
    operations.bring_forward_fallbacks(deliveries, at=at)
