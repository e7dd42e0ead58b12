"""What clinic and callers write to each other: what is stored, and what open pages are told."""

import threading

import pytest
from django.core.exceptions import ValidationError
from django.db import connection

from clinic.audit.operations import PATIENT
from clinic.live import bus
from clinic.live.events import Event
from clinic.models import AuditEntry
from tests.factories.house import NOW, House
from tests.factories.waiting import arrive, notify
from waiting_area import operations
from waiting_area.models import Notice
from waiting_area.operations import HasLeft


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
