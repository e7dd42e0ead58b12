"""What every answer carries, whoever asks and whatever comes of it (A27 to A29, A68)."""

import pytest
from django.test import Client

from clinic.models import User
from messaging.links import token_of
from tests.factories.house import House, by_link, logged_in
from tests.guards.test_access_matrix import GETS, POSTS, address, body

pytestmark = pytest.mark.one_engine

POLICY = {
    "default-src 'self'", "script-src 'self'", "style-src 'self'", "img-src 'self' data:", "object-src 'none'",
    "base-uri 'none'", "form-action 'self'", "frame-ancestors 'none'",
}  # fmt: skip
# What everybody may find and read: these pages hold nothing of whoever opens them.
INDEXED = {"clinic:find", "clinic:practitioner_profile", "clinic:clinic_profile"}
# What whoever asks may keep for themselves, and must ask about before using it again.
ASKED_ABOUT = {"clinic:feed"}
FRAMED = {"mailbox:mailbox_letter"}  # stands in the mailbox's own frame


@pytest.mark.parametrize("name", GETS)
def test_every_page_keeps_to_itself(name: str, rynek: House, operator: User) -> None:
    for client in (Client(), by_link(rynek.link), logged_in(rynek.assistant), logged_in(rynek.admin),
                   logged_in(operator)):  # fmt: skip
        check(
            client.get(address(name, rynek)),
            is_framed=name in FRAMED,
            is_indexed=name in INDEXED,
            is_asked_about=name in ASKED_ABOUT,
        )


@pytest.mark.parametrize("name", POSTS)
def test_every_answer_to_a_post_keeps_to_itself(name: str, rynek: House) -> None:
    for client in (
        Client(),
        by_link(rynek.link),
        logged_in(rynek.assistant),
        Client(enforce_csrf_checks=True),
    ):
        check(client.post(address(name, rynek), body(name, rynek)), is_framed=False)


@pytest.mark.parametrize("url", ["/nothing/", "/a/forged/", "/c/nowhere/", "/language/", "/static/none.css"])
def test_every_error_keeps_to_itself(url: str, rynek: House) -> None:
    response = Client().get(url)

    assert response.status_code in {302, 404, 405}
    check(response, is_framed=False)


def check(
    response: object, *, is_framed: bool, is_indexed: bool = False, is_asked_about: bool = False
) -> None:
    headers = dict(response.headers)  # type: ignore[attr-defined]
    if is_asked_about:
        assert headers["Cache-Control"] == "private, no-cache"
    else:
        assert ("no-cache" if is_indexed else "no-store") in headers["Cache-Control"]
    assert headers["X-Robots-Tag"] == ("all" if is_indexed else "noindex, nofollow")
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "same-origin"
    assert headers["Cross-Origin-Opener-Policy"] == "same-origin"
    assert not {name for name in headers if name.startswith("Access-Control")}
    if not is_framed:
        assert headers["X-Frame-Options"] == "DENY"
        assert set(headers["Content-Security-Policy"].split("; ")) == POLICY


def test_cookies_stay_with_us(rynek: House) -> None:
    client = Client()
    page = client.get("/log-in/")
    entered = client.post("/log-in/", {"username": rynek.assistant.email, "password": "a-long-way-round"})

    for cookie in (page.cookies["csrf"], entered.cookies["session"]):
        assert cookie["httponly"]
        assert cookie["samesite"] == "Lax"
    linked = Client().get(f"/a/{token_of(rynek.link)}/")
    assert set(linked.cookies) == {"link"}


def test_strange_host_is_refused(rynek: House) -> None:
    for url in ("/", "/log-in/", f"/a/{token_of(rynek.link)}/"):
        assert Client().get(url, headers={"Host": "evil.example"}).status_code == 400
