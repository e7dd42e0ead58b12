"""A clinic's public profile (D1)."""

from django.test import Client

from clinic.models import Clinic
from tests.factories.directory import profile_of, reported_of
from tests.factories.house import House
from tests.factories.page import Page


def test_clinic_shows_who_is_listed(rynek: House) -> None:
    assert Client().get("/clinic/rynek/").status_code == 404
    profile_of(rynek)
    Clinic.objects.update(about="Second <i>floor</i>.")
    reported_of(rynek)

    response = Client().get("/clinic/rynek/")
    text = Page(response).text

    assert Page(response).heading == "Gabinety Rynek"
    for part in (
        "Second <i>floor</i>.",
        "dr Tomasz Wilczek dermatology 5.0 of 5 stars 1 review",
        "1 Square, Town",
    ):
        assert part.replace(" ", "") in text.replace(" ", ""), part
    assert Client().get("/clinic/nowhere/").status_code == 404
