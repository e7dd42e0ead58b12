"""The first page of an empty installation (X8)."""

import threading
from typing import Any

import pytest
from django.db import connection
from django.test import Client

from clinic.models import AuditEntry, Calendar, Clinic, Membership, OpeningHours, User
from tests.factories.page import Page

FORM = {
    "clinic_name": "Przychodnia Słoneczna", "country": "PL", "language": "pl", "time_zone": "Europe/Warsaw",
    "practitioner": "dr Ewa Kruk", "name": "Ewa Kruk", "email": "Ewa@Kruk.Example", "password": "nine-lives-and-one",
}  # fmt: skip


@pytest.mark.django_db
def test_page_asks_for_clinic_and_administrator() -> None:
    page = Page(Client().get("/start/"))

    assert page.heading == "Welcome. Let us set up your clinic."
    assert set(page.fields) >= set(FORM)
    assert page.fields["time_zone"] == "Europe/Warsaw"


@pytest.mark.django_db
def test_clinic_is_made_with_an_administrator_who_is_logged_in() -> None:
    client = Client()

    response = client.post("/start/", FORM)

    clinic = Clinic.objects.get()
    user = User.objects.get()
    assert response["Location"] == f"/c/{clinic.slug}/" == "/c/przychodnia-sloneczna/"
    assert (user.email, user.language, user.is_superuser) == ("ewa@kruk.example", "pl", False)
    assert Membership.objects.get().role == "admin"
    assert Calendar.objects.get().services.count() == 1
    assert OpeningHours.objects.count() == 5
    assert {entry.actor_user for entry in AuditEntry.objects.all()} == {user}
    assert client.get(response["Location"]).status_code == 200


@pytest.mark.django_db
def test_names_are_one_line() -> None:
    Client().post("/start/", {**FORM, "clinic_name": "Clinic\r\nBcc: x@evil.example", "name": "E\r\nX: y"})

    assert Clinic.objects.get().name == "Clinic Bcc: x@evil.example"
    assert User.objects.get().name == "E X: y"


@pytest.mark.django_db
def test_there_is_no_such_page_afterwards() -> None:
    Client().post("/start/", FORM)

    assert Client().get("/start/").status_code == 404
    assert Client().post("/start/", {**FORM, "email": "other@kruk.example"}).status_code == 404
    assert (User.objects.count(), Clinic.objects.count()) == (1, 1)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("changed", "field"),
    [
        pytest.param({"clinic_name": ""}, "clinic_name", id="nameless"),
        pytest.param({"clinic_name": "x" * 121}, "clinic_name", id="long-name"),
        pytest.param({"clinic_name": "Sło\0neczna"}, "clinic_name", id="nul"),
        pytest.param({"clinic_name": "\u202eelpmaxe"}, "clinic_name", id="turned-round"),
        pytest.param({"practitioner": "dr\u202ewurK"}, "practitioner", id="practitioner-turned"),
        pytest.param({"country": "XX"}, "country", id="country"),
        pytest.param({"language": "xx"}, "language", id="language"),
        pytest.param({"time_zone": "Mars/Base"}, "time_zone", id="zone"),
        pytest.param({"time_zone": "../../etc/passwd"}, "time_zone", id="zone-path"),
        pytest.param({"practitioner": ""}, "practitioner", id="no-practitioner"),
        pytest.param({"email": "ewa"}, "email", id="email"),
        pytest.param({"password": "short"}, "password", id="short"),
        pytest.param({"password": "1234567890"}, "password", id="common"),
        pytest.param({"password": "ewa@kruk.example"}, "password", id="like-the-address"),
    ],
)
def test_bad_input_makes_nothing_and_keeps_what_was_typed(changed: dict[str, str], field: str) -> None:
    response = Client().post("/start/", {**FORM, **changed})

    page = Page(response)
    assert response.status_code == 422
    assert page.error(field)
    typed = {name: value for name, value in {**FORM, **changed}.items() if name != "password"}
    for name in ("country", "language", "time_zone", "clinic_name", "practitioner", "name"):
        if name != field:
            assert page.fields[name] == typed[name]
    assert page.fields["password"] == ""
    assert (User.objects.count(), Clinic.objects.count()) == (0, 0)


@pytest.mark.django_db(transaction=True)
def test_two_who_begin_at_once_make_one_clinic(settings: Any) -> None:
    barrier = threading.Barrier(4)
    answers: list[int] = []

    def begin(number: int) -> None:
        client = Client()
        client.get("/start/")
        barrier.wait()
        answers.append(client.post("/start/", {**FORM, "email": f"ewa{number % 2}@kruk.example"}).status_code)
        connection.close()

    threads = [threading.Thread(target=begin, args=[number]) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(answers) == [302, 404, 404, 404]
    assert (User.objects.count(), Clinic.objects.count()) == (1, 1)
