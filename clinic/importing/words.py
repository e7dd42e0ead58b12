"""What the pages say of columns and of lines that are not taken, in the reader's language."""

from dataclasses import dataclass

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from clinic.importing.cells import Problem
from clinic.importing.rules import FIRST_YEAR, LANGUAGES, LAST_YEAR, LENGTHS, LONGEST_MINUTES
from clinic.importing.sheet import COLUMNS

_REASONS = {
    "quotes": gettext_lazy("The quotation marks do not match, or a cell is far too long."),
    "few": gettext_lazy("The line has fewer columns than the first line."),
    "many": gettext_lazy(
        "The line has more columns than the first line: a text may lack its quotation marks."
    ),
    "control": gettext_lazy("There is a line break in it, or another character that cannot be written."),
    "empty": gettext_lazy("This must not be empty."),
    "form": gettext_lazy("This is not a local time. It looks like 2027-04-30 08:00."),
    "no_day": gettext_lazy("There is no such day or hour."),
    "skipped": gettext_lazy("This time does not exist: the clocks jump over it that night."),
    "number": gettext_lazy("This is not a whole number."),
    "no_calendar": gettext_lazy("The clinic has no calendar of this name."),
    "no_service": gettext_lazy("This calendar has no such service. Add it in the calendar’s settings first."),
    "other_zone": gettext_lazy("This calendar is in another time zone."),
    "other_clinic": gettext_lazy("This row belongs to another clinic."),
    "after_start": gettext_lazy("It was booked after its start."),
    "future": gettext_lazy("This lies in the future."),
    "not_yet": gettext_lazy("The appointment is still to come."),
    "overlaps": gettext_lazy("In this calendar somebody else has this time, or part of it."),
    "other_name": gettext_lazy("This reference belongs to a patient card with another name."),
    "several": gettext_lazy("Several patient cards fit. Say which by its reference."),
    "stale": gettext_lazy("It was changed by somebody else meanwhile."),
}


def reason(problem: Problem) -> str:
    """Return why a line is not taken, as one sentence."""
    code, column = problem.code, problem.column
    if code == "long":
        return _("This is too long: at most %(most)s characters.") % {"most": LENGTHS.get(column, 0)}
    if code == "minutes":
        return _("This must be from 1 to %(most)s minutes.") % {"most": LONGEST_MINUTES}
    if code == "range":
        return _("Years from %(first)s to %(last)s are taken.") % {"first": FIRST_YEAR, "last": LAST_YEAR}
    if code == "one_of":
        words = sorted(LANGUAGES) if column == "language" else ["done", "no_show", "cancelled"]
        return _("This must be one of: %(words)s.") % {"words": ", ".join(words)}
    if code == "contact":
        return _("This is not an e-mail address.") if column == "email" else _("This is not a phone number.")
    if code == "overlaps_line":
        return _("Line %(line)s has this time, or part of it, in the same calendar.") % {
            "line": problem.other
        }
    if code == "said_before":
        return _("Line %(line)s says something else of the same patient.") % {"line": problem.other}
    return str(_REASONS[code])


@dataclass(frozen=True, slots=True)
class Column:
    """A column as the page describes it."""

    name: str
    is_needed: bool
    meaning: str


_MEANINGS = {
    "calendar": gettext_lazy("The calendar’s name, as it stands in the settings."),
    "patient_ref": gettext_lazy("Your own number of the patient. By it the card is found again."),
    "patient_name": gettext_lazy("First name and surname."),
    "email": gettext_lazy("Where the patient’s messages go."),
    "phone": gettext_lazy("With the country code, or as it is written in the clinic’s country."),
    "language": gettext_lazy("Of messages: en, pl, de or ro. Empty: the clinic’s."),
    "service": gettext_lazy("The service’s name, as it stands in the calendar’s settings."),
    "booked_at": gettext_lazy("When it was booked, in the calendar’s local time. Empty: now."),
    "starts_at": gettext_lazy("The start, in the calendar’s local time, like 2027-04-30 08:00."),
    "minutes": gettext_lazy("The length. Empty: the service’s."),
    "outcome": gettext_lazy("Of past appointments: done or no_show. Cancelled ones are passed over."),
}


def list_columns(kind: str) -> list[Column]:
    """Return the columns of a table with what they mean."""
    return [Column(name, is_needed, str(_MEANINGS[name])) for name, is_needed in COLUMNS[kind].items()]
