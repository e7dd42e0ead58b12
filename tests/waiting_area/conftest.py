"""What tests of the waiting area stand on: what is published, and a pulse that beats."""

import pytest

from clinic.live import bus
from clinic.live.events import Event
from tests.factories.house import MINUTES, NOW, House
from tests.factories.waiting import Told
from waiting_area.models import Pulse


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> Told:
    """Everything published, as (name, topics, data)."""
    events: Told = []

    def keep(event: Event) -> None:
        events.append((event.name, dict(event.topics), dict(event.data)))

    monkeypatch.setattr(bus, "publish_event", keep)
    return events


@pytest.fixture
def beating(rynek: House) -> None:
    """Somebody has taken pings since the morning."""
    Pulse.objects.create(pk=1, at=NOW, counting_since=NOW - 60 * MINUTES)
