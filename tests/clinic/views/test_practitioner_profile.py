"""A practitioner's public profile, whole without script (D1)."""

from decimal import Decimal
from typing import Any

import pytest
from django.test import Client

from clinic.audit.operations import SYSTEM, user_actor
from clinic.calendars.absences import add_absence
from clinic.calendars.operations import create_service
from clinic.directory.enums import ReviewState
from clinic.directory.reviews import answer_review, decide_review
from clinic.models import Calendar, Practitioner, Review, User
from clinic.panels import Panel, list_panels
from tests.factories.directory import held, listed, profile_of, write
from tests.factories.house import DAYS, HOURS, NOW, House, make_patient
from tests.factories.page import Page, text_of

URL = "/p/dr-tomasz-wilczek/"


def marked(response: Any, name: str) -> list[str]:
    """Return what search engines read of one property, in order."""
    nodes = [node for node in Page(response).nodes if dict(node.attributes).get("itemprop") == name]
    return [str(dict(node.attributes).get("content") or text_of(node)) for node in nodes]


def test_profile_says_all_of_it(rynek: House) -> None:
    listed(rynek.calendar, about="First line.\n\nSecond <b>line</b>.")
    create_service(
        calendar=rynek.calendar, name="Mole", minutes=45, price=Decimal("220"), actor=SYSTEM, at=NOW
    )

    response = Client().get(URL)
    text = Page(response).text

    assert Page(response).heading == "dr Tomasz Wilczek"
    for part in (
        "dermatology", "Gabinety Rynek", "1 Square , Town", "+48 71 000 12 30", "Mole 45 minutes PLN 220",
        "Consultation 30 minutes", "Monday 08:00–12:00, 13:00–16:00", "Sunday closed", "First line.",
        "Second <b>line</b>.", "Nobody has written a review yet.",
    ):  # fmt: skip
        assert part.replace(" ", "") in text.replace(" ", "").replace("\xa0", ""), part
    assert "Next free times" not in text
    assert marked(response, "openingHours")[:2] == ["Mo 08:00-12:00", "Mo 13:00-16:00"]
    assert marked(response, "medicalSpecialty") == ["dermatology"]
    assert marked(response, "addressCountry") == ["PL"]
    assert marked(response, "aggregateRating") == []


@pytest.mark.parametrize("who", ["unlisted", "unknown", "strange"])
def test_who_is_not_listed_has_no_profile(who: str, rynek: House) -> None:
    url = {"unlisted": URL, "unknown": "/p/nobody/", "strange": "/p/%00/"}[who]

    response = Client().get(url)

    assert response.status_code == 404
    assert "Wilczek" not in response.content.decode()


def test_free_times_are_those_that_can_be_booked(rynek: House) -> None:
    profile_of(rynek)
    Calendar.objects.update(books_online=True, online_notice_hours=24, online_horizon_days=3)

    response = Client().get(URL)
    text = Page(response).text

    # Now it is Monday, 9:00: a day's notice, and today and three days.
    assert "Consultation, 30 minutes Tuesday 4 May 2027 09:00 09:30 10:00 10:30 11:00 11:30" in text
    assert "Wednesday 5 May 2027 08:00" in text
    assert "Thursday 6 May 2027 08:00 08:30 09:00 09:30 10:00 10:30 Services" in text
    assert "Friday" not in text.split("Services")[0]
    # Each leads to the last page of booking it, in the language that was asked for.
    details = f"{URL}book/{rynek.service.pk}/20270504t0700z/"
    assert f'href="{details}"' in response.content.decode()
    assert f'href="{details}?language=de"' in Client().get(f"{URL}?language=de").content.decode()
    assert Client().get(details).status_code == 200


def test_nothing_is_offered_where_nobody_books_online(rynek: House) -> None:
    profile_of(rynek)
    Calendar.objects.update(books_online=False)

    text = Page(Client().get(URL)).text

    assert "Book appointment" not in text
    assert "Next free times" not in text


@pytest.mark.parametrize(
    ("starts", "ends", "said"),
    [
        (NOW - DAYS, NOW + 8 * DAYS, "Away until 11 May 2027."),
        (NOW - DAYS, None, "Away until further notice."),
        (NOW + 2 * DAYS, NOW + 4 * DAYS, "Away from 5 May 2027, back on 7 May 2027."),
        (NOW + 2 * DAYS, None, "Away from 5 May 2027 until further notice."),
        (NOW - 4 * DAYS, NOW, ""),
        (NOW + 14 * DAYS, None, ""),
    ],
)
def test_absence_is_said(starts: Any, ends: Any, said: str, rynek: House) -> None:
    practitioner = profile_of(rynek)
    add_absence(practitioner=practitioner, starts_at=starts, ends_at=ends, actor=SYSTEM, at=NOW)

    page = Page(Client().get(URL))

    assert [text_of(node) for node in page.all("p", lambda it: "note-warning" in it.get("class", ""))] == (
        [said] if said else []
    )


def test_review_is_of_its_local_date(rynek: House) -> None:
    listed(rynek.calendar)
    # Half past midnight in Warsaw, the day before in UTC.
    Review.objects.create(
        clinic=rynek.clinic, practitioner=rynek.calendar.practitioner, stars=5, written_at=NOW - 8.5 * HOURS
    )  # fmt: skip

    (node,) = [
        one
        for one in Page(Client().get(URL)).nodes
        if dict(one.attributes).get("itemprop") == "datePublished"
    ]

    assert (dict(node.attributes)["datetime"], text_of(node)) == ("2027-05-03", "3 May 2027")


def test_reviews_stand_with_average_and_answer(rynek: House, operator: User) -> None:
    profile_of(rynek)
    first = write(held(rynek), 4, "Kind <script>alert(1)</script>")
    write(held(rynek, days_ago=3, patient=make_patient(rynek.clinic, "Jan Szary")), 5, "", at=NOW + DAYS)
    bad = write(held(rynek, days_ago=4, patient=make_patient(rynek.clinic, "Ewa Zla")), 1, "Gone soon")
    answer_review(review_id=first.pk, text="Thanks.", seen=None, actor=user_actor(rynek.assistant), at=NOW)
    Review.objects.filter(pk=bad.pk).update(state="reported")
    assert "Gone soon" in Page(Client().get(URL)).text
    decide_review(review_id=bad.pk, shown=ReviewState.REPORTED, hide=True, actor=user_actor(operator),
                  at=NOW)  # fmt: skip

    response = Client().get(URL)
    page = Page(response)

    assert marked(response, "ratingValue") == ["4.5", "5", "4"]
    assert marked(response, "reviewCount") == ["2"]
    assert "4.5 of 5 stars 2 reviews" in page.text
    assert "Gone soon" not in page.text
    said = [text_of(node) for node in page.all("li", lambda it: it.get("class") == "review")]
    assert said == [
        "5 of 5 stars Jan S. , 4 May 2027",
        "4 of 5 stars Zofia P. , 3 May 2027 Kind <script>alert(1)</script> Answer of Gabinety Rynek Thanks.",
    ]
    assert not page.all("script")


def test_upper_floors_add_their_parts(rynek: House, monkeypatch: pytest.MonkeyPatch) -> None:
    practitioner = profile_of(rynek)
    seen: list[Practitioner] = []

    def context(_request: Any, subject: Practitioner) -> None:
        seen.append(subject)

    part = Panel("part", "profile", "clinic/_empty.html", context)
    monkeypatch.setattr(
        "clinic.panels.list_panels", lambda slot: [part] if slot == "profile" else list_panels(slot)
    )

    Client().get(URL)

    assert seen == [practitioner]


def test_visitor_keeps_the_language_they_chose(rynek: House) -> None:
    profile_of(rynek)

    page = Page(Client().get(f"{URL}?language=pl"))

    hrefs = [str(dict(one.attributes)["href"]) for one in page.all("a")]
    assert "/find/?language=pl" in hrefs
    assert "/clinic/rynek/?language=pl" in hrefs


def test_first_visit_weighs_little(rynek: House) -> None:
    """Page and styles, compressed, are far below the 60 kB that a first visit may cost (X6)."""
    import gzip  # noqa: PLC0415
    from pathlib import Path  # noqa: PLC0415

    profile_of(rynek)
    for days in range(2, 14):
        write(
            held(rynek, days_ago=days, patient=make_patient(rynek.clinic, f"Jan {days}")), 4, "x y z " * 300
        )
    weight = len(gzip.compress(Client().get(URL).content))
    for name in ("anteroom.css", "directory.css", "icon.svg"):
        weight += len(gzip.compress((Path("static") / name).read_bytes()))

    assert weight < 60_000
