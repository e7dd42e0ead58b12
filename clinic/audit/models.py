"""The audit log: entries stay for good, their personal values can be emptied by an erasure."""

from django.conf import settings
from django.db import models


class AuditEntry(models.Model):
    """One fact: who did what to which object of which clinic, and when (X4, R35)."""

    clinic = models.ForeignKey("clinic.Clinic", on_delete=models.CASCADE, null=True, related_name="+")
    at = models.DateTimeField()
    action = models.CharField(max_length=60)
    actor_kind = models.CharField(max_length=10)
    actor_user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+"
    )
    object_type = models.CharField(max_length=40)
    object_id = models.BigIntegerField()

    class Meta:
        verbose_name_plural = "audit entries"
        indexes = [
            models.Index(fields=["object_type", "object_id", "at"], name="audit_object"),
            models.Index(fields=["clinic", "at"], name="audit_clinic"),
        ]

    def __str__(self) -> str:
        return f"{self.action} {self.object_type} {self.object_id}"


class AuditValue(models.Model):
    """Old and new values of an entry; apart from it, so that an erasure can empty them."""

    entry = models.OneToOneField(AuditEntry, on_delete=models.CASCADE, related_name="value")
    old = models.JSONField(default=dict)
    new = models.JSONField(default=dict)

    def __str__(self) -> str:
        return f"values of entry {self.entry_id}"
