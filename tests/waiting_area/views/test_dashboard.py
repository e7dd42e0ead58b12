"""The staff's pages: the list, the conversation, sending and removing."""

import pytest
from django.test import Client

from clinic.audit.operations import PATIENT
from clinic.models import AuditEntry
from tests.factories.house import HTMX, MINUTES, NOW, House
from tests.factories.page import Page, proofs, queries_of, text_of
from tests.factories.waiting import area_of, arrive, door, notify, ping, take
from waiting_area import operations
from waiting_area.models import Caller, Notice, WaitingArea

KEY = "0" * 32


def rows(page: Page) -> list[str]:
    return [text_of(node) for node in page.all("li", is_row)]


def is_row(attributes: dict[str, str]) -> bool:
    return "caller" in attributes.get("class", "").split()


def test_list_shows_who_is_here_in_order(rynek: House, markt: House, desk: Client) -> None:
    arrive(markt, "Ottilie Kanarienvogel")
    late = arrive(rynek, "Jan Szary", at=NOW - 5 * MINUTES, purpose="Recepta")
    early = arrive(rynek, "Ewa Siwa", at=NOW - 95 * MINUTES, purpose="Wyniki")
    gone = arrive(rynek, "Adam Nieobecny")
    operations.leave(caller_id=gone.pk, actor=PATIENT, at=NOW)
    take(late, at=NOW - 3 * MINUTES)
    notify(rynek, early)
    Caller.objects.filter(pk=early.pk).update(is_lost=True)
    Caller.objects.filter(pk=late.pk).update(notice_count=3, last_author="caller")

    page = Page(desk.get(rynek.url("waiting/")))

    first, second = rows(page)
    assert first.startswith("Ewa Siwa Wyniki Waiting Connection lost 1 h 35 min 1 1 notice, from the clinic")
    assert second.startswith("Jan Szary Recepta In a call 3 min 3 3 notices, the last from them")
    badges = page.all("span", lambda it: "badge" in it.get("class", "").split())
    assert [dict(badge.attributes)["class"] for badge in badges] == [
        "badge badge-clinic",
        "badge badge-caller",
    ]
    times = [dict(node.attributes)["class"] for node in page.all("time")]
    assert times == ["caller-time is-long", "caller-time"]
    assert "Nieobecny" not in page.text
    assert "Kanarienvogel" not in page.text


@pytest.mark.parametrize(("minutes", "is_long"), [(29, False), (30, True)])
def test_thirty_minutes_are_long(minutes: int, is_long: bool, rynek: House, desk: Client) -> None:
    arrive(rynek, at=NOW - minutes * MINUTES)

    (time,) = Page(desk.get(rynek.url("waiting/"))).all("time")

    assert ("is-long" in str(dict(time.attributes)["class"])) is is_long


def test_empty_list_says_how_people_come(rynek: House, desk: Client, settings: object) -> None:
    page = Page(desk.get(rynek.url("waiting/")))

    assert "Nobody is waiting." in page.text
    (link,) = page.all("input", lambda it: it.get("id") == "link")
    assert dict(link.attributes)["value"] == f"{settings.PUBLIC_URL}{door(rynek)}"  # type: ignore[attr-defined]
    WaitingArea.objects.all().delete()
    assert desk.get(rynek.url("waiting/")).status_code == 200


def test_list_costs_the_same_for_any_number(rynek: House, desk: Client) -> None:
    arrive(rynek)
    one = queries_of(lambda: desk.get(rynek.url("waiting/")))
    for number in range(12):
        arrive(rynek, f"Caller {number}")

    assert queries_of(lambda: desk.get(rynek.url("waiting/"))) == one


# --- Conversation ----------------------------------------------------------------------------------


def test_conversation_says_what_was_shown(rynek: House, desk: Client) -> None:
    caller = arrive(rynek)
    notify(rynek, caller, "One")
    notify(rynek, caller, "Two", at=NOW + MINUTES)
    ping(caller, NOW + MINUTES, seen=1)

    page = Page(desk.get(rynek.url(f"waiting/{caller.pk}/")))

    assert "One Ola Grudzien · 09:00 · shown" in page.text
    assert "Two Ola Grudzien · 09:01 · not seen yet" in page.text
    assert page.heading == "Ewa Siwa"
    assert AuditEntry.objects.filter(action="caller.seen", object_id=caller.pk).count() == 1


def test_own_refresh_is_no_new_look(rynek: House, desk: Client) -> None:
    caller = arrive(rynek)
    url = rynek.url(f"waiting/{caller.pk}/")
    seen = AuditEntry.objects.filter(action="caller.seen")

    dialog = desk.get(url, headers=HTMX)
    assert dialog.content.lstrip().startswith(b'<div class="talk"')
    assert seen.count() == 1
    own, form = proofs(Page(dialog))
    assert form == own
    desk.get(url, headers={**HTMX, **own})
    desk.post(url, {"text": "Soon", "key": "ab" * 16}, headers={**HTMX, **own})
    assert seen.count() == 1

    desk.get(url, headers={**HTMX, "HX-Trigger": "conversation"})
    assert seen.count() == 2


def test_notice_is_sent_once_with_and_without_script(rynek: House, desk: Client) -> None:
    caller = arrive(rynek)
    url = rynek.url(f"waiting/{caller.pk}/")

    plain = [desk.post(url, {"text": " Please wait. ", "key": KEY}) for _press in range(2)]
    dialog = [desk.post(url, {"text": "More", "key": "1" * 32}, headers=HTMX) for _press in range(2)]

    assert [(each.status_code, each["Location"]) for each in plain] == [(302, url)] * 2
    assert list(Notice.objects.order_by("number").values_list("number", "text")) == [
        (1, "Please wait."),
        (2, "More"),
    ]
    for answer in dialog:
        page = Page(answer)
        assert answer.status_code == 200
        assert "The notice is sent." in page.text
        assert page.fields["key"] not in {KEY, "1" * 32}
        (area,) = page.all("textarea")
        assert text_of(area) == ""


@pytest.mark.parametrize("headers", [{}, HTMX])
@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("  \n", "Please write something."),
        ("x" * 1001, "This is too long: at most 1000 characters."),
        ("a\x07b", "This text holds characters that cannot be shown."),
    ],
)
def test_bad_text_stays_in_the_field(
    text: str, error: str, headers: dict[str, str], rynek: House, desk: Client
) -> None:
    caller = arrive(rynek)

    response = desk.post(rynek.url(f"waiting/{caller.pk}/"), {"text": text, "key": KEY}, headers=headers)

    page = Page(response)
    assert response.status_code == 422
    assert page.error("text") == error
    assert text.strip() in page.html
    assert not Notice.objects.exists()


@pytest.mark.parametrize("headers", [{}, HTMX])
def test_who_left_meanwhile_loses_no_typed_text(headers: dict[str, str], rynek: House, desk: Client) -> None:
    caller = arrive(rynek)
    operations.leave(caller_id=caller.pk, actor=PATIENT, at=NOW)
    url = rynek.url(f"waiting/{caller.pk}/")

    response = desk.post(url, {"text": "Typed", "key": KEY}, headers=headers)

    assert response.status_code == 409
    assert Page(response).alerts == ["They have left. Your notice was not sent."]
    assert "Typed</textarea>" in response.content.decode()
    shown = Page(desk.get(url))
    assert shown.alerts == ["They have left. Nothing can be sent to them any more."]
    assert not shown.all("textarea")


@pytest.mark.parametrize("key", ["", "short", "../../etc"])
def test_forged_form_key_sends_nothing(key: str, rynek: House, desk: Client) -> None:
    caller = arrive(rynek)

    assert desk.post(rynek.url(f"waiting/{caller.pk}/"), {"text": "A", "key": key}).status_code == 422
    assert not Notice.objects.exists()


def test_other_clinics_caller_does_not_exist(rynek: House, markt: House, desk: Client) -> None:
    theirs = arrive(markt, "Ottilie Kanarienvogel")

    for path in (f"waiting/{theirs.pk}/", f"waiting/{theirs.pk}/remove/"):
        response = desk.post(rynek.url(path), {"text": "A", "key": KEY})
        assert response.status_code == 404
        assert b"Kanarienvogel" not in response.content
        assert desk.post(markt.url(path), {"text": "A", "key": KEY}).status_code == 404
    theirs.refresh_from_db()
    assert (theirs.status, theirs.notice_count) == ("waiting", 0)


def test_caller_is_removed(rynek: House, desk: Client) -> None:
    caller = arrive(rynek)

    first = desk.post(rynek.url(f"waiting/{caller.pk}/remove/"), follow=True)
    second = desk.post(rynek.url(f"waiting/{caller.pk}/remove/"), follow=True)

    caller.refresh_from_db()
    assert (caller.status, caller.how_left) == ("left", "removed")
    assert "Ewa Siwa was removed." in Page(first).text
    assert "Ewa Siwa had left already." in Page(second).text
    assert AuditEntry.objects.get(action="caller.removed").actor_user == rynek.assistant
    assert area_of(rynek).callers.count() == 1
