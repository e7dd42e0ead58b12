"""The public entry: what it asks for, whom it lets in, and what it says when it is closed (W3, E5.9)."""

from datetime import UTC, datetime, time
from typing import Any

import pytest
from django.test import Client

from clinic.audit.operations import SYSTEM
from clinic.lib import clock
from tests.factories.house import MINUTES, NOW, House, logged_in, make_calendar
from tests.factories.page import Page
from tests.factories.waiting import area_of, arrive, come_in, door, entry_form, waiting
from waiting_area import areas
from waiting_area.models import Caller, WaitingArea
from waiting_area.views.waiting_screen import COOKIE


def change(house: House, **wanted: Any) -> None:
    """Change the settings of the house's waiting area."""
    areas.change_area(area=area_of(house), actor=SYSTEM, at=NOW, **wanted)


def test_entry_says_whose_it_is_in_the_readers_language(rynek: House) -> None:
    page = Client().get(door(rynek), headers={"Accept-Language": "ro"})

    assert page["Content-Language"] == "ro"
    assert "Gabinety Rynek" in Page(page).text
    assert Page(page).heading == "Sală de așteptare"
    german = Client().get(door(rynek) + "?language=de", headers={"Accept-Language": "ro"})
    assert Page(german).heading == "Wartebereich"


def test_caller_comes_in(rynek: House) -> None:
    client = Client()

    response = come_in(client, rynek, name="Ioana Pușcașu", purpose="10:40")

    caller = Caller.objects.get()
    assert (response.status_code, response["Location"]) == (302, door(rynek, "wait/"))
    assert (caller.name, caller.purpose, caller.language, caller.arrived_at) == (
        "Ioana Pușcașu",
        "10:40",
        "en",
        NOW,
    )
    cookie = response.cookies[COOKIE]
    assert (cookie["path"], cookie["httponly"], cookie["samesite"]) == (door(rynek), True, "Lax")
    page = Client().post(door(rynek) + "?language=pl", entry_form())
    assert page["Location"] == door(rynek, "wait/") + "?language=pl"
    assert Caller.objects.order_by("-pk")[0].language == "pl"


@pytest.mark.parametrize(
    ("field", "value", "error"),
    [
        ("name", "", "Please enter your name."),
        ("name", "x" * 121, "Ensure this value has at most 120 characters (it has 121)."),
        ("name", "a\x07b", "This name holds characters that cannot be written."),
        ("purpose", "", "Please say in a few words what you come for."),
        ("consent", "", "Without your consent we cannot let you in here. You can call us instead."),
    ],
)
def test_bad_input_keeps_what_was_typed(field: str, value: str, error: str, rynek: House) -> None:
    response = come_in(Client(), rynek, **{"name": "Ewa Siwa", "purpose": "Results", field: value})

    page = Page(response)
    assert response.status_code == 422
    assert page.error(field) == error
    for kept, text in (("name", "Ewa Siwa"), ("purpose", "Results")):
        if kept != field:
            assert page.fields[kept] == text
    assert not Caller.objects.exists()
    assert COOKIE not in response.cookies


@pytest.mark.parametrize("key", ["", "x", "k" * 32, "0" * 33])
def test_forged_form_key_lets_nobody_in(key: str, rynek: House) -> None:
    assert come_in(Client(), rynek, key=key).status_code == 422


def test_two_presses_make_one_caller(rynek: House) -> None:
    form = entry_form()

    for _press in range(2):
        assert Client().post(door(rynek), form).status_code == 302

    assert Caller.objects.count() == 1


def test_who_waits_already_goes_on(rynek: House) -> None:
    client = Client()
    come_in(client, rynek)

    assert client.get(door(rynek))["Location"] == door(rynek, "wait/")
    assert come_in(client, rynek)["Location"] == door(rynek, "wait/")
    assert Caller.objects.count() == 1


def test_closed_area_says_so(rynek: House) -> None:
    WaitingArea.objects.update(is_open=False)

    shown, sent = Client().get(door(rynek)), come_in(Client(), rynek)

    assert (shown.status_code, sent.status_code) == (200, 409)
    assert "The waiting area is closed at the moment." in Page(shown).text
    assert "The waiting area is closed at the moment." in Page(sent).text
    assert not Caller.objects.exists()


def test_ten_a_minute_come_from_one_address(rynek: House) -> None:
    statuses = [come_in(Client(), rynek).status_code for _ in range(11)]
    refused = come_in(Client(), rynek, name="Typed Before")
    elsewhere = Client(REMOTE_ADDR="10.9.8.7").post(door(rynek), entry_form())

    assert statuses == [302] * 10 + [429]
    assert (refused.status_code, refused["Retry-After"]) == (429, "60")
    assert Page(refused).fields["name"] == "Typed Before"
    assert elsewhere.status_code == 302
    assert Caller.objects.count() == 11


def test_mistakes_in_the_form_are_not_counted(rynek: House) -> None:
    statuses = [come_in(Client(), rynek, name="").status_code for _ in range(20)]

    assert statuses == [422] * 20
    assert come_in(Client(), rynek).status_code == 302


def test_members_are_never_counted(rynek: House, markt: House) -> None:
    for _ in range(11):
        assert come_in(logged_in(rynek.assistant), rynek).status_code == 302
    assert come_in(Client(), rynek).status_code == 302
    # Another clinic's member is anybody here.
    statuses = [come_in(logged_in(markt.admin), rynek).status_code for _ in range(10)]
    assert statuses == [302] * 9 + [429]


# --- What is asked (W3) ----------------------------------------------------------------------------


def test_entry_asks_for_name_and_purpose_unless_told_otherwise(rynek: House) -> None:
    fields = Page(Client().get(door(rynek))).fields

    assert list(fields) == ["key", "name", "purpose"]


def test_entry_asks_for_nothing_but_the_name(rynek: House) -> None:
    change(rynek, asks_purpose="no")

    response = Client().post(
        door(rynek), {**entry_form(), "purpose": "Forged", "phone": "1", "calendar": "9"}
    )

    caller = Caller.objects.get()
    assert response.status_code == 302
    assert (caller.name, caller.purpose, caller.phone, caller.calendar) == ("Ewa Siwa", "", "", None)


def test_entry_asks_for_everything(rynek: House) -> None:
    make_calendar(rynek.clinic, "dr Alicja Lis", address="Nowa 5")
    change(rynek, asks_phone="required", asks_calendar="required")
    page = Page(Client().get(door(rynek)))
    (choice,) = page.all("select")

    empty = Page(come_in(Client(), rynek, purpose=""))
    sent = come_in(Client(), rynek, phone="512 345 678", calendar=str(rynek.calendar.pk))

    assert [str(node.children[0]) for node in choice.children if getattr(node, "name", "") == "option"] == [
        "Please choose", "dr Alicja Lis, Nowa 5, Town", "dr Tomasz Wilczek, 1 Square, Town",
    ]  # fmt: skip
    assert {name: empty.error(name) for name in ("name", "calendar", "purpose", "phone")} == {
        "name": "",
        "calendar": "Please choose whom you come to see.",
        "purpose": "Please say in a few words what you come for.",
        "phone": "Please enter your phone number.",
    }
    caller = Caller.objects.get()
    assert sent.status_code == 302
    assert (caller.phone, caller.calendar) == ("+48512345678", rynek.calendar)


def test_what_is_optional_may_stay_empty(rynek: House) -> None:
    change(rynek, asks_purpose="optional", asks_phone="optional", asks_calendar="optional")
    page = Page(Client().get(door(rynek)))

    response = come_in(Client(), rynek, purpose="", phone="", calendar="")

    assert "Your phone number (you may leave this empty)" in page.text
    assert "I do not know" in page.text
    assert response.status_code == 302
    assert (Caller.objects.get().phone, Caller.objects.get().calendar) == ("", None)


@pytest.mark.parametrize(
    ("field", "value", "error"),
    [
        ("phone", "12", "This is not a phone number. Write it with its country code, like +48 22 555 01 23."),
        ("phone", "512 dzwon", "This is not a phone number. Write it with its country code, like +48 22 555 01 23."),
        ("phone", "9" * 41, "Ensure this value has at most 40 characters (it has 41)."),
        ("calendar", "987654321", "Please choose whom you come to see."),
        ("calendar", "x" * 40, "Please choose whom you come to see."),
        ("calendar", "9" * 30, "Please choose whom you come to see."),
    ],
)  # fmt: skip
def test_bad_answers_are_refused_beside_their_field(field: str, value: str, error: str, rynek: House) -> None:
    change(rynek, asks_phone="optional", asks_calendar="optional")

    response = come_in(Client(), rynek, **{field: value})

    page = Page(response)
    assert (response.status_code, page.error(field)) == (422, error)
    assert page.fields["name"] == "Ewa Siwa"
    if field == "phone":
        assert page.fields["phone"] == value
    assert not Caller.objects.exists()


def test_other_clinics_calendar_is_no_choice(rynek: House, markt: House) -> None:
    change(rynek, asks_calendar="optional")

    page = Page(come_in(Client(), rynek, calendar=str(markt.calendar.pk)))

    assert page.error("calendar") == "Please choose whom you come to see."
    assert "Storch" not in page.text
    assert not Caller.objects.exists()


def test_clinic_without_calendars_lets_people_in_all_the_same(rynek: House) -> None:
    change(rynek, asks_calendar="required")
    rynek.appointment.delete()
    rynek.calendar.delete()

    assert "calendar" not in Page(Client().get(door(rynek))).fields
    assert come_in(Client(), rynek).status_code == 302


def test_area_that_asks_anew_meanwhile_is_answered_beside_the_field(
    rynek: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    form = entry_form(phone="")
    change(rynek, asks_phone="optional")
    valid = "waiting_area.views.entry.EntryForm.is_valid"

    def change_behind(self: Any) -> bool:
        found = not self.errors
        self.area.asks_phone = "required"
        return found

    monkeypatch.setattr(valid, change_behind)
    response = Client().post(door(rynek), form)

    assert response.status_code == 422
    assert Page(response).error("phone") == "Please enter your phone number."
    assert not Caller.objects.exists()


@pytest.mark.parametrize(
    ("language", "words"),
    [("en", "Have your list ready."), ("de", "Liste bereit"), ("ro", "Lista gata.")],
)
def test_welcome_is_in_the_readers_language_else_in_the_clinics(
    language: str, words: str, rynek: House
) -> None:
    change(rynek, welcomes={"pl": "Have your list ready.", "de": "Liste bereit", "ro": "Lista gata."})

    assert words in Page(Client().get(f"{door(rynek)}?language={language}")).text


# --- Hours (E5.9) ----------------------------------------------------------------------------------

HOURS = {weekday: [(time(8), time(12)), (time(13), time(16))] for weekday in range(5)}


def closed_text(house: House, at: datetime, language: str = "en") -> str:
    """Return what the entry says at an instant, or nothing when it lets people in."""
    with clock.held_at(at):
        page = Page(Client().get(f"{door(house)}?language={language}"))
    notes = page.all("p", lambda it: it.get("role") == "status")
    assert bool(notes) != bool(page.all("form", lambda it: it.get("class") == "entry"))
    return " ".join(str(note.children[0]).strip() for note in notes)


@pytest.mark.parametrize(
    ("at", "said"),
    [
        # Warsaw is two hours ahead of these.
        (datetime(2027, 5, 3, 5, 59, 59, tzinfo=UTC), "It opens next: today at 08:00."),
        (datetime(2027, 5, 3, 6, 0, tzinfo=UTC), ""),
        (datetime(2027, 5, 3, 9, 59, 59, tzinfo=UTC), ""),
        (datetime(2027, 5, 3, 10, 0, tzinfo=UTC), "It opens next: today at 13:00."),
        (datetime(2027, 5, 3, 14, 0, tzinfo=UTC), "It opens next: tomorrow at 08:00."),
        # Late on Friday, for whom it is Saturday there.
        (datetime(2027, 5, 7, 22, 30, tzinfo=UTC), "It opens next: Monday 10 May 2027 at 08:00."),
    ],
)
def test_closed_area_says_when_it_opens(at: datetime, said: str, rynek: House) -> None:
    change(rynek, hours=HOURS)

    closed = "The waiting area is closed at the moment."
    assert closed_text(rynek, at) == (f"{closed} {said}" if said else "")


def test_opening_is_said_in_the_readers_words(rynek: House) -> None:
    change(rynek, hours=HOURS)
    saturday = datetime(2027, 5, 8, 10, 0, tzinfo=UTC)

    assert "Nächste Öffnung: Montag, 10. Mai 2027 um 08:00 Uhr." in closed_text(rynek, saturday, "de")
    assert "Najbliższe otwarcie: poniedziałek, 10 maja 2027, godz. 08:00." in closed_text(
        rynek, saturday, "pl"
    )
    assert "Se deschide din nou: luni, 10 mai 2027, ora 08:00." in closed_text(rynek, saturday, "ro")


@pytest.mark.parametrize(
    ("opens_at", "utc"),
    [
        pytest.param(time(8), datetime(2027, 3, 28, 6, 0, tzinfo=UTC), id="spring"),
        pytest.param(time(8), datetime(2027, 10, 31, 7, 0, tzinfo=UTC), id="autumn"),
        pytest.param(time(3), datetime(2027, 3, 28, 1, 0, tzinfo=UTC), id="the-hour-that-is-skipped-to"),
    ],
)
def test_hours_are_wall_times_on_the_days_when_clocks_change(
    opens_at: time, utc: datetime, rynek: House
) -> None:
    change(rynek, hours={6: [(opens_at, time(12))]})

    assert closed_text(rynek, utc - MINUTES).endswith(f"today at {opens_at:%H:%M}.")
    assert closed_text(rynek, utc) == ""


def test_nobody_comes_in_outside_the_hours_but_who_is_inside_stays(rynek: House) -> None:
    inside = arrive(rynek)
    change(rynek, hours={0: [(time(6), time(9))]})
    form = entry_form()

    # It is nine o'clock sharp.
    response = Client().post(door(rynek), form)

    assert response.status_code == 409
    page = Page(response)
    assert "You did not come in; nothing was sent to the clinic. What you typed is still here;" in page.text
    assert Caller.objects.get() == inside
    assert "Your place 1" in Page(waiting(Client(), inside).get(door(rynek, "wait/"))).text
    with clock.held_at(NOW - MINUTES):
        assert Client().post(door(rynek), form).status_code == 302


def test_what_was_typed_stays_when_the_area_closed_meanwhile(rynek: House) -> None:
    change(rynek, asks_phone="optional", asks_calendar="optional", hours={0: [(time(6), time(9))]})
    wanted = {
        "name": "Ioana Pușcașu", "purpose": "Rețetă", "phone": "+40 722 123 456",
        "calendar": str(rynek.calendar.pk), "consent": "on", "key": "a" * 32,
    }  # fmt: skip

    page = Page(Client().post(door(rynek), wanted))

    assert {name: page.fields[name] for name in wanted} == wanted
    assert "Try again" in page.buttons()
    with clock.held_at(NOW - MINUTES):
        assert Client().post(door(rynek), page.fields).status_code == 302
    assert Caller.objects.get().purpose == "Rețetă"
    # Who only looks is not asked for anything.
    assert "name" not in Page(Client().get(door(rynek))).fields


def test_typed_text_stays_when_the_area_closes_in_that_instant(
    rynek: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    change(rynek, hours={0: [(time(6), time(9))]})
    # The page was judged open; the operation, with the area locked, finds it closed.
    monkeypatch.setattr("waiting_area.views.entry.is_taking_callers", lambda area, at: True)

    response = come_in(Client(), rynek, purpose="Rețetă")

    assert response.status_code == 409
    assert Page(response).fields["purpose"] == "Rețetă"
    assert "The waiting area is closed at the moment." in Page(response).text


@pytest.mark.parametrize(
    ("language", "said"),
    [
        ("pl", "Wpisany tekst jest nadal tutaj; można spróbować ponownie, gdy poczekalnia będzie otwarta."),
        (
            "de",
            "Ihr Text steht noch hier; Sie können es erneut versuchen, sobald der Wartebereich geöffnet ist.",
        ),
        ("ro", "Textul scris este încă aici; puteți încerca din nou când sala de așteptare este deschisă."),
    ],
)
def test_kept_text_is_said_in_the_readers_words(language: str, said: str, rynek: House) -> None:
    change(rynek, is_open=False)

    assert said in Page(Client().post(f"{door(rynek)}?language={language}", entry_form())).text


def test_form_with_errors_outside_the_hours_says_closed(rynek: House) -> None:
    change(rynek, hours={0: [(time(6), time(9))]})

    response = come_in(Client(), rynek, name="")

    assert response.status_code == 409
    assert "It opens next: Monday 10 May 2027 at 06:00." in Page(response).text


def test_area_switched_off_names_no_opening(rynek: House) -> None:
    change(rynek, hours=HOURS, is_open=False)

    assert closed_text(rynek, NOW) == "The waiting area is closed at the moment."
