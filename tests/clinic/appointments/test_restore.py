"""Taking a cancellation back: at once, or not at all (D3, decision 15)."""

from datetime import timedelta

import pytest

from clinic.appointments.enums import CancelledBy, Status
from clinic.appointments.operations import NotAllowed, StaleAppointment, Taken, cancel, confirm, restore
from clinic.audit.models import AuditEntry
from clinic.audit.operations import PATIENT, SYSTEM, Actor, user_actor
from clinic.models import Appointment
from messaging.delivery import send_due
from messaging.models import Delivery
from notifications.enums import Channel
from tests.factories.house import DAYS, HOURS, NOW, House, book, make_patient

SECOND = timedelta(seconds=1)


def deliveries(visit: Appointment) -> dict[tuple[str, str], tuple[str, str]]:
    rows = Delivery.objects.filter(message__appointment=visit).select_related("message")
    return {(row.message.kind, row.channel): (row.state, row.reason) for row in rows}


def send(at) -> None:
    for channel in Channel:
        send_due(channel=channel, at=at, now=lambda: at)


@pytest.fixture
def member(rynek: House) -> Actor:
    return user_actor(rynek.assistant)


def cancelled(rynek: House, member: Actor, *, by: CancelledBy = CancelledBy.CLINIC) -> Appointment:
    return cancel(appointment_id=rynek.appointment.pk, by=by, actor=member, at=NOW)


@pytest.mark.parametrize("after", [0, 10, 13])
def test_restored_within_seconds_is_as_if_nothing_had_been(rynek: House, member: Actor, after: int) -> None:
    send(NOW)
    confirm(appointment_id=rynek.appointment.pk, actor=PATIENT, at=NOW)
    before = Appointment.objects.get(pk=rynek.appointment.pk)
    planned = deliveries(before)
    gone = cancelled(rynek, member)
    assert planned != deliveries(before)

    again = restore(appointment_id=gone.pk, version=gone.version, actor=member, at=NOW + after * SECOND)

    row = Appointment.objects.get(pk=gone.pk)
    assert (row.status, row.cancelled_at, row.cancelled_by) == (Status.BOOKED, None, "")
    assert (row.starts_at, row.sequence, row.set_at, row.confirmed_at) == (
        before.starts_at, before.sequence, before.set_at, before.confirmed_at,
    )  # fmt: skip
    assert (again.version, row.version) == (before.version + 2, before.version + 2)
    left = deliveries(row)
    assert {way: state for (kind, way), state in left.items() if kind == "cancelled"} == {
        "email": ("skipped", "taken_back"),
        "sms": ("skipped", "taken_back"),
    }
    assert {key: state for key, state in left.items() if key[0] != "cancelled"} == planned
    assert AuditEntry.objects.filter(action="appointment.restored", object_id=row.pk).count() == 1
    # Its time is its own again.
    with pytest.raises(Taken):
        book(make_patient(rynek.clinic, "Adam Nowy"), rynek.calendar, row.starts_at)


def test_reminder_goes_at_its_old_time_after_a_restore(rynek: House, member: Actor) -> None:
    reminder = Delivery.objects.get(message__kind="reminder", channel="email")
    gone = cancelled(rynek, member)

    restore(appointment_id=gone.pk, actor=member, at=NOW + SECOND)

    again = Delivery.objects.get(pk=reminder.pk)
    assert (again.state, again.due_at, again.planned_at) == ("planned", reminder.due_at, reminder.planned_at)
    send(rynek.appointment.starts_at - 48 * HOURS)
    again.refresh_from_db()
    assert again.state == "sent"


def test_nobody_is_told_while_it_may_be_taken_back(rynek: House, member: Actor) -> None:
    send(NOW)
    gone = cancelled(rynek, member)

    send(NOW + 19 * SECOND)

    row = Delivery.objects.get(message__kind="cancelled", channel="email")
    assert (row.state, row.planned_at, row.due_at) == ("planned", NOW, NOW + 20 * SECOND)
    send(NOW + 20 * SECOND)
    row.refresh_from_db()
    assert row.state == "sent"
    # By a clock that is behind: who was told stays told.
    with pytest.raises(NotAllowed):
        restore(appointment_id=gone.pk, actor=member, at=NOW + 5 * SECOND)
    assert Appointment.objects.get(pk=gone.pk).status == Status.CANCELLED
    assert AuditEntry.objects.filter(action="appointment.restored").count() == 0


def test_what_patients_and_the_system_cancel_is_told_at_once(rynek: House) -> None:
    other = book(make_patient(rynek.clinic, "Jan Drugi"), rynek.calendar, NOW + 12 * DAYS)
    cancel(appointment_id=rynek.appointment.pk, by=CancelledBy.PATIENT, actor=PATIENT, at=NOW)
    cancel(appointment_id=other.pk, by=CancelledBy.CLINIC, actor=SYSTEM, at=NOW)

    assert set(
        Delivery.objects.filter(message__kind="cancelled", channel="email").values_list("due_at", flat=True)
    ) == {NOW}


def test_too_late_or_not_cancelled_is_refused(rynek: House, member: Actor) -> None:
    with pytest.raises(NotAllowed):
        restore(appointment_id=rynek.appointment.pk, actor=member, at=NOW)
    gone = cancelled(rynek, member)
    with pytest.raises(NotAllowed):
        restore(appointment_id=gone.pk, actor=member, at=NOW + 13 * SECOND + timedelta(microseconds=1))
    with pytest.raises(StaleAppointment):
        restore(appointment_id=gone.pk, version=gone.version - 1, actor=member, at=NOW)

    assert Appointment.objects.get(pk=gone.pk).status == Status.CANCELLED


def test_begun_meanwhile_is_refused(rynek: House, member: Actor) -> None:
    soon = book(make_patient(rynek.clinic, "Jan Drugi"), rynek.calendar, NOW + SECOND)
    cancel(appointment_id=soon.pk, by=CancelledBy.CLINIC, actor=member, at=NOW)

    with pytest.raises(NotAllowed):
        restore(appointment_id=soon.pk, actor=member, at=NOW + SECOND)


def test_time_taken_meanwhile_stays_with_who_took_it(rynek: House, member: Actor) -> None:
    gone = cancelled(rynek, member)
    winner = book(make_patient(rynek.clinic, "Adam Nowy"), rynek.calendar, gone.starts_at, at=NOW + SECOND)

    with pytest.raises(Taken):
        restore(appointment_id=gone.pk, actor=member, at=NOW + 2 * SECOND)

    assert Appointment.objects.get(pk=gone.pk).status == Status.CANCELLED
    assert Appointment.objects.get(pk=winner.pk).status == Status.BOOKED
    assert deliveries(gone)["cancelled", "email"] == ("planned", "")


def test_cancelled_once_more_after_a_restore_is_told(rynek: House, member: Actor) -> None:
    gone = cancelled(rynek, member)
    restore(appointment_id=gone.pk, actor=member, at=NOW + SECOND)
    cancel(appointment_id=gone.pk, by=CancelledBy.PATIENT, actor=member, at=NOW + 2 * SECOND)

    send(NOW + 30 * SECOND)

    assert deliveries(gone)["cancelled", "email"] == ("sent", "")


def test_details_not_sent_yet_go_after_all(rynek: House, member: Actor) -> None:
    lonely = make_patient(rynek.clinic, "Jan Bezmaila", email="")
    visit = book(lonely, rynek.calendar, NOW + 12 * DAYS)
    cancel(appointment_id=visit.pk, by=CancelledBy.CLINIC, actor=member, at=NOW)
    assert deliveries(visit)["details", "sms"] == ("skipped", "cancelled_meanwhile")

    restore(appointment_id=visit.pk, actor=member, at=NOW + SECOND)
    send(NOW + SECOND)

    assert deliveries(visit)["details", "sms"] == ("sent", "no_email")


def test_what_the_patient_cancelled_stays_cancelled(rynek: House, member: Actor) -> None:
    gone = cancel(appointment_id=rynek.appointment.pk, by=CancelledBy.PATIENT, actor=PATIENT, at=NOW)

    with pytest.raises(NotAllowed):
        restore(appointment_id=gone.pk, version=gone.version, actor=member, at=NOW + SECOND)

    row = Appointment.objects.get(pk=gone.pk)
    assert (row.status, row.cancelled_by, row.sequence) == (Status.CANCELLED, "patient", 1)
    assert deliveries(row)["cancelled", "email"][0] == "planned"


def test_the_patients_cancellation_after_an_undo_stays(rynek: House, member: Actor) -> None:
    gone = cancelled(rynek, member, by=CancelledBy.PATIENT)
    restore(appointment_id=gone.pk, actor=member, at=NOW + SECOND)
    cancel(appointment_id=gone.pk, by=CancelledBy.PATIENT, actor=PATIENT, at=NOW + 2 * SECOND)

    with pytest.raises(NotAllowed):
        restore(appointment_id=gone.pk, actor=member, at=NOW + 3 * SECOND)
