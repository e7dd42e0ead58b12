"""Notes on a card: `patient_note_new`, `patient_note` and `patient_note_delete`."""

import pytest
from django.test import Client

from clinic.models import AuditEntry, PatientNote
from reminders.export import collect
from tests.factories.cards import note_of
from tests.factories.house import NOW, House, by_link, logged_in
from tests.factories.page import Page


def texts() -> list[str]:
    return list(PatientNote.objects.order_by("pk").values_list("text", flat=True))


def test_note_stands_with_who_and_when(rynek: House, desk: Client) -> None:
    url = rynek.url(f"patients/{rynek.patient.pk}/")

    response = desk.post(f"{url}notes/", {"text": " Hard of\r\nhearing. "}, follow=True)

    page = Page(response)
    assert response.redirect_chain == [(url, 302)]
    assert "Ola Grudzien · 3 May 2027 09:00" in page.text
    note = PatientNote.objects.get()
    assert (note.text, note.clinic, note.patient, note.user, note.written_at) == (
        "Hard of\nhearing.", rynek.clinic, rynek.patient, rynek.assistant, NOW,
    )  # fmt: skip
    entry = AuditEntry.objects.get(action="patient.note_written")
    assert (entry.actor_user, entry.object_id, entry.value.new["text"]) == (
        rynek.assistant, rynek.patient.pk, "Hard of\nhearing.",
    )  # fmt: skip


@pytest.mark.parametrize("text", ["", "  ", "x" * 2001, "a\0b", "\u202eabc"])
def test_note_that_cannot_be_written_is_refused_and_stays_typed(
    text: str, rynek: House, desk: Client
) -> None:
    response = desk.post(rynek.url(f"patients/{rynek.patient.pk}/notes/"), {"text": text})

    assert response.status_code == 422
    assert Page(response).error("text")
    assert texts() == []
    if text.isprintable() and text.strip():
        assert text in response.content.decode()


def test_markup_in_a_note_is_text(rynek: House, desk: Client) -> None:
    desk.post(rynek.url(f"patients/{rynek.patient.pk}/notes/"), {"text": "<script>alert(1)</script>"})

    page = Page(desk.get(rynek.url(f"patients/{rynek.patient.pk}/")))
    assert "<script>alert(1)</script>" in page.text
    assert not [node for node in page.all("script") if "alert" in str(node)]


def test_own_note_is_changed_and_says_so(rynek: House, desk: Client) -> None:
    note = note_of(rynek)

    for _press in range(2):
        desk.post(rynek.url(f"notes/{note.pk}/"), {"text": "Hears well.", "version": "1"})

    note.refresh_from_db()
    assert (note.text, note.changed_at, note.version) == ("Hears well.", NOW, 2)
    entry = AuditEntry.objects.get(action="patient.note_changed")
    assert (entry.value.old["text"], entry.value.new["text"]) == ("Hard of hearing.", "Hears well.")
    assert "changed 3 May 2027 09:00" in Page(desk.get(rynek.url(f"patients/{rynek.patient.pk}/"))).text


@pytest.mark.parametrize(("what", "data"), [("", {"text": "Mine now."}), ("delete/", {})])
def test_note_changed_meanwhile_is_left_and_what_was_typed_stays(
    what: str, data: dict[str, str], rynek: House, desk: Client
) -> None:
    note = note_of(rynek)
    desk.post(rynek.url(f"notes/{note.pk}/"), {"text": "Hears well.", "version": "1"})

    response = desk.post(rynek.url(f"notes/{note.pk}/{what}"), {**data, "version": "1"})

    page = Page(response)
    assert response.status_code == 409
    assert page.alerts == [
        "This note was changed meanwhile. Nothing was saved; what it says now stands below."
    ]
    assert "Hears well." in page.text
    assert data.get("text", "") in response.content.decode()
    assert texts() == ["Hears well."]


def test_only_the_writer_changes_a_note_and_an_administrator_may_delete_it(rynek: House) -> None:
    note = note_of(rynek)
    doctor, boss = logged_in(rynek.practitioner), logged_in(rynek.admin)
    url = rynek.url(f"notes/{note.pk}/")

    answers = [
        doctor.post(url, {"text": "x", "version": "1"}).status_code,
        doctor.post(f"{url}delete/", {"version": "1"}).status_code,
        boss.post(url, {"text": "x", "version": "1"}).status_code,
    ]

    assert (answers, texts()) == ([403, 403, 403], ["Hard of hearing."])
    assert "Delete the note" not in Page(doctor.get(rynek.url(f"patients/{rynek.patient.pk}/"))).buttons()
    assert boss.post(f"{url}delete/", {"version": "1"}).status_code == 302
    assert texts() == []
    assert AuditEntry.objects.get(action="patient.note_deleted").value.old["text"] == "Hard of hearing."


def test_another_clinics_note_is_not_there(rynek: House, markt: House, desk: Client) -> None:
    note = note_of(markt)

    assert desk.post(rynek.url(f"notes/{note.pk}/"), {"text": "x", "version": "1"}).status_code == 404
    assert desk.post(rynek.url(f"notes/{note.pk}/delete/"), {"version": "1"}).status_code == 404
    assert texts() == ["Hard of hearing."]


def test_patients_never_see_notes(rynek: House) -> None:
    note_of(rynek)

    assert "hearing" not in str(collect(rynek.patient))
    browser = by_link(rynek.link)
    page = browser.get(browser.get(f"/a/{rynek.link.pk}/").headers.get("Location", "/"), follow=True)
    assert "hearing" not in page.content.decode()


def test_second_press_of_the_same_form_writes_nothing_more(rynek: House, desk: Client) -> None:
    url = rynek.url(f"patients/{rynek.patient.pk}/")
    typed = {"text": "Hard of hearing.", "key": Page(desk.get(url)).fields["key"]}

    answers = [desk.post(f"{url}notes/", typed)["Location"] for _press in range(2)]

    assert answers == [url, url]
    assert texts() == ["Hard of hearing."]
    assert AuditEntry.objects.filter(action="patient.note_written").count() == 1
    # The same words from another form are another note, and a deleted one is not written anew.
    desk.post(f"{url}notes/", {**typed, "key": Page(desk.get(url)).fields["key"]})
    assert texts() == ["Hard of hearing."] * 2
    PatientNote.objects.all().delete()
    assert desk.post(f"{url}notes/", typed).status_code == 302
    assert texts() == []


def test_key_of_a_refused_form_stays_its_own(rynek: House, desk: Client) -> None:
    url = rynek.url(f"patients/{rynek.patient.pk}/")
    key = Page(desk.get(url)).fields["key"]

    assert Page(desk.post(f"{url}notes/", {"text": "", "key": key})).fields["key"] == key


@pytest.mark.parametrize("key", ["", "x", "../../etc", "0" * 31])
def test_key_that_is_none_of_ours_makes_no_two_notes_one(key: str, rynek: House, desk: Client) -> None:
    for text in ("One.", "Two."):
        desk.post(rynek.url(f"patients/{rynek.patient.pk}/notes/"), {"text": text, "key": key})

    assert texts() == ["One.", "Two."]
