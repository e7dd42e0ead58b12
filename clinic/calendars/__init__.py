"""Calendars: services, opening hours, exceptions, absences, free slots."""
