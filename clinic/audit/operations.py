"""The one writer of the audit log."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import models

from clinic.audit.models import AuditEntry, AuditValue


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts: a member or operator (`user`), a patient by a personal link, or the system itself."""

    kind: str  # "user", "patient" or "system"
    user_id: int | None = None

    @property
    def is_patient(self) -> bool:
        return self.kind == "patient"

    @property
    def member_id(self) -> int:
        """The id of the user who acts, where only one may.

        Raises:
            ValueError: it is not a user.
        """
        if self.user_id is None:
            raise ValueError(f"{self.kind} is nobody of the clinic")
        return self.user_id


SYSTEM = Actor("system")
PATIENT = Actor("patient")


def user_actor(user: Any) -> Actor:
    """Return the actor for a logged-in user."""
    return Actor("user", user.pk)


def record(
    actor: Actor,
    action: str,
    obj: models.Model,
    old: Mapping[str, Any] | None = None,
    new: Mapping[str, Any] | None = None,
    *,
    at: datetime,
) -> AuditEntry:
    """Write down who did what to which object, in the caller's transaction (X4, R35).

    Args:
        action: dotted, object first (`appointment.moved`).
        old, new: what changed, as JSON can hold it; kept apart so that an erasure can empty it.
        at: the aware instant of the act.
    """
    entry = AuditEntry.objects.create(
        clinic_id=obj.pk if obj._meta.model_name == "clinic" else getattr(obj, "clinic_id", None),
        at=at,
        action=action,
        actor_kind=actor.kind,
        actor_user_id=actor.user_id,
        object_type=obj._meta.model_name or "",
        object_id=obj.pk,
    )
    if old or new:
        AuditValue.objects.create(entry=entry, old=dict(old or {}), new=dict(new or {}))
    return entry


def record_seen(actor: Actor, obj: models.Model, *, at: datetime) -> None:
    """Write down that somebody read an object: a single INSERT, after the page was rendered (R35)."""
    record(actor, f"{obj._meta.model_name}.seen", obj, at=at)


def record_refused(actor: Actor, action: str, clinic: models.Model, *, at: datetime) -> None:
    """Write down that a member tried what their role does not allow (A67): a single INSERT."""
    record(actor, f"{action}.refused", clinic, at=at)


def empty_values(objects: Collection[models.Model]) -> None:
    """Empty what the log holds of objects that are not kept any longer; who did what and when stays (X4, R33).

    Args:
        objects: of one kind.
    """
    for one in list(objects)[:1]:
        rows = AuditValue.objects.filter(
            entry__object_type=one._meta.model_name, entry__object_id__in=[each.pk for each in objects]
        )
        # By their keys: an UPDATE cannot join.
        AuditValue.objects.filter(pk__in=list(rows.values_list("pk", flat=True))).update(old={}, new={})
