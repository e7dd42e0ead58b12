"""Waiting areas and their settings."""

import pytest
from django.core.exceptions import ValidationError

from clinic.audit.operations import SYSTEM
from clinic.models import AuditEntry
from clinic.people.operations import create_clinic
from tests.factories.house import NOW, House
from tests.factories.waiting import area_of
from waiting_area import areas
from waiting_area.models import WaitingArea


def test_clinic_is_made_with_its_area(rynek: House, markt: House) -> None:
    area = WaitingArea.objects.get(clinic=rynek.clinic)

    assert (area.name, area.is_default, area.guest_notices, area.is_open) == (
        "Gabinety Rynek",
        True,
        True,
        True,
    )
    assert area.key.startswith("gabinety-rynek-")
    assert len(area.key) == len("gabinety-rynek-") + 10
    assert areas.make_area(clinic=rynek.clinic, actor=SYSTEM, at=NOW) == area
    assert WaitingArea.objects.count() == 2
    assert AuditEntry.objects.filter(action="waiting_area.created").count() == 2


@pytest.mark.django_db
def test_keys_of_one_name_differ() -> None:
    for number in range(3):
        create_clinic(
            name="Żółw", country="PL", language="pl", time_zone="Europe/Warsaw", slug=f"c{number}",
            actor=SYSTEM, at=NOW,
        )  # fmt: skip

    keys = set(WaitingArea.objects.values_list("key", flat=True))
    assert len(keys) == 3
    assert all(key.startswith("zolw-") for key in keys)


def test_welcome_is_kept_and_recorded(rynek: House) -> None:
    area = area_of(rynek)

    areas.change_area(area=area, welcomes={"pl": " Hello\r\nyou "}, actor=SYSTEM, at=NOW)
    area.refresh_from_db()

    assert area.welcome == "Hello\nyou"
    with pytest.raises(ValidationError):
        areas.change_area(area=area, welcomes={"pl": "x" * 1001}, actor=SYSTEM, at=NOW)
    areas.change_area(area=area, welcomes={"pl": " "}, actor=SYSTEM, at=NOW)
    area.refresh_from_db()
    assert area.welcome == ""
