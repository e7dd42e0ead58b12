"""When practitioners are away: entered, changed, ended, removed. Nothing is cancelled by it (D4, E8.4)."""

from datetime import UTC, datetime

from django.db import models, transaction

from clinic.audit.operations import Actor, record
from clinic.calendars.models import Absence
from clinic.calendars.operations import tell_hours_changed
from clinic.people.models import Practitioner


class StaleAbsence(Exception):
    """Somebody changed or removed the absence since it was looked at; nothing was done."""


@transaction.atomic
def add_absence(
    *,
    practitioner: Practitioner,
    starts_at: datetime,
    ends_at: datetime | None,
    actor: Actor,
    at: datetime,
) -> Absence:
    """Enter an absence between two aware instants; no end: until further notice. Cancels nothing (E8.4).

    Returns:
        The absence; the one that stands there already where it is the very same (G4).
    """
    # Two presses at once come one after the other.
    Practitioner.objects.select_for_update().get(pk=practitioner.pk)
    known = Absence.objects.filter(practitioner=practitioner, starts_at=starts_at, ends_at=ends_at).first()
    if known is not None:
        return known
    made = Absence.objects.create(
        clinic_id=practitioner.clinic_id, practitioner=practitioner, starts_at=starts_at, ends_at=ends_at
    )
    record(actor, "absence.added", made, new=_facts(starts_at, ends_at), at=at)
    tell_hours_changed(made, actor=actor, at=at)
    return made


@transaction.atomic
def change_absence(
    *, absence: Absence, starts_at: datetime, ends_at: datetime | None, actor: Actor, at: datetime
) -> Absence:
    """Give an absence other ends, two aware instants; no end: until further notice.

    Args:
        absence: as the changer saw it.

    Raises:
        StaleAbsence: somebody changed or removed it since.
    """
    old = _facts(absence.starts_at, absence.ends_at)
    if _facts(starts_at, ends_at) == old:
        return absence
    if _as_seen(absence).update(starts_at=starts_at, ends_at=ends_at) != 1:
        raise StaleAbsence
    absence.starts_at, absence.ends_at = starts_at, ends_at
    record(actor, "absence.changed", absence, old=old, new=_facts(starts_at, ends_at), at=at)
    tell_hours_changed(absence, actor=actor, at=at)
    return absence


@transaction.atomic
def remove_absence(*, absence: Absence, actor: Actor, at: datetime) -> None:
    """Remove an absence: as if it had never been entered.

    Raises:
        StaleAbsence: somebody changed or removed it since.
    """
    pk = absence.pk
    if _as_seen(absence).delete()[0] != 1:
        raise StaleAbsence
    absence.pk = pk
    record(actor, "absence.removed", absence, old=_facts(absence.starts_at, absence.ends_at), at=at)
    tell_hours_changed(absence, actor=actor, at=at)


def _as_seen(absence: Absence) -> models.QuerySet[Absence]:
    rows = Absence.objects.filter(pk=absence.pk, starts_at=absence.starts_at)
    return rows.filter(ends_at=absence.ends_at) if absence.ends_at else rows.filter(ends_at__isnull=True)


def _facts(starts_at: datetime, ends_at: datetime | None) -> dict[str, object]:
    return {
        "starts_at": starts_at.astimezone(UTC).isoformat(),
        "ends_at": ends_at.astimezone(UTC).isoformat() if ends_at else None,
    }
