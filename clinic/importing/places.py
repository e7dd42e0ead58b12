"""Clinics, calendars, services and patients as a bookings file names them; what is missing is made."""

from collections.abc import Mapping
from datetime import datetime
from typing import TypeVar

from clinic.audit.operations import SYSTEM, Actor
from clinic.calendars.models import Calendar, Service
from clinic.calendars.operations import create_calendar, create_service
from clinic.importing.rules import Booking, Remark, is_same_name
from clinic.people.enums import Language
from clinic.people.models import Clinic, Patient, Practitioner
from clinic.people.operations import create_clinic, create_patient, create_practitioner

K = TypeVar("K")
V = TypeVar("V")

# Places seen are remembered up to this many of a kind, so that memory does not grow with the file.
REMEMBERED = 5_000


class Misplaced(Exception):
    """The record contradicts what stands in the database; `remark` says in which column and why."""

    def __init__(self, column: str, text: str) -> None:
        super().__init__(text)
        self.remark = Remark(column, text)


class Places:
    """Clinics, calendars, services and patients as the records of a file name them; missing ones are made.

    Args:
        at: the instant at which missing ones are entered.
        languages: the language of a clinic to be made, by its slug; Polish where none is given.
    """

    def __init__(
        self, *, at: datetime, actor: Actor = SYSTEM, languages: Mapping[str, str] | None = None
    ) -> None:
        self.made: list[Clinic] = []
        self._at, self._actor = at, actor
        self._languages = languages or {}
        self._clinics: dict[str, Clinic] = {}
        self._calendars: dict[tuple[int, str], Calendar] = {}
        self._services: dict[tuple[int, str], Service] = {}
        self._patients: dict[tuple[int, str], Patient] = {}
        self._former: dict[tuple[int, str], str] = {}
        # Looked for in vain just now: the record is looked at twice, the database once.
        self._unknown_patient: tuple[int, str] | None = None

    def forget(self) -> None:
        """Read everything again: after a rollback, what was made is gone."""
        for known in (self._clinics, self._calendars, self._services, self._patients, self._former):
            known.clear()
        self._unknown_patient = None

    def find_calendar(self, booking: Booking) -> Calendar | None:
        """Return the record's calendar if there is one.

        Raises:
            Misplaced: it is in another time zone.
        """
        clinic = self._find_clinic(booking.clinic)
        if clinic is None:
            return None
        key = clinic.pk, booking.calendar
        if key not in self._calendars:
            found = Calendar.objects.filter(clinic=clinic, name=booking.calendar).first()
            if found is None:
                return None
            found.clinic = clinic
            _remember(self._calendars, key, found)
        calendar = self._calendars[key]
        if calendar.time_zone != booking.time_zone:
            raise Misplaced("time_zone", f"differs: this calendar is in {calendar.time_zone}")
        return calendar

    def find_patient(self, booking: Booking) -> Patient | None:
        """Return the record's patient if there is one.

        Raises:
            Misplaced: the reference belongs to somebody of another name.
        """
        clinic = self._find_clinic(booking.clinic)
        if clinic is None:
            return None
        key = clinic.pk, booking.patient_ref
        if key not in self._patients:
            if key == self._unknown_patient:
                return None
            named = Patient.objects.filter(clinic=clinic, reference=booking.patient_ref)
            card = named.select_related("merged_into").first()
            if card is None:
                self._unknown_patient = key
                return None
            found = card.standing
            found.clinic = clinic
            if card.merged_into_id:
                # It keeps its name, which the file may still have.
                self._former[key] = card.name
            _remember(self._patients, key, found)
        patient = self._patients[key]
        names = (patient.name, self._former.get(key, patient.name))
        if not any(is_same_name(name, booking.patient_name) for name in names):
            raise Misplaced("patient_ref", "is already used with another name")
        return patient

    def for_row(self, booking: Booking) -> tuple[Calendar, Service, Patient]:
        """Return where and whom a record means; what is missing is made, an existing card stays as it is.

        Raises:
            Misplaced: as `find_calendar` and `find_patient`; nothing was made.
        """
        calendar, patient = self.find_calendar(booking), self.find_patient(booking)
        clinic = self._find_clinic(booking.clinic) or self._make_clinic(booking)
        calendar = calendar or self._make_calendar(clinic, booking)
        return calendar, self._service(calendar, booking), patient or self._make_patient(clinic, booking)

    def _find_clinic(self, slug: str) -> Clinic | None:
        if slug not in self._clinics:
            found = Clinic.objects.filter(slug=slug).first()
            if found is None:
                return None
            _remember(self._clinics, slug, found)
        return self._clinics[slug]

    def _make_clinic(self, booking: Booking) -> Clinic:
        made = create_clinic(
            name=booking.clinic_name,
            country=booking.country,
            language=self._languages.get(booking.clinic, Language.POLISH),
            time_zone=booking.time_zone,
            slug=booking.clinic,
            actor=self._actor,
            at=self._at,
        )
        self.made.append(made)
        _remember(self._clinics, booking.clinic, made)
        return made

    def _make_calendar(self, clinic: Clinic, booking: Booking) -> Calendar:
        """Make a calendar, and a practitioner of the same name: the file knows no other."""
        practitioner = Practitioner.objects.filter(clinic=clinic, name=booking.calendar).first()
        made = create_calendar(
            practitioner=practitioner
            or create_practitioner(clinic=clinic, name=booking.calendar, actor=self._actor, at=self._at),
            name=booking.calendar,
            time_zone=booking.time_zone,
            actor=self._actor,
            at=self._at,
        )
        _remember(self._calendars, (clinic.pk, booking.calendar), made)
        return made

    def _service(self, calendar: Calendar, booking: Booking) -> Service:
        key = calendar.pk, booking.service
        if key not in self._services:
            # One that is switched off as well: an import is no offer.
            rows = Service.objects.filter(calendar=calendar, name=booking.service)
            found = rows.order_by("-is_offered", "-pk").first()
            made = found or create_service(
                calendar=calendar,
                name=booking.service,
                minutes=booking.minutes,
                actor=self._actor,
                at=self._at,
            )
            _remember(self._services, key, made)
        return self._services[key]

    def _make_patient(self, clinic: Clinic, booking: Booking) -> Patient:
        made = create_patient(
            clinic=clinic,
            name=booking.patient_name,
            email=booking.email,
            phone_number=booking.phone,
            language=booking.language,
            reference=booking.patient_ref,
            actor=self._actor,
            at=self._at,
        )
        _remember(self._patients, (clinic.pk, booking.patient_ref), made)
        return made


def _remember(known: dict[K, V], key: K, value: V) -> None:
    if len(known) >= REMEMBERED:
        known.clear()
    known[key] = value
