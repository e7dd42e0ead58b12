"""The state of the booking page: what was chosen so far, and what can be chosen next."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

from django.db import transaction
from django.forms import Form
from django.http import HttpRequest, QueryDict
from django.template.loader import render_to_string
from django.utils.translation import gettext as _

from clinic.access import Member
from clinic.appointments.enums import Origin, Status
from clinic.appointments.forms import FIRST_DAY, LAST_DAY, NEW, BookingForm
from clinic.appointments.free_slots import list_free_slots
from clinic.appointments.models import Appointment
from clinic.appointments.operations import NotAllowed, Taken, book
from clinic.calendars.models import Calendar, Service
from clinic.calendars.queries import list_services, open_spans
from clinic.panels import FormPart, list_form_parts
from clinic.people.forms import PatientForm
from clinic.people.models import Patient
from clinic.people.operations import clean_contact, create_patient
from clinic.people.queries import MOST_OFFERED, find_card, find_patients, with_chosen


@dataclass(slots=True)
class BookingPage:
    """Everything the booking page knows; built from what was posted, or from the address's hints."""

    member: Member
    data: QueryDict | None
    hints: Mapping[str, str]
    at: datetime
    calendar: Calendar | None = None
    service: Service | None = None
    day: date | None = None
    chosen: Patient | None = None
    form: BookingForm = field(init=False)
    patient_form: PatientForm = field(init=False)
    parts: list[tuple[FormPart, Form]] = field(init=False)

    def __post_init__(self) -> None:
        calendars = Calendar.objects.filter(clinic=self.member.clinic).select_related(
            "practitioner", "clinic"
        )
        self.calendar = (
            calendars.filter(pk=self._number("calendar")).first() or calendars.order_by("name").first()
        )
        services = list_services(self.calendar)
        self.service = services.filter(pk=self._number("service")).first() or services.first()
        self.day = self._day()
        self.chosen = find_card(clinic=self.member.clinic, number=self._value("patient"))
        self.form = BookingForm(self._filled(), clinic=self.member.clinic, calendar=self.calendar)
        is_new = self.errors_shown() and self._value("patient") == NEW
        self.patient_form = PatientForm(
            self.data if is_new else None, clinic=self.member.clinic, prefix="new", initial=self._typed_card()
        )
        self.parts = [(part, part.make(self.calendar, self.data)) for part in list_form_parts("booking")]

    def _value(self, name: str) -> str:
        return (self.data if self.data is not None else self.hints).get(name, "")

    def _number(self, name: str) -> int:
        text = self._value(name)
        return int(text) if text.isdecimal() and len(text) < 19 else 0

    def _day(self) -> date:
        day: date | None
        try:
            day = date.fromisoformat(self._value("day"))
        except ValueError:
            day = None
        if day is None or not FIRST_DAY <= day <= LAST_DAY:
            zone = (self.calendar or self.member.clinic).zone
            return self.at.astimezone(zone).date()
        return day

    def _typed_card(self) -> dict[str, str]:
        """What was typed about a new patient so far; it stays while other things are chosen."""
        names = [name for name in PatientForm.base_fields if f"new-{name}" in (self.data or {})]
        return {name: self._value(f"new-{name}") for name in names}

    def _filled(self) -> dict[str, Any]:
        """What the form shows: the posted values, gaps filled with what is chosen for lack of another."""
        source: Any = self.data if self.data is not None else self.hints
        values = {
            name: source.get(name, "") for name in ("time", "patient", "text", "day", "calendar", "service")
        }
        if source.get("slot"):
            values["time"] = source["slot"]
        if not values["day"] and not self.errors_shown():
            values["day"] = self.day.isoformat() if self.day else ""
        if self.chosen:
            values["patient"] = str(self.chosen.pk)
        known_service = self.service and values["service"] == str(self.service.pk)
        if self.data is None or "book" not in self.data or not values["service"]:
            values["calendar"] = str(self.calendar.pk) if self.calendar else ""
            if not known_service:
                values["service"] = str(self.service.pk) if self.service else ""
        return values

    @property
    def in_dialog(self) -> bool:
        """Whether it stands in a dialog over the calendar, which stays where it is."""
        return self._value("dialog") == "1"

    def errors_shown(self) -> bool:
        """Return whether this is an attempt to book, whose errors are to be shown."""
        return self.data is not None and "book" in self.data

    def slots(self) -> list[datetime]:
        """Return the free starts of the chosen day."""
        if not (self.calendar and self.service and self.day):
            return []
        return list_free_slots(
            calendar=self.calendar, minutes=self.service.minutes, first=self.day, at=self.at
        )

    def is_outside_hours(self) -> bool:
        """Return whether the typed time lies outside the opening hours; staff may book there all the same."""
        if not (self.form.is_bound and self.form.is_valid() and self.calendar and self.service):
            return False
        start = self.form.cleaned_data["starts_at"]
        end = start + timedelta(minutes=self.service.minutes)
        spans = open_spans(calendar=self.calendar, first=self.form.cleaned_data["day"], days=1)
        return not any(opens <= start and end <= closes for opens, closes in spans)

    def found(self) -> list[Patient]:
        """Return the patients to choose from: those found, or the one already chosen."""
        text = self._value("text").strip()
        rows = find_patients(clinic=self.member.clinic, text=text, most=MOST_OFFERED + 1) if text else []
        self.is_cut = len(rows) > MOST_OFFERED
        return with_chosen(rows[:MOST_OFFERED], self.chosen)

    def rendered_parts(self, request: HttpRequest) -> list[str]:
        """Return the form parts of upper apps as HTML."""
        return [render_to_string(part.template, {"form": form}, request) for part, form in self.parts]

    def book(self) -> Appointment | None:
        """Book what was chosen; None, with errors beside the fields, when it cannot be."""
        choice = self.form["patient"].value() or ""
        patient = None if choice == NEW else self._known_patient()
        valid = self.form.is_valid() and all(form.is_valid() for _part, form in self.parts)
        valid = (choice != NEW or self.patient_form.is_valid()) and valid
        if not valid or self.form.errors or (choice != NEW and patient is None):
            return None
        try:
            return self._booked(patient)
        except Taken:
            return self._booked_before(patient)
        except NotAllowed:
            self.form.add_error("time", _("This time has passed. Please choose a later one."))
            return None

    def _known_patient(self) -> Patient | None:
        if self.chosen is None and self.form.is_valid() is not None:
            self.form.add_error("text", _("Please choose a patient, or enter a new one."))
        return self.chosen

    @transaction.atomic
    def _booked(self, patient: Patient | None) -> Appointment:
        chosen = self.form.cleaned_data
        if patient is None:
            card = self.patient_form.cleaned_data
            patient = create_patient(
                clinic=self.member.clinic,
                name=card["name"],
                email=card["email"],
                phone_number=card["phone"],
                language=card["language"],
                actor=self.member.actor,
                at=self.at,
            )
        return book(
            calendar=chosen["calendar"],
            patient=patient,
            service=chosen["service"],
            starts_at=chosen["starts_at"],
            origin=Origin.STAFF,
            actor=self.member.actor,
            at=self.at,
            extra={part.name: form.cleaned_data for part, form in self.parts},
        )

    def _booked_before(self, patient: Patient | None) -> Appointment | None:
        """Return the appointment that a first press made of the same form; else say that the time is taken."""
        chosen = self.form.cleaned_data
        same = Appointment.objects.filter(
            calendar=chosen["calendar"], starts_at=chosen["starts_at"], status=Status.BOOKED
        )
        if patient:
            same = same.filter(patient=patient)
        else:
            card = self.patient_form.cleaned_data
            contact = clean_contact(
                name=card["name"],
                email=card["email"],
                phone_number=card["phone"],
                country=self.member.clinic.country,
            )
            # Another person of this name may sit at this time; the whole card must be the same.
            same = same.filter(**{f"patient__{field}": value for field, value in contact.items()})
        found = same.first()
        if found is None:
            self.form.add_error("time", _("This time was just taken. Please choose another."))
            self.is_taken = True
        return found

    is_taken: bool = False
    is_cut: bool = False
