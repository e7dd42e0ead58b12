"""All models of floor 0, where Django looks for them."""

from clinic.appointments.models import Appointment, Occupancy
from clinic.audit.models import AuditEntry, AuditValue
from clinic.calendars.models import (
    Absence,
    Calendar,
    CalendarFeed,
    DayException,
    ExceptionHours,
    OpeningHours,
    Service,
)
from clinic.directory.models import Listing, Review
from clinic.live.models import LiveEvent, LiveRevocation
from clinic.people.models import Clinic, Membership, Patient, PatientNote, PatientWord, Practitioner, User

__all__ = [
    "Absence",
    "Appointment",
    "AuditEntry",
    "AuditValue",
    "Calendar",
    "CalendarFeed",
    "Clinic",
    "DayException",
    "ExceptionHours",
    "Listing",
    "LiveEvent",
    "LiveRevocation",
    "Membership",
    "Occupancy",
    "OpeningHours",
    "Patient",
    "PatientNote",
    "PatientWord",
    "Practitioner",
    "Review",
    "Service",
    "User",
]
