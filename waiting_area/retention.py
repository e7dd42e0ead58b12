"""What is not kept: callers and their notices some days after they left, then what they leave behind (X4)."""

from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet

from clinic.audit.operations import SYSTEM, empty_values, record
from clinic.people.models import Clinic
from waiting_area import rules
from waiting_area.enums import Status
from waiting_area.models import Broadcast, Call, Caller, Notice, WaitingArea

# Of one transaction: nobody's page waits long for it.
AT_ONCE = 200


def forget(*, at: datetime) -> None:
    """Delete, clinic by clinic, whoever left longer ago than their area keeps them, and what is then alone.

    What the audit log still holds of them is emptied; who did what and when stays. Each batch's transaction
    writes down how many they were. Safe to run several times at once.
    """
    areas: dict[int, list[WaitingArea]] = {}
    for area in WaitingArea.objects.order_by("clinic", "pk"):
        areas.setdefault(area.clinic_id, []).append(area)
    for clinic in Clinic.objects.filter(pk__in=areas).order_by("pk"):
        own = areas[clinic.pk]
        for area in own:
            _delete(_forgotten(area, at=at), clinic, "callers", at=at)
        # A broadcast is said by its callers' notices; without them it is a list of numbers.
        orphans = Broadcast.objects.filter(
            clinic=clinic, sent_at__lt=at - timedelta(days=rules.KEEP_RANGE[0])
        )
        alone = orphans.filter(~Exists(Notice.objects.filter(broadcast=OuterRef("pk"))))
        _delete(alone, clinic, "broadcasts", at=at)
        # Nobody who left still names their call: calls stay as long as the clinic's longest-kept callers.
        over = at - timedelta(days=max(area.keep_days for area in own))
        calls = Call.objects.filter(clinic=clinic, ended_at__lt=over)
        _delete(calls.filter(~Exists(Caller.objects.filter(call=OuterRef("pk")))), clinic, "calls", at=at)


def _forgotten(area: WaitingArea, *, at: datetime) -> QuerySet[Caller]:
    """Return the callers of an area who left more than its days ago."""
    left_before = at - timedelta(days=area.keep_days)
    return Caller.objects.filter(
        clinic=area.clinic_id, area=area, status=Status.LEFT, left_at__lt=left_before
    )


def _delete(rows: QuerySet[Any], clinic: Clinic, what: str, *, at: datetime) -> None:
    """Delete rows batch by batch, each in a transaction of its own."""
    while ids := list(rows.values_list("pk", flat=True)[:AT_ONCE]):
        with transaction.atomic():
            # Another worker may have been quicker; what it left is ours.
            mine = list(rows.filter(pk__in=ids).order_by("pk").select_for_update(of=("self",)))
            if not mine:
                continue
            rows.model.objects.filter(pk__in=[one.pk for one in mine]).delete()
            empty_values(mine)
            record(SYSTEM, f"{what}.forgotten", clinic, new={"count": len(mine)}, at=at)
