"""What every template may use."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest


def page(request: HttpRequest) -> dict[str, Any]:
    """Return the member (staff pages) and what the layout needs to know of this installation."""
    return {
        "member": getattr(request, "member", None),
        "embedded_mailbox": settings.EMBEDDED_MAILBOX,
    }
