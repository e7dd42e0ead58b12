"""What a patient wants to be invited to: by link, by the mail program's button, told to staff (P16, A19, A21)."""

import json
from datetime import UTC, datetime

import pytest
from django.test import Client

from clinic.audit.models import AuditEntry
from clinic.lib import clock
from clinic.models import Clinic, Patient
from messaging.links import link_key, revoke
from messaging.models import Delivery, PersonalLink
from notifications.enums import ToldBy
from notifications.invitations import needs_consent, opt_in, opt_out, why_not_invited
from notifications.models import InvitationChoice
from reminders.choices import choices_address, unsubscribe_headers
from reminders.export import collect
from reminders.offers.models import Freeing
from tests.factories.choices import choices_link_of, to_choices
from tests.factories.clinic import STAFF
from tests.factories.house import DAYS, NOW, House, by_link, logged_in, make_patient
from tests.factories.offers import GRACE, give_up, later, sms_of, told
from tests.factories.outbox import sweep

KINDS = ("next_appointment", "offer", "review")
ONE_CLICK = {"List-Unsubscribe": "One-Click"}


def words(patient: Patient) -> list[tuple[str, bool, str]]:
    """Return what a card says: the kind, whether it is wanted, how it became known."""
    rows = InvitationChoice.objects.filter(patient=patient).order_by("kind")
    return [(one.kind, one.wanted_at is not None, one.told_by) for one in rows]


@pytest.fixture(autouse=True)
def now() -> object:
    with clock.held_at(NOW):
        yield


def test_opening_the_link_changes_nothing_and_shows_what_is_so(rynek: House) -> None:
    client, page = to_choices(rynek.patient)

    shown = client.get(page)
    client.head(page)

    assert shown.status_code == 200
    assert 'value="offer" checked' in shown.content.decode()
    assert rynek.patient.name not in shown.content.decode()
    assert words(rynek.patient) == []


def test_what_is_not_ticked_is_refused_and_can_be_wanted_again(rynek: House) -> None:
    client, page = to_choices(rynek.patient)

    gone = client.post(page, {})
    assert gone.status_code == 302
    assert gone["Location"] == f"{page}?saved=1"
    assert words(rynek.patient) == [(kind, False, "link") for kind in KINDS]
    assert "You get none of these any more" in client.get(gone["Location"] + "&language=en").content.decode()

    client.post(page, {"wanted": ["offer", "no-such-kind"]})
    assert words(rynek.patient) == [(kind, kind == "offer", "link") for kind in KINDS]
    client.post(page, {"wanted": ["offer"], "none": "1"})
    assert words(rynek.patient) == [(kind, False, "link") for kind in KINDS]


def test_mail_program_refuses_one_kind_with_one_press_and_no_cookie(rynek: House) -> None:
    headers = unsubscribe_headers(rynek.patient, "offer", at=NOW)
    assert headers["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    address = headers["List-Unsubscribe"].strip("<>")
    path = "/u/" + address.split("/u/")[1]
    client = Client(enforce_csrf_checks=True)

    assert client.get(path).status_code == 302
    assert client.head(path).status_code == 302
    assert client.post(path, {"anything": "else"}).status_code == 400
    assert words(rynek.patient) == []

    assert [client.post(path, ONE_CLICK).status_code for _press in range(2)] == [200, 200]
    assert words(rynek.patient) == [("offer", False, "one_click")]
    assert AuditEntry.objects.filter(action="patient.invitation_refused").count() == 1


@pytest.mark.parametrize(
    ("change", "status"), [("kind", 404), ("forged", 404), ("other", 404), ("revoked", 410)]
)
def test_bad_links_change_nothing(rynek: House, change: str, status: int) -> None:
    link = choices_link_of(rynek.patient)
    path = (
        "/u/"
        + unsubscribe_headers(rynek.patient, "offer", at=NOW)["List-Unsubscribe"].strip("<>").split("/u/")[1]
    )
    if change == "kind":
        path = path.replace("/offer/", "/details/")
    elif change == "forged":
        path = path.replace("-", "-x", 1)
    elif change == "other":
        # A token of another purpose opens nothing here (A21).
        PersonalLink.objects.filter(pk=link.pk).update(purpose="review")
    else:
        revoke(link, at=NOW)

    assert Client().post(path, ONE_CLICK).status_code == status
    assert words(rynek.patient) == []


def test_link_lives_for_years_and_is_not_written_anew(rynek: House) -> None:
    first = choices_address(rynek.patient, at=NOW)
    link = choices_link_of(rynek.patient)

    assert link.expires_at == datetime(NOW.year + 6, 1, 1, tzinfo=UTC)
    assert choices_address(rynek.patient, at=NOW + 30 * DAYS) == first
    assert choices_link_of(rynek.patient).expires_at == link.expires_at


def test_card_that_went_into_another_speaks_for_the_one_that_stays(rynek: House) -> None:
    stays = make_patient(rynek.clinic, "Anna Nowak", phone_number="+48 512 345 321")
    client, page = to_choices(rynek.patient)
    Patient.objects.filter(pk=rynek.patient.pk).update(merged_into=stays)

    client.post(page, {})

    assert words(stays) == [(kind, False, "link") for kind in KINDS]
    assert words(rynek.patient) == []


def test_whoever_refused_is_not_told_of_an_earlier_time(rynek: House) -> None:
    first, second = later(rynek, 1), later(rynek, 2)
    opt_out(patient=first.patient, kind="offer", told_by=ToldBy.LINK, actor=STAFF, at=NOW)

    freeing = give_up(rynek.appointment)

    assert told(freeing) == [second.pk]


def test_refused_between_plan_and_dispatch_nothing_is_sent_and_the_row_says_why(rynek: House) -> None:
    later(rynek, 1)
    offer = give_up(rynek.appointment).offers.get()

    opt_out(patient=offer.patient, kind="offer", told_by=ToldBy.ONE_CLICK, actor=STAFF, at=NOW)

    assert (sms_of(offer).state, sms_of(offer).reason) == ("skipped", "opted_out")


@pytest.mark.parametrize(("agreed", "state"), [(False, "skipped"), (True, "sent")])
def test_clinic_that_asks_for_consent_since_the_plan(rynek: House, agreed: bool, state: str) -> None:
    later(rynek, 1)
    offer = give_up(rynek.appointment).offers.get()
    if agreed:
        opt_in(patient=offer.patient, kind="offer", told_by=ToldBy.LINK, actor=STAFF, at=NOW)
    logged_in(rynek.admin).post(rynek.url("settings/invitations/"), {"consent": "yes"})
    assert needs_consent(Clinic.objects.get(pk=rynek.clinic.pk))

    sweep(NOW + GRACE, "sms")

    row = sms_of(offer)
    assert row.state == state
    assert row.reason == ("" if agreed else "no_consent")


def test_offers_sms_carries_the_link_that_refuses(rynek: House) -> None:
    later(rynek, 1)
    offer = give_up(rynek.appointment).offers.get()

    sweep(NOW + GRACE, "sms")

    text = Delivery.objects.select_related("sent_text").get(pk=sms_of(offer).pk).sent_text.text
    assert text.count("/u/") == 1


def test_staff_write_down_what_they_were_told(rynek: House, markt: House) -> None:
    card = rynek.url(f"patients/{rynek.patient.pk}/")
    staff, stranger = logged_in(rynek.assistant), logged_in(markt.admin)
    assert "invited; has said nothing" in staff.get(card).content.decode()

    for kind, word in (("offer", "maybe"), ("details", "refuses"), ("\0", "refuses")):
        assert staff.post(f"{card}invitations/", {"kind": kind, "word": word}).status_code == 302
    assert stranger.post(f"{card}invitations/", {"kind": "offer", "word": "refuses"}).status_code == 404
    assert words(rynek.patient) == []

    staff.post(f"{card}invitations/", {"kind": "offer", "word": "refuses"})
    assert words(rynek.patient) == [("offer", False, "staff")]
    assert "not wanted since" in staff.get(card).content.decode()
    staff.post(f"{card}invitations/", {"kind": "offer", "word": "wants"})
    assert words(rynek.patient) == [("offer", True, "staff")]
    assert why_not_invited([rynek.patient.pk], "offer") == {}


def test_export_says_what_the_patient_said(rynek: House) -> None:
    opt_out(patient=rynek.patient, kind="offer", told_by=ToldBy.STAFF, actor=STAFF, at=NOW)

    said = json.loads(json.dumps(collect(rynek.patient)))["invitations"]

    assert said == [{"kind": "offer", "wanted": False, "said_at": NOW.isoformat(), "said_by": "staff"}]


def test_no_wave_goes_to_nobody(rynek: House) -> None:
    only = later(rynek, 1)
    opt_out(patient=only.patient, kind="offer", told_by=ToldBy.LINK, actor=STAFF, at=NOW)

    freeing = give_up(rynek.appointment)

    assert Freeing.objects.get(pk=freeing.pk).ended == "nobody"


def test_page_behind_the_code_leads_to_the_choices(rynek: House) -> None:
    """Without the code it leads nowhere (D6)."""
    client = by_link(rynek.link)
    path = f"/appointment/{link_key(rynek.link)}/my/choices/"
    assert client.post(path)["Location"].endswith("/code/")
    assert not PersonalLink.objects.filter(purpose="choices").exists()
