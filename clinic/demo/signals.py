"""Time passing while the demonstration is made up, for the floors above."""

from django.dispatch import Signal

# The demonstration's time has reached an instant: sent before each act and once at the end with the
# present, so that what is due by then goes out at its right time. Arguments: at. The clock
# (`clinic.lib.clock`) is held there. Everything runs in one transaction on one connection: deliver in
# this thread; another one would wait for the transaction that waits for it.
demo_advanced = Signal()

# Clinics, people and bookings are all there; the floors above add what is going on at the present
# moment, through their operations. Arguments: seed, at. In the same transaction.
demo_filled = Signal()
