"""Refusals and consent: who is invited, for many at once (P16, K32)."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import IntegrityError

from clinic.audit.models import AuditEntry
from clinic.audit.operations import PATIENT
from clinic.models import Patient
from clinic.people.merging import Pair, merge_patients
from notifications.enums import ToldBy
from notifications.invitations import (
    needs_consent,
    opt_in,
    opt_out,
    set_consent_needed,
    why_not_invited,
)
from notifications.models import InvitationChoice
from notifications.signals import clinic_invitations_changed, invitation_choice_changed
from tests.factories.clinic import MONDAY, STAFF, make_clinic, make_patient

pytestmark = pytest.mark.django_db
LATER = MONDAY + timedelta(days=1)


def refuse(card: Patient, kind: str = "review", at: datetime = MONDAY) -> bool:
    return opt_out(patient=card, kind=kind, told_by=ToldBy.ONE_CLICK, actor=PATIENT, at=at)


def agree(card: Patient, kind: str = "review", at: datetime = MONDAY) -> bool:
    return opt_in(patient=card, kind=kind, told_by=ToldBy.STAFF, actor=STAFF, at=at)


@pytest.mark.parametrize(
    ("country", "setting", "said", "reason"),
    [
        ("PL", None, None, None),
        ("PL", None, refuse, "opted_out"),
        ("PL", None, agree, None),
        ("PL", True, None, "no_consent"),
        ("PL", True, agree, None),
        ("PL", True, refuse, "opted_out"),
        ("DE", None, None, "no_consent"),
        ("DE", None, agree, None),
        ("DE", None, refuse, "opted_out"),
        ("DE", False, None, None),
        ("DE", False, refuse, "opted_out"),
    ],
)
def test_a_refusal_beats_consent_and_germany_asks_for_it(
    country: str, setting: bool | None, said: Any, reason: str | None
) -> None:
    clinic = make_clinic(country=country)
    card = make_patient(clinic)
    if setting is not None:
        set_consent_needed(clinic=clinic, is_needed=setting, actor=STAFF, at=MONDAY)
    if said:
        said(card)

    assert why_not_invited([card.pk], "review").get(card.pk) == reason


def test_kinds_and_clinics_are_apart_and_many_cost_two_queries(django_assert_num_queries: Any) -> None:
    here, there = make_clinic(), make_clinic("berlin", country="DE")
    alice, bob, carl = make_patient(here), make_patient(here, "Bob"), make_patient(there, "Carl")
    refuse(alice)
    refuse(bob, "offer")

    with django_assert_num_queries(2):
        found = why_not_invited([alice.pk, bob.pk, carl.pk], "review")
    assert found == {alice.pk: "opted_out", carl.pk: "no_consent"}
    with django_assert_num_queries(0):
        assert why_not_invited([], "review") == {}


def test_said_twice_is_said_once_and_the_last_word_holds() -> None:
    heard: list[tuple[str, bool]] = []

    def hear(*, kind: str, is_wanted: bool, **_kwargs: Any) -> None:
        heard.append((kind, is_wanted))

    invitation_choice_changed.connect(hear)
    try:
        card = make_patient(make_clinic())
        assert [refuse(card), refuse(card, at=LATER), agree(card, at=LATER), agree(card)] == [
            True,
            False,
            True,
            False,
        ]
    finally:
        invitation_choice_changed.disconnect(hear)

    choice = InvitationChoice.objects.get()
    assert (choice.refused_at, choice.wanted_at, choice.told_by) == (None, LATER, "staff")
    assert heard == [("review", False), ("review", True)]
    entries = AuditEntry.objects.filter(object_type="patient", object_id=card.pk).order_by("pk")
    assert [
        (each.action, each.actor_kind, each.value.new) for each in entries if "invitation" in each.action
    ] == [
        ("patient.invitation_refused", "patient", {"kind": "review", "told_by": "one_click"}),
        ("patient.invitation_wanted", "system", {"kind": "review", "told_by": "staff"}),
    ]


@pytest.mark.parametrize(
    ("kept_says", "gone_says", "reason"),
    [
        (None, refuse, "opted_out"),
        (agree, refuse, "opted_out"),
        (refuse, agree, "opted_out"),
        (refuse, refuse, "opted_out"),
        (refuse, None, "opted_out"),
        (None, agree, None),
        (agree, agree, None),
        (agree, None, None),
        (None, None, "no_consent"),
    ],
)
def test_two_cards_of_one_person_keep_each_refusal(
    kept_says: Any, gone_says: Any, reason: str | None
) -> None:
    clinic = make_clinic(country="DE")
    kept, gone = make_patient(clinic), make_patient(clinic)
    for said, card in ((kept_says, kept), (gone_says, gone)):
        if said:
            said(card)

    merge_patients(
        pair=Pair(kept.pk, gone.pk, kept.version, gone.version),
        taken={},
        clinic_id=clinic.pk,
        actor=STAFF,
        at=LATER,
    )

    assert why_not_invited([kept.pk], "review").get(kept.pk) == reason
    assert not InvitationChoice.objects.filter(patient=gone).exists()


def test_what_is_said_by_an_old_cards_link_counts_for_the_one_that_stays() -> None:
    clinic = make_clinic()
    kept, gone = make_patient(clinic), make_patient(clinic)
    Patient.objects.filter(pk=gone.pk).update(merged_into=kept, merged_at=MONDAY)

    refuse(gone, at=LATER)

    assert InvitationChoice.objects.get().patient == kept


def test_the_clinics_setting_is_recorded_once() -> None:
    heard: list[bool] = []

    def hear(*, needs_consent: bool, **_kwargs: Any) -> None:
        heard.append(needs_consent)

    clinic = make_clinic(country="DE")
    clinic_invitations_changed.connect(hear)
    try:
        for is_needed in (True, False, False, True):
            set_consent_needed(clinic=clinic, is_needed=is_needed, actor=STAFF, at=MONDAY)
            assert needs_consent(clinic) is is_needed
    finally:
        clinic_invitations_changed.disconnect(hear)

    assert heard == [False, True]
    assert AuditEntry.objects.filter(action="clinic.invitations_set").count() == 2


@pytest.mark.parametrize("both", [{}, {"refused_at": MONDAY, "wanted_at": MONDAY}])
def test_a_choice_is_one_of_both(both: dict[str, datetime]) -> None:
    card = make_patient(make_clinic())

    with pytest.raises(IntegrityError):
        InvitationChoice.objects.create(patient=card, kind="review", told_by=ToldBy.STAFF, **both)
