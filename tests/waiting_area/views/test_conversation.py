"""What the clinic writes to one or to all displayed, takes back, and hears of it (W5 to W8, W12)."""

import pytest
from django.test import Client

from clinic.audit.operations import PATIENT, user_actor
from clinic.lib import clock
from clinic.models import AuditEntry
from tests.factories.house import HTMX, MINUTES, NOW, House
from tests.factories.page import Answer, Page, proofs, text_of
from tests.factories.waiting import (
    SECONDS,
    arrive,
    broadcast_of,
    hold,
    join,
    notify,
    ping,
    take,
    write,
)
from waiting_area import operations
from waiting_area.models import Broadcast, Caller, Notice, QuickReply
from waiting_area.replies import set_replies

KEY = "0" * 32


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
    own, *others = proofs(Page(dialog))
    assert others == [own, own]
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
    assert shown.all("form", lambda found: found.get("class") == "talk-form" and "hidden" in found)


@pytest.mark.parametrize("key", ["", "short", "../../etc"])
def test_forged_form_key_sends_nothing(key: str, rynek: House, desk: Client) -> None:
    caller = arrive(rynek)

    assert desk.post(rynek.url(f"waiting/{caller.pk}/"), {"text": "A", "key": key}).status_code == 422
    assert not Notice.objects.exists()


# --- Quick replies, taking back --------------------------------------------------------------------------


def replies(house: House) -> QuickReply:
    set_replies(
        clinic=house.clinic, replies={"pl": ["Proszę czekać."], "en": ["Please come in."]},
        actor=user_actor(house.admin), at=NOW,
    )  # fmt: skip
    return QuickReply.objects.get(language="en")


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("", "Please come in."),
        (" \n", "Please come in."),
        ("Mind the step. \n", "Mind the step.\nPlease come in."),
    ],
)
def test_quick_reply_goes_into_the_field_without_script(
    typed: str, expected: str, rynek: House, desk: Client
) -> None:
    caller, reply = arrive(rynek), replies(rynek)
    url = rynek.url(f"waiting/{caller.pk}/")
    # In the caller's language, not in the clinic's.
    assert [text for text in Page(desk.get(url)).buttons() if "." in text] == ["Please come in."]

    answer = desk.post(url, {"text": typed, "key": KEY, "reply": str(reply.pk)})

    page = Page(answer)
    assert answer.status_code == 200
    assert page.html.count(f"{expected}</textarea>") == 1
    assert page.fields["key"] != KEY
    assert not Notice.objects.exists()


@pytest.mark.parametrize("reply", ["x", "999999", "-1", "\x00"])
def test_unknown_quick_reply_is_passed_by(reply: str, rynek: House, desk: Client) -> None:
    caller = arrive(rynek)

    desk.post(rynek.url(f"waiting/{caller.pk}/"), {"text": "Soon", "key": KEY, "reply": reply})

    assert Notice.objects.get().text == "Soon"


def undo(answer: Answer) -> list[str]:
    forms = Page(answer).all("form", lambda it: "data-until" in it)
    return [str(dict(one.attributes)["action"]) for one in forms]


def test_own_notice_is_taken_back_within_ten_seconds(rynek: House, desk: Client, office: Client) -> None:
    caller = arrive(rynek)
    write(caller)
    sent = notify(rynek, caller)
    url, talk = rynek.url(f"waiting/notices/{sent.pk}/withdraw/"), rynek.url(f"waiting/{caller.pk}/")

    with clock.held_at(NOW + 10 * SECONDS):
        assert undo(desk.get(talk)) == [url]
        # Offered to nobody else.
        assert undo(office.get(talk)) == []
        answer = desk.post(url, follow=True)

    assert answer.redirect_chain == [(talk, 302)]
    page = Page(answer)
    assert "The notice was taken back." in page.text
    assert "Two minutes. Ola Grudzien · 09:00 · taken back" in page.text
    caller.refresh_from_db()
    assert (caller.notice_count, caller.last_author, caller.unanswered_since) == (1, "caller", NOW)
    # Once more changes nothing.
    again = desk.post(url, headers=HTMX)
    assert (again.status_code, again.content) == (204, b"")
    assert AuditEntry.objects.filter(action="notice.withdrawn").count() == 1


@pytest.mark.parametrize(("seconds", "by_sender"), [(10.001, True), (5, False)])
def test_too_late_or_somebody_elses_is_not_taken_back(
    seconds: float, by_sender: bool, rynek: House, desk: Client, office: Client
) -> None:
    caller = arrive(rynek)
    sent = notify(rynek, caller)
    client = desk if by_sender else office

    with clock.held_at(NOW + seconds * SECONDS):
        assert undo(client.get(rynek.url(f"waiting/{caller.pk}/"))) == []
        answer = client.post(rynek.url(f"waiting/notices/{sent.pk}/withdraw/"), follow=True)

    assert "It is too late: this notice can no longer be taken back." in Page(answer).text
    sent.refresh_from_db()
    assert sent.withdrawn_at is None


def test_callers_words_and_another_clinics_are_not_taken_back(
    rynek: House, markt: House, desk: Client
) -> None:
    own, theirs = write(arrive(rynek)), notify(markt, arrive(markt))

    assert desk.post(rynek.url(f"waiting/notices/{theirs.pk}/withdraw/")).status_code == 404
    answer = desk.post(rynek.url(f"waiting/notices/{own.pk}/withdraw/"), follow=True)
    assert "It is too late" in Page(answer).text
    assert not Notice.objects.exclude(withdrawn_at=None).exists()


# --- To everybody displayed (W7) ---------------------------------------------------------------------------


def to(*callers: Caller) -> str:
    return ",".join(str(one.pk) for one in callers)


def outcome(answer: Answer) -> str:
    (found,) = Page(answer).all("p", lambda it: it.get("class") == "reached")
    return text_of(found)


def spoken(page: Page) -> list[str]:
    return [text_of(node) for node in page.all("h2", lambda it: it.get("id") == "dialog-title")]


@pytest.mark.parametrize("headers", [{}, HTMX])
def test_dialog_says_how_many_and_who(headers: dict[str, str], rynek: House, desk: Client) -> None:
    first, second, other = (arrive(rynek, name) for name in ("Ada", "Bea", "Cia"))
    take(second)
    operations.leave(caller_id=other.pk, actor=PATIENT, at=NOW)

    answer = desk.post(rynek.url("waiting/notify/"), {"to": to(first, second, other)}, headers=headers)

    page = Page(answer)
    assert answer.status_code == 200
    assert spoken(page) == ["To 2 callers"]
    assert "Ada Waiting" in page.text
    assert "Bea In a call" in page.text
    assert "1 has left meanwhile." in page.text
    assert page.fields["to"] == to(first, second, other)
    assert page.error("text") == ""
    assert bool(page.all("h1")) is (headers == {})
    assert not Broadcast.objects.exists()


@pytest.mark.parametrize("headers", [{}, HTMX])
def test_recipients_are_who_was_displayed_and_no_other(
    headers: dict[str, str], rynek: House, desk: Client
) -> None:
    first, second = arrive(rynek, "Ada"), arrive(rynek, "Bea")
    asked = Page(desk.post(rynek.url("waiting/notify/"), {"to": to(first, second)}, headers=headers))
    arrive(rynek, "Came meanwhile")
    operations.leave(caller_id=second.pk, actor=PATIENT, at=NOW)
    form = {"to": asked.fields["to"], "key": asked.fields["key"], "text": "We open at ten."}

    # Pressed twice.
    answers = [desk.post(rynek.url("waiting/notify/"), form, headers=headers, follow=True) for _ in range(2)]

    made = Broadcast.objects.get()
    assert made.missed == [second.pk]
    assert list(Notice.objects.values_list("caller__name", "text", "broadcast")) == [
        ("Ada", "We open at ten.", made.pk)
    ]
    for answer in answers:
        page = Page(answer)
        assert spoken(page) == ["Sent to 1 caller"]
        assert outcome(answer) == "0 shown, 1 not yet"
        assert "1 had left before it was sent." in page.text
        # A further text goes to the same people, by a form of its own.
        assert page.fields["to"] == to(first, second)
        assert page.fields["key"] != form["key"]
        assert page.fields["text"].strip() == ""
        assert (answer.redirect_chain == []) is (headers == HTMX)


def test_tampered_ids_are_dropped_and_logged(rynek: House, markt: House, desk: Client) -> None:
    own, theirs = arrive(rynek), arrive(markt, "Ottilie Kanarienvogel")
    forged = f"{own.pk},{theirs.pk},999999,abc,-3,{2**62},1e3,{own.pk},{10**40}"
    url = rynek.url("waiting/notify/")

    asked = Page(desk.post(url, {"to": forged}))
    assert spoken(asked) == ["To 1 caller"]
    assert "Kanarienvogel" not in asked.text
    answer = desk.post(url, {"to": forged, "key": KEY, "text": "Hello"}, follow=True)

    assert list(Notice.objects.values_list("caller", flat=True)) == [own.pk]
    assert Broadcast.objects.get().missed == []
    assert "Kanarienvogel" not in Page(answer).text
    refused = AuditEntry.objects.get(action="notice.broadcast.refused")
    assert (refused.clinic, refused.actor_user) == (rynek.clinic, rynek.assistant)


@pytest.mark.parametrize("headers", [{}, HTMX])
@pytest.mark.parametrize(
    ("length", "status", "error"),
    [
        (1000, 200, ""),
        (1001, 422, "This is too long: at most 1000 characters."),
        (0, 422, "Please write something."),
    ],
)
def test_broadcast_is_as_long_as_any_notice(
    length: int, status: int, error: str, headers: dict[str, str], rynek: House, desk: Client
) -> None:
    caller = arrive(rynek)
    form = {"to": to(caller), "key": KEY, "text": "ă" * length}

    answer = desk.post(rynek.url("waiting/notify/"), form, headers=headers, follow=True)

    assert answer.status_code == status
    assert Notice.objects.count() == (1 if status == 200 else 0)
    if error:
        page = Page(answer)
        assert page.error("text") == error
        assert page.fields["text"].strip() == form["text"]
        assert (page.fields["to"], page.fields["key"]) == (to(caller), KEY)


@pytest.mark.parametrize("headers", [{}, HTMX])
def test_when_all_have_left_nothing_typed_is_lost(
    headers: dict[str, str], rynek: House, desk: Client
) -> None:
    caller = arrive(rynek)
    operations.leave(caller_id=caller.pk, actor=PATIENT, at=NOW)
    form = {"to": to(caller), "key": KEY, "text": "Typed"}

    answer = desk.post(rynek.url("waiting/notify/"), form, headers=headers)

    page = Page(answer)
    assert answer.status_code == 409
    assert page.alerts == ["Nobody whom you saw is here any more."]
    assert page.fields["text"].strip() == "Typed"
    assert not Broadcast.objects.exists()


@pytest.mark.parametrize("ids", ["", "x", "0"])
def test_nobody_displayed_is_nobody_written_to(ids: str, rynek: House, desk: Client) -> None:
    arrive(rynek)
    url = rynek.url("waiting/notify/")

    assert Page(desk.post(url, {"to": ids})).alerts == ["Nobody whom you saw is here any more."]
    assert desk.post(url, {"to": ids, "key": KEY, "text": "Hello"}).status_code in {409, 422}
    assert desk.post(url, {"key": KEY, "text": "Hello"}).status_code == 422
    assert not Notice.objects.exists()


def test_quick_reply_to_all_goes_into_the_field_without_script(rynek: House, desk: Client) -> None:
    caller = arrive(rynek)
    replies(rynek)
    reply = QuickReply.objects.get(language="pl")
    form = {"to": to(caller), "key": KEY, "text": "Dzień dobry.", "reply": str(reply.pk)}

    page = Page(desk.post(rynek.url("waiting/notify/"), form))

    assert "Dzień dobry.\nProszę czekać.</textarea>" in page.html
    assert page.fields["to"] == to(caller)
    assert not Notice.objects.exists()


# --- What became of it (W8) --------------------------------------------------------------------------------


def test_outcome_counts_each_in_their_state(rynek: House, desk: Client, office: Client) -> None:
    people = {name: arrive(rynek, name) for name in ("Seen", "Inside", "Held", "Waiting", "Gone", "Missed")}
    take(people["Inside"])
    operations.leave(caller_id=people["Missed"].pk, actor=PATIENT, at=NOW)
    form = {"to": to(*people.values()), "key": KEY, "text": "Ten minutes more."}
    answer = desk.post(rynek.url("waiting/notify/"), form, follow=True)
    assert outcome(answer) == "0 shown, 1 in a call, 4 not yet"
    assert "1 had left before it was sent." in Page(answer).text

    ping(people["Seen"], NOW, seen=1)
    join(rynek, people["Held"])
    hold(rynek, people["Held"])
    operations.leave(caller_id=people["Gone"].pk, actor=PATIENT, at=NOW)

    made = Broadcast.objects.get()
    url = rynek.url(f"waiting/sent/{made.pk}/")
    for client in (desk, office):
        page = Page(client.get(url, headers=HTMX))
        assert outcome(client.get(url)) == "1 shown, 1 in a call, 2 not yet, 1 left"
        (listed,) = page.all("details", lambda it: it.get("id") == "reached-list")
        assert [text_of(node) for node in page.all("li")] == [
            "Seen shown", "Inside in a call", "Held not yet", "Waiting not yet",
            "Gone left before they saw it", "Missed left before it was sent",
        ]  # fmt: skip
        assert text_of(listed).startswith("Who they are")
    # Who has seen it and goes then has seen it; and beside a call it can be seen as well.
    operations.leave(caller_id=people["Seen"].pk, actor=PATIENT, at=NOW)
    ping(people["Inside"], NOW, seen=1)
    assert outcome(desk.get(url)) == "2 shown, 2 not yet, 1 left"


def test_private_notice_hides_no_broadcast_nor_the_other_way_round(rynek: House, desk: Client) -> None:
    first, second = arrive(rynek, "Ada"), arrive(rynek, "Bea")
    notify(rynek, first, "Only for Ada")
    form = {"to": to(first, second), "key": KEY, "text": "For all"}
    desk.post(rynek.url("waiting/notify/"), form)
    notify(rynek, first, "Again for Ada")

    pages = [Page(desk.get(rynek.url(f"waiting/{one.pk}/"))) for one in (first, second)]

    texts = [
        [text_of(node) for node in page.all("p", lambda it: it.get("class") == "notice-text")]
        for page in pages
    ]
    assert texts == [["Only for Ada", "For all", "Again for Ada"], ["For all"]]
    assert "For all Ola Grudzien · 09:00 · to 2 callers · not seen yet" in pages[0].text


def test_broadcast_is_taken_back_from_all(rynek: House, desk: Client, office: Client) -> None:
    first, second = arrive(rynek, "Ada"), arrive(rynek, "Bea")
    write(first)
    desk.post(rynek.url("waiting/notify/"), {"to": to(first, second), "key": KEY, "text": "For all"})
    url = rynek.url(f"waiting/sent/{Broadcast.objects.get().pk}/")
    (take_back,) = undo(desk.get(url))
    assert undo(office.get(url)) == []
    refused = office.post(take_back, follow=True)
    assert refused.redirect_chain == [(url, 302)]
    assert "It is too late" in Page(refused).text

    answer = desk.post(take_back, headers=HTMX, follow=True)

    page = Page(answer)
    assert answer.redirect_chain == [(url, 302)]
    assert "The notice was taken back." in page.text
    assert undo(answer) == []
    assert Notice.objects.filter(broadcast__isnull=False, withdrawn_at=NOW).count() == 2
    for one in (first, second):
        one.refresh_from_db()
    assert (first.notice_count, first.last_author, first.unanswered_since) == (1, "caller", NOW)
    assert (second.notice_count, second.last_author) == (0, "")


def test_other_clinics_broadcast_is_not_there(rynek: House, markt: House, desk: Client) -> None:
    theirs = broadcast_of(markt)

    assert desk.get(rynek.url(f"waiting/sent/{theirs.pk}/")).status_code == 404
    assert desk.get(markt.url(f"waiting/sent/{theirs.pk}/")).status_code == 404
