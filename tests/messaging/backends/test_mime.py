"""The lean builder against the standard library's parser, and against smuggled lines (A8, K28)."""

from email import message_from_bytes
from email.header import decode_header, make_header
from email.message import EmailMessage
from email.policy import compat32
from email.policy import default as modern
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from messaging.backends import mime
from messaging.backends.base import Attachment, Outgoing, PermanentError

DATE = "Fri, 30 Apr 2027 07:40:00 -0000"
CALENDAR = b"BEGIN:VCALENDAR\r\nMETHOD:REQUEST\r\nSUMMARY:Za\xc5\xbc\r\nEND:VCALENDAR\r\n"


def outgoing(**changes: Any) -> Outgoing:
    values: dict[str, Any] = {
        "delivery_id": 7,
        "address": "ewa@patients.example.org",
        "text": "Hello\n",
        "subject": "Your appointment",
        "sender": "Clinic <no-reply@clinic.example.org>",
        "reply_to": "desk@clinic.example.org",
        "message_id": "<7.1@clinic.example.org>",
        "return_address": "bounces+7@clinic.example.org",
    }
    return Outgoing(**(values | changes))


def parsed(**changes: Any) -> EmailMessage:
    raw = mime.build(outgoing(**changes), date=DATE)
    assert b"\n" not in raw.replace(b"\r\n", b"")
    assert b"\r" not in raw.replace(b"\r\n", b"")
    assert max(map(len, raw.split(b"\r\n"))) <= 998
    assert raw.endswith(b"\r\n")
    message = message_from_bytes(raw, policy=modern)
    assert not message.defects
    return message


def text_of(message: EmailMessage, subtype: str = "plain") -> str:
    body = message.get_body((subtype,))
    assert body is not None
    return str(body.get_content()).replace("\r\n", "\n").removesuffix("\n")


def test_headers_of_a_plain_message() -> None:
    raw = mime.build(outgoing(), date=DATE)
    assert raw == (
        b"From: Clinic <no-reply@clinic.example.org>\r\n"
        b"To: ewa@patients.example.org\r\n"
        b"Subject: Your appointment\r\n"
        b"Date: Fri, 30 Apr 2027 07:40:00 -0000\r\n"
        b"Message-ID: <7.1@clinic.example.org>\r\n"
        b"Reply-To: desk@clinic.example.org\r\n"
        b"Auto-Submitted: auto-generated\r\n"
        b"X-Outbox-Id: 7\r\n"
        b"MIME-Version: 1.0\r\n"
        b'Content-Type: text/plain; charset="us-ascii"\r\n'
        b"Content-Transfer-Encoding: 7bit\r\n"
        b"\r\n"
        b"Hello\r\n"
    )


def test_extra_headers_and_the_two_that_may_be_replaced() -> None:
    message = parsed(
        headers={
            "In-Reply-To": "<1@x.example>",
            "Auto-Submitted": "no",
            "Date": "Sat, 01 May 2027 00:00:00 -0000",
        }
    )
    assert message["In-Reply-To"] == "<1@x.example>"
    assert message.get_all("Auto-Submitted") == ["no"]
    assert message["Date"] == "Sat, 01 May 2027 00:00:00 -0000"
    assert len(message.get_all("Date", [])) == 1


@pytest.mark.parametrize("encoding", ["7bit", "quoted-printable", "base64"])
def test_the_encoding_follows_the_text(encoding: str) -> None:
    text = {
        "7bit": "From here\n.\n..\nend.",
        "quoted-printable": "Zażółć gęślą jaźń = \t\n\n.\nspace at the end \n" * 9,
        "base64": "Напоминаем о приёме\n" * 9,
    }[encoding]
    message = parsed(text=text)
    assert message["Content-Transfer-Encoding"] == encoding
    assert text_of(message) == text.removesuffix("\n")


@given(
    text=st.text(st.characters(codec="utf-8", exclude_characters="\r")),
    html=st.text(st.characters(codec="utf-8", exclude_characters="\r")),
)
def test_any_text_arrives_as_it_was(text: str, html: str) -> None:
    message = parsed(text=text, html=html)
    assert text_of(message) == text.removesuffix("\n")
    if html:
        assert text_of(message, "html") == html.removesuffix("\n")


def test_lone_surrogates_and_endless_lines_do_no_harm() -> None:
    assert text_of(parsed(text="a\ud800b")) == "a?b"
    long = "word " * 4000
    assert parsed(text=long)["Content-Transfer-Encoding"] == "quoted-printable"
    assert text_of(parsed(text=long)) == long


@given(
    subject=st.text(
        st.characters(codec="utf-8", exclude_categories=["Cc", "Zl", "Zp", "Zs"], include_characters=" "),
        max_size=300,
    ).map(lambda each: " ".join(each.split()))
)
def test_any_subject_arrives_as_it_was(subject: str) -> None:
    assert parsed(subject=subject)["Subject"] == subject


def test_a_long_subject_with_wide_gaps_keeps_them() -> None:
    subject = "wide  gap " * 20 + "end"

    assert parsed(subject=subject)["Subject"] == subject


@pytest.mark.parametrize("content_type", ["", "text", "text/plain; x", "text/calendar; method=A\r\nBcc: x"])
def test_a_file_of_no_known_type_is_refused(content_type: str) -> None:
    with pytest.raises(PermanentError) as caught:
        mime.build(outgoing(attachments=(Attachment("a.ics", b"", content_type),)), date="")

    assert caught.value.code == "bad-header"


def test_long_subjects_are_folded() -> None:
    plain = "a word and another " * 20
    raw = mime.build(outgoing(subject=plain.strip(), text="x"), date=DATE)
    assert max(map(len, raw.split(b"\r\n"))) <= 78
    raw = mime.build(outgoing(subject="Żółw " * 60, text="x"), date=DATE)
    assert max(map(len, raw.split(b"\r\n"))) <= 78
    assert parsed(subject="=?utf-8?q?not_encoded?=")["Subject"] == "=?utf-8?q?not_encoded?="
    assert parsed(subject="x" * 3000)["Subject"] == "x" * 3000


@pytest.mark.parametrize(
    ("sender", "name"),
    [
        ("Clinic <a@x.example>", "Clinic"),
        ("a@x.example", ""),
        ("<a@x.example>", ""),
        ("Dr. Who, Ltd. (London) <a@x.example>", "Dr. Who, Ltd. (London)"),
        ('"Dr. Who, Ltd." <a@x.example>', "Dr. Who, Ltd."),
        ('He said "hi" \\ <a@x.example>', 'He said "hi" \\'),
        ("Gabinet Żółw, Łódź <a@x.example>", "Gabinet Żółw, Łódź"),
        ("Ann <b@evil.example> <a@x.example>", "Ann <b@evil.example>"),
        ("=?utf-8?q?x?= <a@x.example>", "=?utf-8?q?x?="),
        ("Przychodnia " * 12 + "<a@x.example>", ("Przychodnia " * 12).strip()),
    ],
)
def test_senders(sender: str, name: str) -> None:
    addresses = parsed(sender=sender)["From"].addresses
    assert [(a.display_name, a.addr_spec) for a in addresses] == [(name, "a@x.example")]


@pytest.mark.parametrize(
    "bad", ["\r\n", "\n", "\r", "\x00", "\x0b", "\x0c", "\x1b", "\x7f", "\x85", "\u2028", "\u2029"]
)
@pytest.mark.parametrize(
    "where", ["subject", "sender", "reply_to", "message_id", "header", "name", "file", "type"]
)
def test_nothing_is_smuggled_into_a_header(where: str, bad: str) -> None:
    evil = f"Ann{bad}Bcc: x@evil.example"
    places: dict[str, dict[str, Any]] = {
        "subject": {"subject": evil},
        "sender": {"sender": f"{evil} <a@x.example>"},
        "reply_to": {"reply_to": f"{evil} <a@x.example>"},
        "message_id": {"message_id": f"<a{bad}@x.example>"},
        "header": {"headers": {"X-Clinic": evil}},
        "name": {"headers": {f"X{bad}Bcc": "x"}},
        "file": {"attachments": (Attachment(f"a{bad}.txt", b"", "text/plain"),)},
        "type": {"attachments": (Attachment("a.txt", b"", f"text/plain{bad}Bcc: x"),)},
    }
    changes = places[where]
    with pytest.raises(PermanentError) as caught:
        mime.build(outgoing(**changes), date=DATE)
    assert caught.value.code == "bad-header"


@pytest.mark.parametrize(
    "headers",
    [
        {"Bcc": "x@evil.example"},
        {"from": "x"},
        {"Content-Type": "text/html"},
        {"X: y": "z"},
        {"": "z"},
        {"ż": "z"},
        {"X-A": "1", "x-a": "2"},
    ],
)
def test_names_that_are_ours_or_no_names(headers: dict[str, str]) -> None:
    with pytest.raises(PermanentError, match="bad-header"):
        mime.build(outgoing(headers=headers), date=DATE)


@pytest.mark.parametrize(
    "address",
    [
        "",
        "a",
        "a@",
        "@b",
        "a b@x.example",
        "a@x.example,b@x.example",
        "a@x.example\r\nBcc: b",
        "<a@x.example>",
        "a@x y",
        "a\x00@x.example",
        "a@\u2028x.example",
        "a@ż..pl",
        "a@x>.example",
        '"a"@x.example',
        "a@x.example\n",
    ],
)
def test_recipients_that_are_no_single_address(address: str) -> None:
    with pytest.raises(PermanentError) as caught:
        mime.envelope(outgoing(address=address))
    assert caught.value.code == "bad-address"
    with pytest.raises(PermanentError, match="bad-address"):
        mime.build(outgoing(address=address), date=DATE)


def test_the_envelope() -> None:
    assert mime.envelope(outgoing()) == mime.Envelope(
        "bounces+7@clinic.example.org", "ewa@patients.example.org", utf8=False
    )
    assert mime.envelope(outgoing(return_address="")).sender == "no-reply@clinic.example.org"
    assert mime.envelope(outgoing(address="ewa@żółw.pl")).recipient == "ewa@xn--w-uga1v8h.pl"
    assert mime.envelope(outgoing(address="jörg@faß.de")) == mime.Envelope(
        "bounces+7@clinic.example.org", "jörg@xn--fa-hia.de", utf8=True
    )


def test_a_calendar_goes_as_an_alternative_and_as_a_file() -> None:
    invitation = Attachment("invite.ics", CALENDAR, "text/calendar; method=REQUEST")
    message = parsed(
        html="<p>Hello</p>", attachments=(invitation, Attachment("żółw.pdf", b"\x00\xff", "application/pdf"))
    )
    assert message.get_content_type() == "multipart/mixed"
    alternatives, *files = message.iter_parts()
    assert alternatives.get_content_type() == "multipart/alternative"
    shown = list(alternatives.iter_parts())
    assert [part.get_content_type() for part in shown] == ["text/plain", "text/html", "text/calendar"]
    assert dict(shown[2]["Content-Type"].params) == {"method": "REQUEST", "charset": "utf-8"}
    assert shown[2].get_payload(decode=True) == CALENDAR
    assert [(f.get_content_type(), f.get_filename(), f.get_payload(decode=True)) for f in files] == [
        ("application/ics", "invite.ics", CALENDAR),
        ("application/pdf", "żółw.pdf", b"\x00\xff"),
    ]
    assert [f.get_content_disposition() for f in files] == ["attachment", "attachment"]


def test_a_long_name_is_read_as_it_was() -> None:
    # With the parser that other programs use: the newer one puts spaces between encoded words of a name.
    name = "Gabinet Żółw, Łódź – " * 6 + "Śródmieście"
    raw = mime.build(outgoing(sender=f"{name} <a@x.example>"), date=DATE)
    assert max(map(len, raw.split(b"\r\n"))) <= 78
    old = message_from_bytes(raw, policy=compat32)
    assert str(make_header(decode_header(old["From"]))) == f"{name} <a@x.example>"


def test_text_and_html_alone_are_alternatives() -> None:
    message = parsed(html="<p>Hello</p>")
    assert [part.get_content_type() for part in message.walk()] == [
        "multipart/alternative",
        "text/plain",
        "text/html",
    ]


def test_a_file_beside_a_plain_text() -> None:
    message = parsed(
        attachments=(Attachment('a/b"c.bin', bytes(range(256)) * 4, "application/octet-stream"),)
    )
    assert [part.get_content_type() for part in message.walk()] == [
        "multipart/mixed",
        "text/plain",
        "application/octet-stream",
    ]
    (attached,) = message.iter_attachments()
    assert attached.get_filename() == "a_b_c.bin"
    assert attached.get_payload(decode=True) == bytes(range(256)) * 4
