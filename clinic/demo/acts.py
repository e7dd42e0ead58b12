"""What happens in the demonstration, act by act in the order of time, each through the operations."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from zoneinfo import ZoneInfo

from clinic.appointments import operations as appointments
from clinic.appointments.enums import CancelledBy, Origin, Status
from clinic.audit.operations import PATIENT, SYSTEM, Actor, user_actor
from clinic.calendars import absences
from clinic.calendars import operations as calendars
from clinic.calendars.day_hours import set_day_exception
from clinic.calendars.models import Calendar, Service
from clinic.demo import cards, days
from clinic.demo.cast import Person
from clinic.demo.days import Visit
from clinic.demo.house import ASSISTANTS, CLINICS, USERS, CalendarPlan, ClinicPlan, UserPlan
from clinic.demo.reviews import Opinion, opinion_of
from clinic.directory import operations as directory
from clinic.directory import reviews
from clinic.feeds.operations import BUSY, create_feed
from clinic.lib.local_time import day_span
from clinic.people import operations as people_operations
from clinic.people.models import Clinic, Patient, Practitioner, User
from clinic.people.notes import write_note

PASSWORD = "anteroom-demo"
FOUNDED = timedelta(days=45)


@dataclass(frozen=True, slots=True)
class Act:
    """Something that happens at an instant. The callables of one list share what they make."""

    at: datetime
    do: Callable[[], None]


@dataclass(slots=True)
class _Stage:
    """What the acts have made so far, by the names that the plans use."""

    users: dict[str, User] = field(default_factory=dict)
    clinics: dict[str, Clinic] = field(default_factory=dict)
    practitioners: dict[str, Practitioner] = field(default_factory=dict)
    calendars: dict[str, Calendar] = field(default_factory=dict)
    services: dict[tuple[str, str], Service] = field(default_factory=dict)
    people: dict[str, list[Person]] = field(default_factory=dict)
    patients: dict[tuple[str, int], Patient] = field(default_factory=dict)
    appointments: dict[tuple[str, datetime], int] = field(default_factory=dict)

    def staff(self, clinic: ClinicPlan) -> Actor:
        return user_actor(self.users[ASSISTANTS[clinic.slug]])


def acts(seed: int, now: datetime) -> list[Act]:
    """Return all that has happened in the demonstration until `now`, in the order of time.

    The same for the same seed and instant; each list is good for one run on an empty database.
    """
    stage = _Stage(people={clinic.slug: days.people(seed, clinic) for clinic in CLINICS})
    founded = (now - FOUNDED).astimezone(UTC).replace(hour=6, minute=0, second=0, microsecond=0)
    found = [Act(founded, partial(_make_users, stage, founded))]
    found += [Act(founded, partial(_make_clinic, stage, clinic, founded, now)) for clinic in CLINICS]
    for visit in days.visits(seed, now):
        found += _visit_acts(stage, visit)
        found += _review_acts(stage, visit, seed)
        found += _card_acts(stage, visit, seed)
    # Sorting is stable: what happens at one instant stays in the order of its making.
    return sorted((act for act in found if act.at <= now), key=lambda act: act.at)


def _visit_acts(stage: _Stage, visit: Visit) -> Iterator[Act]:
    yield Act(visit.booked_at, partial(_book, stage, visit))
    if visit.moved_at:
        yield Act(visit.moved_at, partial(_move, stage, visit, visit.moved_at))
    if visit.confirmed_at:
        yield Act(visit.confirmed_at, partial(_confirm, stage, visit, visit.confirmed_at))
    if visit.cancelled_at:
        yield Act(visit.cancelled_at, partial(_cancel, stage, visit, visit.cancelled_at))
    if visit.marked_at:
        yield Act(visit.marked_at, partial(_mark, stage, visit, visit.marked_at))


def _review_acts(stage: _Stage, visit: Visit, seed: int) -> Iterator[Act]:
    if opinion := opinion_of(seed, visit):
        yield Act(opinion.written_at, partial(_write_review, stage, visit, opinion))


def _write_review(stage: _Stage, visit: Visit, opinion: Opinion) -> None:
    """Write a review, and at once what the clinic makes of it."""
    at = opinion.written_at
    written = reviews.write_review(
        appointment_id=stage.appointments[visit.key],
        stars=opinion.stars,
        text=opinion.text,
        actor=PATIENT,
        at=at,
    )
    staff = stage.staff(visit.clinic)
    if opinion.answer:
        reviews.answer_review(review_id=written.pk, text=opinion.answer, seen=None, actor=staff, at=at)
    if opinion.report:
        reviews.report_review(review_id=written.pk, reason=opinion.report, actor=staff, at=at)


def _card_acts(stage: _Stage, visit: Visit, seed: int) -> Iterator[Act]:
    if noted := cards.note_of(seed, visit):
        yield Act(noted[1], partial(_note, stage, visit, *noted))
    at, person = cards.second_card_at(seed, visit), stage.people[visit.clinic.slug][visit.person]
    # The one with the long name stays one: it is there to be looked at.
    if at and person.phone and person.name != days.LONG_NAME:
        yield Act(at, partial(_second_card, stage, visit, at))


def _note(stage: _Stage, visit: Visit, text: str, at: datetime) -> None:
    write_note(patient=_patient(stage, visit), text=text, actor=stage.staff(visit.clinic), at=at)


def _second_card(stage: _Stage, visit: Visit, at: datetime) -> None:
    """Somebody on the phone did not find the card, and made another."""
    person = stage.people[visit.clinic.slug][visit.person]
    people_operations.create_patient(
        clinic=stage.clinics[visit.clinic.slug],
        name=person.name,
        email="",
        phone_number=person.phone,
        language=person.language,
        actor=stage.staff(visit.clinic),
        at=at,
    )


def _make_users(stage: _Stage, at: datetime) -> None:
    for plan in USERS:
        stage.users[plan.email] = _make_user(plan)


def _make_user(plan: UserPlan) -> User:
    if not plan.roles:
        made = User.objects.create_superuser(plan.email, plan.name, PASSWORD)
        return made
    return User.objects.create_user(plan.email, plan.name, PASSWORD, language=plan.language)


def _make_clinic(stage: _Stage, plan: ClinicPlan, at: datetime, now: datetime) -> None:
    """Make a clinic with its members, practitioners, calendars, hours and absences."""
    clinic = stage.clinics[plan.slug] = people_operations.create_clinic(
        name=plan.name,
        country=plan.country,
        language=plan.language,
        time_zone=plan.time_zone,
        plan=plan.plan,
        slug=plan.slug,
        details=plan.details,
        actor=SYSTEM,
        at=at,
    )
    for user in USERS:
        if role := user.roles.get(plan.slug):
            people_operations.add_member(
                clinic=clinic, user=stage.users[user.email], role=role, actor=SYSTEM, at=at
            )
    for doctor in plan.practitioners:
        practitioner = stage.practitioners[doctor.name] = people_operations.create_practitioner(
            clinic=clinic, name=doctor.name, user=stage.users.get(doctor.log_in), actor=SYSTEM, at=at
        )
        for calendar in doctor.calendars:
            _make_calendar(stage, plan, calendar, practitioner, at, now)
        directory.change_profile(
            practitioner=practitioner,
            is_listed=True,
            specialty=doctor.specialty,
            about=doctor.about,
            actor=SYSTEM,
            at=at,
        )
    directory.change_about(clinic=clinic, about=plan.about, actor=SYSTEM, at=at)


def _make_calendar(
    stage: _Stage,
    clinic: ClinicPlan,
    plan: CalendarPlan,
    practitioner: Practitioner,
    at: datetime,
    now: datetime,
) -> None:
    zone = ZoneInfo(clinic.time_zone)
    calendar = stage.calendars[plan.name] = calendars.create_calendar(
        practitioner=practitioner, name=plan.name, address=plan.address, actor=SYSTEM, at=at
    )
    for service in clinic.services:
        stage.services[plan.name, service.name] = calendars.create_service(
            calendar=calendar,
            name=service.name,
            minutes=service.minutes,
            price=service.price,
            is_online=service.is_online,
            actor=SYSTEM,
            at=at,
        )
    calendars.set_online_booking(
        calendar=calendar,
        books_online=plan.books_online,
        online_notice_hours=2,
        online_horizon_days=60,
        actor=SYSTEM,
        at=at,
    )
    if plan.name == days.EXCEPTIONAL:
        create_feed(calendar=calendar, shows=BUSY, actor=SYSTEM, at=at)
    week = {weekday: plan.hours for weekday in sorted(plan.weekdays)}
    calendars.set_opening_hours(calendar=calendar, week=week, actor=SYSTEM, at=at)
    today = now.astimezone(zone).date()
    away = days.away(today)
    if (hours := days.hours_on(plan, today, now=now, zone=zone)) != week.get(today.weekday(), ()):
        set_day_exception(calendar=calendar, day=today, hours=hours, actor=SYSTEM, at=at)
    if plan.name == days.EXCEPTIONAL:
        set_day_exception(calendar=calendar, day=away.short_day, hours=days.SHORT_DAY, actor=SYSTEM, at=at)
    if plan.name == days.ABSENT:
        absences.add_absence(
            practitioner=practitioner,
            starts_at=day_span(away.first, zone)[0],
            ends_at=day_span(away.last, zone)[0],
            actor=SYSTEM,
            at=at,
        )


def _patient(stage: _Stage, visit: Visit) -> Patient:
    """Return the visitor's card, made at the first booking."""
    key = visit.clinic.slug, visit.person
    if key not in stage.patients:
        person = stage.people[visit.clinic.slug][visit.person]
        stage.patients[key] = people_operations.create_patient(
            clinic=stage.clinics[visit.clinic.slug],
            name=person.name,
            email=person.email,
            phone_number=person.phone,
            language=person.language,
            actor=PATIENT if visit.is_online else stage.staff(visit.clinic),
            at=visit.booked_at,
        )
    return stage.patients[key]


def _book(stage: _Stage, visit: Visit) -> None:
    made = appointments.book(
        calendar=stage.calendars[visit.calendar.name],
        patient=_patient(stage, visit),
        service=stage.services[visit.calendar.name, visit.service.name],
        starts_at=visit.moved_from or visit.starts_at,
        # Before a move it stood in a gap, which may be shorter than the service.
        minutes=min(20, visit.service.minutes) if visit.moved_from else None,
        origin=Origin.PATIENT if visit.is_online else Origin.STAFF,
        actor=PATIENT if visit.is_online else stage.staff(visit.clinic),
        at=visit.booked_at,
    )
    stage.appointments[visit.key] = made.pk


def _move(stage: _Stage, visit: Visit, at: datetime) -> None:
    appointments.move(
        appointment_id=stage.appointments[visit.key],
        starts_at=visit.starts_at,
        minutes=visit.service.minutes,
        actor=PATIENT if visit.is_online else stage.staff(visit.clinic),
        at=at,
    )


def _confirm(stage: _Stage, visit: Visit, at: datetime) -> None:
    appointments.confirm(appointment_id=stage.appointments[visit.key], actor=PATIENT, at=at)


def _cancel(stage: _Stage, visit: Visit, at: datetime) -> None:
    is_by_patient = visit.is_cancelled_by_patient
    appointments.cancel(
        appointment_id=stage.appointments[visit.key],
        by=CancelledBy.PATIENT if is_by_patient else CancelledBy.CLINIC,
        actor=PATIENT if is_by_patient and visit.is_online else stage.staff(visit.clinic),
        at=at,
    )


def _mark(stage: _Stage, visit: Visit, at: datetime) -> None:
    appointments.mark(
        appointment_id=stage.appointments[visit.key],
        status=Status.NO_SHOW if visit.is_no_show else Status.DONE,
        actor=stage.staff(visit.clinic),
        at=at,
    )
