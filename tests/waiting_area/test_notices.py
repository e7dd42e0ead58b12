"""What clinic and callers write to each other: what is stored, and what open pages are told."""

import threading
import uuid
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import connection, transaction

from clinic.audit.operations import PATIENT, SYSTEM, user_actor
from clinic.live import bus
from clinic.live.events import Event
from clinic.models import AuditEntry, AuditValue
from tests.factories.house import MINUTES, NOW, House
from tests.factories.page import queries_of
from tests.factories.soundness import badges, rebuilt
from tests.factories.waiting import SECONDS, Told, area_of, arrive, notify
from waiting_area import areas, calls, notices, operations, states
from waiting_area.models import Broadcast, Caller, Notice
from waiting_area.notices import MayNotWrite, TooLate
from waiting_area.operations import HasLeft
from waiting_area.queries import list_notices


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


# --- Callers write ---------------------------------------------------------------------------------


def write(caller: Caller, text: str = "Hello?", *, at: Any = NOW, key: str = "") -> Notice:
    return notices.write(caller_id=caller.pk, text=text, key=key or uuid.uuid4().hex, at=at)


def tell_all(
    house: House, callers: Any, text: str = "To all", *, at: Any = NOW, key: str = ""
) -> notices.Sent:
    return notices.broadcast(
        clinic=house.clinic, caller_ids=callers, text=text, key=key or uuid.uuid4().hex,
        actor=user_actor(house.assistant), at=at,
    )  # fmt: skip


def badge(caller: Caller) -> tuple[int, str, Any]:
    """Return how many notices there are, who wrote the last, and since when an answer is waited for."""
    assert badges() == rebuilt()
    caller.refresh_from_db()
    return caller.notice_count, caller.last_author, caller.unanswered_since


def bring_to(caller: Caller, status: str, house: House) -> None:
    actor = user_actor(house.assistant)
    if status in {"in_call", "on_hold"}:
        calls.join(caller_id=caller.pk, actor=actor, at=NOW)
    if status == "on_hold":
        calls.hold(caller_id=caller.pk, actor=actor, at=NOW)
    if status == "left":
        operations.leave(caller_id=caller.pk, actor=PATIENT, at=NOW)


@pytest.mark.parametrize("own", [None, True, False])
@pytest.mark.parametrize("clinics", [True, False])
@pytest.mark.parametrize("status", ["waiting", "in_call", "on_hold", "left"])
def test_who_may_write(status: str, clinics: bool, own: bool | None, rynek: House) -> None:
    caller = arrive(rynek)
    areas.change_area(area=area_of(rynek), own_guest_notices=own, actor=SYSTEM, at=NOW)
    areas.set_guest_notices(clinic=rynek.clinic, takes=clinics, actor=SYSTEM, at=NOW)
    bring_to(caller, status, rynek)
    may = status in {"waiting", "on_hold"} and (clinics if own is None else own)

    if may:
        assert write(caller).number == 1
        assert badge(caller) == (1, "caller", NOW)
    else:
        with pytest.raises(MayNotWrite):
            write(caller)
        assert badge(caller) == (0, "", None)


def test_callers_word_is_stored_and_told(rynek: House, told: Told) -> None:
    caller = arrive(rynek)
    told.clear()

    made = write(caller, "How <long>?", key="k" * 32)

    assert (made.number, made.author, made.user, made.text, made.sent_at, made.clinic) == (
        1, "caller", None, "How <long>?", NOW, rynek.clinic,
    )  # fmt: skip
    clinic = {f"clinic:{rynek.clinic.pk}": None}
    assert told == [
        ("notice", {f"caller:{caller.pk}": 1}, {}), ("caller", clinic, {"ids": [caller.pk]}), ("watch", clinic, {}),
    ]  # fmt: skip
    entry = AuditEntry.objects.get(action="notice.written")
    assert (entry.actor_kind, entry.object_id) == ("patient", made.pk)
    assert write(caller, "How <long>?", key="k" * 32) == made
    # Also when the switch is turned off meanwhile: it was sent.
    areas.set_guest_notices(clinic=rynek.clinic, takes=False, actor=SYSTEM, at=NOW)
    assert write(caller, "How <long>?", key="k" * 32) == made
    assert badge(caller) == (1, "caller", NOW)


# --- The badge -------------------------------------------------------------------------------------


def test_badge_and_mark_through_a_conversation(rynek: House, told: Told) -> None:
    caller = arrive(rynek)
    first, second = NOW + MINUTES, NOW + 2 * MINUTES
    actor = user_actor(rynek.assistant)
    found = [badge(caller)]
    for act in (
        lambda: write(caller, at=first),
        lambda: write(caller, at=second),
        # Blue, but nobody has answered.
        lambda: tell_all(rynek, [caller.pk], at=second),
        lambda: say(caller, rynek),
        lambda: notify(rynek, caller),
        lambda: write(caller, at=second),
        lambda: notices.tick_off(caller_id=caller.pk, actor=actor, at=second),
        lambda: write(caller, at=second + SECONDS),
    ):
        act()
        found.append(badge(caller))

    assert found == [
        (0, "", None), (1, "caller", first), (2, "caller", first), (3, "clinic", first), (4, "clinic", first),
        (5, "clinic", None), (6, "caller", second), (6, "caller", None), (7, "caller", second + SECONDS),
    ]  # fmt: skip


def say(caller: Caller, house: House) -> None:
    with transaction.atomic():
        notices.say(states.locked_one(caller.pk), "The practitioner is late.", key=uuid.uuid4().hex, at=NOW)


def test_tick_off(rynek: House, told: Told) -> None:
    caller = arrive(rynek)
    actor = user_actor(rynek.assistant)
    assert not notices.tick_off(caller_id=caller.pk, actor=actor, at=NOW)
    write(caller)
    told.clear()

    assert notices.tick_off(caller_id=caller.pk, actor=actor, at=NOW)

    assert badge(caller) == (1, "caller", None)
    clinic = {f"clinic:{rynek.clinic.pk}": None}
    assert told == [("caller", clinic, {"ids": [caller.pk]}), ("watch", clinic, {})]
    entry = AuditEntry.objects.get(action="caller.ticked_off")
    assert (entry.actor_user, AuditValue.objects.get(entry=entry).new) == (rynek.assistant, {"number": 1})
    assert not notices.tick_off(caller_id=caller.pk, actor=actor, at=NOW)
    assert AuditEntry.objects.filter(action="caller.ticked_off").count() == 1


# --- To all ----------------------------------------------------------------------------------------


def test_broadcast_reaches_who_is_here_and_says_who_was_missed(
    rynek: House, markt: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    waiting, talking, held, left, unlisted = (arrive(rynek) for _ in range(5))
    foreign = arrive(markt)
    notify(rynek, talking, "For you")
    for caller, status in ((talking, "in_call"), (left, "left")):
        bring_to(caller, status, rynek)
    calls.join(caller_id=held.pk, actor=user_actor(rynek.admin), at=NOW)
    calls.hold(caller_id=held.pk, actor=user_actor(rynek.admin), at=NOW)
    events: list[Event] = []
    monkeypatch.setattr(bus, "publish_event", events.append)
    nobody = 2**80

    sent = tell_all(rynek, [nobody, foreign.pk, left.pk, held.pk, talking.pk, waiting.pk], "Ten <minutes>")

    rows = sent.broadcast.notices.order_by("pk")
    assert list(
        rows.values_list("caller_id", "number", "text", "author", "user_id", "sent_at", "clinic_id")
    ) == [
        (caller.pk, number, "Ten <minutes>", "clinic", rynek.assistant.pk, NOW, rynek.clinic.pk)
        for caller, number in ((waiting, 1), (talking, 2), (held, 1))
    ]
    assert sent.broadcast.missed == [left.pk]
    assert sent.foreign == {foreign.pk, nobody}
    assert badge(foreign) == badge(unlisted) == badge(left) == (0, "", None)
    assert badge(talking) == (2, "clinic", None)
    # One event for all of them, with each one's own number.
    assert [(event.name, dict(event.topics), dict(event.data)) for event in events] == [
        ("notice", {f"caller:{waiting.pk}": 1, f"caller:{talking.pk}": 2, f"caller:{held.pk}": 1}, {}),
        ("caller", {f"clinic:{rynek.clinic.pk}": None}, {"ids": [waiting.pk, talking.pk, held.pk]}),
    ]
    assert "Ten &lt;minutes&gt;" in events[0].by_language["pl"]["html"]
    refused = AuditEntry.objects.get(action="notice.broadcast.refused")
    assert (refused.actor_user, refused.clinic_id) == (rynek.assistant, rynek.clinic.pk)
    entry = AuditEntry.objects.get(action="notice.broadcast")
    assert AuditValue.objects.get(entry=entry).new == {
        "callers": [waiting.pk, talking.pk, held.pk], "missed": [left.pk],
    }  # fmt: skip


def test_second_press_broadcasts_once(rynek: House) -> None:
    first, second = arrive(rynek), arrive(rynek)
    sent = tell_all(rynek, [first.pk], key="k" * 32)

    again = tell_all(rynek, [first.pk, second.pk], key="k" * 32)

    assert again.broadcast == sent.broadcast
    assert Notice.objects.count() == 1
    # Further words to the same people are another form.
    assert tell_all(rynek, [first.pk]).broadcast != sent.broadcast
    assert [number for number in first.notices.order_by("pk").values_list("number", flat=True)] == [1, 2]


def test_text_changed_after_a_lost_answer_is_another(rynek: House) -> None:
    caller = arrive(rynek)
    first = notify(rynek, caller, "One", key="k" * 32)
    everybody = tell_all(rynek, [caller.pk], "All", key="b" * 32)

    changed = [notify(rynek, caller, "One and more", key="k" * 32) for _press in range(2)]
    all_changed = [tell_all(rynek, [caller.pk], "All and more", key="b" * 32) for _press in range(2)]

    assert notify(rynek, caller, "One", key="k" * 32) == first
    assert changed[0] == changed[1] != first
    assert all_changed[0].broadcast == all_changed[1].broadcast != everybody.broadcast
    assert list(caller.notices.order_by("number").values_list("text", flat=True)) == [
        "One", "All", "One and more", "All and more",
    ]  # fmt: skip


def test_broadcast_to_nobody_who_is_here(rynek: House, told: Told) -> None:
    left = arrive(rynek)
    bring_to(left, "left", rynek)
    told.clear()

    with pytest.raises(notices.NobodyHere) as nobody:
        tell_all(rynek, [left.pk, 987_654])

    assert (set(nobody.value.foreign), told, Broadcast.objects.exists()) == ({987_654}, [], False)
    with pytest.raises(ValidationError):
        tell_all(rynek, [left.pk], " ")


def test_broadcast_asks_the_database_as_often_for_many(rynek: House) -> None:
    few = [arrive(rynek).pk for _ in range(2)]
    many = few + [arrive(rynek).pk for _ in range(30)]

    asked = [queries_of(lambda ids=ids: tell_all(rynek, ids)) for ids in (few, many)]  # type: ignore[misc]
    taken = []
    for ids in (few, many):
        notice = tell_all(rynek, ids).broadcast.notices.first()
        assert notice is not None
        taken.append(queries_of(lambda pk=notice.pk: withdraw(pk, rynek)))  # type: ignore[misc]

    assert asked[0] == asked[1] <= 16
    # One statement for each badge that there is, and one event for each number.
    assert taken[1] <= taken[0] + 4


# --- Taking back -----------------------------------------------------------------------------------


def withdraw(pk: int, house: House, *, seconds: float = 0) -> list[Notice]:
    return notices.withdraw(notice_id=pk, actor=user_actor(house.assistant), at=NOW + seconds * SECONDS)


def test_notice_is_taken_back_within_ten_seconds(rynek: House, told: Told) -> None:
    caller = arrive(rynek)
    write(caller)
    sent = notify(rynek, caller)
    assert badge(caller) == (2, "clinic", None)
    told.clear()

    with pytest.raises(TooLate):
        withdraw(sent.pk, rynek, seconds=10.001)
    assert told == []
    assert withdraw(sent.pk, rynek, seconds=10) == [sent]

    sent.refresh_from_db()
    assert sent.withdrawn_at == NOW + 10 * SECONDS
    assert badge(caller) == (1, "caller", NOW)
    clinic = {f"clinic:{rynek.clinic.pk}": None}
    assert told == [
        ("withdrawn", {f"caller:{caller.pk}": None}, {"number": 2}),
        ("caller", clinic, {"ids": [caller.pk]}),
        ("watch", clinic, {}),
    ]
    # Its number stays taken; a second press does nothing more.
    assert withdraw(sent.pk, rynek, seconds=10) == []
    assert notify(rynek, caller).number == 3
    assert AuditEntry.objects.filter(action="notice.withdrawn", actor_user=rynek.assistant).count() == 1


def test_only_ones_own_notice_is_taken_back(rynek: House, markt: House) -> None:
    caller = arrive(rynek)
    said, sent = write(caller), notify(rynek, caller)
    say(caller, rynek)

    for notice, actor in (
        (sent, user_actor(rynek.admin)),
        (sent, user_actor(markt.assistant)),
        (sent, SYSTEM),
        (said, user_actor(rynek.assistant)),
        (said, PATIENT),
        (Notice.objects.get(number=3), SYSTEM),
    ):
        with pytest.raises(TooLate):
            notices.withdraw(notice_id=notice.pk, actor=actor, at=NOW)
    assert badge(caller) == (3, "clinic", None)


def test_broadcast_is_taken_back_from_all(rynek: House, told: Told) -> None:
    first, second, third = (arrive(rynek) for _ in range(3))
    write(second)
    made = tell_all(rynek, [first.pk, second.pk, third.pk]).broadcast.notices.order_by("pk")
    notify(rynek, third, "And you")
    bring_to(first, "left", rynek)
    assert badge(second) == (2, "clinic", NOW)
    told.clear()

    gone = withdraw(made[1].pk, rynek)

    assert [(one.caller_id, one.number) for one in gone] == [(first.pk, 1), (second.pk, 2), (third.pk, 1)]
    assert [badge(each) for each in (first, second, third)] == [
        (0, "", None), (1, "caller", NOW), (1, "clinic", None),
    ]  # fmt: skip
    assert [event for event in told if event[0] == "withdrawn"] == [
        ("withdrawn", {f"caller:{first.pk}": None, f"caller:{third.pk}": None}, {"number": 1}),
        ("withdrawn", {f"caller:{second.pk}": None}, {"number": 2}),
    ]


def test_private_notice_and_broadcast_never_hide_one_another(rynek: House) -> None:
    caller = arrive(rynek)
    notify(rynek, caller, "For you")
    tell_all(rynek, [caller.pk], "For all")
    notify(rynek, caller, "For you again")
    write(caller, "Thanks")

    assert [(one.number, one.text, one.broadcast_id is not None) for one in list_notices(caller)] == [
        (1, "For you", False), (2, "For all", True), (3, "For you again", False), (4, "Thanks", False),
    ]  # fmt: skip
    assert badge(caller) == (4, "caller", NOW)
    assert [one.number for one in list_notices(caller, after=2)] == [3, 4]


def test_broadcast_that_was_sent_meanwhile_is_returned(rynek: House, monkeypatch: pytest.MonkeyPatch) -> None:
    caller = arrive(rynek)
    sent: list[notices.Sent] = []

    def after_the_first(ids: list[int]) -> list[Caller]:
        monkeypatch.setattr(notices, "locked", states.locked)
        sent.append(tell_all(rynek, ids, key="k" * 32))
        return states.locked(ids)

    monkeypatch.setattr(notices, "locked", after_the_first)
    again = tell_all(rynek, [caller.pk, 10**6], key="k" * 32)

    assert again == notices.Sent(sent[0].broadcast, frozenset({10**6}))
    assert badge(caller) == (1, "clinic", None)
