"""The link in a message: out of the address, into a cookie for one page (A19 to A27)."""

import base64
import socket
from datetime import timedelta
from urllib.parse import urlsplit

import pytest
from django.test import Client

from clinic.lib import clock
from messaging.links import link_key, revoke, token_of
from messaging.models import PersonalLink
from tests.factories.house import DAYS, NOW, House, by_link
from tests.factories.page import Page
from tests.factories.whole_database import everything


def test_link_leads_to_the_page_with_a_cookie_for_it_alone(rynek: House) -> None:
    response = Client().get(f"/a/{token_of(rynek.link)}/")

    page = f"/appointment/{link_key(rynek.link)}/"
    cookie = response.cookies["link"]
    assert (response.status_code, response["Location"]) == (302, page)
    assert (cookie["path"], cookie["httponly"], cookie["samesite"], cookie["max-age"]) == (
        page, True, "Lax", 7 * 24 * 3600,
    )  # fmt: skip
    assert token_of(rynek.link) not in cookie.value
    assert response["Cache-Control"] == "no-store"
    assert "session" not in response.cookies


def test_looking_five_times_changes_nothing(rynek: House) -> None:
    client = Client(headers={"User-Agent": "LinkScanner/1.0"})
    before = everything()

    for url in (f"/a/{token_of(rynek.link)}/", f"/appointment/{link_key(rynek.link)}/"):
        for _ in range(5):
            for look in (client.get, client.head, client.options):
                assert look(url, follow=True).status_code in {200, 405}
        for act in ("confirm", "cancel", "seen"):
            for look in (client.get, client.head, client.options):
                assert look(f"/appointment/{link_key(rynek.link)}/{act}/").status_code == 405

    assert everything() == before


def mangled(token: str) -> list[str]:
    name, mac = token.split("-", 1)
    raw = base64.urlsafe_b64decode(mac + "==")
    flipped = [
        base64.urlsafe_b64encode(raw[:at] + bytes([raw[at] ^ 1]) + raw[at + 1 :]).rstrip(b"=").decode()
        for at in range(len(raw))
    ]
    return [
        *(f"{name}-{one}" for one in flipped),
        *(token[:length] for length in range(1, len(token))),
        token + "=", token + "==", token + "A", "0" + token, token.swapcase(), f"{name}_{mac}", mac,
        f"{name}-", f"-{mac}", token.replace("-", "%2D", 1).replace("%", "%25"), "ąę", "\u0661-" + mac,
        "9" * 11 + "-" + mac, "z" * 11 + "-" + mac,
    ]  # fmt: skip


def test_altered_token_is_unknown(rynek: House) -> None:
    client = Client()

    for token in mangled(token_of(rynek.link)):
        response = client.get(f"/a/{token}/")
        assert response.status_code == 404, token
        assert "link" not in response.cookies


def test_token_of_another_purpose_is_unknown(rynek: House) -> None:
    PersonalLink.objects.filter(pk=rynek.link.pk).update(purpose="thread")

    assert Client().get(f"/a/{token_of(rynek.link)}/").status_code == 404


@pytest.mark.parametrize("why", ["revoked", "expired", "erased"])
def test_link_that_was_good_once_says_so_and_nothing_else(why: str, rynek: House) -> None:
    client = by_link(rynek.link)
    token, page = token_of(rynek.link), f"/appointment/{link_key(rynek.link)}/"
    if why == "revoked":
        revoke(rynek.link, at=NOW)
    elif why == "erased":
        PersonalLink.objects.filter(pk=rynek.link.pk).update(object_id=987_654_321)
    later = NOW + 10 * DAYS + timedelta(days=91) if why == "expired" else NOW

    with clock.held_at(later):
        answers = [client.get(page), client.post(f"{page}confirm/", {"sequence": "0"})]
        if why != "erased":
            answers.append(Client().get(f"/a/{token}/"))

    for response in answers:
        assert (
            response.status_code in {404, 410}
            if why == "expired" and response is not answers[-1]
            else (response.status_code == 410)
        )
        for leak in ("Zofia", "Gąsior", "Rynek", "Wilczek", "512", "71 000"):
            assert leak not in Page(response).text
    rynek.appointment.refresh_from_db()
    assert rynek.appointment.confirmed_at is None


def test_link_of_one_appointment_opens_no_other(rynek: House, markt: House) -> None:
    client = by_link(rynek.link)
    theirs = f"/appointment/{link_key(markt.link)}/"
    client.cookies["link"]["path"] = "/"

    for url in (
        theirs,
        "/appointment/0/",
        "/appointment/zzzzzzzzzzz/",
        f"/appointment/0{link_key(rynek.link)}/",
    ):
        assert client.get(url).status_code == 404
        for act in ("confirm", "cancel", "seen"):
            assert client.post(f"{url}{act}/", {"sequence": "0"}).status_code == 404
    markt.appointment.refresh_from_db()
    assert markt.appointment.confirmed_at is None


@pytest.mark.parametrize("value", ["", "x", "WzEsMV0:1:forged", "x" * 4000])
def test_forged_cookie_opens_nothing(value: str, rynek: House) -> None:
    client = Client()
    client.cookies["link"] = value

    assert client.get(f"/appointment/{link_key(rynek.link)}/").status_code == 404


@pytest.mark.parametrize(
    ("value", "statuses"),
    [
        (b"a\0b", (b"400", b"404")),  # the server's own parser may have refused it
        (b'"a\\000b"', (b"404",)),  # the cookie parser makes a NUL of it
        (b"\xff\xfe", (b"404",)),
    ],
    ids=["nul", "quoted-nul", "no-text"],
)
def test_cookie_of_strange_bytes_opens_nothing(
    value: bytes, statuses: tuple[bytes, ...], live: str, rynek: House
) -> None:
    """Sent as bytes to the real server: no client library would send it."""
    server = urlsplit(live)
    with socket.create_connection((server.hostname, server.port), timeout=10) as client:
        client.sendall(
            f"GET /appointment/{link_key(rynek.link)}/ HTTP/1.1\r\nHost: localhost\r\n".encode()
            + b"Connection: close\r\nCookie: link="
            + value
            + b"\r\n\r\n"
        )
        answer = client.makefile("rb").read()

    assert answer.split(b" ", 2)[1] in statuses
    assert "Gąsior".encode() not in answer
