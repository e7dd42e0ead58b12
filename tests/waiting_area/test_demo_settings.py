"""The demonstration's settings of the waiting area, at whatever hour it is made."""

from datetime import UTC, datetime, timedelta

import pytest

from clinic.audit.operations import SYSTEM
from clinic.demo.house import ASSISTANTS, CLINICS
from clinic.models import User
from clinic.people.enums import Language
from clinic.people.operations import create_clinic
from waiting_area import demo
from waiting_area.models import QuickReply, WaitingArea
from waiting_area.queries import is_taking_callers, list_replies

SATURDAY_NIGHT = datetime(2027, 5, 8, 22, 30, tzinfo=UTC)


@pytest.mark.django_db
def test_every_clinic_has_hours_words_and_replies() -> None:
    for plan in CLINICS:
        create_clinic(
            slug=plan.slug, name=plan.name, country=plan.country, language=plan.language,
            time_zone=plan.time_zone, actor=SYSTEM, at=SATURDAY_NIGHT, details={},
        )  # fmt: skip
        User.objects.get_or_create(email=ASSISTANTS[plan.slug], defaults={"name": "Somebody"})

    demo.fill(seed=7, at=SATURDAY_NIGHT)

    for area in WaitingArea.objects.select_related("clinic"):
        assert set(area.welcomes) == set(Language.values)
        # It is tried when it is made; from then on it keeps a practice's hours.
        assert is_taking_callers(area, SATURDAY_NIGHT)
        assert not is_taking_callers(area, SATURDAY_NIGHT + timedelta(days=2, hours=1))
        assert is_taking_callers(area, SATURDAY_NIGHT + timedelta(days=2, hours=9))
        for language in Language.values:
            found = [row for row in list_replies(area.clinic, language) if row.language == language]
            assert len(found) == 4
    assert QuickReply.objects.count() == 16 * len(CLINICS)
