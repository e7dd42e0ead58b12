"""All of a patient's own, behind a code that went to the address on their card (D6, E2.11, P13, A13, A22)."""

import json
import re
from datetime import timedelta

import pytest
from django.test import Client

from clinic.appointments.enums import CancelledBy
from clinic.appointments.operations import cancel
from clinic.audit.operations import SYSTEM
from clinic.directory import limits
from clinic.lib import clock
from clinic.models import AuditEntry, Patient
from clinic.people.operations import change_patient
from messaging.delivery import send_due
from messaging.enums import State
from messaging.links import link_key, token_of
from messaging.models import Delivery, Message, SentText
from notifications.enums import Channel
from notifications.operations import pause_sending, resume_sending
from reminders import codes
from tests.factories.house import DAYS, HOURS, NOW, House, book, by_link, link_of, make_patient
from tests.factories.page import Answer, Page

WRONG = "This code is not right, or not valid any more. You can have a new one sent."


@pytest.fixture
def patient(rynek: House) -> Client:
    """The patient's browser, come by the link."""
    return by_link(rynek.link)


def url(house: House, page: str = "my") -> str:
    return f"/appointment/{link_key(house.link)}/{page}/"


def send(client: Client, house: House) -> Answer:
    return client.post(url(house, "code"), {"send": "1"})


def give(client: Client, house: House, code: str) -> Answer:
    return client.post(url(house, "code"), {"code": code})


def letters(kind: str = "code") -> list[SentText]:
    for channel in Channel:
        send_due(channel=channel, at=clock.now(), now=clock.now)
    return list(SentText.objects.filter(delivery__message__kind=kind).order_by("pk"))


def code_in(letter: SentText) -> str:
    found = re.search(r"\b\d{6}\b", letter.text)
    assert found is not None
    return found[0]


def opened(client: Client, house: House) -> Client:
    """Let the browser give the code that it was sent."""
    send(client, house)
    assert give(client, house, code_in(letters()[-1])).status_code == 302
    return client


def other_than(code: str) -> str:
    return f"{(int(code) + 1) % 10**6:06}"


# --- The code -------------------------------------------------------------------------------------


def test_code_goes_to_the_address_on_file_and_opens_the_page(rynek: House, patient: Client) -> None:
    assert patient.get(url(rynek))["Location"] == url(rynek, "code")

    response = send(patient, rynek)

    (letter,) = letters()
    assert response["Location"] == f"{url(rynek, 'code')}?sent=1"
    assert letter.delivery.channel == "email"
    assert letter.delivery.attempts.get().address == "zofia@patients.example"
    assert code_in(letter) not in letter.subject
    given = give(patient, rynek, f" {code_in(letter)[:3]} {code_in(letter)[3:]} ")
    assert given["Location"] == url(rynek)
    cookie = given.cookies["card"]
    assert (cookie["path"], cookie["httponly"], cookie["samesite"], cookie["max-age"]) == (
        url(rynek), True, "Strict", 1800,
    )  # fmt: skip
    assert Page(patient.get(url(rynek))).heading == "My appointments"


def test_page_of_the_code_shows_no_address(rynek: House, patient: Client) -> None:
    send(patient, rynek)

    for query in ("", "?sent=1"):
        html = patient.get(url(rynek, "code") + query).content.decode()
        for secret in ("zofia@", "patients.example", "512", "Pawłowska"):
            assert secret not in html


def test_without_an_e_mail_it_goes_by_sms(rynek: House, patient: Client) -> None:
    Patient.objects.filter(pk=rynek.patient.pk).update(email="")

    send(patient, rynek)

    (text,) = letters()
    assert text.delivery.channel == "sms"
    assert give(patient, rynek, code_in(text)).status_code == 302


def test_without_any_address_it_says_to_call(rynek: House, patient: Client) -> None:
    Patient.objects.filter(pk=rynek.patient.pk).update(email="", phone="")

    page = Page(send(patient, rynek))

    assert "We have no address of you to which we could send a code. Please call us." in page.text
    assert "Send me a code" not in page.buttons()


def test_code_is_good_once(rynek: House, patient: Client) -> None:
    send(patient, rynek)
    code = code_in(letters()[0])
    give(patient, rynek, code)

    response = give(by_link(rynek.link), rynek, code)

    assert response.status_code == 422
    assert Page(response).error("code") == WRONG


@pytest.mark.parametrize(
    ("after", "status"), [(timedelta(minutes=10) - timedelta(seconds=1), 302), (timedelta(minutes=10), 422)]
)
def test_code_is_good_for_ten_minutes(after: timedelta, status: int, rynek: House, patient: Client) -> None:
    send(patient, rynek)
    code = code_in(letters()[0])

    with clock.held_at(NOW + after):
        assert give(patient, rynek, code).status_code == status


def test_five_tries_and_no_more(rynek: House, patient: Client) -> None:
    send(patient, rynek)
    code = code_in(letters()[0])
    for _ in range(5):
        assert give(patient, rynek, other_than(code)).status_code == 422

    assert Page(give(patient, rynek, code)).error("code") == WRONG
    # A new one begins anew, and the old one opens nothing.
    send(patient, rynek)
    new = code_in(letters()[1])
    assert give(patient, rynek, code).status_code == (302 if code == new else 422)
    assert give(patient, rynek, new).status_code == 302


@pytest.mark.parametrize("code", ["", "x", "12345", "٠١٢٣٤٥", "1" * 21, "a\0"])
def test_what_is_no_code_opens_nothing(code: str, rynek: House, patient: Client) -> None:
    send(patient, rynek)

    assert give(patient, rynek, code).status_code == 422
    assert patient.get(url(rynek)).status_code == 302


def test_another_patients_code_opens_nothing(rynek: House, patient: Client) -> None:
    visit = book(make_patient(rynek.clinic, "Jan Inny"), rynek.calendar, NOW + 9 * DAYS + 3 * HOURS)
    other, key = by_link(link_of(visit)), link_key(link_of(visit))
    other.post(f"/appointment/{key}/code/", {"send": "1"})
    theirs = code_in(letters()[0])
    send(patient, rynek)
    ours = code_in(letters()[1])

    assert give(patient, rynek, theirs).status_code == (302 if theirs == ours else 422)
    # A cookie that opens one patient's page opens no other's.
    assert other.post(f"/appointment/{key}/code/", {"code": theirs}).status_code == 302
    patient.cookies["card"] = other.cookies["card"].value
    assert patient.get(url(rynek)).status_code == 302


def test_five_codes_an_hour(rynek: House, patient: Client) -> None:
    answers = [send(patient, rynek) for _ in range(6)]

    assert [one.status_code for one in answers] == [302] * 5 + [429]
    assert answers[5]["Retry-After"] == "3600"
    assert Message.objects.filter(kind="code").count() == 5


def test_older_code_is_not_sent_any_more(rynek: House, patient: Client) -> None:
    send(patient, rynek)
    send(patient, rynek)

    assert len(letters()) == 1
    assert list(Delivery.objects.filter(message__kind="code").order_by("pk").values_list("state", "reason")) == [
        ("skipped", "code_over"), ("sent", ""),
    ]  # fmt: skip


def test_kept_copy_shows_no_code_where_mail_leaves_the_house(rynek: House, patient: Client) -> None:
    send(patient, rynek)
    row = Delivery.objects.select_related("message__patient__clinic").get(message__kind="code")
    ready = codes.speak([row], NOW)[row.pk]

    assert ready.links == (codes.code_of(row.message),)  # type: ignore[union-attr]


# --- What it opens --------------------------------------------------------------------------------


def test_page_shows_what_comes_and_what_was(rynek: House, patient: Client) -> None:
    second = book(rynek.patient, rynek.calendar, NOW + 11 * DAYS + 2 * HOURS)
    gone = book(rynek.patient, rynek.calendar, NOW + 3 * DAYS + 2 * HOURS)
    cancel(appointment_id=gone.pk, by=CancelledBy.PATIENT, actor=SYSTEM, at=NOW)
    others = make_patient(rynek.clinic, "Jan Inny")
    book(others, rynek.calendar, NOW + 9 * DAYS + 3 * HOURS)
    link_of(second)

    page = Page(opened(patient, rynek).get(url(rynek)))

    assert f"/a/{token_of(rynek.link)}/" in page.links()
    assert f"/a/{token_of(link_of(second))}/" in page.links()
    for text in (
        "Thursday 13 May 2027, 11:00",
        "Friday 14 May 2027, 11:00",
        "Consultation",
        "Zofia Pawłowska-Gąsior",
    ):
        assert text in page.text
    assert "Thursday 6 May 2027, 11:00 Consultation · dr Tomasz Wilczek · cancelled" in page.text
    assert "Wednesday 12 May" not in page.text
    assert page.fields["email"] == "zofia@patients.example"


def test_link_alone_changes_nothing(rynek: House, patient: Client) -> None:
    for page, data in (
        ("my/contact", {"email": "evil@x.example", "phone": "", "version": "1"}),
        ("my/export", {}),
    ):
        assert patient.post(url(rynek, page), data)["Location"] == url(rynek, "code")
    assert Patient.objects.get(pk=rynek.patient.pk).email == "zofia@patients.example"
    assert not AuditEntry.objects.filter(action="patient.exported").exists()


def test_session_ends_after_half_an_hour_and_when_it_is_closed(
    rynek: House, patient: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened(patient, rynek)
    patient.post(url(rynek, "my/close"))

    assert patient.get(url(rynek)).status_code == 302
    opened(patient, rynek)
    monkeypatch.setattr("reminders.views.self_service.LIFE", -1)
    assert patient.get(url(rynek)).status_code == 302


def contact(client: Client, house: House, **more: str) -> Answer:
    version = Patient.objects.get(pk=house.patient.pk).version
    form = {"email": "new@patients.example", "phone": "512 345 678", "version": str(version), **more}
    return client.post(url(house, "my/contact"), form)


def test_own_address_is_changed_and_the_old_one_is_told(rynek: House, patient: Client) -> None:
    opened(patient, rynek)

    response = contact(patient, rynek)

    card = Patient.objects.get(pk=rynek.patient.pk)
    assert response["Location"] == f"{url(rynek)}?saved=1"
    assert (card.email, card.phone, card.name) == ("new@patients.example", "+48512345678", rynek.patient.name)
    (letter,) = letters("contact_changed")
    assert letter.delivery.attempts.get().address == "zofia@patients.example"
    assert "new@" not in letter.text
    assert AuditEntry.objects.get(action="patient.changed").actor_kind == "patient"


def test_staff_who_change_an_address_tell_the_old_one_too(rynek: House) -> None:
    change_patient(
        patient=rynek.patient, name=rynek.patient.name, email=rynek.patient.email, phone_number="+48601234567",
        language="en", actor=SYSTEM, at=NOW,
    )  # fmt: skip

    (text,) = letters("contact_changed")
    assert (text.delivery.channel, text.delivery.attempts.get().address) == ("sms", "+48512345678")
    # Another language alone tells nobody.
    change_patient(
        patient=rynek.patient, name=rynek.patient.name, email=rynek.patient.email, phone_number="+48601234567",
        language="de", actor=SYSTEM, at=NOW,
    )  # fmt: skip
    assert len(letters("contact_changed")) == 1


def test_address_that_is_back_meanwhile_is_told_nothing(rynek: House) -> None:
    pause_sending(clinic=rynek.clinic, actor=SYSTEM, at=NOW)
    for number in ("+48601234567", rynek.patient.phone):
        card = Patient.objects.get(pk=rynek.patient.pk)
        change_patient(
            patient=card, name=card.name, email=card.email, phone_number=number, language="en",
            actor=SYSTEM, at=NOW,
        )  # fmt: skip
    resume_sending(clinic=rynek.clinic, actor=SYSTEM, at=NOW)

    (text,) = letters("contact_changed")

    # The first is on the card again; the second was there meanwhile, and is gone.
    assert text.delivery.attempts.get().address == "+48601234567"
    left = Delivery.objects.get(message__kind="contact_changed", state=State.SKIPPED)
    assert left.reason == "address_back"


@pytest.mark.parametrize(
    ("typed", "field"),
    [
        ({"email": "new@"}, "email"),
        ({"phone": "12"}, "phone"),
        ({"phone": "+48 701 234 567"}, "phone"),
        ({"email": "", "phone": ""}, "email"),
    ],
)
def test_bad_address_changes_nothing(
    typed: dict[str, str], field: str, rynek: House, patient: Client
) -> None:
    opened(patient, rynek)

    response = contact(patient, rynek, **typed)

    page = Page(response)
    assert response.status_code == 422
    assert page.error(field)
    assert page.fields["email"] == {"email": "new@patients.example", **typed}["email"]
    assert Patient.objects.get(pk=rynek.patient.pk).email == "zofia@patients.example"


def test_card_changed_meanwhile_is_not_overrun(rynek: House, patient: Client) -> None:
    opened(patient, rynek)
    version = str(rynek.patient.version)
    change_patient(
        patient=rynek.patient, name=rynek.patient.name, email="desk@patients.example", phone_number="",
        language="en", actor=SYSTEM, at=NOW,
    )  # fmt: skip

    response = contact(patient, rynek, version=version)

    page = Page(response)
    assert response.status_code == 409
    assert page.alerts == [
        "Your data was changed meanwhile. Nothing was saved; what you typed still stands below. "
        "On your card now: desk@patients.example, –"
    ]
    # Nothing typed is lost, and the next press is on what stands now.
    assert (page.fields["email"], page.fields["phone"]) == ("new@patients.example", "512 345 678")
    assert Patient.objects.get(pk=rynek.patient.pk).email == "desk@patients.example"
    assert contact(patient, rynek, version=page.fields["version"]).status_code == 302
    assert Patient.objects.get(pk=rynek.patient.pk).email == "new@patients.example"


def numbers_told() -> list[str]:
    rows = Delivery.objects.filter(message__kind="contact_changed", channel="sms").order_by("pk")
    return [row.message.facts["sms"] for row in rows.select_related("message")]


def test_numbers_are_told_only_so_often(rynek: House, patient: Client) -> None:
    """A4: whoever changes the number again and again makes us write to everybody."""
    opened(patient, rynek)
    codes_sent = []
    for number in range(7):
        card = Patient.objects.get(pk=rynek.patient.pk)
        response = contact(patient, rynek, phone=f"+48 601 234 56{number}", version=str(card.version))
        codes_sent.append(response.status_code)

    assert codes_sent == [302] * 5 + [429] * 2
    assert response["Retry-After"] == "3600"
    assert Page(response).fields["phone"] == "+48 601 234 566"
    assert Patient.objects.get(pk=rynek.patient.pk).phone == "+48601234564"
    assert numbers_told() == ["+48512345678", *(f"+4860123456{number}" for number in range(4))]


def test_number_stays_where_its_sms_would_be_one_too_many(
    rynek: House, patient: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened(patient, rynek)
    monkeypatch.setattr(limits, "SMS_FROM_CONNECTION", (1, 10, limits.DAY))
    first = contact(patient, rynek, phone="+48 601 234 560", version="1")

    second = contact(patient, rynek, phone="+48 601 234 561", version="2")
    # What causes no SMS goes on.
    third = contact(patient, rynek, email="other@patients.example", phone="+48 601 234 560", version="2")

    assert [one.status_code for one in (first, second, third)] == [302, 429, 302]
    card = Patient.objects.get(pk=rynek.patient.pk)
    assert (card.phone, card.email) == ("+48601234560", "other@patients.example")
    assert numbers_told() == ["+48512345678"]


def test_export_holds_what_is_kept_and_is_written_down(rynek: House, patient: Client) -> None:
    letters("details")
    opened(patient, rynek)

    response = patient.post(url(rynek, "my/export"))

    data = json.loads(response.content)
    assert response["Content-Disposition"] == 'attachment; filename="my-data.json"'
    assert data["card"]["email"] == "zofia@patients.example"
    assert [one["starts_at"] for one in data["appointments"]] == ["2027-05-13T11:00:00+02:00"]
    assert "details" in {one["kind"] for one in data["messages"]}
    assert AuditEntry.objects.filter(action="patient.exported", actor_kind="patient").count() == 1
    codes_sent = [patient.post(url(rynek, "my/export")).status_code for _ in range(5)]
    assert codes_sent == [200] * 4 + [429]


def test_export_holds_nobody_elses(rynek: House, markt: House, patient: Client) -> None:
    others = make_patient(rynek.clinic, "Jan Inny")
    book(others, rynek.calendar, NOW + 9 * DAYS + 3 * HOURS)

    text = opened(patient, rynek).post(url(rynek, "my/export")).content.decode()

    for secret in ("Jan Inny", "jan@", "Kanarienvogel"):
        assert secret not in text
