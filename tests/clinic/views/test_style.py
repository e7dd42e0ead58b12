"""The style page: for those who look after the installation, every piece in both themes."""

from django.test import Client

from clinic.models import User
from tests.factories.house import House, logged_in
from tests.factories.page import Page


def test_operator_finds_it_from_where_they_land(operator: User) -> None:
    client = logged_in(operator)

    assert "/style/" in Page(client.get("/")).links()
    page = Page(client.get("/style/"))
    assert page.heading == "Style page"
    assert [node.name for node in page.nodes if dict(node.attributes).get("data-theme")] == ["section"] * 2
    assert page.error("light-email") == page.error("dark-email") == "Enter a valid email address."
    assert "muted / sheet 6.3" in page.text


def test_operator_who_is_a_member_finds_it_in_their_menu(rynek: House, desk: Client) -> None:
    assert "/style/" not in Page(desk.get(rynek.url())).links()
    User.objects.filter(pk=rynek.assistant.pk).update(is_superuser=True)

    assert "/style/" in Page(desk.get(rynek.url())).links()


def test_nobody_else_finds_it(desk: Client) -> None:
    anonymous = Client().get("/style/")

    assert (anonymous.status_code, anonymous["Location"]) == (302, "/log-in/?next=/style/")
    assert desk.get("/style/").status_code == 404
