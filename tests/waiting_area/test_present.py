"""Who sits in the waiting area for an appointment is not reminded of it (E8.3)."""

from collections.abc import Callable

import pytest
from django.utils import translation

from clinic.audit.operations import PATIENT
from clinic.models import Appointment
from messaging import registry
from messaging.models import Delivery
from messaging.registry import reason_sentence
from reminders.voice import speak
from tests.factories.house import DAYS, HOURS, NOW, House, book, make_patient
from tests.factories.outbox import sweep
from tests.factories.page import queries_of
from tests.factories.waiting import arrive
from waiting_area import operations
from waiting_area.enums import Left
from waiting_area.models import Caller

DUE = NOW + 8 * DAYS + 2 * HOURS  # the reminder: 48 hours before the start


def come(house: House, appointment: Appointment | None = None) -> Caller:
    return arrive(house, appointment=appointment or house.appointment, at=DUE)


def rows(appointment: Appointment, kind: str) -> dict[str, tuple[str, str]]:
    found = Delivery.objects.filter(message__appointment=appointment, message__kind=kind)
    return {row.channel: (row.state, row.reason) for row in found}


def test_reminder_is_skipped_for_who_is_present(rynek: House) -> None:
    come(rynek)

    sweep(DUE)

    assert rows(rynek.appointment, "reminder")["email"] == ("skipped", "present")
    # By SMS neither, when its own time comes.
    sweep(DUE + 2 * DAYS - 5 * HOURS)
    assert {state for state, _reason in rows(rynek.appointment, "reminder").values()} == {"skipped"}


def test_fallback_is_skipped_for_who_came_meanwhile(rynek: House) -> None:
    sweep(NOW)
    assert rows(rynek.appointment, "details")["email"][0] == "sent"
    arrive(rynek, appointment=rynek.appointment)

    sweep(NOW + 4 * HOURS)

    assert rows(rynek.appointment, "details")["sms"] == ("skipped", "present")


def left(caller: Caller) -> None:
    operations.leave(caller_id=caller.pk, how=Left.THEMSELVES, actor=PATIENT, at=DUE)


def for_another(caller: Caller) -> None:
    Caller.objects.filter(pk=caller.pk).update(appointment=None)


@pytest.mark.parametrize("change", [left, for_another])
def test_everybody_else_is_reminded(change: Callable[[Caller], None], rynek: House) -> None:
    change(come(rynek))

    sweep(DUE)

    assert rows(rynek.appointment, "reminder")["email"][0] == "sent"


def test_other_news_is_told_all_the_same(rynek: House) -> None:
    come(rynek)

    sweep(NOW)

    assert rows(rynek.appointment, "details")["email"][0] == "sent"


def test_one_question_for_all_deliveries_of_a_claim(rynek: House, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(3):
        patient = make_patient(rynek.clinic, f"Adam Cichy{number}")
        come(rynek, book(patient, rynek.calendar, rynek.appointment.starts_at + (number + 1) * HOURS))
    asked: list[int] = []
    really = registry._not_now["present"]

    def ask(appointments: object) -> object:
        asked.append(queries_of(lambda: really(appointments)))  # type: ignore[arg-type]
        return really(appointments)  # type: ignore[arg-type]

    monkeypatch.setitem(registry._not_now, "present", ask)
    reminders = Delivery.objects.filter(message__kind="reminder", channel="email").select_related(
        "message__patient", "message__appointment__clinic", "message__appointment__service",
        "message__appointment__calendar__practitioner",
    )  # fmt: skip

    verdicts = speak(list(reminders), DUE)

    assert len(verdicts) == 4
    assert asked == [1]
    assert registry.why_not_now([]) == {}
    details = Delivery.objects.filter(message__kind="details", channel="email").select_related(
        "message__patient", "message__appointment__clinic", "message__appointment__service",
        "message__appointment__calendar__practitioner",
    )  # fmt: skip
    speak(list(details), NOW)
    assert asked == [1]


@pytest.mark.parametrize(
    ("language", "sentence"),
    [
        ("en", "the patient is in the waiting area"),
        ("pl", "pacjent jest w poczekalni"),
        ("de", "die Patientin oder der Patient ist im Wartebereich"),
        ("ro", "pacientul este în sala de așteptare"),
    ],
)
def test_reason_is_said_in_the_readers_language(language: str, sentence: str) -> None:
    with translation.override(language):
        assert reason_sentence("present", {}) == sentence
