"""People without a page: operators, names, addresses of clinics."""

import pytest
from django.core.exceptions import ValidationError
from django.core.management import call_command
from django.test import Client

from clinic.people.models import User
from clinic.people.operations import NAME_LENGTH, clean_contact, free_slug
from tests.factories.house import House

pytestmark = pytest.mark.django_db


def test_operator_made_at_the_console_can_log_in(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DJANGO_SUPERUSER_PASSWORD", "a long enough one")
    call_command("createsuperuser", interactive=False, email="Op@Anteroom.example", name="Op", verbosity=0)

    user = User.objects.get()
    response = Client().post("/log-in/", {"username": "op@anteroom.example", "password": "a long enough one"})

    assert (user.email, user.is_superuser, user.is_staff) == ("op@anteroom.example", True, True)
    assert response.status_code == 302


@pytest.mark.parametrize("name", ["", "  ", "x" * (NAME_LENGTH + 1), "a\0b"])
def test_name_that_cannot_be_written_is_refused(name: str) -> None:
    with pytest.raises(ValidationError) as refusal:
        clean_contact(name=name, email="", phone_number="", country="PL")

    assert list(refusal.value.message_dict) == ["name"]


def test_longest_name_is_kept_whole() -> None:
    longest = "x" * NAME_LENGTH

    assert clean_contact(name=f" {longest} ", email="", phone_number="", country="PL")["name"] == longest


def test_address_of_a_clinic_is_nobody_elses(rynek: House) -> None:
    assert free_slug("Łąka & Żuk") == "laka-zuk"
    assert free_slug("Rynek") == "rynek-2"
    assert free_slug("New") == "new-2"
    assert free_slug("!!!") == "clinic"
