"""Staff are told of who waits too long: when, once, to whom, in which words, and when not after all (W12)."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.test import Client

from clinic.audit.operations import SYSTEM, user_actor
from clinic.lib import clock
from messaging.delivery import send_due
from messaging.models import Delivery, Message, SentText
from messaging.operations import record_provider_state
from messaging.pages import tell_pages
from messaging.registry import reason_sentence
from messaging.settling import settle
from notifications.enums import Channel
from notifications.registry import get_kind, list_kinds
from tests.factories.house import MINUTES, NOW, House
from tests.factories.page import Page, queries_of
from tests.factories.waiting import SECONDS, area_of, arrive, ping, take
from waiting_area import areas, calls, long_wait, operations, tasks
from waiting_area.models import Caller, Pulse, WaitingArea

SECOND = timedelta(seconds=1)
LATE = NOW + 20 * MINUTES
BOTH = {"long_wait_minutes": 20, "alert_email": "desk@rynek.example", "alert_phone": "+48512345678"}


def change(house: House, **wanted: Any) -> None:
    areas.change_area(area=area_of(house), actor=SYSTEM, at=NOW, **wanted)


def send(at: datetime = LATE) -> None:
    for channel in Channel:
        send_due(channel=channel, at=at, now=lambda: at)


def states() -> dict[str, tuple[str, str]]:
    """Return what became of each way, with its reason."""
    rows = Delivery.objects.filter(message__kind="long_wait")
    return {row.channel: (row.state, row.reason) for row in rows}


@pytest.fixture
def asking(rynek: House) -> House:
    """Rynek, whose desk wants to hear after twenty minutes."""
    change(rynek, **BOTH)
    return rynek


# --- When, and how often ---------------------------------------------------------------------------


def test_staff_are_told_at_the_minute_and_not_before(asking: House) -> None:
    caller = arrive(asking)

    assert long_wait.plan(at=LATE - SECOND) == 0
    assert long_wait.plan(at=LATE) == 1

    message = Message.objects.get(kind="long_wait")
    assert (message.clinic, message.cause, message.recipient) == (
        asking.clinic, f"caller:{caller.pk}", f"area:{area_of(asking).pk}",
    )  # fmt: skip
    assert (message.appointment, message.patient, message.facts) == (None, None, {"minutes": 20})
    assert states() == {"email": ("planned", ""), "sms": ("planned", "")}
    assert reason_sentence(message.reason, message.facts) == "somebody has waited for 20 minutes"


def test_each_caller_is_told_of_once(asking: House) -> None:
    arrive(asking, "One")
    arrive(asking, "Two", at=NOW + MINUTES)

    assert [long_wait.plan(at=LATE + n * MINUTES) for n in (0, 1, 2)] == [1, 1, 0]
    send(LATE + 2 * MINUTES)
    assert long_wait.plan(at=LATE + 60 * MINUTES) == 0
    assert Delivery.objects.filter(message__kind="long_wait", state="sent").count() == 4


def test_what_was_skipped_is_not_planned_again(asking: House) -> None:
    arrive(asking)
    long_wait.plan(at=LATE)
    change(asking, long_wait_minutes=None)
    send()
    change(asking, long_wait_minutes=20)

    assert long_wait.plan(at=LATE + MINUTES) == 0
    assert states()["email"] == ("skipped", "off_for_area")


@pytest.mark.parametrize(
    ("wanted", "ways"),
    [
        ({"alert_phone": ""}, {"email"}),
        ({"alert_email": ""}, {"sms"}),
        ({"alert_email": "", "alert_phone": ""}, set()),
        ({"long_wait_minutes": None}, set()),
    ],
)
def test_it_goes_the_ways_that_are_set(wanted: dict[str, Any], ways: set[str], asking: House) -> None:
    arrive(asking)
    change(asking, **wanted)

    long_wait.plan(at=LATE)

    assert set(states()) == ways


def test_only_who_waits_is_told_of(asking: House, markt: House) -> None:
    seen, left = arrive(asking, "Seen"), arrive(asking, "Left")
    take(seen)
    operations.leave(caller_id=left.pk, actor=SYSTEM, at=NOW)
    arrive(markt)

    assert long_wait.plan(at=LATE + 60 * MINUTES) == 0


def test_waiting_anew_counts_anew(asking: House) -> None:
    caller = arrive(asking)
    take(caller, at=NOW + 10 * MINUTES)
    operations.transfer(
        caller_id=caller.pk, area=area_of(asking), calendar=None, actor=SYSTEM, at=NOW + 15 * MINUTES
    )

    assert long_wait.plan(at=NOW + 34 * MINUTES) == 0
    assert long_wait.plan(at=NOW + 35 * MINUTES) == 1


def test_where_nobody_asks_it_costs_one_look(rynek: House, asking: House) -> None:
    change(asking, long_wait_minutes=None)
    for number in range(3):
        arrive(asking, f"Caller {number}")

    assert queries_of(lambda: long_wait.plan(at=LATE + 60 * MINUTES)) == 1


def test_asking_costs_no_more_once_all_are_told_of(asking: House) -> None:
    for number in range(5):
        arrive(asking, f"Caller {number}")
    long_wait.plan(at=LATE)

    assert queries_of(lambda: long_wait.plan(at=LATE + MINUTES)) == 3


def test_sweeps_go_on_where_the_last_one_stopped(asking: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(long_wait, "AT_ONCE", 2)
    for number in range(3):
        arrive(asking, f"Caller {number}")

    assert [long_wait.plan(at=LATE) for _sweep in range(3)] == [2, 1, 0]


def test_beats_sweep_plans_it(asking: House) -> None:
    caller, lost = arrive(asking), arrive(asking, "Bea Lost")
    Caller.objects.filter(pk=lost.pk).update(is_lost=True)
    ping(caller, LATE)
    Pulse.objects.update(counting_since=LATE - 44 * SECONDS)
    with clock.held_at(LATE):
        tasks.sweep_presence()
    # Not before it is known who is here: after a night everybody of yesterday would wait.
    assert not states()

    Pulse.objects.update(counting_since=LATE - 45 * SECONDS)
    with clock.held_at(LATE):
        tasks.sweep_presence()

    assert set(states()) == {"email", "sms"}
    assert Message.objects.get(kind="long_wait").cause == long_wait.cause_of(caller.pk)


# --- The words -------------------------------------------------------------------------------------


def test_words_say_how_long_where_and_a_link_but_nobody(asking: House, settings: Any) -> None:
    settings.PUBLIC_URL = "https://anteroom.example"
    change(asking, name="Rejestracja")
    arrive(asking, "Ewa Tajna", purpose="Wyniki HIV", phone="512 345 679")
    long_wait.plan(at=LATE)

    send(LATE + 2 * MINUTES)

    mail, sms = SentText.objects.order_by("delivery__channel").filter(delivery__message__kind="long_wait")
    assert mail.subject == "Gabinety Rynek: ktoś czeka już 22 minuty"
    assert "Ktoś czeka już 22 minuty i nikt go jeszcze nie poprosił." in mail.text
    assert "Poczekalnia: Rejestracja" in mail.text
    assert "Poczekalnia: Rejestracja" in mail.html
    assert sms.text == (
        "Gabinety Rynek, Rejestracja: ktos w poczekalni czeka juz 22 minuty. "
        "https://anteroom.example/c/rynek/waiting/"
    )
    for text in (mail.subject, mail.text, mail.html, sms.text):
        assert not [word for word in ("Tajna", "HIV", "345 679", "345679") if word in text]
    assert "https://anteroom.example/c/rynek/waiting/" in mail.text
    attempts = {
        row.channel: row.attempts.get().address for row in Delivery.objects.filter(message__kind="long_wait")
    }
    assert attempts == {"email": "desk@rynek.example", "sms": "+48512345678"}


def test_area_named_like_its_clinic_is_not_named_twice(markt: House) -> None:
    change(markt, long_wait_minutes=5, alert_phone="+493012345678")
    arrive(markt)
    at = NOW + 5 * MINUTES
    long_wait.plan(at=at)
    send(at)

    kept = SentText.objects.get(delivery__message__kind="long_wait")
    assert kept.text.startswith("Praxis am Markt: Im Wartebereich wartet jemand seit 5 Minuten. http")


def test_area_name_is_only_a_name(asking: House) -> None:
    change(asking, name="<b>{{ x }}</b>")
    arrive(asking)
    long_wait.plan(at=LATE)
    send()

    mail = SentText.objects.get(delivery__message__kind="long_wait", delivery__channel="email")
    assert "&lt;b&gt;{{ x }}&lt;/b&gt;" in mail.html


# --- When not after all ----------------------------------------------------------------------------


def call_in(house: House, caller: Caller) -> None:
    calls.join(caller_id=caller.pk, actor=user_actor(house.assistant), at=LATE)


def hold(house: House, caller: Caller) -> None:
    call_in(house, caller)
    calls.hold(caller_id=caller.pk, actor=user_actor(house.assistant), at=LATE)


def leave(house: House, caller: Caller) -> None:
    operations.leave(caller_id=caller.pk, actor=SYSTEM, at=LATE)


def forget(house: House, caller: Caller) -> None:
    Caller.objects.filter(pk=caller.pk).delete()


def switch_off(house: House, caller: Caller) -> None:
    change(house, long_wait_minutes=None)


def send_elsewhere(house: House, caller: Caller) -> None:
    area = areas.add_area(clinic=house.clinic, name="Upstairs", actor=SYSTEM, at=NOW)
    operations.transfer(caller_id=caller.pk, area=area, calendar=None, actor=SYSTEM, at=LATE)


@pytest.mark.parametrize(
    ("meanwhile", "reason", "sentence"),
    [
        (call_in, "caller_taken", "they were called in meanwhile"),
        (hold, "caller_taken", "they were called in meanwhile"),
        (leave, "caller_left", "they left the waiting area meanwhile"),
        (forget, "caller_left", "they left the waiting area meanwhile"),
        (switch_off, "off_for_area", "switched off for this waiting area"),
        (send_elsewhere, "caller_moved", "they were sent to another waiting area meanwhile"),
    ],
)
def test_what_was_overtaken_is_not_sent(
    meanwhile: Callable[[House, Caller], None], reason: str, sentence: str, asking: House
) -> None:
    caller = arrive(asking)
    long_wait.plan(at=LATE)
    meanwhile(asking, caller)

    send()

    assert states() == {"email": ("skipped", reason), "sms": ("skipped", reason)}
    assert reason_sentence(reason, {}) == sentence
    assert not SentText.objects.filter(delivery__message__kind="long_wait").exists()


@pytest.mark.parametrize(
    ("field", "channel", "other", "reason"),
    [
        ("alert_email", "email", "sms", "no_alert_email"),
        ("alert_phone", "sms", "email", "no_alert_phone"),
    ],
)
def test_address_taken_away_leaves_the_other_way(
    field: str, channel: str, other: str, reason: str, asking: House
) -> None:
    arrive(asking)
    long_wait.plan(at=LATE)
    change(asking, **{field: ""})

    send()

    assert states() == {channel: ("skipped", reason), other: ("sent", "")}


def test_more_patience_holds_it_until_then(asking: House) -> None:
    arrive(asking)
    long_wait.plan(at=LATE)
    change(asking, long_wait_minutes=30)

    send()
    held = set(Delivery.objects.filter(message__kind="long_wait").values_list("state", "due_at"))
    send(NOW + 30 * MINUTES)

    assert held == {("planned", NOW + 30 * MINUTES)}
    assert {state for state, _reason in states().values()} == {"sent"}


def test_sent_to_an_area_that_asks_too_it_is_told_of_there(asking: House) -> None:
    caller = arrive(asking)
    long_wait.plan(at=LATE)
    send_elsewhere(asking, caller)
    upstairs = WaitingArea.objects.get(name="Upstairs")
    areas.change_area(
        area=upstairs, long_wait_minutes=5, alert_email="up@rynek.example", actor=SYSTEM, at=LATE
    )

    assert long_wait.plan(at=LATE) == 1
    send()

    sent = Delivery.objects.get(message__kind="long_wait", state="sent")
    assert sent.attempts.get().address == "up@rynek.example"


# --- Where it is listed ----------------------------------------------------------------------------


def test_no_calendar_and_no_appointment_offers_it(asking: House, office: Client) -> None:
    assert get_kind("long_wait").for_staff
    assert "long_wait" not in [kind.name for kind in list_kinds()]
    for path in (
        f"settings/calendars/{asking.calendar.pk}/communication/",
        f"appointments/{asking.appointment.pk}/",
        "appointments/book/",
    ):
        page = Page(office.get(asking.url(path)))
        assert "tell-long_wait" not in page.fields
        assert "Waiting too long" not in page.text


def test_mailbox_shows_it_as_the_clinics(asking: House, desk: Client) -> None:
    arrive(asking)
    long_wait.plan(at=LATE)
    send()

    response = desk.get(asking.url("mailbox/"))

    page = Page(response)
    mails = page.all("article")
    assert response.status_code == 200
    assert page.text.count("To the clinic") == 2
    assert [dict(mail.attributes)["lang"] for mail in mails[:2]] == ["pl", "pl"]
    letter = Delivery.objects.get(message__kind="long_wait", channel="email")
    shown = desk.get(asking.url(f"mailbox/{letter.pk}/"))
    assert (shown.status_code, "Otwórz poczekalnię" in shown.content.decode()) == (200, True)
    chosen = Page(desk.get(asking.url(f"mailbox/?patient={asking.patient.pk}")))
    assert "To the clinic" not in chosen.text


def test_today_says_when_it_failed(asking: House, desk: Client) -> None:
    arrive(asking)
    long_wait.plan(at=LATE)
    Delivery.objects.filter(message__kind="long_wait", channel="sms").update(
        state="failed", reason="refused", facts={"code": "21610"}, ended_at=LATE
    )

    with clock.held_at(LATE):
        page = Page(desk.get(asking.url()))

    assert "To the clinic Waiting too long, SMS · " in page.text
    assert "refused by the recipient's side (21610)" in page.text


@pytest.mark.parametrize("channel", ["email", "sms"])
def test_provider_may_say_that_it_never_came(channel: str, asking: House) -> None:
    arrive(asking)
    long_wait.plan(at=LATE)
    send()
    row = Delivery.objects.get(message__kind="long_wait", channel=channel)

    assert record_provider_state(
        delivery_id=row.pk, reported="failed", code="550", no_such_address=True, at=LATE + MINUTES
    )

    row.refresh_from_db()
    assert (row.state, row.reason, row.facts) == ("failed", "provider", {"code": "550"})
    # The other way stays as it was, and no card is marked.
    assert Delivery.objects.filter(message__kind="long_wait", state="sent").count() == 1
    asking.patient.refresh_from_db()
    assert asking.patient.email_bounced_at is None


@pytest.mark.parametrize(("channel", "tries"), [("email", 2), ("sms", 2)])
def test_unknown_outcome_is_tried_once_more(channel: str, tries: int, asking: House, settings: Any) -> None:
    settings.UNKNOWN_RETRY_AFTER_SECONDS = 60
    arrive(asking)
    long_wait.plan(at=LATE)
    send()
    rows = Delivery.objects.filter(message__kind="long_wait", channel=channel)
    rows.update(state="unknown", reason="line_lost", ended_at=LATE, due_at=LATE + MINUTES)

    settle(at=LATE + MINUTES)
    send(LATE + MINUTES)

    assert (rows.get().state, rows.get().tries, rows.get().was_retried) == ("sent", tries, True)


def test_open_mailboxes_hear_of_it(asking: House, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[tuple[str, dict[str, Any]]] = []
    monkeypatch.setattr("messaging.pages.publish", lambda name, topics, data: told.append((name, dict(data))))
    arrive(asking)
    long_wait.plan(at=LATE)
    row = Delivery.objects.select_related("message").filter(message__kind="long_wait")[0]

    tell_pages([row])

    assert told == [("message", {"ids": []})]
