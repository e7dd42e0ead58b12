"""Waves: what begins one, who is told and when, what ends it (P8, E4)."""

from datetime import UTC, datetime, timedelta

import pytest

from clinic.appointments import operations as appointments
from clinic.appointments.enums import CancelledBy
from clinic.appointments.occupancy import hold
from clinic.audit.operations import PATIENT, SYSTEM, user_actor
from clinic.calendars.absences import add_absence
from clinic.calendars.operations import create_service
from clinic.models import Appointment, AuditEntry, Calendar, Patient, Service
from clinic.people.merging import Pair, merge_patients
from messaging.models import Delivery, Message
from notifications.operations import set_appointment_switches, set_calendar_communication
from notifications.queries import switches_of_calendar
from reminders.offers.models import Freeing, SlotOffer
from reminders.offers.operations import NotYours
from reminders.offers.queries import Standing, find_offer, list_freed_late, standing_of
from tests.factories.house import DAYS, HOURS, MINUTES, NOW, House, book, make_calendar, make_patient
from tests.factories.offers import FIRST_LATER, GRACE, SLOT, give_up, later, sms_of, taken, told
from tests.factories.outbox import sweep


def communicate(house: House, *, at: datetime = NOW, **more: object) -> None:
    """Change what the calendar says of communication."""
    switches = more.pop("switches", switches_of_calendar(house.calendar))
    set_calendar_communication(
        calendar=house.calendar, switches=switches, self_service=True, plain_sms=True,  # type: ignore[arg-type]
        **{"quiet_from": None, "quiet_until": None, **more}, actor=SYSTEM, at=at,  # type: ignore[arg-type]
    )  # fmt: skip


# --- What begins one ------------------------------------------------------------------------------


def test_patients_cancellation_tells_who_comes_later_after_the_grace(rynek: House) -> None:
    first, second = later(rynek, 1), later(rynek, 2)

    freeing = give_up(rynek.appointment)

    assert (freeing.calendar, freeing.starts_at, freeing.ends_at, freeing.freed_at, freeing.depth) == (
        rynek.calendar, SLOT, SLOT + 30 * MINUTES, NOW, 1,
    )  # fmt: skip
    assert (freeing.ended, freeing.ended_at, freeing.before, freeing.taken_by) == ("", None, None, None)
    assert told(freeing) == [first.pk, second.pk]
    message = Message.objects.get(kind="offer", patient=first.patient)
    assert (message.appointment, message.reason, message.facts) == (
        first, "offer_slot", {"day": "2027-05-13", "time": "11:00"},
    )  # fmt: skip
    ways = Delivery.objects.filter(message=message)
    assert list(ways.values_list("channel", "state", "planned_at", "due_at")) == [
        ("sms", "planned", NOW + GRACE, NOW + GRACE)
    ]
    entry = AuditEntry.objects.get(action="slot.freed")
    assert (entry.actor_kind, entry.object_id) == ("patient", freeing.pk)


def test_staff_may_record_that_the_patient_cancelled(rynek: House) -> None:
    first = later(rynek)

    assert told(give_up(rynek.appointment, actor=user_actor(rynek.assistant))) == [first.pk]


def test_clinics_own_cancellation_begins_none(rynek: House) -> None:
    later(rynek)

    appointments.cancel(appointment_id=rynek.appointment.pk, by=CancelledBy.CLINIC, actor=SYSTEM, at=NOW)

    assert (Freeing.objects.count(), Message.objects.filter(kind="offer").count()) == (0, 0)


@pytest.mark.parametrize(
    ("at", "ended"),
    [
        pytest.param(datetime(2027, 5, 11, 21, 59, tzinfo=UTC), "", id="Tuesday's last minute in Warsaw"),
        pytest.param(datetime(2027, 5, 11, 22, 0, tzinfo=UTC), "late", id="Wednesday's first"),
    ],
)
def test_two_dates_ahead_or_staff_see_it_freed_late(
    at: datetime, ended: str, rynek: House, markt: House
) -> None:
    later(rynek)

    freeing = give_up(rynek.appointment, at=at)

    assert (freeing.ended, freeing.offers.count()) == (ended, 0 if ended else 1)
    assert list_freed_late(rynek.clinic, at=at) == ([freeing] if ended else [])
    assert list_freed_late(markt.clinic, at=at) == []


def test_freed_late_is_listed_once_and_only_while_it_is_free(rynek: House) -> None:
    at = SLOT - 5 * HOURS
    give_up(rynek.appointment, at=at)
    somebody = book(make_patient(rynek.clinic, "Ewa Druga"), rynek.calendar, SLOT, at=at)
    assert list_freed_late(rynek.clinic, at=at) == []

    give_up(somebody, at=at)

    assert len(list_freed_late(rynek.clinic, at=at)) == 1
    assert list_freed_late(rynek.clinic, at=SLOT) == []


def test_switched_off_for_the_calendar_begins_none(rynek: House) -> None:
    later(rynek)
    communicate(rynek, switches={"offer": False})

    freeing = give_up(rynek.appointment)

    assert (freeing.ended, freeing.ended_at, freeing.offers.count()) == ("off", NOW, 0)


def test_nobody_later_is_nobody(rynek: House) -> None:
    assert give_up(rynek.appointment).ended == "nobody"


def test_time_outside_the_hours_is_offered_to_nobody(rynek: House) -> None:
    later(rynek)
    odd = book(make_patient(rynek.clinic, "Ewa Druga"), rynek.calendar, SLOT + 8 * HOURS)

    assert give_up(odd).ended == "closed"


# --- Who is told ----------------------------------------------------------------------------------


def test_who_cannot_or_will_not_be_told_takes_nobodys_place(rynek: House, markt: House) -> None:
    """Eleven who are skipped, each for a reason of their own, and twelve who are left: the first ten."""
    skipped = {
        "phone": later(rynek, 1),
        "muted": later(rynek, 2),
        "cancelled": later(rynek, 3),
        "done": later(rynek, 4),
        "no-show": later(rynek, 5),
        "gone": later(rynek, 6),
    }
    Patient.objects.filter(pk=skipped["phone"].patient_id).update(phone="")
    set_appointment_switches(appointment=skipped["muted"], switches={"offer": False}, actor=SYSTEM, at=NOW)
    for status in ("cancelled", "done", "no_show"):
        pk = skipped[status.replace("_", "-")].pk
        Appointment.objects.filter(pk=pk).update(status=status)
    left = [later(rynek, number).pk for number in range(7, 19)]
    too_early = book(make_patient(rynek.clinic, "Ewa Wczesna"), rynek.calendar, SLOT + 1 * DAYS)
    other = make_calendar(rynek.clinic, "dr Inna")
    elsewhere = book(make_patient(rynek.clinic, "Ewa Inna"), other, FIRST_LATER + 3 * DAYS)

    former = Service.objects.create(calendar=rynek.calendar, name="Former", minutes=30, is_offered=False)
    Appointment.objects.filter(pk=skipped["gone"].pk).update(service=former)

    found = told(give_up(rynek.appointment))

    assert found == left[:10]
    assert not {too_early.pk, elsewhere.pk, markt.appointment.pk} & set(found)


def test_later_than_two_pages_of_appointments_are_found(
    rynek: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("reminders.offers.queries.PAGE", 3)
    skipped = [later(rynek, number) for number in range(1, 8)]
    Patient.objects.filter(pk__in=[one.patient_id for one in skipped]).exclude(
        pk=skipped[3].patient_id
    ).update(phone="")
    last = later(rynek, 8)
    Patient.objects.filter(pk__in=[one.patient_id for one in skipped[:2]]).update(phone="+48512345001")
    for one in skipped[:2]:
        set_appointment_switches(appointment=one, switches={"offer": False}, actor=SYSTEM, at=NOW)

    assert told(give_up(rynek.appointment)) == [skipped[3].pk, last.pk]


def test_patient_with_two_is_told_once_and_by_the_earliest_that_fits(rynek: House) -> None:
    long = later(rynek, 1)
    service = create_service(calendar=rynek.calendar, name="Long", minutes=60, actor=SYSTEM, at=NOW)
    card = long.patient
    Appointment.objects.filter(pk=long.pk).update(service=service, ends_at=long.starts_at + 60 * MINUTES)
    fits, latest = (book_half_hour(rynek, card, FIRST_LATER + days * DAYS) for days in (1, 2))

    assert told(give_up(rynek.appointment)) == [fits.pk]
    assert latest.pk != fits.pk


def book_half_hour(house: House, card: Patient, start: datetime) -> Appointment:
    return appointments.book(
        calendar=house.calendar, patient=card, service=house.service, starts_at=start, origin="staff",  # type: ignore[arg-type]
        actor=SYSTEM, at=NOW,
    )  # fmt: skip


def test_free_time_beside_it_does_not_make_it_longer(rynek: House) -> None:
    wide = later(rynek)
    Appointment.objects.filter(pk=wide.pk).update(ends_at=wide.starts_at + 31 * MINUTES)

    assert give_up(rynek.appointment).ended == "nobody"


def test_who_may_not_change_it_any_more_is_not_told(rynek: House) -> None:
    later(rynek)
    Calendar.objects.filter(pk=rynek.calendar.pk).update(change_until_hours=15 * 24)

    appointments.cancel(appointment_id=rynek.appointment.pk, by=CancelledBy.PATIENT, actor=SYSTEM, at=NOW)

    assert Freeing.objects.get().ended == "nobody"


def test_nobody_is_offered_what_they_gave_up_ever(rynek: House) -> None:
    other = book(rynek.patient, rynek.calendar, FIRST_LATER)
    assert give_up(rynek.appointment).ended == "nobody"
    somebody = book(make_patient(rynek.clinic, "Ewa Druga"), rynek.calendar, SLOT)

    assert give_up(somebody).ended == "nobody"
    moved = book(make_patient(rynek.clinic, "Adam Trzeci"), rynek.calendar, SLOT)
    appointments.move(appointment_id=moved.pk, starts_at=FIRST_LATER + 1 * HOURS, actor=PATIENT, at=NOW)
    again = book(make_patient(rynek.clinic, "Olga Czwarta"), rynek.calendar, SLOT)

    assert give_up(again).ended == "nobody"
    assert other.pk


def test_move_begins_none_but_is_kept_in_mind(rynek: House) -> None:
    later(rynek)

    appointments.move(appointment_id=rynek.appointment.pk, starts_at=SLOT + 1 * HOURS, actor=PATIENT, at=NOW)

    freeing = Freeing.objects.get()
    assert (freeing.ended, freeing.starts_at, freeing.offers.count()) == ("by_move", SLOT, 0)


def test_staffs_move_frees_nothing(rynek: House) -> None:
    later(rynek)

    appointments.move(appointment_id=rynek.appointment.pk, starts_at=SLOT + 1 * HOURS, actor=SYSTEM, at=NOW)

    assert not Freeing.objects.exists()


# --- Before and while it is sent ------------------------------------------------------------------


def test_sms_leaves_after_the_grace_and_not_before(rynek: House) -> None:
    later(rynek)
    offer = give_up(rynek.appointment).offers.get()

    sweep(NOW + GRACE - timedelta(seconds=1), "sms")
    assert sms_of(offer).state == "planned"
    sweep(NOW + GRACE, "sms")

    row = sms_of(offer)
    assert (row.state, row.sent_at) == ("sent", NOW + GRACE)
    text = row.sent_text.text
    assert text.startswith("Gabinety Rynek: an earlier time is free: 13 May 2027, 11:00.")
    assert "/o/" in text
    for secret in ("Wilczek", "Consultation", "Nowak"):
        assert secret not in text
    assert not Delivery.objects.filter(message__kind="offer").exclude(channel="sms").exists()


def test_cancellation_taken_back_tells_nobody(rynek: House) -> None:
    later(rynek)
    freeing = give_up(rynek.appointment, actor=user_actor(rynek.assistant))

    appointments.restore(
        appointment_id=rynek.appointment.pk, actor=user_actor(rynek.assistant), at=NOW + timedelta(seconds=9)
    )
    sweep(NOW + GRACE, "sms")

    freeing.refresh_from_db()
    assert freeing.ended == "taken_back"
    row = sms_of(freeing.offers.get())
    assert (row.state, row.reason) == ("skipped", "offer_taken_back")


def test_what_was_taken_back_was_not_given_up(rynek: House) -> None:
    """It was too late to be offered; taken back, it stands on no list and hinders nobody."""
    desk = user_actor(rynek.assistant)
    give_up(rynek.appointment, actor=desk)
    appointments.restore(appointment_id=rynek.appointment.pk, actor=desk, at=NOW + timedelta(seconds=9))

    assert Freeing.objects.get().ended == "taken_back"


@pytest.mark.parametrize(
    ("how", "reason"),
    [
        ("booked", "offer_booked"),
        ("part", "offer_booked"),
        ("absent", "offer_closed"),
        ("cut_off", "offer_cut_off"),
        ("cancelled", "cancelled_meanwhile"),
        ("moved", "moved_meanwhile"),
        ("muted", "off_for_appointment"),
        ("off", "off_for_calendar"),
        ("phone", "no_phone"),
        ("fixed", "not_changeable"),
        ("service", "service_gone"),
        ("card", "other_card"),
        ("ended", "offer_taken"),
        ("erased", "offer_closed"),
    ],
)
def test_claim_looks_at_the_world_again(how: str, reason: str, rynek: House) -> None:
    mine = later(rynek)
    offer = give_up(rynek.appointment).offers.get()
    at = NOW + GRACE
    if how in {"booked", "part"}:
        book(make_patient(rynek.clinic, "Ewa Druga"), rynek.calendar, SLOT + (how == "part") * 10 * MINUTES)
    elif how == "absent":
        practitioner = rynek.calendar.practitioner
        add_absence(practitioner=practitioner, starts_at=SLOT, ends_at=SLOT + HOURS, actor=SYSTEM, at=NOW)
    elif how == "cut_off":
        Calendar.objects.filter(pk=rynek.calendar.pk).update(online_notice_hours=11 * 24)
    elif how == "cancelled":
        appointments.cancel(appointment_id=mine.pk, by=CancelledBy.CLINIC, actor=SYSTEM, at=NOW)
    elif how == "moved":
        appointments.move(appointment_id=mine.pk, starts_at=SLOT + 1 * DAYS, actor=SYSTEM, at=NOW)
    elif how == "muted":
        set_appointment_switches(appointment=mine, switches={"offer": False}, actor=SYSTEM, at=NOW)
    elif how == "off":
        communicate(rynek, switches={"offer": False})
    elif how == "phone":
        Patient.objects.filter(pk=mine.patient_id).update(phone="")
    elif how == "fixed":
        Calendar.objects.filter(pk=rynek.calendar.pk).update(change_until_hours=15 * 24)
    elif how == "card":
        other = make_patient(rynek.clinic, "Ewa Druga", phone_number="+48 512 345 888")
        Appointment.objects.filter(pk=mine.pk).update(patient=other)
    elif how == "ended":
        # By somebody whose own transaction did not see this row.
        Freeing.objects.filter(pk=offer.freeing_id).update(ended="taken", ended_at=NOW)
    elif how == "erased":
        SlotOffer.objects.filter(pk=offer.pk).delete()
    else:
        Service.objects.filter(pk=rynek.service.pk).update(is_offered=False)

    sweep(at, "sms")

    row = sms_of(offer)
    assert (row.state, row.reason) == ("skipped", reason)


@pytest.mark.parametrize(
    ("error", "standing"),
    [(appointments.Taken, Standing.TAKEN), (appointments.NotAllowed, Standing.CALL)],
    ids=["taken", "not-allowed"],
)
def test_who_is_overtaken_while_taking_keeps_what_they_had(
    error: type[Exception], standing: Standing, rynek: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine = later(rynek)
    offer = give_up(rynek.appointment).offers.get()

    def overtaken(**_move: object) -> None:
        raise error

    monkeypatch.setattr(appointments, "move", overtaken)
    with pytest.raises(NotYours) as refused:
        taken(offer.pk, at=NOW + GRACE)

    assert refused.value.standing is standing
    assert Appointment.objects.get(pk=mine.pk).starts_at == mine.starts_at


def test_time_that_somebody_is_looking_at_is_offered_a_minute_later(rynek: House) -> None:
    later(rynek)
    offer = give_up(rynek.appointment).offers.get()
    hold(
        calendar_id=rynek.calendar.pk, key="somebody", start=SLOT, end=SLOT + 30 * MINUTES,
        expires_at=NOW + 1 * MINUTES, at=NOW,
    )  # fmt: skip

    sweep(NOW + GRACE, "sms")
    assert (sms_of(offer).state, sms_of(offer).due_at) == ("planned", NOW + GRACE + 1 * MINUTES)
    sweep(NOW + GRACE + 1 * MINUTES, "sms")

    assert sms_of(offer).state == "sent"


def test_taken_between_two_messages_stops_the_rest(rynek: House) -> None:
    for number in range(1, 6):
        later(rynek, number)
    freeing = give_up(rynek.appointment)
    offers = list(freeing.offers.order_by("pk"))
    Delivery.objects.filter(message__cause=f"offer:{offers[4].pk}").update(due_at=NOW + 2 * MINUTES)
    sweep(NOW + GRACE, "sms")

    taken(offers[1].pk, at=NOW + 1 * MINUTES)
    sweep(NOW + 2 * MINUTES, "sms")

    states = [(sms_of(one).state, sms_of(one).reason) for one in offers]
    assert states == [
        ("sent", ""), ("read", ""), ("sent", ""), ("sent", ""), ("skipped", "offer_taken"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("at", "quiet", "due"),
    [
        pytest.param("2027-05-03T23:00", ("22:00", "07:00"), "2027-05-04T07:00", id="until the morning"),
        # The freed time is at 11:00 on the 13th: the end of the window must not be later than 9:00 that day.
        pytest.param("2027-05-11T23:30", ("22:00", "09:00"), "2027-05-12T09:00", id="in time"),
        pytest.param("2027-05-03T12:00", ("22:00", "07:00"), "2027-05-03T12:00", id="by day"),
    ],
)
def test_quiet_hours_hold_it(at: str, quiet: tuple[str, str], due: str, rynek: House) -> None:
    zone = rynek.calendar.zone
    instant = datetime.fromisoformat(at).replace(tzinfo=zone).astimezone(UTC)
    begins, ends = (datetime.fromisoformat(f"2027-05-03T{text}").time() for text in quiet)
    communicate(rynek, quiet_from=begins, quiet_until=ends)
    later(rynek)

    row = sms_of(give_up(rynek.appointment, at=instant).offers.get())

    expected = datetime.fromisoformat(due).replace(tzinfo=zone).astimezone(UTC)
    grace = GRACE if expected == instant else timedelta(0)
    assert (row.planned_at, row.due_at) == (instant + GRACE, expected + grace)


# --- What ends it ---------------------------------------------------------------------------------


def test_ordinary_booking_closes_the_offers_at_once(rynek: House) -> None:
    later(rynek)
    freeing = give_up(rynek.appointment)
    offer = freeing.offers.get()

    other = book(make_patient(rynek.clinic, "Ewa Druga"), rynek.calendar, SLOT)

    freeing.refresh_from_db()
    assert (freeing.ended, freeing.ended_at, freeing.taken_by) == ("booked", NOW, other)
    assert (sms_of(offer).state, sms_of(offer).reason) == ("skipped", "offer_booked")
    with pytest.raises(NotYours) as refused:
        taken(offer.pk, at=NOW)
    assert refused.value.standing is Standing.TAKEN


def test_other_time_booked_leaves_them_open(rynek: House) -> None:
    later(rynek)
    freeing = give_up(rynek.appointment)

    book(make_patient(rynek.clinic, "Ewa Druga"), rynek.calendar, SLOT + 30 * MINUTES)
    book(make_patient(rynek.clinic, "Ewa Trzecia"), rynek.calendar, SLOT - 30 * MINUTES)

    freeing.refresh_from_db()
    assert freeing.ended == ""


def test_absence_closes_them_and_its_end_opens_none(rynek: House) -> None:
    later(rynek)
    freeing = give_up(rynek.appointment)

    add_absence(
        practitioner=rynek.calendar.practitioner, starts_at=SLOT + 10 * MINUTES, ends_at=SLOT + HOURS,
        actor=SYSTEM, at=NOW,
    )  # fmt: skip

    freeing.refresh_from_db()
    assert (freeing.ended, freeing.ended_at) == ("closed", NOW)


def test_absence_elsewhere_leaves_them_open(rynek: House) -> None:
    later(rynek)
    freeing = give_up(rynek.appointment)

    add_absence(
        practitioner=rynek.calendar.practitioner, starts_at=SLOT + 1 * DAYS, ends_at=SLOT + 2 * DAYS,
        actor=SYSTEM, at=NOW,
    )  # fmt: skip

    freeing.refresh_from_db()
    assert freeing.ended == ""


# --- Taking it ------------------------------------------------------------------------------------


def test_winner_is_moved_told_and_gets_no_second_reminder(rynek: House) -> None:
    mine = later(rynek)
    offer = give_up(rynek.appointment).offers.get()
    at = SLOT - 30 * HOURS

    taken(offer.pk, at=at)

    mine.refresh_from_db()
    assert (mine.starts_at, mine.set_at, mine.sequence) == (SLOT, at, 1)
    reminder = Message.objects.get(appointment=mine, kind="reminder", version=1)
    assert (reminder.is_left_out, reminder.reason) == (True, "lead_too_short")
    moved = Message.objects.get(appointment=mine, kind="moved")
    assert moved.reason == "moved_by_patient"
    assert list(moved.deliveries.values_list("channel", flat=True)) == ["email"]
    freeing = Freeing.objects.get(pk=offer.freeing_id)
    assert (freeing.ended, freeing.ended_at, freeing.taken_by) == ("taken", at, mine)
    left = Freeing.objects.get(appointment=mine)
    assert (left.ended, left.starts_at, left.before) == ("chain_off", offer.was_at, None)


def test_second_take_of_the_same_changes_nothing_and_is_no_refusal(rynek: House) -> None:
    mine = later(rynek)
    offer = give_up(rynek.appointment).offers.get()
    taken(offer.pk, at=NOW)

    taken(offer.pk, at=NOW)

    mine.refresh_from_db()
    assert (mine.starts_at, mine.sequence) == (SLOT, 1)


def test_loser_keeps_what_they_had(rynek: House) -> None:
    first, second = later(rynek, 1), later(rynek, 2)
    offers = list(give_up(rynek.appointment).offers.order_by("pk"))
    taken(offers[0].pk, at=NOW)

    with pytest.raises(NotYours) as refused:
        taken(offers[1].pk, at=NOW)

    assert refused.value.standing is Standing.TAKEN
    before = second.starts_at
    second.refresh_from_db()
    assert (second.starts_at, second.sequence, second.status) == (before, 0, "booked")
    assert first.pk


@pytest.mark.parametrize(
    ("how", "standing"),
    [
        ("cancelled", Standing.NO_LATER),
        ("over", Standing.NO_LATER),
        ("earlier", Standing.EARLIER),
        ("longer", Standing.EARLIER),
        ("elsewhere", Standing.EARLIER),
        ("cut_off", Standing.GONE),
        ("closed", Standing.GONE),
        ("fixed", Standing.CALL),
        ("held", Standing.TAKEN),
    ],
)
def test_offer_follows_what_became_of_the_appointment(how: str, standing: Standing, rynek: House) -> None:
    mine = later(rynek)
    offer = give_up(rynek.appointment).offers.get()
    at = NOW
    if how == "cancelled":
        appointments.cancel(appointment_id=mine.pk, by=CancelledBy.PATIENT, actor=PATIENT, at=NOW)
    elif how == "over":
        at = mine.starts_at
    elif how == "earlier":
        appointments.move(appointment_id=mine.pk, starts_at=SLOT - 1 * DAYS, actor=PATIENT, at=NOW)
    elif how == "longer":
        appointments.move(appointment_id=mine.pk, starts_at=mine.starts_at, minutes=45, actor=SYSTEM, at=NOW)
    elif how == "elsewhere":
        target = make_calendar(rynek.clinic, "dr Inna")
        appointments.move(
            appointment_id=mine.pk, starts_at=mine.starts_at, calendar=target, actor=SYSTEM, at=NOW
        )
    elif how == "cut_off":
        at = SLOT - 2 * HOURS + timedelta(seconds=1)
    elif how == "closed":
        add_absence(
            practitioner=rynek.calendar.practitioner,
            starts_at=SLOT,
            ends_at=SLOT + HOURS,
            actor=SYSTEM,
            at=NOW,
        )
    elif how == "fixed":
        Calendar.objects.filter(pk=rynek.calendar.pk).update(change_until_hours=15 * 24)
    else:
        hold(
            calendar_id=rynek.calendar.pk, key="somebody", start=SLOT, end=SLOT + 30 * MINUTES,
            expires_at=NOW + 10 * MINUTES, at=NOW,
        )  # fmt: skip
    mine.refresh_from_db()
    before = mine.starts_at, mine.sequence

    with pytest.raises(NotYours) as refused:
        taken(offer.pk, at=at)

    assert refused.value.standing is standing
    mine.refresh_from_db()
    assert (mine.starts_at, mine.sequence) == before


def test_last_instant_of_the_cut_off_counts(rynek: House) -> None:
    mine = later(rynek)
    offer = give_up(rynek.appointment).offers.get()

    taken(offer.pk, at=SLOT - 2 * HOURS)

    mine.refresh_from_db()
    assert mine.starts_at == SLOT


def test_two_offers_of_one_patient(rynek: House) -> None:
    """Taking the earlier voids the one that is no longer two days earlier; taking the later keeps it (E4.11)."""
    other = book(make_patient(rynek.clinic, "Ewa Druga"), rynek.calendar, SLOT + 1 * DAYS)
    mine = later(rynek, start=FIRST_LATER + 2 * DAYS)
    thursday, friday = give_up(rynek.appointment), give_up(other)
    assert told(thursday) == told(friday) == [mine.pk]

    taken(friday.offers.get().pk, at=NOW)
    with pytest.raises(NotYours) as refused:
        taken(thursday.offers.get().pk, at=NOW)

    assert refused.value.standing is Standing.EARLIER


# --- Again, and in a chain ------------------------------------------------------------------------


def test_time_freed_again_is_a_new_event_with_former_losers(rynek: House) -> None:
    first, second = later(rynek, 1), later(rynek, 2)
    freeing = give_up(rynek.appointment)
    taken(freeing.offers.get(appointment=first).pk, at=NOW)
    first.refresh_from_db()

    again = give_up(first, at=NOW + HOURS)

    assert again.pk != freeing.pk
    assert (again.starts_at, again.depth, again.before) == (SLOT, 1, None)
    assert told(again) == [second.pk]
    old = find_offer(freeing.offers.get(appointment=second).pk)
    assert old is not None
    assert standing_of(old, at=NOW + HOURS) is Standing.TAKEN
    taken(again.offers.get().pk, at=NOW + HOURS)
    second.refresh_from_db()
    assert second.starts_at == SLOT


def test_winner_who_moves_away_frees_it_again(rynek: House) -> None:
    first, second = later(rynek, 1), later(rynek, 2)
    freeing = give_up(rynek.appointment)
    taken(freeing.offers.get(appointment=first).pk, at=NOW)

    appointments.move(appointment_id=first.pk, starts_at=SLOT + 1 * HOURS, actor=PATIENT, at=NOW)

    again = Freeing.objects.get(starts_at=SLOT, appointment=first)
    assert (again.ended, told(again)) == ("", [second.pk])


def test_chain_tells_who_was_not_told_within_a_day(rynek: House) -> None:
    communicate(rynek, chain_offers=True)
    week = [later(rynek, n, start=FIRST_LATER + n * 7 * DAYS) for n in range(1, 6)]
    days = [NOW + n * timedelta(hours=25) for n in range(4)]
    freeing = give_up(rynek.appointment, at=days[0])
    depths = [freeing.depth]
    for one, at in zip(week, days[1:], strict=False):
        taken(freeing.offers.get(appointment=one).pk, at=at)
        freeing = Freeing.objects.get(appointment=one)
        depths.append(freeing.depth)
        if freeing.ended:
            break

    assert depths == [1, 2, 3, 1]
    assert (freeing.ended, freeing.before, freeing.offers.count()) == ("chain_end", None, 0)
    assert SlotOffer.objects.count() == 5 + 4 + 3


@pytest.mark.parametrize(("hours", "count"), [(24, 1), (23, 0)])
def test_within_a_chain_once_in_24_hours(hours: int, count: int, rynek: House) -> None:
    communicate(rynek, chain_offers=True)
    first, second = (later(rynek, n, start=FIRST_LATER + n * 7 * DAYS) for n in (1, 2))
    freeing = give_up(rynek.appointment)

    taken(freeing.offers.get(appointment=first).pk, at=NOW + hours * HOURS)

    left = Freeing.objects.get(appointment=first)
    assert (left.before, left.depth) == (freeing, 2)
    assert told(left) == [second.pk] * count


def test_cards_of_one_person_put_together_keep_both_offers(rynek: House) -> None:
    first, second = later(rynek, 1), later(rynek, 2)
    give_up(rynek.appointment)

    merge_patients(
        pair=Pair(first.patient_id, second.patient_id, 1, 1), taken={}, clinic_id=rynek.clinic.pk,
        actor=user_actor(rynek.admin), at=NOW,
    )  # fmt: skip
    sweep(NOW + GRACE, "sms")

    assert {row.message.patient_id for row in Delivery.objects.filter(message__kind="offer")} == {
        first.patient_id
    }
