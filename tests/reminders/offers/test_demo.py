"""The demonstration shows a wave that ended well (P8)."""

from clinic.lib import clock
from reminders.offers import demo
from reminders.offers.models import Freeing
from tests.factories.house import DAYS, NOW, House, book
from tests.factories.offers import FIRST_LATER, later, sms_of


def test_each_clinic_has_a_wave_that_somebody_won(rynek: House) -> None:
    later(rynek, 1), later(rynek, 2)

    demo.fill(at=NOW)

    freeing = Freeing.objects.exclude(ended="chain_off").get()
    assert (freeing.ended, freeing.appointment) == ("taken", rynek.appointment)
    assert [sms_of(one).state for one in freeing.offers.order_by("pk")] == ["sent", "read"]
    assert clock.now() == NOW


def test_clinic_in_which_nobody_comes_later_has_none(rynek: House) -> None:
    book(rynek.patient, rynek.calendar, FIRST_LATER + 1 * DAYS)

    demo.fill(at=NOW)

    assert not Freeing.objects.exists()
