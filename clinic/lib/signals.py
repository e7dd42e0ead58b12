"""Events of the installation itself, for the floors above to receive."""

from django.dispatch import Signal

#: Sent when `manage.py restore` has put back a backup, inside the transaction that makes it visible
#: (PostgreSQL) or before the restored file takes its place (SQLite): an exception undoes the restore.
#:
#: Arguments:
#:     taken_at: aware datetime at which the backup was made.
#:     restored_at: aware datetime of the restore.
#:
#: Nothing is to be sent because of a restore (X8): whoever plans deliveries must see to it that what
#: fell due between the two instants does not go out now, and must not assume that what the backup
#: shows as not yet sent was not sent after it was made.
data_restored = Signal()
