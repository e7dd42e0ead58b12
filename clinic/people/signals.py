"""What happens to people's cards, for the floors above. Sent inside the transaction, with `send()`."""

from django.dispatch import Signal

# A clinic was made, by whichever way. Arguments: clinic, actor, at.
clinic_created = Signal()

# A patient's address, phone or language changed, or whether the address works. Arguments: patient, actor, at; old:
# "email" and "phone" as they were, where the card was changed.
patient_contact_changed = Signal()

# Two cards became one: all that floors above keep of `gone` goes to `kept`, so that nothing is said twice and
# nothing due is lost. What follows from other addresses comes after it, as `patient_contact_changed`.
# Arguments: kept, gone, actor, at.
patients_merged = Signal()
