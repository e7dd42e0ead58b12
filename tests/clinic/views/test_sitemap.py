"""What search engines ask for (D1)."""

from typing import Any

from django.test import Client

from tests.factories.directory import profile_of
from tests.factories.house import House


def test_search_engines_are_told_of_public_pages_alone(rynek: House, markt: House, settings: Any) -> None:
    settings.PUBLIC_URL = "https://anteroom.example:8443"
    profile_of(rynek)

    sitemap = Client().get("/sitemap.xml")
    robots = Client().get("/robots.txt").content.decode()

    found = [line.split("<")[0] for line in sitemap.content.decode().split("<loc>")[1:]]
    assert found == [
        f"https://anteroom.example:8443{path}"
        for path in ("/find/", "/p/dr-tomasz-wilczek/", "/clinic/rynek/")
    ]
    assert sitemap["Content-Type"] == "application/xml"
    assert robots.splitlines() == [
        "User-agent: *", "Allow: /find/", "Allow: /p/", "Allow: /clinic/", "Allow: /static/",
        "Disallow: /p/*/book/", "Disallow: /", "",
        "Sitemap: https://anteroom.example:8443/sitemap.xml",
    ]  # fmt: skip
