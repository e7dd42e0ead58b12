"""What open pages are told of deliveries: the appointment's timeline, today's troubles, the mailbox (P15)."""

from collections import defaultdict
from collections.abc import Iterable

from clinic.live.bus import publish
from clinic.people.listening import clinic_topic
from messaging.models import Delivery


def tell_pages(deliveries: Iterable[Delivery]) -> None:
    """Let open pages fetch what became of these deliveries, once the transaction is committed.

    One event for each clinic, however many deliveries: pages fetch only what they show.
    """
    by_clinic: dict[int, set[int]] = defaultdict(set)
    for row in deliveries:
        ids = by_clinic[row.clinic_id]
        # Without one it still concerns the lists of the clinic's messages.
        if row.message.appointment_id is not None:
            ids.add(row.message.appointment_id)
    for clinic_id, ids in by_clinic.items():
        publish("message", {clinic_topic(clinic_id): None}, {"ids": sorted(ids)})
