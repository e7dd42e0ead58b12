"""What templates write of instants and numbers."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from django.template import Context, Template
from django.utils import translation


def test_what_is_not_there_is_written_as_nothing() -> None:
    with translation.override("de"):
        written = Template("{{ at|moment:zone }}/{{ never|moment:zone }}/{{ none|pretty_phone }}").render(
            Context(
                {
                    "at": datetime(2027, 5, 3, 7, 0, tzinfo=UTC),
                    "never": None,
                    "none": "",
                    "zone": ZoneInfo("Europe/Berlin"),
                }
            )
        )

    assert written == "03.05.2027 09:00//"


def test_address_breaks_where_its_parts_meet_and_stays_text() -> None:
    written = Template("{{ address|breakable }}").render(Context({"address": "a.<b>@mail.clinic.example"}))

    assert written == "a<wbr>.&lt;b&gt;@<wbr>mail<wbr>.clinic<wbr>.example"


def test_addresses_in_a_members_text_are_links_that_open_beside_the_page() -> None:
    text = (
        "See https://x.example/?a=1&b=2 or <b>www.y.example</b>, nofollow: javascript:alert(1) desk@x.example"
    )

    written = Template("{{ text|linked }}").render(Context({"text": text}))

    assert written == (
        'See <a target="_blank" href="https://x.example/?a=1&amp;b=2" rel="noopener nofollow">'
        "https://x.example/?a=1&amp;b=2</a> or &lt;b&gt;"
        '<a target="_blank" href="http://www.y.example" rel="noopener nofollow">www.y.example</a>&lt;/b&gt;, '
        'nofollow: javascript:alert(1) <a href="mailto:desk@x.example">desk@x.example</a>'
    )
