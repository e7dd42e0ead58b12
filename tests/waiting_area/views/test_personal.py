"""The personal link into the waiting area: for whom it opens, when, and on how many devices (W3, E5.6, E8.3, A21)."""

import importlib
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.apps import apps
from django.test import Client

from clinic.appointments import operations as appointments
from clinic.appointments.enums import CancelledBy
from clinic.audit.operations import SYSTEM, user_actor
from clinic.lib import clock
from clinic.models import Appointment
from messaging.links import link_key, revoke, token_of
from messaging.models import PersonalLink
from tests.factories.house import HOURS, MINUTES, NOW, House, book, by_link, logged_in
from tests.factories.page import Answer, Page
from tests.factories.waiting import (
    area_of,
    arrive,
    by_way_in,
    come_in,
    door,
    hold,
    join,
    notify,
    second_area,
    switch,
    way_in_of,
    write,
)
from waiting_area import operations
from waiting_area.models import Caller, Notice, WaitingArea
from waiting_area.views.waiting_screen import COOKIE

# The appointment's start: 11:00 in Warsaw, ten days ahead.
START = NOW + timedelta(days=10) + 2 * HOURS


def page_of(house: House) -> str:
    return f"/w/appointment/{link_key(way_in_of(house))}/"


def opened(house: House, at: datetime) -> Answer:
    """Open the page behind the personal link at an instant."""
    with clock.held_at(at):
        return by_way_in(way_in_of(house)).get(page_of(house))


def entered(house: House, at: datetime = START, **options: Any) -> tuple[Client, Answer]:
    """Enter by the personal link at an instant; return the browser and the answer."""
    with clock.held_at(at):
        client = by_way_in(way_in_of(house), **options)
        return client, client.post(page_of(house))


# --- The link ----------------------------------------------------------------------------------------


def test_link_is_made_with_the_booking_and_lives_half_a_day_longer(rynek: House) -> None:
    link = way_in_of(rynek)

    assert (link.clinic, link.created_at, link.expires_at) == (
        rynek.clinic,
        NOW,
        rynek.appointment.ends_at + 12 * HOURS,
    )
    appointments.move(appointment_id=rynek.appointment.pk, starts_at=START + 24 * HOURS, actor=SYSTEM, at=NOW)
    assert way_in_of(rynek).expires_at == START + 36 * HOURS + 30 * MINUTES


def test_appointments_of_before_get_their_links(rynek: House) -> None:
    start = datetime.now(UTC)
    coming = book(rynek.patient, rynek.calendar, start + timedelta(days=3), at=start)
    past = book(rynek.patient, rynek.calendar, NOW + timedelta(days=11), at=NOW)
    cancelled = book(rynek.patient, rynek.calendar, start + timedelta(days=4), at=start)
    appointments.cancel(appointment_id=cancelled.pk, by=CancelledBy.CLINIC, actor=SYSTEM, at=start)
    Appointment.objects.filter(pk=past.pk).update(
        starts_at=start - timedelta(days=2), ends_at=start - timedelta(days=1)
    )
    kept = way_in_of(rynek)
    PersonalLink.objects.filter(purpose="waiting").exclude(pk=kept.pk).delete()

    importlib.import_module("waiting_area.migrations.0007_personal_links").open_ways(apps, None)

    links = PersonalLink.objects.filter(purpose="waiting")
    assert set(links.values_list("object_id", flat=True)) == {rynek.appointment.pk, coming.pk}
    assert way_in_of(rynek).pk == kept.pk
    made = links.get(object_id=coming.pk)
    assert (made.clinic, made.expires_at) == (rynek.clinic, coming.ends_at + 12 * HOURS)


def test_token_leaves_the_address(rynek: House) -> None:
    client = by_way_in(way_in_of(rynek))

    cookie = client.cookies["link"]
    assert (cookie["path"], cookie["httponly"], cookie["samesite"]) == (page_of(rynek), True, "Lax")
    assert client.get(f"/w/p/{token_of(way_in_of(rynek))}/")["Location"] == page_of(rynek)


def test_page_names_the_patient_no_further_than_a_forwarded_link_may(rynek: House) -> None:
    page = Page(opened(rynek, START - HOURS))

    assert page.buttons() == ["Continue as Zofia P."]
    for said in ("Gabinety Rynek", "dr Tomasz Wilczek", "Thursday 13 May 2027, 11:00", "you agree that"):
        assert said in page.text
    for secret in ("Pawłowska", "Gąsior", "zofia@", "512 345"):
        assert secret not in page.html


def test_forged_link_is_unknown_and_a_dead_one_is_gone(rynek: House, markt: House) -> None:
    link = way_in_of(rynek)
    token = token_of(link)

    assert Client().get(f"/w/p/{token[:-1]}x/").status_code == 404
    assert Client().get("/w/p/nothing/").status_code == 404
    assert Client().get(page_of(rynek)).status_code == 404
    assert by_way_in(way_in_of(markt)).get(page_of(rynek)).status_code == 404
    client = by_way_in(link)
    with clock.held_at(link.expires_at):
        assert Client().get(f"/w/p/{token}/").status_code == 410
        assert client.get(page_of(rynek)).status_code == 410
    revoke(link, at=NOW)
    assert Client().get(f"/w/p/{token}/").status_code == 410
    assert client.get(page_of(rynek)).status_code == 410
    assert client.post(page_of(rynek)).status_code == 410
    assert not Caller.objects.exists()


def test_links_of_one_purpose_open_nothing_of_another(rynek: House) -> None:
    """A21."""
    way_in, letter = way_in_of(rynek), rynek.link

    assert Client().get(f"/w/p/{token_of(letter)}/").status_code == 404
    assert Client().get(f"/a/{token_of(way_in)}/").status_code == 404
    by_letter, by_door = by_link(letter), by_way_in(way_in)
    for method in ("get", "post"):
        assert getattr(by_letter, method)(f"/w/appointment/{link_key(letter)}/").status_code == 404
        assert getattr(by_letter, method)(page_of(rynek)).status_code == 404
    assert by_door.get(f"/appointment/{link_key(way_in)}/").status_code == 404
    confirm = f"/appointment/{link_key(letter)}/confirm/"
    assert by_door.post(confirm, {"sequence": 0}).status_code == 404
    rynek.appointment.refresh_from_db()
    assert rynek.appointment.confirmed_at is None
    assert not Caller.objects.exists()


# --- Coming in -------------------------------------------------------------------------------------


def test_patient_comes_in_beside_their_appointment(rynek: House) -> None:
    client, answer = entered(rynek, START - 30 * MINUTES)

    caller = Caller.objects.get()
    assert (answer.status_code, answer["Location"]) == (302, door(rynek, "wait/"))
    assert answer.cookies[COOKIE]["path"] == door(rynek)
    assert (caller.name, caller.phone, caller.language, caller.status) == (
        "Zofia Pawłowska-Gąsior",
        "+48512345678",
        "en",
        "waiting",
    )
    assert (caller.appointment, caller.calendar) == (rynek.appointment, rynek.calendar)
    assert (caller.arrived_at, caller.consented_at) == (START - 30 * MINUTES, START - 30 * MINUTES)
    with clock.held_at(START - 30 * MINUTES):
        assert "Your place 1" in Page(client.get(door(rynek, "wait/"))).text


def test_language_that_was_asked_for_stays(rynek: House) -> None:
    with clock.held_at(START):
        client = by_way_in(way_in_of(rynek))
        assert Page(client.get(page_of(rynek) + "?language=de")).buttons() == ["Weiter als Zofia P."]
        answer = client.post(page_of(rynek) + "?language=de")

    assert answer["Location"] == door(rynek, "wait/") + "?language=de"
    assert Caller.objects.get().language == "de"


def test_devices_of_one_link_are_one_caller(rynek: House) -> None:
    """A47, E5.6: both follow one state, with one place and one conversation."""
    phone, _answer = entered(rynek)
    caller = Caller.objects.get()
    tablet, answer = entered(rynek, START + 5 * MINUTES)

    assert Caller.objects.get() == caller
    assert answer["Location"] == door(rynek, "wait/")
    with clock.held_at(START + 6 * MINUTES):
        notify(rynek, caller, "For both", at=START)
        write(caller, "From one", at=START)
        join(rynek, caller, at=START)
        hold(rynek, caller, at=START)
        shown = [Page(one.get(door(rynek, "wait/"))) for one in (phone, tablet)]
        assert phone.get(door(rynek, "state/")).content == tablet.get(door(rynek, "state/")).content
    for page in shown:
        assert "For both" in page.text
        assert "From one" in page.text
        (screen,) = page.all("div", lambda it: it.get("id") == "wait")
        assert dict(screen.attributes)["data-status"] == "on_hold"


def test_second_device_says_that_they_are_here_already(rynek: House) -> None:
    entered(rynek)

    page = Page(opened(rynek, START + HOURS + 31 * MINUTES))

    assert page.buttons() == ["Continue as Zofia P."]
    assert "You are in the waiting area already." in page.text


def test_who_was_away_comes_back_to_their_place_by_the_link(rynek: House) -> None:
    entered(rynek)
    arrive(rynek, "Behind", at=START + MINUTES)
    gone = {"status": "left", "left_from": "waiting", "how_left": "absent", "left_at": START + 5 * MINUTES}
    Caller.objects.filter(appointment=rynek.appointment).update(**gone)

    client, _answer = entered(rynek, START + 34 * MINUTES)

    assert Caller.objects.count() == 2
    with clock.held_at(START + 34 * MINUTES):
        assert "Your place 1" in Page(client.get(door(rynek, "wait/"))).text


def test_link_leads_to_where_the_caller_was_sent_on(rynek: House) -> None:
    entered(rynek)
    upstairs = second_area(rynek)
    operations.transfer(
        caller_id=Caller.objects.get().pk, area=upstairs, calendar=None, actor=SYSTEM, at=START
    )

    client, answer = entered(rynek, START + MINUTES)

    assert answer["Location"] == f"/w/{upstairs.key}/wait/"
    with clock.held_at(START + MINUTES):
        assert "Upstairs" in Page(client.get(answer["Location"])).text
    assert Caller.objects.count() == 1


@pytest.mark.parametrize(
    ("at", "may"),
    [
        (START - timedelta(days=1), False),
        # Midnight in Warsaw, where the clinic is.
        (START - 11 * HOURS - MINUTES, False),
        (START - 11 * HOURS, True),
        (START + HOURS, True),
    ],
)
def test_link_lets_in_on_the_day_alone(at: datetime, may: bool, rynek: House) -> None:
    page = Page(opened(rynek, at))
    _client, answer = entered(rynek, at)

    assert answer.status_code == (302 if may else 409)
    assert Caller.objects.exists() is may
    assert page.buttons() == (["Continue as Zofia P."] if may else [])
    assert ("On the day of your appointment this link leads" in page.text) is not may


def test_cancelled_appointment_says_so(rynek: House) -> None:
    appointments.cancel(appointment_id=rynek.appointment.pk, by=CancelledBy.CLINIC, actor=SYSTEM, at=NOW)

    page = Page(opened(rynek, START))
    _client, answer = entered(rynek)

    assert "This appointment is cancelled." in page.text
    assert page.buttons() == []
    assert answer.status_code == 409
    assert "This appointment is cancelled." in Page(answer).text
    assert not Caller.objects.exists()


def test_closed_area_takes_nobody_new_but_keeps_who_is_here(rynek: House) -> None:
    WaitingArea.objects.update(is_open=False)

    page, (_client, refused) = Page(opened(rynek, START)), entered(rynek)

    assert "The waiting area is closed at the moment." in page.text
    assert page.buttons() == []
    assert refused.status_code == 409
    WaitingArea.objects.update(is_open=True)
    entered(rynek)
    WaitingArea.objects.update(is_open=False)
    assert Page(opened(rynek, START)).buttons() == ["Continue as Zofia P."]
    assert entered(rynek)[1].status_code == 302
    assert Caller.objects.count() == 1


# --- The appointment's pages -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("at", "is_shown"),
    [
        (START - 60 * MINUTES - timedelta(seconds=1), False),
        (START - 60 * MINUTES, True),
        (START + 90 * MINUTES, True),
        (START + 90 * MINUTES + timedelta(seconds=1), False),
    ],
)
def test_patients_page_leads_there_around_the_time(at: datetime, is_shown: bool, rynek: House) -> None:
    client = by_link(rynek.link)
    link = f"/w/p/{token_of(way_in_of(rynek))}/"

    with clock.held_at(at):
        page = Page(client.get(f"/appointment/{link_key(rynek.link)}/"))

    assert (link in page.links()) is is_shown
    assert ("Go to the waiting area" in page.text) is is_shown


def test_patients_page_leads_nowhere_when_closed_or_cancelled(rynek: House) -> None:
    client = by_link(rynek.link)

    def is_shown() -> bool:
        with clock.held_at(START):
            return (
                "Go to the waiting area"
                in client.get(f"/appointment/{link_key(rynek.link)}/").content.decode()
            )

    assert is_shown()
    WaitingArea.objects.update(is_open=False)
    assert not is_shown()
    WaitingArea.objects.update(is_open=True)
    appointments.cancel(appointment_id=rynek.appointment.pk, by=CancelledBy.CLINIC, actor=SYSTEM, at=NOW)
    assert not is_shown()


def test_staff_copy_the_link_and_see_who_is_here(rynek: House, desk: Client) -> None:
    url = rynek.url(f"appointments/{rynek.appointment.pk}/")

    def seen(at: datetime) -> Page:
        with clock.held_at(at):
            return Page(logged_in(rynek.assistant).get(url))

    before = seen(START)
    (field,) = before.all("input", lambda it: it.get("id") == "way-in")
    assert str(dict(field.attributes)["value"]).endswith(f"/w/p/{token_of(way_in_of(rynek))}/")
    assert "The patient is not in the waiting area." in before.text
    (part,) = before.all("div", lambda it: it.get("id") == "presence")
    assert dict(part.attributes)["data-live"] == "caller"
    entered(rynek)
    assert "The patient is here since 11:00: Waiting" in seen(START).text
    operations.leave(caller_id=Caller.objects.get().pk, actor=SYSTEM, at=START)
    assert "The patient is not in the waiting area." in seen(START).text
    with clock.held_at(START + 13 * HOURS):
        assert "way-in" not in desk.get(url).content.decode()


# --- Cancelled while they wait (E5.9) --------------------------------------------------------------


def cancel(house: House, at: datetime = START) -> None:
    appointments.cancel(
        appointment_id=house.appointment.pk, by=CancelledBy.CLINIC, actor=user_actor(house.assistant), at=at
    )


@pytest.mark.parametrize("standing", ["waiting", "in_call", "on_hold", "absent"])
def test_who_waits_for_a_cancelled_appointment_is_told_and_released(standing: str, rynek: House) -> None:
    client, _answer = entered(rynek)
    caller = Caller.objects.get()
    Caller.objects.update(language="de")
    switch(rynek, False)
    if standing in {"in_call", "on_hold"}:
        join(rynek, caller, at=START)
    if standing == "on_hold":
        hold(rynek, caller, at=START)
    if standing == "absent":
        gone = {"status": "left", "left_from": "waiting", "how_left": "absent", "left_at": START}
        Caller.objects.update(**gone)

    cancel(rynek, START + 5 * MINUTES)

    caller.refresh_from_db()
    assert (caller.status, caller.how_left) == ("left", "released")
    notice = Notice.objects.get()
    assert (notice.author, notice.user, notice.number) == ("clinic", None, 1)
    assert notice.text == (
        "Ihr Termin wurde abgesagt: Donnerstag, 13. Mai 2027 um 11:00 Uhr. Sie brauchen nicht länger zu "
        "warten. Wenn Sie Fragen haben, rufen Sie uns bitte an."
    )
    with clock.held_at(START + 6 * MINUTES):
        page = Page(client.get(door(rynek, "wait/")))
    assert page.heading == "Ihr Termin wurde abgesagt"
    assert notice.text in page.text


def test_cancellation_of_which_they_were_told_here_is_not_taken_back(rynek: House) -> None:
    entered(rynek, START - HOURS)
    cancel(rynek, START - HOURS)

    with pytest.raises(appointments.NotAllowed):
        restore(rynek, START - HOURS)

    assert Appointment.objects.get(pk=rynek.appointment.pk).status == "cancelled"


def test_cancellation_is_taken_back_where_nobody_waits_for_it(rynek: House) -> None:
    arrive(rynek, "Somebody else", at=START - HOURS)
    cancel(rynek, START - HOURS)

    restore(rynek, START - HOURS)

    assert Appointment.objects.get(pk=rynek.appointment.pk).status == "booked"


def restore(house: House, at: datetime) -> None:
    appointments.restore(appointment_id=house.appointment.pk, actor=user_actor(house.assistant), at=at)


def test_nobody_else_is_released(rynek: House) -> None:
    entered(rynek)
    Caller.objects.update(status="left", how_left="removed", left_at=START)
    bystander = arrive(rynek, "Somebody else", at=START)

    cancel(rynek)

    bystander.refresh_from_db()
    assert bystander.status == "waiting"
    assert not Notice.objects.exists()
    assert Caller.objects.get(appointment=rynek.appointment).how_left == "removed"


def test_public_door_knows_nothing_of_appointments(rynek: House) -> None:
    come_in(Client(), rynek, appointment=str(rynek.appointment.pk))

    assert Caller.objects.get().appointment is None
    assert area_of(rynek).is_default
    assert PersonalLink.objects.filter(purpose="waiting").count() == 1
