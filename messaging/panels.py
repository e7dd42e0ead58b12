"""What this app adds to floor 0's pages."""

from collections.abc import Mapping
from typing import Any

from django.http import HttpRequest

from clinic.lib import clock
from clinic.models import Clinic
from clinic.panels import Panel, register_panel
from messaging.queries import list_trouble
from messaging.registry import reason_sentence
from notifications.registry import get_kind

SHOWN = 5


def trouble(request: HttpRequest, clinic: Clinic) -> Mapping[str, Any] | None:
    """Return what failed to send or may not have arrived, if anything did."""
    rows = list(list_trouble(clinic=clinic, at=clock.now())[: SHOWN + 1])
    if not rows:
        return None
    return {
        "clinic": clinic,
        "has_more": len(rows) > SHOWN,
        "rows": [
            {
                "delivery": row,
                "kind": get_kind(row.message.kind).label,
                "why": reason_sentence(row.reason, row.facts) if row.reason else "",
            }
            for row in rows[:SHOWN]
        ],
    }


def register() -> None:
    """Fill floor 0's registries."""
    register_panel(Panel("trouble", "today", "messaging/_trouble.html", trouble, order=20))
