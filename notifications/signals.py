"""What changes in who wants what. Sent inside the transaction, with `send()`."""

from django.dispatch import Signal

# A calendar's switches or hours changed. Arguments: calendar, actor, at.
calendar_communication_changed = Signal()

# The switches of one appointment changed. Arguments: appointment, actor, at.
appointment_switches_changed = Signal()

# A clinic paused all its sending or went on with it. Arguments: clinic, is_paused, at.
sending_paused = Signal()

# A patient refused or wants a kind of invitation. Arguments: patient, kind, is_wanted, actor, at.
invitation_choice_changed = Signal()

# Whether a clinic invites only with consent. Arguments: clinic, needs_consent, actor, at.
clinic_invitations_changed = Signal()
