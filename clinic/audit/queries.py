"""Reads of the audit log for pages."""

from django.db.models import Model, QuerySet
from django.utils.translation import gettext as _

from clinic.audit.models import AuditEntry


def list_history(obj: Model) -> QuerySet[AuditEntry]:
    """Return what happened to one object, oldest first, readings left out."""
    return (
        AuditEntry.objects.filter(object_type=obj._meta.model_name, object_id=obj.pk)
        .exclude(action__endswith=".seen")
        .select_related("actor_user", "value")
        .order_by("at", "id")
    )


def actor_name(entry: AuditEntry) -> str:
    """Return who did it, as staff read it."""
    if entry.actor_user is not None:
        return entry.actor_user.name
    return _("the patient") if entry.actor_kind == "patient" else _("automatically")
