"""What staff see of messages that may not have arrived."""

from django.test import RequestFactory

from messaging.models import Delivery
from messaging.panels import trouble
from tests.factories.house import DAYS, HOURS, NOW, House, book


def fail(house: House, count: int) -> list[int]:
    """Let the details of so many further visits be refused, one an hour, the last one now."""
    for number in range(count):
        book(house.patient, house.calendar, NOW + (20 + number) * DAYS)
    found = Delivery.objects.filter(clinic=house.clinic, message__kind="details", channel="email").order_by(
        "-pk"
    )
    ids = list(found.values_list("pk", flat=True)[:count])
    for hours, pk in enumerate(ids):
        Delivery.objects.filter(pk=pk).update(
            state="failed", reason="refused", facts={"code": f"smtp-55{hours}"}, ended_at=NOW - hours * HOURS
        )
    return ids


def test_nothing_went_wrong(rynek: House) -> None:
    assert trouble(RequestFactory().get("/"), rynek.clinic) is None


def test_the_newest_five_and_that_there_are_more(rynek: House, markt: House) -> None:
    ids = fail(rynek, 6)
    fail(markt, 1)

    shown = trouble(RequestFactory().get("/"), rynek.clinic)

    assert shown is not None
    assert (shown["has_more"], [row["delivery"].pk for row in shown["rows"]]) == (True, ids[:5])
    assert [(row["kind"], row["why"]) for row in shown["rows"][:2]] == [
        ("Appointment details", "refused by the recipient's side (smtp-550)"),
        ("Appointment details", "refused by the recipient's side (smtp-551)"),
    ]


def test_old_trouble_is_forgotten_after_a_week(rynek: House) -> None:
    (pk,) = fail(rynek, 1)
    Delivery.objects.filter(pk=pk).update(reason="", ended_at=NOW - 7 * DAYS + HOURS)
    shown = trouble(RequestFactory().get("/"), rynek.clinic)
    assert shown is not None
    assert (shown["has_more"], [row["why"] for row in shown["rows"]]) == (False, [""])

    Delivery.objects.filter(pk=pk).update(ended_at=NOW - 7 * DAYS)
    assert trouble(RequestFactory().get("/"), rynek.clinic) is None
