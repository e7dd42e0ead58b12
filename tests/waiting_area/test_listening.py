"""Callers' and participants' open pages: until when they hear."""

from typing import Any

from clinic.audit.operations import PATIENT, SYSTEM
from clinic.live.subjects import Presence
from tests.factories.house import MINUTES, NOW, House
from tests.factories.waiting import Told, absent, arrive
from waiting_area import operations
from waiting_area.listening import KIND, caller_subject
from waiting_area.models import Caller


def test_ping_from_before_the_clock_was_set_back_counts_as_now(rynek: House, morning: Any) -> None:
    caller = arrive(rynek)
    subject = caller_subject(caller, language="en")

    KIND.note_presence([Presence(subject, 0, True, NOW + 60 * MINUTES)])

    caller.refresh_from_db()
    assert caller.last_seen_at == NOW


def test_streams_of_who_may_come_back_stay_open(
    rynek: House, beating: None, told: Told, morning: Any
) -> None:
    here, away = arrive(rynek, at=NOW + 2 * MINUTES), absent(rynek, told)
    removed, left = arrive(rynek), arrive(rynek)
    operations.remove(caller_id=removed.pk, actor=SYSTEM, at=NOW)
    operations.leave(caller_id=left.pk, actor=PATIENT, at=NOW)
    gone = absent_since(arrive(rynek), NOW - 31 * MINUTES)
    subjects = {each.pk: caller_subject(each, language="en") for each in (here, away, removed, left, gone)}

    allowed = {int(subject.key) for subject in KIND.still_allowed(list(subjects.values()))}

    assert allowed == {here.pk, away.pk}
    assert subjects[here.pk].topics == (f"caller:{here.pk}", f"area:{here.area_id}")
    assert subjects[here.pk].clinic == rynek.clinic.pk
    assert len({subject.stream_id for subject in subjects.values()}) == 5


def absent_since(caller: Caller, at: Any) -> Caller:
    Caller.objects.filter(pk=caller.pk).update(status="left", how_left="absent", left_at=at)
    return caller
