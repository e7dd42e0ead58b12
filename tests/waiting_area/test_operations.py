"""Arriving, writing, leaving and coming back: what is stored, and what open pages are told."""

import threading
from datetime import timedelta
from typing import Any, cast

import pytest
from django.core.exceptions import ValidationError
from django.db import connection

from clinic.audit.operations import PATIENT, SYSTEM, user_actor
from clinic.demo.house import CLINICS, USERS
from clinic.live import bus
from clinic.live.events import Event
from clinic.live.subjects import Presence
from clinic.models import AuditEntry, Clinic, LiveRevocation, User
from clinic.people.operations import create_clinic
from tests.factories.house import MINUTES, NOW, House
from tests.factories.page import queries_of
from tests.factories.waiting import area_of, arrive, notify, ping, take
from waiting_area import areas, calls, demo, operations, presence
from waiting_area.announcing import caller_topic
from waiting_area.listening import KIND, caller_subject
from waiting_area.models import Caller, Notice, Pulse, WaitingArea
from waiting_area.operations import AreaClosed, CannotResume, HasLeft
from waiting_area.queries import place_of, usual_wait

SECONDS = timedelta(seconds=1)
Told = list[tuple[str, dict[str, int | None], dict[str, Any]]]


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


def beat(at: Any) -> None:
    Pulse.objects.filter(pk=1).update(at=at)


def state(caller: Caller) -> tuple[str, str, bool]:
    caller.refresh_from_db()
    return caller.status, caller.how_left, caller.is_lost


# --- Areas -----------------------------------------------------------------------------------------


def test_clinic_is_made_with_its_area(rynek: House, markt: House) -> None:
    area = WaitingArea.objects.get(clinic=rynek.clinic)

    assert (area.name, area.is_default, area.guest_notices, area.is_open) == (
        "Gabinety Rynek",
        True,
        True,
        True,
    )
    assert area.key.startswith("gabinety-rynek-")
    assert len(area.key) == len("gabinety-rynek-") + 10
    assert areas.make_area(clinic=rynek.clinic, actor=SYSTEM, at=NOW) == area
    assert WaitingArea.objects.count() == 2
    assert AuditEntry.objects.filter(action="waiting_area.created").count() == 2


@pytest.mark.django_db
def test_keys_of_one_name_differ() -> None:
    for number in range(3):
        create_clinic(
            name="Żółw", country="PL", language="pl", time_zone="Europe/Warsaw", slug=f"c{number}",
            actor=SYSTEM, at=NOW,
        )  # fmt: skip

    keys = set(WaitingArea.objects.values_list("key", flat=True))
    assert len(keys) == 3
    assert all(key.startswith("zolw-") for key in keys)


def test_welcome_is_kept_and_recorded(rynek: House) -> None:
    area = area_of(rynek)

    areas.change_area(area=area, welcomes={"pl": " Hello\r\nyou "}, actor=SYSTEM, at=NOW)
    area.refresh_from_db()

    assert area.welcome == "Hello\nyou"
    with pytest.raises(ValidationError):
        areas.change_area(area=area, welcomes={"pl": "x" * 1001}, actor=SYSTEM, at=NOW)
    areas.change_area(area=area, welcomes={"pl": " "}, actor=SYSTEM, at=NOW)
    area.refresh_from_db()
    assert area.welcome == ""


# --- Arriving --------------------------------------------------------------------------------------


def test_caller_arrives(rynek: House, told: Told) -> None:
    caller = arrive(rynek, "  Ewa   Siwa ", purpose=" Results ", language="pl")

    caller.refresh_from_db()
    assert (caller.name, caller.purpose, caller.language, caller.status) == (
        "Ewa Siwa",
        "Results",
        "pl",
        "waiting",
    )
    assert caller.arrived_at == caller.status_since == caller.last_seen_at == caller.consented_at == NOW
    assert (caller.notice_count, caller.last_author, place_of(caller)) == (0, "", 1)
    assert told == [
        ("caller", {f"clinic:{rynek.clinic.pk}": None}, {"ids": [caller.pk]}),
        ("watch", {f"clinic:{rynek.clinic.pk}": None}, {}),
    ]
    entry = AuditEntry.objects.get(action="caller.arrived")
    assert (entry.clinic_id, entry.actor_kind, entry.object_id) == (rynek.clinic.pk, "patient", caller.pk)


def test_second_press_is_the_same_caller_until_they_left(rynek: House) -> None:
    first = arrive(rynek, key="a" * 32)

    assert arrive(rynek, key="a" * 32).pk == first.pk
    operations.leave(caller_id=first.pk, actor=PATIENT, at=NOW)
    assert arrive(rynek, key="a" * 32).pk != first.pk
    assert Caller.objects.count() == 2


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", ""), ("name", "x" * 121), ("name", "a\x00b"), ("name", "\u202eabc"),
        ("purpose", " "), ("purpose", "x" * 201), ("purpose", "a\x07b"),
    ],
)  # fmt: skip
def test_what_cannot_be_written_does_not_arrive(field: str, value: str, rynek: House) -> None:
    with pytest.raises(ValidationError) as refused:
        arrive(rynek, **cast(Any, {"name": "Ewa Siwa", field: value}))

    assert list(refused.value.message_dict) == [field]
    assert not Caller.objects.exists()


def test_closed_area_lets_nobody_in(rynek: House) -> None:
    WaitingArea.objects.update(is_open=False)

    with pytest.raises(AreaClosed):
        arrive(rynek)


def test_places_follow_arrival_and_area(rynek: House, markt: House) -> None:
    callers = [arrive(rynek, at=NOW + number * MINUTES) for number in (2, 0, 1)]
    arrive(markt)
    take(callers[1], at=NOW + 3 * MINUTES)
    callers[1].refresh_from_db()

    assert [place_of(each) for each in callers] == [2, None, 1]


# --- Notices ---------------------------------------------------------------------------------------


def test_notices_are_numbered_stored_and_told(rynek: House, monkeypatch: pytest.MonkeyPatch) -> None:
    caller = arrive(rynek)
    other = arrive(rynek, "Jan Szary")
    events: list[Event] = []
    monkeypatch.setattr(bus, "publish_event", events.append)

    made = [notify(rynek, caller, "One"), notify(rynek, caller, "Two <b>")]
    notify(rynek, other, "Else")

    assert [
        (each.number, each.author, each.user_id, each.text, each.sent_at, each.shown_at) for each in made
    ] == [
        (1, "clinic", rynek.assistant.pk, "One", NOW, None),
        (2, "clinic", rynek.assistant.pk, "Two <b>", NOW, None),
    ]
    caller.refresh_from_db()
    assert (caller.last_number, caller.notice_count, caller.last_author) == (2, 2, "clinic")
    assert [(event.name, dict(event.topics)) for event in events[:4]] == [
        ("notice", {f"caller:{caller.pk}": 1}),
        ("caller", {f"clinic:{rynek.clinic.pk}": None}),
        ("notice", {f"caller:{caller.pk}": 2}),
        ("caller", {f"clinic:{rynek.clinic.pk}": None}),
    ]
    assert set(events[2].by_language) == {"en", "pl", "de", "ro"}
    html = events[2].by_language["de"]["html"]
    assert "Two &lt;b&gt;" in html
    assert "Gabinety Rynek" in html
    assert "09:00" in html
    assert AuditEntry.objects.filter(action="notice.sent", actor_user=rynek.assistant).count() == 3


def test_second_press_sends_once(rynek: House) -> None:
    caller = arrive(rynek)

    first = notify(rynek, caller, "One", key="k" * 32)
    again = notify(rynek, caller, "One", key="k" * 32)

    assert again.pk == first.pk
    caller.refresh_from_db()
    assert (Notice.objects.count(), caller.notice_count, caller.last_number) == (1, 1, 1)


@pytest.mark.parametrize("text", ["", " \n ", "x" * 1001, "a\x00b", "\u202eabc"])
def test_text_that_cannot_be_sent_is_refused(text: str, rynek: House) -> None:
    caller = arrive(rynek)

    with pytest.raises(ValidationError):
        notify(rynek, caller, text)

    caller.refresh_from_db()
    assert caller.last_number == 0


def test_text_is_kept_with_its_lines(rynek: House) -> None:
    caller = arrive(rynek)

    assert notify(rynek, caller, "  One \r\n\r\ntwo\t3\r").text == "One\n\ntwo\t3"
    assert len(notify(rynek, caller, "ż" * 1000).text) == 1000


def test_who_has_left_gets_nothing(rynek: House) -> None:
    caller = arrive(rynek)
    sent = notify(rynek, caller, "One", key="k" * 32)
    operations.leave(caller_id=caller.pk, actor=PATIENT, at=NOW)

    with pytest.raises(HasLeft):
        notify(rynek, caller, "Two")
    assert notify(rynek, caller, "One", key="k" * 32) == sent


@pytest.mark.django_db(transaction=True)
def test_eight_threads_number_one_by_one(rynek: House) -> None:
    caller = arrive(rynek)
    failed: list[BaseException] = []

    def write(thread: int) -> None:
        try:
            for number in range(5):
                notify(rynek, caller, f"{thread}.{number}")
        except BaseException as error:
            failed.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=write, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)

    assert failed == []
    rows = list(Notice.objects.filter(caller=caller).order_by("pk").values_list("number", "text"))
    assert [number for number, _text in rows] == list(range(1, 41))
    for writer in range(8):
        assert [text for _n, text in rows if text.startswith(f"{writer}.")] == [
            f"{writer}.{n}" for n in range(5)
        ]
    caller.refresh_from_db()
    assert (caller.last_number, caller.notice_count) == (40, 40)


# --- Leaving ---------------------------------------------------------------------------------------


def test_caller_leaves_and_the_others_move_up(rynek: House, told: Told) -> None:
    first, second = arrive(rynek), arrive(rynek, "Jan Szary", at=NOW + MINUTES)
    told.clear()

    assert operations.leave(caller_id=first.pk, actor=PATIENT, at=NOW + 5 * MINUTES)

    first.refresh_from_db()
    assert (first.status, first.how_left, first.left_at, first.since) == (
        "left", "themselves", NOW + 5 * MINUTES, NOW + 5 * MINUTES,
    )  # fmt: skip
    assert told == [
        ("place", {f"area:{area_of(rynek).pk}": None}, {"left": 1}),
        ("caller", {f"clinic:{rynek.clinic.pk}": None}, {"ids": [first.pk]}),
        ("caller_state", {f"caller:{first.pk}": None}, {}),
        ("watch", {f"clinic:{rynek.clinic.pk}": None}, {}),
    ]
    assert LiveRevocation.objects.filter(scope=caller_topic(first.pk)).exists()
    assert place_of(second) == 1
    assert not operations.leave(caller_id=first.pk, actor=PATIENT, at=NOW + 6 * MINUTES)


def test_removed_caller_cannot_come_back(rynek: House) -> None:
    caller = arrive(rynek)

    assert operations.remove(caller_id=caller.pk, actor=user_actor(rynek.assistant), at=NOW)

    assert state(caller) == ("left", "removed", False)
    with pytest.raises(CannotResume):
        operations.resume(caller_id=caller.pk, at=NOW)
    assert AuditEntry.objects.get(action="caller.removed").actor_user == rynek.assistant
    assert LiveRevocation.objects.filter(scope=caller_topic(caller.pk)).exists()
    assert not operations.remove(caller_id=caller.pk, actor=SYSTEM, at=NOW)


def test_absent_caller_can_be_removed_for_good(rynek: House, beating: None) -> None:
    caller = arrive(rynek)
    beat(NOW + 2 * MINUTES)
    presence.sweep(at=NOW + 2 * MINUTES)
    assert state(caller) == ("left", "absent", False)

    assert operations.remove(caller_id=caller.pk, actor=SYSTEM, at=NOW + 3 * MINUTES)

    assert state(caller) == ("left", "removed", False)
    with pytest.raises(CannotResume):
        operations.resume(caller_id=caller.pk, at=NOW + 3 * MINUTES)


def test_taken_caller_leaves_the_queue(rynek: House, told: Told) -> None:
    first, second = arrive(rynek), arrive(rynek, at=NOW + MINUTES)
    told.clear()

    take(second, at=NOW + 5 * MINUTES)

    second.refresh_from_db()
    assert (second.status, second.status_since, second.taken_at) == (
        "in_call",
        NOW + 5 * MINUTES,
        NOW + 5 * MINUTES,
    )
    assert [name for name, _topics, _data in told] == ["place", "caller", "caller_state"]
    assert told[0][2] == {"left": 2}
    operations.leave(caller_id=first.pk, actor=PATIENT, at=NOW + 5 * MINUTES)
    with pytest.raises(HasLeft):
        calls.join(caller_id=first.pk, actor=user_actor(rynek.assistant), at=NOW + 5 * MINUTES)


def test_usual_wait_has_todays_takings_for_its_basis(rynek: House) -> None:
    area = area_of(rynek)
    # Yesterday in Warsaw, though less than a day ago.
    early = arrive(rynek, at=NOW - 600 * MINUTES)
    take(early, at=NOW - 599 * MINUTES)
    for minutes in (6, 8):
        taken = arrive(rynek, at=NOW)
        take(taken, at=NOW + minutes * MINUTES)
    assert usual_wait(area, NOW + 30 * MINUTES) is None
    taken = arrive(rynek, at=NOW)
    take(taken, at=NOW + 12 * MINUTES)

    assert usual_wait(area, NOW + 30 * MINUTES) == 8


# --- Presence --------------------------------------------------------------------------------------


def test_pings_of_many_are_written_at_once(rynek: House, told: Told) -> None:
    callers = [arrive(rynek) for _ in range(5)]
    for caller in callers:
        notify(rynek, caller, "One")
        notify(rynek, caller, "Two")
    told.clear()
    at = NOW + 10 * SECONDS
    pings = [presence.Ping(each.pk, number, number % 2 == 0, at) for number, each in enumerate(callers)]

    few = queries_of(lambda: presence.note(pings[:1], at=at))
    many = queries_of(lambda: presence.note(pings, at=at))

    assert many <= few
    found = list(
        Caller.objects.order_by("pk").values_list("last_seen_at", "is_visible", "seen_number", "is_lost")
    )
    # Nobody has seen more than was written, whatever a page says.
    assert found == [
        (at, True, 0, False), (at, False, 1, False), (at, True, 2, False), (at, False, 2, False), (at, True, 2, False),
    ]  # fmt: skip
    shown = Notice.objects.filter(shown_at=at).order_by("pk").values_list("caller_id", "number")
    assert list(shown) == [
        (callers[1].pk, 1), *((each.pk, number) for each in callers[2:] for number in (1, 2)),
    ]  # fmt: skip
    assert told == [
        ("caller", {f"clinic:{rynek.clinic.pk}": None}, {"ids": [each.pk for each in callers[1:]]})
    ]


def test_seen_never_goes_back_and_left_stays_left(rynek: House) -> None:
    caller = arrive(rynek)
    notify(rynek, caller)
    ping(caller, NOW + 20 * SECONDS, seen=1)
    # Another server's, written later though said before.
    late = presence.Ping(caller.pk, 0, True, NOW + 10 * SECONDS)
    presence.note([late], at=NOW + 21 * SECONDS)

    caller.refresh_from_db()
    assert (caller.seen_number, caller.last_seen_at) == (1, NOW + 20 * SECONDS)
    operations.leave(caller_id=caller.pk, actor=PATIENT, at=NOW + 30 * SECONDS)
    ping(caller, NOW + 40 * SECONDS)
    assert state(caller) == ("left", "themselves", False)


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        (44, ("waiting", "", False)),
        (45, ("waiting", "", True)),
        (104, ("waiting", "", True)),
        (105, ("left", "absent", False)),
    ],
)
def test_silence_is_lost_then_left(
    seconds: int, expected: tuple[str, str, bool], rynek: House, beating: None, told: Told
) -> None:
    caller = arrive(rynek)
    told.clear()
    at = NOW + seconds * SECONDS
    beat(at)

    presence.sweep(at=at)
    presence.sweep(at=at)

    assert state(caller) == expected
    rows = [data for name, _topics, data in told if name == "caller"]
    assert rows == {44: [], 45: [{"ids": [caller.pk]}], 104: [{"ids": [caller.pk]}]}.get(
        seconds, [{"ids": [caller.pk]}] * 2
    )


def test_lost_caller_is_back_with_the_next_ping(rynek: House, beating: None, told: Told) -> None:
    caller = arrive(rynek)
    beat(NOW + MINUTES)
    presence.sweep(at=NOW + MINUTES)
    told.clear()

    ping(caller, NOW + 65 * SECONDS)

    assert state(caller) == ("waiting", "", False)
    assert told == [("caller", {f"clinic:{rynek.clinic.pk}": None}, {"ids": [caller.pk]})]


def test_nobody_is_absent_while_nobody_takes_pings(rynek: House, beating: None) -> None:
    caller = arrive(rynek)

    # The pulse stopped at NOW: the server is away, the sweep is not.
    presence.sweep(at=NOW + 10 * MINUTES)
    assert state(caller) == ("waiting", "", False)
    # It is back: everybody's clock starts anew.
    presence.note([], at=NOW + 10 * MINUTES)
    presence.sweep(at=NOW + 10 * MINUTES + 44 * SECONDS)
    assert state(caller) == ("waiting", "", False)
    for second in range(10, 110, 10):
        presence.note([], at=NOW + 10 * MINUTES + second * SECONDS)
    presence.sweep(at=NOW + 10 * MINUTES + 104 * SECONDS)
    assert state(caller) == ("waiting", "", True)
    presence.sweep(at=NOW + 10 * MINUTES + 105 * SECONDS)
    assert state(caller) == ("left", "absent", False)


def test_pulse_is_written_seldom_and_only_for_somebody(rynek: House) -> None:
    presence.note([], at=NOW)
    assert not Pulse.objects.exists()
    caller = arrive(rynek)
    found = []
    # Forward, and at last back by 9, 10 and 31 seconds.
    for second in (0, 3, 9, 12, 15, 60, 51, 50, 19):
        ping(caller, NOW + second * SECONDS)
        found.append(
            [((row.at - NOW).seconds, (row.counting_since - NOW).seconds) for row in Pulse.objects.all()]
        )

    assert found == [
        [(0, 0)], [(0, 0)], [(0, 0)], [(12, 0)], [(12, 0)], [(60, 60)],
        [(60, 60)], [(50, 60)], [(19, 19)],
    ]  # fmt: skip


def test_clock_set_back_keeps_nobody_waiting_for_it(rynek: House, beating: None) -> None:
    here, silent, actor, unheard = (arrive(rynek) for _ in range(4))
    before, now = NOW + 60 * MINUTES, NOW + MINUTES
    stays = before + demo.STAY
    beat(before)
    ping(here, before)
    presence.note([presence.Ping(actor.pk, 0, True, stays)], at=before)
    ping(silent, before + 9 * SECONDS)

    # A pulse from the future is none: who takes pings may be away.
    presence.sweep(at=now)
    assert state(unheard) == ("waiting", "", False)
    # A page says that it is there, by the clock as it is now.
    ping(here, now)

    assert list(Pulse.objects.values_list("at", "counting_since")) == [(now, now)]
    seen = dict(Caller.objects.values_list("pk", "last_seen_at"))
    assert seen == {here.pk: now, silent.pk: now, actor.pk: stays, unheard.pk: NOW}
    for second in range(10, 110, 10):
        ping(here, now + second * SECONDS)
        presence.sweep(at=now + (second + 4) * SECONDS)
        assert [state(each) for each in (silent, unheard)] == [("waiting", "", second >= 50)] * 2
    presence.sweep(at=now + 105 * SECONDS)
    assert [state(each) for each in (silent, unheard)] == [("left", "absent", False)] * 2
    assert [state(each) for each in (here, actor)] == [("waiting", "", False)] * 2

    # Too little for the pulse: the next ping of each counts all the same.
    ping(here, now + 80 * SECONDS)
    here.refresh_from_db()
    assert here.last_seen_at == now + 80 * SECONDS


def test_ping_from_before_the_clock_was_set_back_counts_as_now(rynek: House, morning: Any) -> None:
    caller = arrive(rynek)
    subject = caller_subject(caller, language="en")

    KIND.note_presence([Presence(subject, 0, True, NOW + 60 * MINUTES)])

    caller.refresh_from_db()
    assert caller.last_seen_at == NOW


# --- Coming back -----------------------------------------------------------------------------------


def absent(house: House, told: Told) -> Caller:
    caller = arrive(house)
    notify(house, caller, "One")
    arrive(house, "Jan Szary", at=NOW + 119 * SECONDS)
    beat(NOW + 2 * MINUTES)
    presence.sweep(at=NOW + 2 * MINUTES)
    assert state(caller) == ("left", "absent", False)
    told.clear()
    return caller


def test_same_caller_comes_back_to_their_place(rynek: House, beating: None, told: Told) -> None:
    caller = absent(rynek, told)
    at = NOW + 32 * MINUTES

    operations.resume(caller_id=caller.pk, at=at)

    caller.refresh_from_db()
    assert (caller.status, caller.arrived_at, caller.status_since, caller.left_at) == (
        "waiting",
        NOW,
        NOW,
        None,
    )
    assert (place_of(caller), caller.notice_count, caller.last_seen_at) == (1, 1, at)
    assert told == [
        ("place", {f"area:{area_of(rynek).pk}": None}, {"taken": 1}),
        ("caller", {f"clinic:{rynek.clinic.pk}": None}, {"ids": [caller.pk]}),
        ("caller_state", {f"caller:{caller.pk}": None}, {}),
        ("watch", {f"clinic:{rynek.clinic.pk}": None}, {}),
    ]
    assert AuditEntry.objects.filter(action="caller.resumed").count() == 1


def test_after_half_an_hour_it_is_too_late(rynek: House, beating: None, told: Told) -> None:
    caller = absent(rynek, told)

    with pytest.raises(CannotResume):
        operations.resume(caller_id=caller.pk, at=NOW + 32 * MINUTES + SECONDS)

    assert state(caller) == ("left", "absent", False)


def test_who_is_here_resumes_without_a_word(rynek: House, told: Told) -> None:
    caller = arrive(rynek)
    told.clear()

    assert operations.resume(caller_id=caller.pk, at=NOW + MINUTES) == caller
    assert told == []


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


def test_demonstration_has_people_waiting(db: None) -> None:
    for plan in CLINICS:
        create_clinic(
            name=plan.name, slug=plan.slug, country=plan.country, language=plan.language,
            time_zone=plan.time_zone, actor=SYSTEM, at=NOW,
        )  # fmt: skip
    for user in USERS:
        User.objects.create_user(user.email, user.name)

    demo.fill(seed=7, at=NOW)
    presence.sweep(at=NOW + 5 * MINUTES)

    for clinic in Clinic.objects.all():
        here = Caller.objects.present().filter(clinic=clinic)
        assert sorted(here.values_list("status", "notice_count")) == [
            ("in_call", 0), ("waiting", 0), ("waiting", 0), ("waiting", 1), ("waiting", 2),
        ]  # fmt: skip
        assert usual_wait(WaitingArea.objects.get(clinic=clinic), NOW) is not None
    assert not Caller.objects.filter(arrived_at__gt=NOW).exists()
