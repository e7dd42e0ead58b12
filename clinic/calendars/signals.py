"""What happens to calendars, for pages and for the floors above. Sent inside the transaction, with `send()`."""

from django.dispatch import Signal

# A calendar was made, or its name, place or services changed. Arguments: calendar, at.
calendar_changed = Signal()
# When a calendar is open changed: its week, a date's own hours, or an absence of its practitioner. Arguments:
# clinic_id, practitioner_id, actor, at.
calendar_hours_changed = Signal()
