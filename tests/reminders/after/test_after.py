"""What follows an appointment: planned with the booking, judged again in the claim (P7, P9, P16; E3)."""

from datetime import UTC, datetime, time, timedelta
from typing import Any

import pytest
from django.test import Client

from clinic.appointments import operations
from clinic.appointments.enums import CancelledBy, Origin, Status
from clinic.audit.operations import PATIENT, SYSTEM, user_actor
from clinic.directory.reviews import write_review
from clinic.models import Appointment, Calendar, Patient
from clinic.people.merging import Pair, merge_patients
from messaging.links import revoke, token_of
from messaging.models import Delivery, Message, PersonalLink, SentText
from messaging.registry import Skip
from notifications.enums import ToldBy
from notifications.invitations import opt_in, opt_out
from notifications.operations import set_appointment_switches, set_calendar_communication
from reminders.after.operations import follow_patient
from reminders.after.voice import speak
from tests.factories.house import DAYS, HOURS, MINUTES, NOW, House, book, make_calendar, make_patient
from tests.factories.outbox import provider, sweep
from tests.fakes.lines import Provider

__all__ = ["provider"]

# Thursday 13 May 2027, 11:00 to 11:30 in Warsaw.
START = NOW + 10 * DAYS + 2 * HOURS
END = START + 30 * MINUTES
REVIEW_AT, NEXT_AT, NEXT_UNTIL = END + 2 * HOURS, END + 20 * HOURS, END + 24 * HOURS
SECOND = timedelta(seconds=1)


@pytest.fixture
def opened(rynek: House) -> House:
    """Rynek with a public profile and times to book online."""
    open_to_all(rynek.calendar)
    return rynek


def open_to_all(calendar: Calendar) -> None:
    Calendar.objects.filter(pk=calendar.pk).update(books_online=True, online_horizon_days=60)
    type(calendar.practitioner).objects.filter(pk=calendar.practitioner_id).update(is_listed=True)
    calendar.services.update(is_online=True)


def said(appointment: Appointment, kind: str, *, version: int = 0) -> list[tuple[Any, ...]]:
    """Return (channel, state, planned, due, reason) of each way; one that a rule left out: (None, reason)."""
    message = Message.objects.get(cause=f"after:{appointment.pk}", kind=kind, version=version)
    if message.is_left_out:
        return [(None, message.reason)]
    ways = message.deliveries.order_by("channel")
    return list(ways.values_list("channel", "state", "planned_at", "due_at", "reason"))


def outcome(appointment: Appointment, kind: str, *, version: int = 0) -> set[tuple[str, str]]:
    rows = Delivery.objects.filter(message__cause=f"after:{appointment.pk}", message__kind=kind)
    return set(rows.filter(message__version=version).values_list("state", "reason"))


SENT = {("sent", ""), ("sent", "instead_of_push")}


def skipped(why: str) -> set[tuple[str, str]]:
    return {("skipped", why)}


def mark(appointment: Appointment, status: Status, at: datetime) -> None:
    operations.mark(appointment_id=appointment.pk, status=status, actor=SYSTEM, at=at)


def switch(
    calendar: Calendar, *, at: datetime = NOW, quiet: Any = (time(22), time(7)), **kinds: bool
) -> None:
    set_calendar_communication(
        calendar=calendar, switches=kinds, self_service=True, plain_sms=True, quiet_from=quiet and quiet[0],
        quiet_until=quiet and quiet[1], actor=SYSTEM, at=at,
    )  # fmt: skip


# --- Planned with the booking -----------------------------------------------------------------------


def test_both_are_planned_by_e_mail_and_by_sms_in_place_of_push(rynek: House) -> None:
    for kind, at in (("review", REVIEW_AT), ("next_appointment", NEXT_AT)):
        assert said(rynek.appointment, kind) == [
            ("email", "planned", at, at, ""), ("sms", "planned", at, at, "instead_of_push"),
        ]  # fmt: skip
    message = Message.objects.get(cause=f"after:{rynek.appointment.pk}", kind="next_appointment")
    assert (message.reason, message.valid_until) == ("20h_after_end", NEXT_UNTIL)


def test_an_sms_held_too_long_is_left_out(rynek: House) -> None:
    night = book(rynek.patient, rynek.calendar, datetime(2027, 5, 14, 1, tzinfo=UTC))

    at = night.ends_at + 20 * HOURS
    assert said(night, "next_appointment") == [
        ("email", "planned", at, at, ""), ("sms", "skipped", at, None, "too_late"),
    ]  # fmt: skip


def test_nobody_is_told_of_imported_ones(rynek: House) -> None:
    visit = book(rynek.patient, rynek.calendar, START + HOURS, told=False)

    switch(rynek.calendar, review=True, quiet=None)

    assert said(visit, "review") == said(visit, "next_appointment") == [(None, "imported")]


def test_who_cannot_be_reached_and_who_has_not_agreed(rynek: House, markt: House) -> None:
    nobody = book(
        make_patient(rynek.clinic, "Jan Kos", email="", phone_number=""), rynek.calendar, START + HOURS
    )

    assert said(nobody, "review") == [(None, "no_contact")]
    assert said(markt.appointment, "review") == [(None, "no_consent")]


def test_consent_given_later_plans_and_a_refusal_drops(markt: House) -> None:
    visit = markt.appointment
    opt_in(patient=markt.patient, kind="review", told_by=ToldBy.STAFF, actor=SYSTEM, at=NOW + HOURS)
    follow_patient(markt.patient, at=NOW + HOURS)
    assert [row[:2] for row in said(visit, "review")] == [("email", "planned"), ("sms", "planned")]
    assert said(visit, "next_appointment") == [(None, "no_consent")]

    opt_out(patient=markt.patient, kind="review", told_by=ToldBy.LINK, actor=PATIENT, at=NOW + 2 * HOURS)
    follow_patient(markt.patient, at=NOW + 2 * HOURS)

    assert said(visit, "review") == [(None, "opted_out")]


# --- What happens to the appointment ----------------------------------------------------------------


def test_moved_is_planned_from_the_new_end(rynek: House) -> None:
    operations.move(
        appointment_id=rynek.appointment.pk, starts_at=START + DAYS, minutes=60, actor=SYSTEM, at=NOW + HOURS
    )

    assert outcome(rynek.appointment, "review") == skipped("moved_meanwhile")
    at = START + DAYS + 3 * HOURS
    assert said(rynek.appointment, "review", version=1) == [
        ("email", "planned", at, at, ""), ("sms", "planned", at, at, "instead_of_push"),
    ]  # fmt: skip


def test_who_caused_too_many_sms_causes_none_by_moving(rynek: House) -> None:
    """Capped when it was booked online, an SMS is not back with each move (A4)."""
    visit = book(rynek.patient, rynek.calendar, START + HOURS, extra={"online": {"may_send_sms": False}})
    for version, start in enumerate((START + 2 * HOURS, START + 3 * HOURS), start=1):
        assert ("skipped", "sms_capped") in outcome(visit, "review", version=version - 1)

        operations.move(appointment_id=visit.pk, starts_at=start, actor=PATIENT, at=NOW)

        assert outcome(visit, "next_appointment", version=version) == {
            ("planned", ""), ("skipped", "sms_capped"),
        }  # fmt: skip


def test_cancelled_drops_and_taken_back_plans_as_it_was(rynek: House) -> None:
    before = said(rynek.appointment, "review")
    actor = user_actor(rynek.assistant)
    operations.cancel(appointment_id=rynek.appointment.pk, by=CancelledBy.CLINIC, actor=actor, at=NOW)
    assert outcome(rynek.appointment, "review") == skipped("cancelled_meanwhile")

    operations.restore(appointment_id=rynek.appointment.pk, actor=actor, at=NOW + 5 * SECOND)

    assert said(rynek.appointment, "review") == before


def test_a_no_show_at_one_hour_59_gets_none_and_the_mark_taken_back_brings_it(opened: House) -> None:
    visit = opened.appointment
    mark(visit, Status.NO_SHOW, END + 119 * MINUTES)
    assert outcome(visit, "review") == outcome(visit, "next_appointment") == skipped("no_show")

    mark(visit, Status.DONE, END + 119 * MINUTES + SECOND)

    assert [row[1] for row in said(visit, "review")] == ["planned", "planned"]


def test_a_mark_taken_back_after_its_time_sends_nothing(opened: House, provider: Provider) -> None:
    mark(opened.appointment, Status.NO_SHOW, END)
    mark(opened.appointment, Status.BOOKED, REVIEW_AT)

    sweep(REVIEW_AT)

    assert outcome(opened.appointment, "review") == skipped("no_show")


def test_off_and_on_again_and_each_by_itself(rynek: House) -> None:
    switch(rynek.calendar, review=False, at=NOW + HOURS)
    assert said(rynek.appointment, "review") == [(None, "off_for_calendar")]
    assert [row[1] for row in said(rynek.appointment, "next_appointment")] == ["planned", "planned"]

    switch(rynek.calendar, review=True, at=NOW + 2 * HOURS)

    assert [row[1] for row in said(rynek.appointment, "review")] == ["planned", "planned"]


def test_no_switch_mutes_the_request_of_those_booked_online(rynek: House) -> None:
    visit = book(rynek.patient, rynek.calendar, START + HOURS, origin=Origin.PATIENT, actor=PATIENT)
    set_appointment_switches(appointment=visit, switches={"review": False}, actor=SYSTEM, at=NOW)
    switch(rynek.calendar, review=False, next_appointment=False)

    assert [row[1] for row in said(visit, "review")] == ["planned", "planned"]
    assert said(visit, "next_appointment") == [(None, "off_for_calendar")]
    assert said(rynek.appointment, "review") == [(None, "off_for_calendar")]


def test_changed_quiet_hours_move_a_held_sms(rynek: House) -> None:
    late = book(rynek.patient, rynek.calendar, datetime(2027, 5, 14, 18, tzinfo=UTC))
    held = datetime(2027, 5, 15, 5, tzinfo=UTC)
    assert said(late, "review")[1][3] == held

    switch(rynek.calendar, quiet=(time(22), time(8)), at=late.ends_at + 3 * HOURS)

    assert said(late, "review")[1][3] == held + HOURS


def test_merged_cards_keep_one_of_each(rynek: House) -> None:
    gone = make_patient(rynek.clinic, "Zofia Pawłowska", email="zofia2@patients.example")
    visit = book(gone, rynek.calendar, START + HOURS)
    kept = Patient.objects.get(pk=rynek.patient.pk)
    pair = Pair(kept.pk, gone.pk, kept.version, gone.version)

    merge_patients(pair=pair, taken={}, clinic_id=rynek.clinic.pk, actor=SYSTEM, at=NOW)

    rows = Message.objects.filter(cause=f"after:{visit.pk}")
    assert set(rows.values_list("kind", "patient")) == {("review", kept.pk), ("next_appointment", kept.pk)}
    assert rows.count() == 2


# --- In the claim -----------------------------------------------------------------------------------


def test_an_unmarked_visit_counts_as_held_and_both_go(opened: House, provider: Provider) -> None:
    sweep(REVIEW_AT - SECOND)
    assert outcome(opened.appointment, "review") == {("planned", ""), ("planned", "instead_of_push")}

    sweep(REVIEW_AT)
    sweep(NEXT_AT)

    assert outcome(opened.appointment, "review") == outcome(opened.appointment, "next_appointment") == SENT
    texts = {
        (row.delivery.message.kind, row.delivery.channel): row
        for row in SentText.objects.select_related("delivery__message")
    }
    practitioner = "Wilczek"
    assert texts["review", "email"].subject == "Gabinety Rynek: how was your appointment?"
    assert practitioner in texts["review", "email"].text
    assert practitioner not in texts["review", "sms"].text
    assert texts["review", "sms"].text.startswith("Gabinety Rynek: how was your appointment? Your review")
    assert texts["next_appointment", "email"].subject == "Gabinety Rynek: your next appointment"
    link = PersonalLink.objects.get(purpose="next")
    assert link.object_id == opened.appointment.pk
    # The address of the booking page names the practitioner: an SMS leads there by a link of its own (K29).
    assert "wilczek" not in texts["next_appointment", "sms"].text.casefold()
    gone_on = Client().get(f"/n/{token_of(link)}/")
    assert (gone_on.status_code, gone_on["Location"]) == (302, "/p/dr-tomasz-wilczek/book/?language=en")
    assert Client().get(f"/n/{token_of(link)[:-1]}~/").status_code == 404
    revoke(link, at=NEXT_AT)
    assert Client().get(f"/n/{token_of(link)}/").status_code == 410
    assert PersonalLink.objects.get(purpose="review").object_id == opened.appointment.pk


@pytest.mark.parametrize(("late", "goes"), [(timedelta(0), True), (SECOND, False)])
def test_next_appointment_never_later_than_24_hours(
    late: timedelta, goes: bool, opened: House, provider: Provider
) -> None:
    sweep(NEXT_UNTIL + late)

    assert outcome(opened.appointment, "next_appointment") == (SENT if goes else skipped("too_late"))
    assert outcome(opened.appointment, "review") == SENT


def test_a_review_a_week_late_is_of_no_use(opened: House, provider: Provider) -> None:
    sweep(END + 7 * DAYS + SECOND)

    assert outcome(opened.appointment, "review") == skipped("too_late")


def test_no_profile_and_nothing_to_book(rynek: House, provider: Provider) -> None:
    sweep(NEXT_AT)

    assert outcome(rynek.appointment, "review") == skipped("not_listed")
    assert outcome(rynek.appointment, "next_appointment") == skipped("nothing_to_offer")


def test_online_but_without_a_service_or_a_free_time(opened: House, provider: Provider) -> None:
    other = make_calendar(opened.clinic, "dr Alicja Lis")
    open_to_all(other)
    other.services.update(is_online=False)
    visit = book(opened.patient, other, START)
    Calendar.objects.filter(pk=opened.calendar.pk).update(online_notice_hours=24, online_horizon_days=0)

    sweep(NEXT_AT)

    assert outcome(visit, "next_appointment") == skipped("nothing_to_offer")
    assert outcome(opened.appointment, "next_appointment") == skipped("nothing_to_offer")


def test_whoever_wrote_already_is_not_asked(opened: House, provider: Provider) -> None:
    write_review(appointment_id=opened.appointment.pk, stars=5, text="", actor=PATIENT, at=END)

    sweep(REVIEW_AT)

    assert outcome(opened.appointment, "review") == skipped("reviewed")


@pytest.mark.parametrize("is_cancelled", [False, True])
def test_another_appointment_with_the_practitioner_in_any_calendar(
    is_cancelled: bool, opened: House, provider: Provider
) -> None:
    other = make_calendar(opened.clinic, "dr Alicja Lis")
    Calendar.objects.filter(pk=other.pk).update(practitioner=opened.calendar.practitioner)
    other.refresh_from_db()
    coming = book(opened.patient, other, START + 20 * DAYS)
    if is_cancelled:
        operations.cancel(appointment_id=coming.pk, by=CancelledBy.PATIENT, actor=PATIENT, at=NOW)

    sweep(NEXT_AT)

    expected = SENT if is_cancelled else skipped("booked_again")
    assert outcome(opened.appointment, "next_appointment") == expected


def test_with_somebody_else_does_not_count(opened: House, provider: Provider) -> None:
    book(opened.patient, make_calendar(opened.clinic, "dr Alicja Lis"), START + 20 * DAYS)
    book(make_patient(opened.clinic, "Jan Kos"), opened.calendar, START + 20 * DAYS)

    sweep(NEXT_AT)

    assert outcome(opened.appointment, "next_appointment") == SENT


def test_two_on_a_day_bring_one_request_after_the_last(opened: House, provider: Provider) -> None:
    last = book(opened.patient, opened.calendar, START + 4 * HOURS)

    for at in (REVIEW_AT, REVIEW_AT + 4 * HOURS, NEXT_AT, NEXT_AT + 4 * HOURS):
        sweep(at)

    assert outcome(opened.appointment, "review") == skipped("later_same_day")
    assert outcome(opened.appointment, "next_appointment") == skipped("came_again")
    assert outcome(last, "review") == outcome(last, "next_appointment") == SENT


@pytest.mark.parametrize(
    ("days", "origin", "goes"), [(29, "staff", False), (30, "staff", True), (1, "patient", True)]
)
def test_once_in_thirty_days_unless_booked_online(
    days: int, origin: str, goes: bool, opened: House, provider: Provider
) -> None:
    again = book(opened.patient, opened.calendar, START + days * DAYS, origin=origin)
    sweep(REVIEW_AT)

    sweep(REVIEW_AT + days * DAYS)

    assert outcome(again, "review") == (SENT if goes else skipped("asked_lately"))


def test_refused_after_planning_beats_always(opened: House, provider: Provider) -> None:
    visit = book(opened.patient, opened.calendar, START + DAYS, origin=Origin.PATIENT, actor=PATIENT)
    opt_out(patient=opened.patient, kind="review", told_by=ToldBy.LINK, actor=PATIENT, at=NOW)

    sweep(REVIEW_AT + DAYS)

    assert outcome(visit, "review") == skipped("opted_out")


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"status": Status.CANCELLED}, "cancelled_meanwhile"),
        ({"status": Status.NO_SHOW}, "no_show"),
        ({"sequence": 1}, "moved_meanwhile"),
    ],
)
def test_what_changed_behind_the_outbox_is_seen(
    changed: dict[str, Any], why: str, opened: House, provider: Provider
) -> None:
    Appointment.objects.filter(pk=opened.appointment.pk).update(**changed)

    sweep(NEXT_AT)

    assert outcome(opened.appointment, "review") == skipped(why)
    assert outcome(opened.appointment, "next_appointment") == skipped(why)


def test_ways_that_are_gone_and_another_card(opened: House, provider: Provider) -> None:
    Patient.objects.filter(pk=opened.patient.pk).update(email_bounced_at=NOW, phone="")
    sweep(REVIEW_AT)
    assert outcome(opened.appointment, "review") == {("skipped", "email_bounced"), ("skipped", "no_phone")}

    other = make_patient(opened.clinic, "Jan Kos")
    Appointment.objects.filter(pk=opened.appointment.pk).update(patient=other)
    sweep(NEXT_AT)
    assert outcome(opened.appointment, "next_appointment") == skipped("other_card")


def test_moved_away_between_the_claim_and_the_second_look(opened: House) -> None:
    row = Delivery.objects.select_related(
        "message__patient", "message__appointment__calendar__practitioner"
    ).get(message__cause=f"after:{opened.appointment.pk}", message__kind="review", channel="email")
    other = make_calendar(opened.clinic, "dr Alicja Lis")
    Appointment.objects.filter(pk=opened.appointment.pk).update(calendar=other)

    assert speak([row], REVIEW_AT) == {row.pk: Skip("moved_meanwhile")}


def test_downtime_into_the_night_holds_the_sms(opened: House, provider: Provider) -> None:
    midnight = datetime(2027, 5, 13, 22, tzinfo=UTC)

    sweep(midnight)

    assert said(opened.appointment, "review")[1] == (
        "sms", "planned", REVIEW_AT, datetime(2027, 5, 14, 5, tzinfo=UTC), "instead_of_push",
    )  # fmt: skip
