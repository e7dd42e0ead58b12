"""The waiting area's settings: the clinic's, one area's, and a member's own (W3, W4, W9, W10, W12)."""

import html
import re
from typing import Any

import pytest
from django.test import Client

from clinic.audit.operations import SYSTEM
from clinic.models import AuditEntry, Membership
from clinic.people.enums import Language
from tests.factories.house import NOW, House, logged_in
from tests.factories.page import Page, queries_of
from tests.factories.waiting import area_form, area_of, door
from waiting_area import areas
from waiting_area.models import QuickReply, WaitingArea, WaitingSettings, Watch
from waiting_area.queries import hours_of, takes_guest_notices

ON = {"guest_notices": "on"}


def member_of(house: House, who: str) -> Membership:
    return Membership.objects.get(clinic=house.clinic, user=getattr(house, who))


def written(page: Page) -> dict[str, str]:
    """Return what stands in the page's text areas, by name, with its line breaks."""
    found = re.findall(r'<textarea name="(\w+)"[^>]*>\n?(.*?)</textarea>', page.html, re.DOTALL)
    return {name: html.unescape(text).replace("\r\n", "\n") for name, text in found}


def replies_of(house: House) -> list[tuple[str, str]]:
    rows = QuickReply.objects.filter(clinic=house.clinic).order_by("language", "position")
    return [(row.language, row.text) for row in rows]


@pytest.fixture
def general(rynek: House) -> str:
    return rynek.url("settings/waiting/")


@pytest.fixture
def url(rynek: House) -> str:
    return rynek.url(f"settings/waiting/{area_of(rynek).pk}/")


# --- General configuration -------------------------------------------------------------------------


def test_settings_lead_to_the_waiting_areas(
    rynek: House, markt: House, office: Client, general: str, url: str
) -> None:
    page = Page(office.get(rynek.url("settings/")))

    assert {general, url} <= set(page.links())
    assert "Praxis am Markt" not in page.text


def test_page_shows_what_holds_without_any_settings(rynek: House, office: Client, general: str) -> None:
    page = Page(office.get(general))

    assert page.heading == "General configuration"
    assert page.fields["guest_notices"] == "on"
    assert "watchers" not in page.fields
    assert [len(page.values("watchers"))] == [3]
    assert "Anna Maj, administrator" in page.text
    assert written(page) == {f"replies_{language}": "" for language in Language.values}
    assert "open at any hour · guests may write" in page.text


def test_everything_is_saved_at_once(rynek: House, office: Client, general: str) -> None:
    ola, anna = member_of(rynek, "assistant"), member_of(rynek, "admin")

    response = office.post(
        general,
        {
            "watchers": [ola.pk, anna.pk],
            "replies_en": "Two  minutes.\r\n\r\n  On my way. \r\nTwo minutes.",
            "replies_pl": "Proszę chwilę poczekać.",
        },
    )

    page = Page(office.get(general))
    assert (response.status_code, response["Location"]) == (302, general)
    assert takes_guest_notices(rynek.clinic) is False
    assert area_of(rynek).guest_notices is False
    assert set(Watch.objects.filter(is_named=True).values_list("pk", flat=True)) == {ola.pk, anna.pk}
    assert replies_of(rynek) == [
        ("en", "Two minutes."), ("en", "On my way."), ("pl", "Proszę chwilę poczekać."),
    ]  # fmt: skip
    assert written(page)["replies_en"] == "Two minutes.\nOn my way."
    assert "guests may not write" in page.text


def test_nothing_changed_is_nothing_written(rynek: House, office: Client, general: str) -> None:
    sent: dict[str, Any] = {**ON, "watchers": [member_of(rynek, "admin").pk], "replies_en": "A\nB"}
    office.post(general, sent)
    before = AuditEntry.objects.count()

    office.post(general, sent)

    assert AuditEntry.objects.count() == before


def test_order_and_removal_follow_the_lines(rynek: House, office: Client, general: str) -> None:
    office.post(general, {**ON, "replies_en": "A\nB\nC", "replies_de": "Eins"})
    office.post(general, {**ON, "replies_en": "C\nA"})

    assert replies_of(rynek) == [("en", "C"), ("en", "A")]


def test_guest_notifications_leave_areas_with_their_own_switch(
    rynek: House, markt: House, office: Client, general: str
) -> None:
    own = areas.add_area(clinic=rynek.clinic, name="Upstairs", actor=SYSTEM, at=NOW)
    areas.change_area(area=own, own_guest_notices=True, actor=SYSTEM, at=NOW)

    office.post(general, {})

    found = dict(WaitingArea.objects.values_list("name", "guest_notices"))
    assert found == {"Gabinety Rynek": False, "Upstairs": True, "Praxis am Markt": True}
    assert list(WaitingSettings.objects.values_list("clinic", flat=True)) == [rynek.clinic.pk]


@pytest.mark.parametrize("length", [200, 201])
def test_replies_have_two_hundred_characters(length: int, rynek: House, office: Client, general: str) -> None:
    text = "x" * length

    response = office.post(general, {"watchers": [], "replies_en": "Fine", "replies_ro": f"A\n{text}"})

    if length == 200:
        assert replies_of(rynek) == [("en", "Fine"), ("ro", "A"), ("ro", text)]
        return
    page = Page(response)
    wrong = f"“{'x' * 30}…” has 201 characters; at most 200 are possible."
    assert (response.status_code, page.error("replies_ro"), page.error("replies_en")) == (422, wrong, "")
    # Nothing of it is saved, nothing typed is lost.
    assert (replies_of(rynek), takes_guest_notices(rynek.clinic)) == ([], True)
    assert written(page)["replies_ro"] == f"A\n{text}"
    assert "guest_notices" not in page.fields


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("a\x07b", "This text holds characters that cannot be shown."),
        ("a\u202eb", "This text holds characters that cannot be shown."),
        ("\n".join(f"Text {n}" for n in range(51)), "These are 51 texts; at most 50 are possible."),
    ],
)
def test_replies_that_cannot_be_used_are_refused(
    text: str, error: str, rynek: House, office: Client, general: str
) -> None:
    response = office.post(general, {**ON, "replies_de": text})

    assert (response.status_code, Page(response).error("replies_de")) == (422, error)
    assert replies_of(rynek) == []


@pytest.mark.parametrize("forged", ["theirs", "987654321", "x", "9" * 30])
def test_nobody_of_another_clinic_is_named(
    forged: str, rynek: House, markt: House, office: Client, general: str
) -> None:
    pk = str(member_of(markt, "admin").pk) if forged == "theirs" else forged

    response = office.post(general, {**ON, "watchers": [member_of(rynek, "admin").pk, pk]})

    assert (response.status_code, Page(response).error("watchers")) == (422, "This is nobody of this clinic.")
    assert not Watch.objects.exists()


def test_area_is_added_and_opened(rynek: House, office: Client, general: str) -> None:
    office.post(general, {})

    response = office.post(general, {"add_area": "1", "area-name": "  First   floor "})

    made = WaitingArea.objects.get(name="First floor")
    assert response["Location"] == rynek.url(f"settings/waiting/{made.pk}/")
    assert (made.clinic, made.is_default, made.guest_notices) == (rynek.clinic, False, False)
    assert made.key.startswith("gabinety-rynek-first-floor-")
    assert rynek.url(f"settings/waiting/{made.pk}/") in Page(office.get(general)).links()


@pytest.mark.parametrize(
    ("name", "error"),
    [
        ("", "This field is required."),
        ("Gabinety Rynek", "Another waiting area has this name."),
        ("a\x07", "This name holds characters that cannot be written."),
        ("x" * 121, "Ensure this value has at most 120 characters (it has 121)."),
    ],
)
def test_area_without_a_usable_name_is_not_added(
    name: str, error: str, rynek: House, office: Client, general: str
) -> None:
    response = office.post(general, {"add_area": "1", "area-name": name})

    assert (response.status_code, Page(response).error("area-name")) == (422, error)
    assert WaitingArea.objects.filter(clinic=rynek.clinic).count() == 1
    # The other form is as it was.
    assert Page(response).fields["guest_notices"] == "on"


def test_many_areas_and_members_cost_few_questions(rynek: House, office: Client, general: str) -> None:
    few = queries_of(lambda: office.get(rynek.url("settings/")))
    for number in range(5):
        areas.add_area(clinic=rynek.clinic, name=f"Area {number}", actor=SYSTEM, at=NOW)

    assert queries_of(lambda: office.get(rynek.url("settings/"))) == few


# --- One area --------------------------------------------------------------------------------------


def test_page_shows_the_area_as_it_is(rynek: House, office: Client, url: str, settings: Any) -> None:
    page = Page(office.get(url))

    assert page.heading == "Gabinety Rynek"
    (link,) = page.all("input", lambda it: it.get("id") == "link")
    assert dict(link.attributes)["value"] == settings.PUBLIC_URL + door(rynek)
    shown = {name: page.fields[name] for name in area_form() if name in page.fields}
    assert shown == {
        "name": "Gabinety Rynek", "is_open": "on", "asks_purpose": "required", "asks_phone": "no",
        "asks_calendar": "no", "shows_place": "on", "own_guest_notices": "clinic", "grace_seconds": "60",
        "resume_minutes": "30", "keep_days": str(area_of(rynek).keep_days), "long_wait_minutes": "",
        "alert_email": "", "alert_phone": "",
    }  # fmt: skip
    assert "Time zone: Europe/Warsaw." in page.text


def test_whole_area_is_saved(rynek: House, office: Client, url: str) -> None:
    response = office.post(
        url,
        {
            **area_form(
                name="Desk", asks_purpose="no", asks_phone="optional", asks_calendar="required",
                confirms_name="on", own_guest_notices="off", grace_seconds="15", resume_minutes="0",
                keep_days="3650", long_wait_minutes="5", alert_email="Desk@RYNEK.example", alert_phone="512 345 678",
                hours_0="8-12, 13:00–16:30", hours_6="9.00-11.00",
                welcome_pl="Witamy.\r\nProszę czekać.", welcome_de="  ",
            ),
            "is_open": "",
        },
    )  # fmt: skip

    area = area_of(rynek)
    assert (response.status_code, response["Location"]) == (302, url)
    assert (area.name, area.is_open, area.confirms_name, area.shows_place) == ("Desk", False, True, True)
    assert (area.asks_purpose, area.asks_phone, area.asks_calendar) == ("no", "optional", "required")
    assert (area.own_guest_notices, area.guest_notices) == (False, False)
    assert (area.grace_seconds, area.resume_minutes, area.keep_days) == (15, 0, 3650)
    assert (area.long_wait_minutes, area.alert_email, area.alert_phone) == (
        5, "Desk@rynek.example", "+48512345678",
    )  # fmt: skip
    assert area.welcomes == {"pl": "Witamy.\nProszę czekać."}
    week = {day: [f"{a:%H:%M}-{b:%H:%M}" for a, b in spans] for day, spans in hours_of(area).items()}
    assert week == {0: ["08:00-12:00", "13:00-16:30"], 6: ["09:00-11:00"]}


def test_what_the_page_shows_can_be_saved_without_a_change(rynek: House, office: Client, url: str) -> None:
    office.post(
        url, area_form(hours_2="8-12", hours_4="18-24", welcome_ro="Bun\r\nvenit", alert_phone="512345678")
    )
    page = Page(office.get(url))
    assert page.fields["hours_4"] == "18:00–24:00"
    before = AuditEntry.objects.count()

    response = office.post(url, {**page.fields, **written(page)})

    assert (response.status_code, AuditEntry.objects.count()) == (302, before)


def test_guest_notifications_go_back_to_the_clinics(rynek: House, office: Client, url: str) -> None:
    areas.set_guest_notices(clinic=rynek.clinic, takes=False, actor=SYSTEM, at=NOW)
    assert "As the clinic: off" in Page(office.get(url)).text

    for own, found in (("on", (True, True)), ("off", (False, False)), ("clinic", (None, False))):
        office.post(url, area_form(own_guest_notices=own))
        area = area_of(rynek)
        assert (area.own_guest_notices, area.guest_notices) == found


TOO_LONG = "This is too long: at most 1000 characters."
PHONE = "This is not a phone number. Write it with its country code, like +48 22 555 01 23."
HOURS = "Write hours like 08:00–12:00, 13:00–16:00. Empty means closed."


@pytest.mark.parametrize(
    ("changed", "error"),
    [
        ({"name": ""}, "This field is required."),
        ({"name": "Upstairs"}, "Another waiting area has this name."),
        ({"name": "a\x07"}, "This name holds characters that cannot be written."),
        ({"asks_phone": "always"}, "Select a valid choice. always is not one of the available choices."),
        ({"own_guest_notices": "x"}, "Select a valid choice. x is not one of the available choices."),
        ({"grace_seconds": "14"}, "Ensure this value is greater than or equal to 15."),
        ({"grace_seconds": "601"}, "Ensure this value is less than or equal to 600."),
        ({"resume_minutes": "-1"}, "Ensure this value is greater than or equal to 0."),
        ({"resume_minutes": "241"}, "Ensure this value is less than or equal to 240."),
        ({"keep_days": "0"}, "Ensure this value is greater than or equal to 1."),
        ({"keep_days": "3651"}, "Ensure this value is less than or equal to 3650."),
        ({"keep_days": "9" * 30}, "Ensure this value is less than or equal to 3650."),
        ({"keep_days": "a week"}, "Enter a whole number."),
        ({"long_wait_minutes": "4"}, "Ensure this value is greater than or equal to 5."),
        ({"long_wait_minutes": "601"}, "Ensure this value is less than or equal to 600."),
        ({"alert_email": "desk"}, "This is not an e-mail address."),
        ({"alert_email": "a@b.example\nBcc: c@d.example"}, "This is not an e-mail address."),
        ({"alert_phone": "12"}, PHONE),
        ({"hours_3": "morning"}, HOURS),
        ({"hours_3": "12-8"}, HOURS),
        ({"hours_3": "8-12, 11-13"}, HOURS),
        ({"hours_3": "24:00-25:00"}, HOURS),
        ({"welcome_de": "x" * 1001}, TOO_LONG),
        ({"welcome_de": "a\x07b"}, "This text holds characters that cannot be shown."),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_bad_input_changes_nothing_and_keeps_what_was_typed(
    changed: dict[str, str], error: str, rynek: House, office: Client, url: str
) -> None:
    areas.add_area(clinic=rynek.clinic, name="Upstairs", actor=SYSTEM, at=NOW)
    before = AuditEntry.objects.count()
    ((field, value),) = changed.items()

    response = office.post(url, area_form(resume_minutes="7", hours_1="8-9") | changed)

    page = Page(response)
    assert (response.status_code, page.error(field)) == (422, error)
    assert page.fields["hours_1"] == "8-9"
    assert page.fields["resume_minutes"] == changed.get("resume_minutes", "7")
    if field.startswith("welcome"):
        assert written(page)[field] == value
    assert (AuditEntry.objects.count(), area_of(rynek).name) == (before, "Gabinety Rynek")


def test_several_faults_are_all_said(office: Client, url: str) -> None:
    page = Page(office.post(url, area_form(name="", hours_0="x", welcome_pl="y" * 1001, keep_days="")))

    assert [bool(page.error(field)) for field in ("name", "hours_0", "welcome_pl", "keep_days")] == [True] * 4


def test_words_have_a_thousand_characters_whatever_ends_their_lines(
    rynek: House, office: Client, url: str
) -> None:
    text = "\r\n".join(["y" * 499, "z" * 500])

    assert office.post(url, area_form(welcome_en=text)).status_code == 302
    assert len(area_of(rynek).welcomes["en"]) == 1000
    assert office.post(url, area_form(welcome_en=text + "z")).status_code == 422


def test_message_needs_somebody_to_go_to(rynek: House, office: Client, url: str) -> None:
    page = Page(office.post(url, area_form(long_wait_minutes="20")))

    assert page.error("alert_email") == (
        "Please write an e-mail address or a phone number that the message goes to."
    )
    for more in ({"alert_email": "a@b.example"}, {"alert_phone": "+48512345678"}):
        assert office.post(url, area_form(long_wait_minutes="20", **more)).status_code == 302
    office.post(url, area_form(long_wait_minutes="", alert_phone="+48512345678"))
    assert area_of(rynek).long_wait_minutes is None


def test_name_taken_in_the_same_moment_is_said_beside_it(
    rynek: House, office: Client, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    areas.add_area(clinic=rynek.clinic, name="Desk", actor=SYSTEM, at=NOW)
    monkeypatch.setattr(
        "waiting_area.forms.settings.AreaForm.clean_name", lambda form: str(form.cleaned_data["name"])
    )

    response = office.post(url, area_form())

    assert (response.status_code, Page(response).error("name")) == (
        422, "Another waiting area has this name.",
    )  # fmt: skip


def test_names_may_be_the_same_in_two_clinics(rynek: House, markt: House, office: Client, url: str) -> None:
    assert office.post(url, area_form(name="Praxis am Markt")).status_code == 302


# --- One's own sound -------------------------------------------------------------------------------


def test_member_changes_how_they_hear(rynek: House, desk: Client) -> None:
    url = rynek.url("waiting/alerts/")
    page = Page(desk.get(url))
    assert (page.fields["sound"], page.fields["volume"]) == ("bell", "60")
    assert "is_muted" not in page.fields

    response = desk.post(url, {"sound": "knock", "volume": "0", "is_muted": "on", "notifies": "on"})

    watch = Watch.objects.get()
    assert response["Location"] == url
    assert watch.membership == member_of(rynek, "assistant")
    assert (watch.sound, watch.volume, watch.is_muted, watch.notifies, watch.is_named) == (
        "knock", 0, True, True, False,
    )  # fmt: skip
    assert Page(desk.get(url)).fields["sound"] == "knock"


def test_sound_belongs_to_one_clinic_and_stays_when_somebody_is_named(
    rynek: House, markt: House, desk: Client, office: Client, general: str
) -> None:
    desk.post(rynek.url("waiting/alerts/"), {"sound": "chime", "volume": "100"})
    pk = member_of(rynek, "assistant").pk

    office.post(general, {**ON, "watchers": [pk]})
    office.post(general, ON)

    watch = Watch.objects.get()
    assert (watch.pk, watch.sound, watch.volume, watch.is_named) == (pk, "chime", 100, False)
    assert logged_in(markt.assistant).get(rynek.url("waiting/alerts/")).status_code == 404


@pytest.mark.parametrize(
    ("changed", "error"),
    [
        ({"sound": "siren"}, "Select a valid choice. siren is not one of the available choices."),
        ({"sound": ""}, "This field is required."),
        ({"volume": "101"}, "Ensure this value is less than or equal to 100."),
        ({"volume": "-1"}, "Ensure this value is greater than or equal to 0."),
        ({"volume": "loud"}, "Enter a whole number."),
    ],
)
def test_forged_sound_is_refused(changed: dict[str, str], error: str, rynek: House, desk: Client) -> None:
    response = desk.post(rynek.url("waiting/alerts/"), {"sound": "bell", "volume": "60"} | changed)

    assert (response.status_code, Page(response).error(next(iter(changed)))) == (422, error)
    assert not Watch.objects.exists()
