"""Who wants what: switches and hours per calendar, switches per appointment, the clinic's pause."""

from datetime import time

from django.db import models

from clinic.models import Appointment, Calendar, Clinic, Patient
from notifications.enums import ToldBy
from notifications.rules import QuietHours


class CalendarSettings(models.Model):
    """A calendar's communication settings; a calendar without a row has the defaults."""

    calendar = models.OneToOneField(Calendar, on_delete=models.CASCADE, related_name="communication")
    # Whether messages let the patient confirm, move and cancel (P6).
    self_service = models.BooleanField(default=True)
    # Quiet hours hold SMS (P14); both empty: none.
    quiet_from = models.TimeField(null=True, blank=True, default=time(22))
    quiet_until = models.TimeField(null=True, blank=True, default=time(7))
    # Whether SMS are written in the GSM alphabet (P14).
    plain_sms = models.BooleanField(default=True)
    # Whether the time that the taker of an offer leaves is offered in turn (P8).
    chain_offers = models.BooleanField(default=False)
    version = models.PositiveIntegerField(default=1)

    def __str__(self) -> str:
        return f"communication of calendar {self.calendar_id}"

    @property
    def quiet(self) -> QuietHours | None:
        if self.quiet_from is None or self.quiet_until is None:
            return None
        return QuietHours(self.quiet_from, self.quiet_until)


class CalendarSwitch(models.Model):
    """A kind turned on or off for a calendar; no row: on (P1)."""

    calendar = models.ForeignKey(Calendar, on_delete=models.CASCADE, related_name="kind_switches")
    kind = models.CharField(max_length=20)
    is_on = models.BooleanField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["calendar", "kind"], name="calendar_switch_once")]

    def __str__(self) -> str:
        return f"{self.calendar_id} {self.kind} {self.is_on}"


class AppointmentSwitch(models.Model):
    """A kind turned on or off for one appointment alone (P2)."""

    appointment = models.ForeignKey(Appointment, on_delete=models.CASCADE, related_name="kind_switches")
    kind = models.CharField(max_length=20)
    is_on = models.BooleanField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["appointment", "kind"], name="appointment_switch_once")
        ]

    def __str__(self) -> str:
        return f"{self.appointment_id} {self.kind} {self.is_on}"


class ClinicPause(models.Model):
    """All sending of a clinic stands still while this row exists (P15)."""

    clinic = models.OneToOneField(Clinic, on_delete=models.CASCADE, related_name="sending_pause")
    since = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.clinic_id} since {self.since}"


class InvitationSettings(models.Model):
    """Whether a clinic invites only those who agreed (P16); no row: as its country has it."""

    clinic = models.OneToOneField(Clinic, on_delete=models.CASCADE, related_name="invitations")
    needs_consent = models.BooleanField()

    def __str__(self) -> str:
        return f"invitations of clinic {self.clinic_id}"


class InvitationChoice(models.Model):
    """What a patient said about one kind of invitation (P16); no row: nothing yet."""

    patient = models.ForeignKey(Patient, on_delete=models.CASCADE, related_name="invitation_choices")
    kind = models.CharField(max_length=20)
    refused_at = models.DateTimeField(null=True)
    wanted_at = models.DateTimeField(null=True)
    told_by = models.CharField(max_length=10, choices=ToldBy)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["patient", "kind"], name="invitation_choice_once"),
            # One of both: what was said before stands in the audit log.
            models.CheckConstraint(
                condition=models.Q(refused_at=None) ^ models.Q(wanted_at=None),
                name="invitation_choice_is_one",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.patient_id} {self.kind} {'refused' if self.refused_at else 'wanted'}"
