"""Callers' and participants' open pages: until when they hear."""

from types import SimpleNamespace
from typing import Any, cast

from django.contrib.auth.models import AnonymousUser
from django.contrib.sessions.models import Session
from django.test import RequestFactory

from clinic.audit.operations import PATIENT, SYSTEM, user_actor
from clinic.lib import clock
from clinic.live.subjects import Presence, Subject
from clinic.models import Membership, User
from tests.factories.house import MINUTES, NOW, House, logged_in
from tests.factories.waiting import SECONDS, Told, absent, arrive
from waiting_area import calls, operations
from waiting_area.listening import KIND, PARTICIPANT_KIND, caller_subject, participant_subject
from waiting_area.models import Caller, Participation


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


# --- Somebody of the clinic, on the page of a call -------------------------------------------------


def participants(house: House) -> dict[str, tuple[Participation, Subject]]:
    """Return two members in one call, and what their pages listen as."""
    caller = arrive(house)
    found = {}
    for name, user in (("one", house.assistant), ("two", house.admin)):
        call = calls.join(caller_id=caller.pk, actor=user_actor(user), at=NOW)
        row = call.participations.get(user=user)
        found[name] = (row, subject_of(user, house, row))
    return found


def subject_of(user: User, house: House, row: Participation) -> Subject:
    request = RequestFactory().get("/")
    request.user, request.session = user, logged_in(user).session
    membership = Membership.objects.get(user=user, clinic=house.clinic)
    found = participant_subject(request, cast(Any, SimpleNamespace(membership=membership)), row)
    assert found is not None
    return found


def allowed(*subjects: Subject) -> list[Subject]:
    return list(PARTICIPANT_KIND.still_allowed(list(subjects)))


def test_participant_hears_the_clinic(rynek: House) -> None:
    row, subject = participants(rynek)["one"]

    assert (subject.kind, subject.clinic, subject.topics) == (
        "participant", rynek.clinic.pk, (f"clinic:{rynek.clinic.pk}",),
    )  # fmt: skip
    assert subject.scopes[-1] == f"participation:{row.pk}"
    assert f"user:{rynek.assistant.pk}" in subject.scopes
    assert allowed(subject) == [subject]
    request = RequestFactory().get("/")
    request.user, request.session = AnonymousUser(), logged_in(rynek.assistant).session
    member = cast(Any, SimpleNamespace(membership=Membership.objects.get(user=rynek.assistant)))
    assert participant_subject(request, member, row) is None


def test_participant_hears_until_they_are_out_of_the_call(rynek: House) -> None:
    found = participants(rynek)
    (row, one), (_row, two) = found["one"], found["two"]

    calls.leave_call(call=row.call, actor=user_actor(rynek.assistant), at=NOW)
    assert allowed(one, two) == [two]
    calls.end_call(call=row.call, actor=user_actor(rynek.admin), at=NOW)
    assert allowed(one, two) == []


def test_participant_hears_until_role_or_log_in_ends(rynek: House) -> None:
    found = participants(rynek)
    one, two = found["one"][1], found["two"][1]

    Membership.objects.filter(user=rynek.assistant).update(role="practitioner")
    assert allowed(one, two) == [two]
    Session.objects.all().delete()
    assert allowed(one, two) == []


def test_participants_pages_are_written_down(rynek: House) -> None:
    found = participants(rynek)
    (row, one), (other, two) = found["one"], found["two"]

    with clock.held_at(NOW + 20 * SECONDS):
        PARTICIPANT_KIND.note_presence([
            Presence(one, 0, True, NOW + 10 * SECONDS), Presence(two, 0, False, NOW + 60 * MINUTES),
        ])  # fmt: skip

    for each, at in ((row, NOW + 10 * SECONDS), (other, NOW + 20 * SECONDS)):
        each.refresh_from_db()
        assert each.last_seen_at == at
