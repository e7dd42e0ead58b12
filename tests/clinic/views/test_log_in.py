"""Logging in: says nothing about accounts, is not fooled, and tires only those who guess."""

import importlib
from typing import Any

import pytest
from django.contrib.auth.hashers import check_password, make_password
from django.test import Client

import config.settings
from clinic.models import User
from tests.factories.house import PASSWORD, House, logged_in
from tests.factories.page import Answer, Page


def send(client: Client, email: str, password: str = PASSWORD, **more: Any) -> Answer:
    return client.post("/log-in/", {"username": email, "password": password, **more})


def test_good_password_leads_to_where_one_wanted_to_go(rynek: House) -> None:
    client = Client()
    asked = client.get(rynek.url("patients/"))
    page = Page(client.get(asked["Location"]))

    response = send(client, rynek.assistant.email, next=page.values("next")[0])

    assert response["Location"] == rynek.url("patients/")
    assert client.get(response["Location"]).status_code == 200


def test_case_of_the_address_does_not_matter(rynek: House) -> None:
    assert send(Client(), rynek.assistant.email.upper()).status_code == 302


def test_unknown_account_and_wrong_password_get_the_same_answer(rynek: House) -> None:
    def without_the_name(email: str, password: str) -> tuple[int, str]:
        response = send(Client(), email, password)
        page = Page(response)
        assert page.fields["username"] == email
        assert page.fields["password"] == ""
        return response.status_code, page.text

    known = without_the_name(rynek.assistant.email, "wrong")
    unknown = without_the_name("nobody@rynek.example", "wrong")
    User.objects.filter(pk=rynek.admin.pk).update(is_active=False)
    switched_off = without_the_name(rynek.admin.email, PASSWORD)

    assert known == unknown == switched_off
    assert known[0] == 422
    assert "E-mail and password do not fit together. Please try again." in known[1]


@pytest.mark.parametrize("data", [{}, {"username": "a@b.example"}, {"username": "\0", "password": "\0"}])
def test_incomplete_form_is_told_so(data: dict[str, str], rynek: House) -> None:
    response = Client().post("/log-in/", data)

    assert response.status_code == 422
    assert Page(response).alerts


def test_planted_session_is_left_behind(rynek: House) -> None:
    client = Client()
    session = client.session
    session["planted"] = "yes"
    session.save()
    planted = session.session_key
    client.cookies["session"] = str(planted)

    send(client, rynek.assistant.email)

    assert client.session.session_key != planted
    assert client.get(rynek.url()).status_code == 200
    stranger = Client()
    stranger.cookies["session"] = str(planted)
    assert stranger.get(rynek.url()).status_code == 302


@pytest.mark.parametrize(
    "target",
    ["https://evil.example/", "//evil.example/", "/\\evil.example", "javascript:alert(1)", "http:evil"],
)
def test_redirect_stays_in_the_house(target: str, rynek: House) -> None:
    assert send(Client(), rynek.assistant.email, next=target)["Location"] == "/"


def test_member_who_is_logged_in_is_not_asked_again(rynek: House, desk: Client) -> None:
    assert desk.get("/log-in/")["Location"] == "/"


def test_eleventh_try_has_to_wait(rynek: House) -> None:
    client = Client()

    answers = [send(client, rynek.assistant.email, "wrong").status_code for _ in range(11)]
    response = send(client, rynek.assistant.email)

    assert set(answers[:9]) == {422}
    assert answers[10] == 429
    assert (response.status_code, response["Retry-After"]) == (429, "900")
    assert "Please try again in 15 minutes." in Page(response).text


def test_one_members_bad_tries_lock_nobody_else_out(rynek: House) -> None:
    for _ in range(12):
        send(Client(), rynek.assistant.email, "wrong")

    assert send(Client(), rynek.admin.email).status_code == 302


def test_strangers_bad_tries_do_not_lock_the_member_out(rynek: House) -> None:
    for _ in range(12):
        Client(REMOTE_ADDR="203.0.113.7").post(
            "/log-in/", {"username": rynek.assistant.email, "password": "wrong"}
        )

    assert send(Client(REMOTE_ADDR="198.51.100.1"), rynek.assistant.email).status_code == 302


def test_forwarded_address_of_ones_own_does_not_help_to_guess(rynek: House) -> None:
    answers = [
        Client(HTTP_X_FORWARDED_FOR=f"203.0.113.{number}")
        .post("/log-in/", {"username": rynek.assistant.email, "password": "wrong"})
        .status_code
        for number in range(12)
    ]

    assert answers[-1] == 429


def test_spelling_of_the_address_does_not_help_to_guess(rynek: House) -> None:
    name = rynek.assistant.email
    spellings = [name[:number].upper() + name[number:] for number in range(12)]

    answers = [send(Client(), spelling, "wrong").status_code for spelling in spellings]

    assert answers[-1] == 429


def test_good_password_wipes_the_slate(rynek: House) -> None:
    client = Client()
    for _ in range(3):
        for _try in range(8):
            send(client, rynek.assistant.email, "wrong")
        assert send(client, rynek.assistant.email).status_code == 302


def test_passwords_are_kept_by_argon2(settings: Any) -> None:
    settings.PASSWORD_HASHERS = importlib.import_module("config.settings").PASSWORD_HASHERS

    kept = make_password(PASSWORD)

    assert config.settings.PASSWORD_HASHERS[0].endswith("Argon2PasswordHasher")
    assert kept.startswith("argon2$argon2id$")
    assert check_password(PASSWORD, kept)


@pytest.mark.parametrize("query", ["", "?next=/log-in/", "?next=/log-in/%3Fnext=/"])
def test_circle_is_not_walked(query: str, rynek: House, desk: Client) -> None:
    assert desk.get(f"/log-in/{query}")["Location"] == "/"


def test_log_out_ends_the_session(rynek: House, desk: Client) -> None:
    session = desk.cookies["session"].value

    response = desk.post("/log-out/")

    assert response["Location"] == "/log-in/"
    stolen = Client()
    stolen.cookies["session"] = session
    assert stolen.get(rynek.url()).status_code == 302


def test_log_out_elsewhere_sends_a_fragment_to_the_log_in_page(rynek: House, desk: Client) -> None:
    desk.post("/log-out/")

    response = desk.post(rynek.url("patients/"), {"text": "z"}, headers={"HX-Request": "true"})

    assert (response.status_code, response["HX-Redirect"]) == (204, "/log-in/")


def test_page_opened_before_the_log_in_gets_a_clean_answer(rynek: House) -> None:
    client = logged_in(rynek.assistant, enforce_csrf_checks=True)
    client.get(rynek.url("patients/"))
    old = client.cookies["csrf"].value
    client.cookies["csrf"] = "x" * 32

    response = client.post(
        rynek.url("patients/"), {"text": "z"}, headers={"HX-Request": "true", "X-CSRFToken": old}
    )

    assert response.status_code == 403
    assert "This page was open for too long" in Page(response).text
