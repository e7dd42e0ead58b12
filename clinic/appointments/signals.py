"""What happens to appointments, for the floors above. Sent inside the transaction, with `send()`."""

from django.dispatch import Signal

# An appointment was made. Arguments: appointment, actor, at, told (False: an import that sends
# nothing), extra (what form parts of upper apps posted with the booking, by part name).
appointment_booked = Signal()

# Its time, calendar or service's length changed; `set_at`, `sequence` are new, a confirmation is cleared.
# Arguments: appointment, actor, at, was (start, end and calendar id before).
appointment_moved = Signal()

# It was cancelled. Arguments: appointment, actor, at, by ("patient" or "clinic").
appointment_cancelled = Signal()

# A cancellation was taken back at once, before anybody was told of it. Arguments: appointment, actor, at.
# Who told somebody already raises `clinic.appointments.operations.NotAllowed`.
appointment_restored = Signal()

# The patient confirmed it. Arguments: appointment, actor, at.
appointment_confirmed = Signal()

# It was marked done or no-show, or such a mark was taken back. Arguments: appointment, actor, at.
appointment_marked = Signal()
