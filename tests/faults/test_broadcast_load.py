"""One text to a thousand callers, on whichever engine the tests run (W7)."""

import time
import uuid

import pytest

from clinic.audit.operations import user_actor
from tests.factories.house import NOW, House
from tests.factories.soundness import assert_sound
from tests.factories.waiting import area_of
from waiting_area import notices
from waiting_area.models import Caller

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.faults]

MANY, ALLOWED = 1000, 0.3


def test_a_thousand_are_told_and_untold_in_a_third_of_a_second(rynek: House) -> None:
    actor, area = user_actor(rynek.assistant), area_of(rynek)
    Caller.objects.bulk_create(
        Caller(
            clinic=rynek.clinic, area=area, key=uuid.uuid4().hex, name=f"Ewa {number}", purpose="A question",
            language="en", consented_at=NOW, status_since=NOW, arrived_at=NOW, last_seen_at=NOW,
        )
        for number in range(MANY)
    )  # fmt: skip
    ids = list(Caller.objects.values_list("pk", flat=True))
    telling, untelling = [], []

    for _round in range(5):
        began = time.perf_counter()
        sent = notices.broadcast(
            clinic=rynek.clinic,
            caller_ids=ids,
            text="Ten minutes.",
            key=uuid.uuid4().hex,
            actor=actor,
            at=NOW,
        )
        telling.append(time.perf_counter() - began)
        notice = sent.broadcast.notices.last()
        assert notice is not None
        began = time.perf_counter()
        assert len(notices.withdraw(notice_id=notice.pk, actor=actor, at=NOW)) == MANY
        untelling.append(time.perf_counter() - began)

    # The best of them: what the machine does beside is not measured.
    assert min(telling) < ALLOWED
    assert min(untelling) < ALLOWED
    assert_sound()
