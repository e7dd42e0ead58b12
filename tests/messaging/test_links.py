"""Personal links: what a token opens, and what it never does (A21 to A24, A27, A36)."""

from datetime import timedelta
from typing import Any

import pytest
from django.core import signing
from django.http import HttpResponse
from django.test import RequestFactory

from clinic.models import Clinic
from messaging import link_session
from messaging.enums import Purpose
from messaging.links import (
    LinkGone,
    find_by_token,
    from_base62,
    get_or_make,
    link_key,
    list_for,
    revoke,
    to_base62,
    token_of,
)
from messaging.models import PersonalLink
from tests.factories.clinic import MONDAY, make_clinic

pytestmark = pytest.mark.django_db

END = MONDAY + timedelta(days=90)
ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz-_"


@pytest.fixture
def house() -> Clinic:
    return make_clinic()


def make(house: Clinic, object_id: int = 1, purpose: str = Purpose.APPOINTMENT) -> PersonalLink:
    return get_or_make(
        clinic_id=house.pk, purpose=Purpose(purpose), object_id=object_id, expires_at=END, at=MONDAY
    )


def find(token: str, at: Any = MONDAY) -> PersonalLink | None:
    return find_by_token(token, purpose=Purpose.APPOINTMENT, at=at)


@pytest.mark.parametrize(
    ("number", "text"),
    [(0, "0"), (9, "9"), (10, "A"), (61, "z"), (62, "10"), (3843, "zz"), (2**63 - 1, "AzL8n0Y58m7")],
)
def test_base62(number: int, text: str) -> None:
    assert to_base62(number) == text
    assert from_base62(text) == number


@pytest.mark.parametrize("text", ["", "00", "01", "a-b", "ä", "½", "١", " 1", "1 ", "1" * 12, "🂡"])
def test_base62_reads_nothing_else(text: str) -> None:
    assert from_base62(text) is None


def test_a_token_opens_its_link_and_is_short(house: Clinic) -> None:
    link = make(house)
    token = token_of(link)

    assert find(token) == link
    assert token == token_of(PersonalLink.objects.get())
    assert len(token) <= 36


def test_one_link_for_an_object(house: Clinic) -> None:
    link = make(house)
    longer = get_or_make(
        clinic_id=house.pk,
        purpose=Purpose.APPOINTMENT,
        object_id=1,
        expires_at=END + timedelta(days=1),
        at=MONDAY,
    )
    shorter = make(house)

    assert link.pk == longer.pk == shorter.pk
    assert PersonalLink.objects.get().expires_at == END + timedelta(days=1)


def test_every_changed_character_makes_it_worthless(house: Clinic) -> None:
    for number in range(1, 4):  # other links exist: a flipped id finds a row, but not with this code
        make(house, number)
    token = token_of(make(house, 2))

    for place, character in enumerate(token):
        for other in {*ALPHABET, "é", "%", " "} - {character}:
            assert find(token[:place] + other + token[place + 1 :]) is None


def test_every_other_length_is_worthless(house: Clinic) -> None:
    token = token_of(make(house))

    for end in range(len(token)):
        assert find(token[:end]) is None
    for longer in (f"{token}=", f"{token}==", f"{token}0", f"0{token}", f"{token}-{token}", token.swapcase()):
        assert find(longer) is None


def test_a_code_belongs_to_one_link(house: Clinic) -> None:
    mine, theirs = make(house, 1), make(make_clinic("dluga"), 2)
    code = token_of(theirs).partition("-")[2]

    assert find(f"{to_base62(mine.pk)}-{code}") is None
    assert find(f"{to_base62(10**6)}-{code}") is None
    assert find(f"{'z' * 11}-{code}") is None


def test_another_purpose_opens_nothing(house: Clinic) -> None:
    link = make(house)
    PersonalLink.objects.filter(pk=link.pk).update(purpose="thread")

    assert find(token_of(link)) is None


def test_an_expired_link_is_gone(house: Clinic) -> None:
    token = token_of(make(house))

    assert find(token, END - timedelta(microseconds=1)) is not None
    with pytest.raises(LinkGone):
        find(token, END)


def test_a_revoked_link_is_gone_for_good(house: Clinic) -> None:
    link, other = make(house), make(house, 2)
    old = token_of(link)

    revoke(link, at=MONDAY)

    link.refresh_from_db()
    for token in (old, token_of(link)):
        with pytest.raises(LinkGone):
            find(token)
    assert find(token_of(other)) == other


def test_an_earlier_version_is_gone_and_a_later_one_never_was(house: Clinic) -> None:
    link = make(house)
    first = token_of(link)
    link.version = 3
    third = token_of(link)
    PersonalLink.objects.filter(pk=link.pk).update(version=2)

    with pytest.raises(LinkGone):
        find(first)
    assert find(third) is None


def test_keys_rotate(house: Clinic, settings: Any) -> None:
    token = token_of(make(house))
    old = settings.SECRET_KEY
    settings.SECRET_KEY = "new"

    settings.SECRET_KEY_FALLBACKS = [old]
    assert find(token) is not None
    assert token_of(make(house)) != token
    settings.SECRET_KEY_FALLBACKS = ["another"]
    assert find(token) is None


# --- The cookie that takes the token's place ---------------------------------------------------


def visit(link: PersonalLink, key: str | None = None, cookie: str | None = None, at: Any = MONDAY) -> Any:
    response = HttpResponse()
    link_session.remember(response, link, path=f"/appointment/{link_key(link)}/")
    request = RequestFactory().get("/")
    request.COOKIES["link"] = response.cookies["link"].value if cookie is None else cookie
    return link_session.find(
        request, link_key(link) if key is None else key, purpose=Purpose.APPOINTMENT, at=at
    )


def test_the_cookie_is_for_one_path_and_no_script(house: Clinic, settings: Any) -> None:
    settings.SECURE = True
    link, response = make(house), HttpResponse()

    link_session.remember(response, link, path="/appointment/1/")

    cookie = response.cookies["link"]
    assert (cookie["path"], cookie["httponly"], cookie["secure"], cookie["samesite"], cookie["max-age"]) == (
        "/appointment/1/", True, True, "Lax", 604800,
    )  # fmt: skip
    assert token_of(link).partition("-")[2] not in cookie.value


def test_the_cookie_opens_its_own_page_only(house: Clinic) -> None:
    mine, theirs = make(house, 1), make(make_clinic("dluga"), 2)

    assert visit(mine) == mine
    assert visit(mine, key=link_key(theirs)) is None
    assert visit(mine, key="") is None
    assert visit(mine, cookie="") is None
    assert visit(mine, cookie="WzEsMV0:1:forged") is None


def test_the_cookie_of_a_link_that_is_no_more_opens_nothing(house: Clinic) -> None:
    link = make(house)
    PersonalLink.objects.filter(pk=link.pk).delete()

    assert visit(link) is None


def test_the_cookie_ends_with_its_link(house: Clinic) -> None:
    link = make(house)
    with pytest.raises(LinkGone):
        visit(link, at=END)

    revoke(link, at=MONDAY)
    with pytest.raises(LinkGone):
        visit(link)


def test_a_cookie_of_another_salt_is_worthless(house: Clinic) -> None:
    link = make(house)

    assert visit(link, cookie=signing.dumps([link.pk, link.version])) is None
    assert visit(link, cookie=signing.dumps("text", salt="anteroom.link-session")) is None
    assert visit(link, cookie=signing.dumps(None, salt="anteroom.link-session")) is None


def test_no_objects_have_no_links() -> None:
    assert list_for(purpose=Purpose.APPOINTMENT, object_ids=[]) == {}
