"""The demonstration's callers."""

from clinic.audit.operations import SYSTEM
from clinic.demo.house import CLINICS, USERS
from clinic.models import Clinic, User
from clinic.people.operations import create_clinic
from tests.factories.house import MINUTES, NOW
from waiting_area import demo, presence
from waiting_area.models import Caller, WaitingArea
from waiting_area.queries import usual_wait


def test_demonstration_has_people_waiting(db: None) -> None:
    for plan in CLINICS:
        create_clinic(
            name=plan.name, slug=plan.slug, country=plan.country, language=plan.language,
            time_zone=plan.time_zone, actor=SYSTEM, at=NOW,
        )  # fmt: skip
    for user in USERS:
        User.objects.create_user(user.email, user.name)

    demo.fill(seed=7, at=NOW)
    presence.sweep(at=NOW + 5 * MINUTES)

    for clinic in Clinic.objects.all():
        here = Caller.objects.present().filter(clinic=clinic)
        assert sorted(here.values_list("status", "notice_count")) == [
            ("in_call", 0), ("waiting", 0), ("waiting", 0), ("waiting", 1), ("waiting", 2),
        ]  # fmt: skip
        assert usual_wait(WaitingArea.objects.get(clinic=clinic), NOW) is not None
    assert not Caller.objects.filter(arrived_at__gt=NOW).exists()
