"""The benchmarks' own kind of message, and outboxes filled with what is measured."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from django.apps import AppConfig
from django.core.management.color import no_style
from django.db import connection, transaction

KIND = "bench"
SUBJECT = "Your appointment on Friday"
TEXT = (
    "Dear Ms Nowak, your appointment is on Friday at 10:30 with Dr Lis, Long Street 5. " * 8 + "\n"
)  # 0.7 KB


class BenchConfig(AppConfig):
    """Registers the kind whose voice only fills in a text, as the peers' queues hold it."""

    name = "bench"
    label = "bench"

    def ready(self) -> None:
        from messaging.registry import Ready, register_voice  # noqa: PLC0415 - models must be loaded first
        from notifications.registry import Kind, register_kind  # noqa: PLC0415

        def speak(deliveries: Sequence, at: datetime) -> dict:
            return {
                row.pk: Ready(address=f"p{row.pk}@patients.example", subject=SUBJECT, text=TEXT)
                for row in deliveries
            }

        register_kind(Kind(KIND, "Benchmark", "", 99))
        register_voice(KIND, speak)


def make_clinics(count: int) -> list[int]:
    """Make clinics with a calendar each; return their ids."""
    from clinic.models import Calendar, Clinic, Practitioner, Service  # noqa: PLC0415

    now = datetime.now(UTC)
    clinics = Clinic.objects.bulk_create(
        Clinic(slug=f"c{n}", name=f"Clinic {n}", email=f"desk@c{n}.example", created_at=now)
        for n in range(count)
    )
    practitioners = Practitioner.objects.bulk_create(
        Practitioner(clinic=one, name="Dr Lis", slug=f"dr-lis-{one.slug}") for one in clinics
    )
    calendars = Calendar.objects.bulk_create(
        Calendar(clinic=one.clinic, practitioner=one, name="Dr Lis", time_zone="Europe/Warsaw")
        for one in practitioners
    )
    Service.objects.bulk_create(Service(calendar=one, name="Visit", minutes=30) for one in calendars)
    return [one.pk for one in clinics]


def empty_outbox() -> None:
    """Delete every message."""
    tables = ["messaging_message", "messaging_personallink", "clinic_appointment"]
    with transaction.atomic(), connection.cursor() as cursor:
        for statement in connection.ops.sql_flush(no_style(), tables, allow_cascade=True):
            cursor.execute(statement)


def fill_plain(count: int) -> None:
    """Plan `count` e-mails of the benchmark's own kind, due now, over all clinics."""
    from clinic.models import Clinic  # noqa: PLC0415
    from messaging.models import Delivery, Message  # noqa: PLC0415

    now = datetime.now(UTC)
    clinics = list(Clinic.objects.values_list("pk", flat=True))
    messages = Message.objects.bulk_create(
        (
            Message(
                clinic_id=clinics[n % len(clinics)],
                kind=KIND,
                cause=f"bench:{n}",
                version=0,
                recipient=f"patient:{n}",
                reason="bench",
                planned_at=now,
                created_at=now,
            )
            for n in range(count)
        ),
        batch_size=2000,
    )
    _plan([Delivery(message=one, clinic_id=one.clinic_id, channel="email", due_at=now) for one in messages])


def fill_appointments(count: int) -> None:
    """Plan the e-mails about `count` new appointments as a booking by staff does, SMS waiting behind each."""
    from clinic.models import Appointment, Calendar, Patient  # noqa: PLC0415
    from messaging.models import Delivery, Message, PersonalLink  # noqa: PLC0415

    now = datetime.now(UTC)
    calendars = list(Calendar.objects.all())
    services = {one.calendar_id: one for one in _services()}
    patients = Patient.objects.bulk_create(
        (
            Patient(
                clinic_id=calendars[n % len(calendars)].clinic_id,
                name=f"Anna Nowak {n}",
                email=f"p{n}@patients.example",
                phone=f"+4850{n:07d}",
                language=("pl", "en", "de", "ro")[n % 4],
                created_at=now,
            )
            for n in range(count)
        ),
        batch_size=2000,
    )
    start = (now + timedelta(days=7)).replace(minute=30, second=0, microsecond=0)
    appointments = Appointment.objects.bulk_create(
        (
            Appointment(
                clinic_id=patient.clinic_id,
                calendar=calendars[n % len(calendars)],
                patient=patient,
                service=services[calendars[n % len(calendars)].pk],
                starts_at=start + timedelta(minutes=30 * (n // len(calendars))),
                ends_at=start + timedelta(minutes=30 * (n // len(calendars)) + 30),
                origin="staff",
                booked_at=now,
                set_at=now,
            )
            for n, patient in enumerate(patients)
        ),
        batch_size=2000,
    )
    PersonalLink.objects.bulk_create(
        PersonalLink(
            clinic_id=one.clinic_id,
            purpose="appointment",
            object_id=one.pk,
            created_at=now,
            expires_at=one.ends_at + timedelta(days=90),
        )
        for one in appointments
    )
    messages = Message.objects.bulk_create(
        (
            Message(
                clinic_id=one.clinic_id,
                kind="details",
                cause=f"appointment:{one.pk}",
                version=0,
                recipient=f"patient:{one.patient_id}",
                appointment=one,
                patient_id=one.patient_id,
                reason="details_by_staff",
                planned_at=now,
                valid_until=one.starts_at,
                created_at=now,
            )
            for one in appointments
        ),
        batch_size=2000,
    )
    waiting = {"channel": "sms", "reason": "if_unread"}
    _plan(
        [
            Delivery(message=one, clinic_id=one.clinic_id, **way)
            for one in messages
            for way in ({"channel": "email", "planned_at": now, "due_at": now}, waiting)
        ]
    )


def _services() -> list:
    from clinic.models import Service  # noqa: PLC0415

    return list(Service.objects.all())


def _plan(rows: list) -> None:
    from messaging.models import Delivery  # noqa: PLC0415

    Delivery.objects.bulk_create(rows, batch_size=2000)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
