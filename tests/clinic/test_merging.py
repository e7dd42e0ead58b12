"""Two cards that become one: what moves, what is kept, and that nothing is said twice or lost (D3, X3)."""

import threading
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from django.apps import apps
from django.db import connection
from django.db.models import Model

from clinic.appointments.operations import move
from clinic.audit.operations import PATIENT, SYSTEM, user_actor
from clinic.models import Appointment, AuditEntry, Patient, PatientNote, PatientWord
from clinic.people.merging import Pair, differing, find_duplicates, merge_patients
from clinic.people.notes import write_note
from clinic.people.operations import StalePatient, change_patient
from clinic.people.queries import find_card, find_patients, list_patients
from messaging.delivery import send_due
from messaging.models import Delivery, Message
from notifications.enums import Channel, ToldBy
from notifications.invitations import opt_out
from notifications.models import InvitationChoice
from tests.factories.house import DAYS, HOURS, NOW, House, book, by_link, link_of, make_patient
from tests.factories.page import Page


@pytest.fixture
def twin(rynek: House) -> Patient:
    """A second card of Rynek's patient, with another e-mail, no phone, an appointment and a note."""
    card = make_patient(
        rynek.clinic, "Pawłowska-Gąsior Zofia", email="zofia@work.example", phone_number="", reference="P-7",
        language="pl",
    )  # fmt: skip
    book(card, rynek.calendar, NOW + 11 * DAYS)
    write_note(patient=card, text="Comes by train.", actor=user_actor(rynek.assistant), at=NOW)
    return card


def pair_of(kept: Patient, gone: Patient) -> Pair:
    kept.refresh_from_db()
    gone.refresh_from_db()
    return Pair(kept.pk, gone.pk, kept.version, gone.version)


def merge(house: House, kept: Patient, gone: Patient, **taken: bool) -> Patient:
    merge_patients(
        pair=pair_of(kept, gone), taken=taken, clinic_id=house.clinic.pk, actor=user_actor(house.assistant), at=NOW
    )  # fmt: skip
    kept.refresh_from_db()
    gone.refresh_from_db()
    return kept


def test_everything_moves_to_the_card_that_stays(rynek: House, twin: Patient) -> None:
    kept = merge(rynek, rynek.patient, twin)

    assert Appointment.objects.filter(patient=kept).count() == 2
    assert PatientNote.objects.get().patient == kept
    assert (twin.merged_into, twin.merged_at) == (kept, NOW)
    assert [card.pk for card in list_patients(clinic=rynek.clinic)] == [kept.pk]


def test_no_table_keeps_anything_of_the_card_that_goes(rynek: House, twin: Patient) -> None:
    """A table that points to patients from now on must be moved too, and named here."""
    pointing: set[type[Model]] = {
        model
        for model in apps.get_models()
        for field in model._meta.get_fields()
        if field.many_to_one and field.related_model is Patient and model is not Patient
    }
    assert pointing == {Appointment, PatientNote, PatientWord, Message, InvitationChoice}
    opt_out(patient=twin, kind="review", told_by=ToldBy.STAFF, actor=SYSTEM, at=NOW)

    merge(rynek, rynek.patient, twin, email=True)

    for model in pointing - {Message}:
        assert not model._default_manager.filter(patient=twin).exists(), model
    assert not Message.objects.filter(patient=twin).exclude(kind="contact_changed").exists()


def test_what_only_one_card_knows_is_kept_and_the_rest_is_chosen(rynek: House, twin: Patient) -> None:
    assert differing(rynek.patient, twin) == ["name", "email", "language"]

    kept = merge(rynek, rynek.patient, twin, email=True, language=False)

    assert (kept.name, kept.email, kept.phone, kept.language, kept.reference) == (
        "Zofia Pawłowska-Gąsior", "zofia@work.example", "+48512345678", "en", "P-7",
    )  # fmt: skip
    assert (twin.email, twin.phone, twin.reference) == ("", "", "")


def test_the_other_reference_still_names_the_person(rynek: House, twin: Patient) -> None:
    Patient.objects.filter(pk=rynek.patient.pk).update(reference="P-1")

    kept = merge(rynek, rynek.patient, twin, reference=True)

    assert (kept.reference, twin.reference, twin.standing) == ("P-7", "P-1", kept)


@pytest.mark.parametrize(
    ("kept_bounced", "gone_bounced", "same", "take", "is_marked"),
    [
        (True, False, True, False, True), (False, True, True, False, True), (False, True, False, True, True),
        (True, False, False, True, False), (False, True, False, False, False),
    ],
)  # fmt: skip
def test_mark_stays_with_its_address(
    kept_bounced: bool,
    gone_bounced: bool,
    same: bool,
    take: bool,
    is_marked: bool,
    rynek: House,
    twin: Patient,
) -> None:
    email = rynek.patient.email if same else twin.email
    Patient.objects.filter(pk=rynek.patient.pk).update(email_bounced_at=NOW if kept_bounced else None)
    Patient.objects.filter(pk=twin.pk).update(email=email, email_bounced_at=NOW if gone_bounced else None)

    assert bool(merge(rynek, rynek.patient, twin, email=take).email_bounced_at) == is_marked


def test_search_finds_the_one_card_by_what_it_says_now(rynek: House, twin: Patient) -> None:
    kept = merge(rynek, rynek.patient, twin, email=True)

    def found(text: str) -> list[Patient]:
        return find_patients(clinic=rynek.clinic, text=text)

    assert found("zofia") == found("zofia@work") == found("p-7") == found("512345678") == [kept]
    assert found("zofia@patients.example") == []
    assert find_card(clinic=rynek.clinic, number=str(twin.pk)) == kept


def test_written_down_on_both_cards(rynek: House, twin: Patient) -> None:
    kept = merge(rynek, rynek.patient, twin, email=True)

    entry = AuditEntry.objects.get(action="patient.merged")
    assert (entry.object_id, entry.actor_user, entry.at) == (kept.pk, rynek.assistant, NOW)
    assert (entry.value.old["email"], entry.value.new["email"], entry.value.new["card"]) == (
        "zofia@patients.example", "zofia@work.example", twin.pk,
    )  # fmt: skip
    other = AuditEntry.objects.get(action="patient.merged_into")
    assert (other.object_id, other.value.new) == (twin.pk, {"card": kept.pk})


# --- Messages -------------------------------------------------------------------------------------


def test_each_message_stays_one_and_follows_the_new_address(rynek: House, twin: Patient) -> None:
    before = Message.objects.exclude(kind="contact_changed").count()

    kept = merge(rynek, rynek.patient, twin, email=True)

    rows = Message.objects.exclude(kind="contact_changed")
    assert rows.count() == before
    assert set(rows.values_list("patient", "recipient")) == {(kept.pk, f"patient:{kept.pk}")}
    # The twin had no number: what is still to come goes by SMS as well.
    reminders = Delivery.objects.filter(message__kind="reminder", channel="sms", state="planned")
    assert reminders.count() == 2


def test_nothing_is_sent_twice_and_nothing_due_is_lost(rynek: House, twin: Patient) -> None:
    send_due(channel=Channel.EMAIL, at=NOW, now=lambda: NOW)
    sent = set(Delivery.objects.filter(state="sent").values_list("pk", flat=True))

    merge(rynek, rynek.patient, twin)
    later = NOW + 9 * DAYS
    for channel in Channel:
        send_due(channel=channel, at=later, now=lambda: later)

    details = Delivery.objects.filter(message__kind="details", channel="email")
    assert {row.pk for row in details if row.state == "sent"} == sent
    reminders = Delivery.objects.filter(message__kind="reminder", channel="email")
    assert [row.state for row in reminders] == ["sent", "sent"]
    addresses = {row.attempts.get().address for row in reminders}
    assert addresses == {"zofia@patients.example"}


def test_message_made_for_the_other_card_by_somebody_slow_is_not_sent(rynek: House, twin: Patient) -> None:
    merge(rynek, rynek.patient, twin)
    original = Message.objects.filter(kind="reminder").order_by("pk")[0]
    late = Message.objects.create(
        clinic=rynek.clinic, kind="reminder", cause=original.cause, version=original.version,
        recipient=f"patient:{twin.pk}", appointment=original.appointment, patient=twin, reason=original.reason,
        facts=original.facts, planned_at=NOW, valid_until=original.valid_until, created_at=NOW,
    )  # fmt: skip
    row = Delivery.objects.create(
        message=late, clinic=rynek.clinic, channel="email", planned_at=NOW, due_at=NOW
    )

    send_due(channel=Channel.EMAIL, at=NOW, now=lambda: NOW)

    row.refresh_from_db()
    assert (row.state, row.reason) == ("skipped", "other_card")


def test_addresses_that_are_gone_are_told_once_each(rynek: House, twin: Patient) -> None:
    Patient.objects.filter(pk=twin.pk).update(phone="+48600000001")

    merge(rynek, rynek.patient, twin, email=True)

    told = [one.facts for one in Message.objects.filter(kind="contact_changed").order_by("pk")]
    assert told == [{"email": "zofia@patients.example"}, {"sms": "+48600000001"}]


def test_link_of_the_other_cards_appointment_keeps_working(rynek: House, twin: Patient) -> None:
    appointment = twin.appointments.get()
    link = link_of(appointment)

    merge(rynek, rynek.patient, twin)

    browser = by_link(link)
    move(appointment_id=appointment.pk, starts_at=NOW + 12 * DAYS, actor=PATIENT, at=NOW)
    assert browser.get("/").status_code in {200, 302}
    moved = Message.objects.get(cause=f"appointment:{appointment.pk}", kind="moved")
    assert moved.patient == rynek.patient


# --- Clashes --------------------------------------------------------------------------------------


@pytest.mark.parametrize("which", ["kept", "gone"])
def test_card_changed_meanwhile_is_left_alone(which: str, rynek: House, twin: Patient) -> None:
    pair = pair_of(rynek.patient, twin)
    card = rynek.patient if which == "kept" else twin
    change_patient(
        patient=card, name="Zofia Nowa", email=card.email, phone_number=card.phone, language="pl",
        actor=SYSTEM, at=NOW,
    )  # fmt: skip

    with pytest.raises(StalePatient):
        merge_patients(pair=pair, taken={}, clinic_id=rynek.clinic.pk, actor=SYSTEM, at=NOW)

    assert Appointment.objects.filter(patient=twin).count() == 1


def test_each_into_the_other_leaves_one(rynek: House, twin: Patient) -> None:
    there, back = pair_of(rynek.patient, twin), pair_of(twin, rynek.patient)
    more: dict[str, Any] = {"taken": {}, "clinic_id": rynek.clinic.pk, "actor": SYSTEM, "at": NOW}
    merge_patients(pair=there, **more)

    with pytest.raises(StalePatient):
        merge_patients(pair=back, **more)

    assert merge_patients(pair=there, **more).pk == rynek.patient.pk  # the press that comes twice
    assert AuditEntry.objects.filter(action="patient.merged").count() == 1
    assert [card.pk for card in list_patients(clinic=rynek.clinic)] == [rynek.patient.pk]


@pytest.mark.django_db(transaction=True)
def test_each_into_the_other_at_once_while_somebody_books_leaves_one_with_everything(
    rynek: House, twin: Patient
) -> None:
    pairs = [pair_of(rynek.patient, twin), pair_of(twin, rynek.patient)]
    start, ends = threading.Barrier(4), []

    def run(act: Callable[[], object]) -> None:
        try:
            start.wait(30)
            act()
            ends.append("done")
        except StalePatient:
            ends.append("stale")
        finally:
            connection.close()

    def merge_one(pair: Pair) -> None:
        merge_patients(pair=pair, taken={}, clinic_id=rynek.clinic.pk, actor=SYSTEM, at=NOW)

    acts: list[Callable[[], object]] = [partial(merge_one, pair) for pair in pairs]
    acts += [
        partial(book, card, rynek.calendar, NOW + (20 + number) * DAYS)
        for number, card in enumerate((rynek.patient, twin))
    ]
    threads = [threading.Thread(target=run, args=(act,)) for act in acts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)

    assert sorted(ends) == ["done", "done", "done", "stale"]
    (standing,) = list_patients(clinic=rynek.clinic)
    assert standing.appointments.count() == Appointment.objects.count() == 4
    assert not Message.objects.exclude(patient=standing).exclude(kind="contact_changed").exists()


def test_chain_of_cards_leads_to_the_last_at_once(rynek: House, twin: Patient) -> None:
    third = make_patient(rynek.clinic, "Zofia Pawłowska")
    merge(rynek, twin, third)

    merge(rynek, rynek.patient, twin)

    third.refresh_from_db()
    assert third.merged_into == rynek.patient


def test_cards_of_two_clinics_stay_apart(rynek: House, markt: House) -> None:
    pair = pair_of(rynek.patient, markt.patient)

    for house in (rynek, markt):
        with pytest.raises(StalePatient):
            merge_patients(pair=pair, taken={}, clinic_id=house.clinic.pk, actor=SYSTEM, at=NOW)


def test_card_does_not_go_into_itself(rynek: House) -> None:
    pair = pair_of(rynek.patient, rynek.patient)

    with pytest.raises(StalePatient):
        merge_patients(pair=pair, taken={}, clinic_id=rynek.clinic.pk, actor=SYSTEM, at=NOW)


def test_booking_for_a_card_that_went_meanwhile_is_the_other_ones(rynek: House, twin: Patient) -> None:
    held = Patient.objects.select_related("clinic").get(pk=twin.pk)
    merge(rynek, rynek.patient, twin)

    made = book(held, rynek.calendar, NOW + 13 * DAYS + 2 * HOURS)

    made.refresh_from_db()
    assert made.patient == rynek.patient
    assert set(Message.objects.filter(appointment=made).values_list("recipient", flat=True)) == {
        f"patient:{rynek.patient.pk}"
    }


# --- Which cards are the same person's ------------------------------------------------------------


def test_same_name_and_an_address_in_common_is_a_duplicate(rynek: House, markt: House) -> None:
    house, card = rynek.clinic, rynek.patient
    same_mail = make_patient(house, "PAWLOWSKA-GASIOR Zofia",
                             email="ZOFIA@patients.example", phone_number="")  # fmt: skip
    same_phone = make_patient(house, card.name, email="")
    make_patient(house, "Adam Pawłowski", email="zofia@patients.example")  # the same house
    make_patient(house, card.name, email="other@x.example", phone_number="")
    make_patient(markt.clinic, card.name)

    assert find_duplicates(card) == [same_mail, same_phone]


def test_card_without_addresses_has_no_duplicates(rynek: House) -> None:
    bare = [make_patient(rynek.clinic, "Jan Niemy", email="", phone_number="") for _card in range(2)]

    assert find_duplicates(bare[0]) == []


def test_card_page_offers_to_compare(rynek: House, desk: Any) -> None:
    twin = make_patient(rynek.clinic, rynek.patient.name, email="")

    page = Page(desk.get(rynek.url(f"patients/{rynek.patient.pk}/")))

    assert rynek.url(f"patients/{rynek.patient.pk}/merge/{twin.pk}/") in page.links()
