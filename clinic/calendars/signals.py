"""What happens to calendars, for the pages that the public sees."""

from django.dispatch import Signal

# A calendar was made, or its name, place or services changed. Arguments: calendar, at. Inside the
# transaction that changes it.
calendar_changed = Signal()
