"""The iCalendar file that goes with details, moved and cancelled (P4)."""

from datetime import datetime
from email.utils import parseaddr
from functools import lru_cache
from urllib.parse import urlsplit

from django.conf import settings
from django.utils.translation import gettext as _
from icalendar import Event, Timezone, vCalAddress, vText

from clinic.models import Appointment
from messaging.backends.base import Attachment


def calendar_file(appointment: Appointment, *, is_cancelled: bool, at: datetime) -> Attachment:
    """Return an appointment as a calendar entry in the active language.

    The UID stays for the appointment's life and SEQUENCE rises with every move, so that calendars
    replace the old entry. RSVP is FALSE and the summary neutral: a "declined" is for staff, never a
    cancellation, and nothing medical stands in a shared calendar.
    """
    method = "CANCEL" if is_cancelled else "REQUEST"
    zone = appointment.calendar.zone
    event = Event()
    event.add("uid", f"appointment-{appointment.pk}@{urlsplit(settings.PUBLIC_URL).hostname}")
    event.add("sequence", appointment.sequence)
    event.add("dtstamp", at)
    event.add("dtstart", appointment.starts_at.astimezone(zone))
    event.add("dtend", appointment.ends_at.astimezone(zone))
    event.add("summary", _("Appointment: %(clinic)s") % {"clinic": appointment.clinic.name})
    if appointment.calendar.place:
        event.add("location", appointment.calendar.place)
    event.add("status", "CANCELLED" if is_cancelled else "CONFIRMED")
    organiser = vCalAddress(f"mailto:{reply_address(appointment)}")
    organiser.params["CN"] = vText(appointment.clinic.name)
    event.add("organizer", organiser)
    attendee = vCalAddress(f"mailto:{appointment.patient.email}")
    attendee.params["RSVP"] = vText("FALSE")
    event.add("attendee", attendee)
    head = f"BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//Anteroom//Appointments//EN\r\nMETHOD:{method}\r\n"
    return Attachment(
        name="appointment.ics",
        content=b"".join(
            (head.encode(), _time_zone(appointment.calendar.time_zone), event.to_ical(), b"END:VCALENDAR\r\n")
        ),
        content_type=f"text/calendar; charset=utf-8; method={method}",
    )


@lru_cache(maxsize=64)
def _time_zone(name: str) -> bytes:
    """Return a zone's definition for calendars that do not know it.

    It takes longer to write than all the rest, and is the same for every appointment of a calendar.
    """
    return Timezone.from_tzid(name).to_ical()


def reply_address(appointment: Appointment) -> str:
    """Return where the patient's answer goes: the clinic's own address, else the installation's."""
    return appointment.clinic.email or parseaddr(settings.MAIL_FROM)[1]
