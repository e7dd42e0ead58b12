"""From an `Outgoing` to the bytes of an e-mail: a lean builder for the few shapes that we send.

The standard library's `EmailMessage` takes longer to build a message than SMTP takes to hand it over.
This one knows four shapes (text; text and HTML; either with files), writes seven-bit lines only, so that
any server can take them, and refuses what could smuggle a line into a header (A8, K28).
"""

import binascii
import re
import secrets
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import idna

from messaging.backends.base import Attachment, Outgoing, PermanentError

LINE = 76  # characters of a line that we break ourselves
MAX_LINE = 998  # characters of a line that SMTP carries (RFC 5322, 2.1.1)

_PLAIN_HEADER = re.compile(r"[ -~]*")
_HEADER_NAME = re.compile(r"[!-9;-~]{1,60}")
_ATOMS = re.compile(r"[A-Za-z0-9!#$%&'*+\-/=?^_`{|}~ ]+")
_MESSAGE_ID = re.compile(r"<[!-;=?-~]+@[!-;=?-~]+>")
_CONTENT_TYPE = re.compile(r"[\w.+-]+/[\w.+-]+(?:; ?[\w*-]+=(?:\"[ !#-\[\]-~]*\"|[\w.+/:-]+))*", re.ASCII)
_LOCAL_PART = re.compile(r"[^\s\"(),:;<>@\[\\\]]{1,64}")
_DOMAIN = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9.-]{0,251}[A-Za-z0-9])?|\[[0-9A-Fa-f:.]+\]")
_NOT_SEVEN_BIT = re.compile(r"[^\t\n -~]")
# Ours alone; a caller's extra header of such a name would stand beside them and be read instead.
_RESERVED = frozenset(
    [
        "from",
        "sender",
        "to",
        "cc",
        "bcc",
        "subject",
        "message-id",
        "reply-to",
        "x-outbox-id",
        "mime-version",
        "return-path",
        "received",
    ]
)


@dataclass(frozen=True, slots=True)
class Envelope:
    """What the SMTP commands carry. `utf8` says that the server needs SMTPUTF8 for it."""

    sender: str
    recipient: str
    utf8: bool


def envelope(outgoing: Outgoing) -> Envelope:
    """Return the envelope of a delivery: its return address (or its From) and its one recipient.

    Raises:
        PermanentError: "bad-address", when either is no single address.
    """
    sender = outgoing.return_address or mailbox(outgoing.sender)[1]
    sender, recipient = wire_address(sender), wire_address(outgoing.address)
    return Envelope(sender, recipient, utf8=not (sender.isascii() and recipient.isascii()))


def build(outgoing: Outgoing, *, date: str) -> bytes:
    """Return the whole message, CRLF lines, dots not yet doubled.

    Args:
        outgoing: the rendered delivery.
        date: value of the Date header, unless the delivery's own `headers` name one.

    Raises:
        PermanentError: "bad-header" when a header would hold a control character, a line break or a name
            that is ours; "bad-address" when From, To or Reply-To is no single address.
    """
    # Cheap and beyond guessing: no text can hold the line that ends its own part.
    boundary = secrets.token_hex(12)
    return b"\r\n".join(_headers(outgoing, date)) + b"\r\n" + _body(outgoing, boundary)


# --- Headers ---------------------------------------------------------------------------------


def _headers(outgoing: Outgoing, date: str) -> Iterator[bytes]:
    """Yield the header lines, folded, up to but without those that describe the body."""
    extra = {name.lower(): (name, value) for name, value in outgoing.headers.items()}
    if len(extra) != len(outgoing.headers) or not _RESERVED.isdisjoint(extra):
        raise PermanentError("bad-header")
    yield _address_header("From", outgoing.sender)
    yield b"To: " + wire_address(outgoing.address).encode()
    yield header("Subject", outgoing.subject)
    yield header(*extra.pop("date", ("Date", date)))
    if outgoing.message_id:
        if not _MESSAGE_ID.fullmatch(outgoing.message_id):
            raise PermanentError("bad-header")
        yield b"Message-ID: " + outgoing.message_id.encode()
    if outgoing.reply_to:
        yield _address_header("Reply-To", outgoing.reply_to)
    # Tells answering machines to stay silent (RFC 3834); a person's own mail may say "no" instead.
    yield header(*extra.pop("auto-submitted", ("Auto-Submitted", "auto-generated")))
    yield b"X-Outbox-Id: %d" % outgoing.delivery_id
    for name, value in extra.values():
        if name.lower().startswith("content-"):
            raise PermanentError("bad-header")
        yield header(name, value)
    yield b"MIME-Version: 1.0"


def clean(value: str) -> str:
    """Return `value` unchanged when it may stand in a header.

    Raises:
        PermanentError: "bad-header", for control characters, line breaks of any kind (Unicode has more
            than two) and halves of surrogate pairs.
    """
    if _PLAIN_HEADER.fullmatch(value):
        return value
    if any(unicodedata.category(c) in {"Cc", "Zl", "Zp", "Cs"} for c in value):
        raise PermanentError("bad-header")
    return value


def header(name: str, value: str) -> bytes:
    """Return one unstructured header, encoded and folded, without its line end.

    Raises:
        PermanentError: "bad-header".
    """
    if not _HEADER_NAME.fullmatch(name):
        raise PermanentError("bad-header")
    clean(value)
    if value.isascii() and "=?" not in value:
        if len(name) + 2 + len(value) <= LINE:
            return f"{name}: {value}".encode()
        folded = _fold(name, value)
        if folded is not None:
            return folded
    return f"{name}: ".encode() + b"\r\n ".join(_encoded_words(value, behind=len(name) + 2))


def _fold(name: str, value: str) -> bytes | None:
    """Return an ASCII header broken at its spaces, or None when that cannot be done faithfully."""
    if "  " in value or value != value.strip(" "):
        return None  # where spaces meet a fold, readers disagree about how many there were
    first, *words = value.split(" ")
    lines, current = [], f"{name}: {first}"  # never a line with nothing but the name
    for word in words:
        if len(current) + 1 + len(word) > LINE:
            lines.append(current)
            current = ""
        current += " " + word
    lines.append(current)
    if any(len(line) > MAX_LINE for line in lines):
        return None
    return "\r\n".join(lines).encode()


def _encoded_words(value: str, *, behind: int) -> Iterator[bytes]:
    """Yield RFC 2047 words, each of whole characters, that read as `value`.

    Args:
        value: any text.
        behind: characters that stand before the first word in its line.
    """
    chunk, room = b"", 45 - behind * 3 // 4  # bytes; 45 make a word of 72 characters
    for character in value:
        encoded = character.encode()
        if len(chunk) + len(encoded) > room:
            yield b"=?utf-8?b?" + binascii.b2a_base64(chunk, newline=False) + b"?="
            chunk, room = b"", 45
        chunk += encoded
    yield b"=?utf-8?b?" + binascii.b2a_base64(chunk, newline=False) + b"?="


@lru_cache(maxsize=256)
def _address_header(name: str, value: str) -> bytes:
    """Return a From or Reply-To header. Kept: a clinic's sender is the same in thousands of messages."""
    display, address = mailbox(value)
    wire = f"<{wire_address(address)}>".encode()
    if not display:
        return f"{name}: ".encode() + wire[1:-1]
    if display.isascii() and "=?" not in display and len(display) < MAX_LINE // 2:
        if not _ATOMS.fullmatch(display):
            display = '"' + display.replace("\\", "\\\\").replace('"', '\\"') + '"'
        phrase = display.encode()
    else:
        phrase = b"\r\n ".join(_encoded_words(display, behind=len(name) + 2))
    glue = b" " if len(phrase) + len(wire) < LINE - len(name) else b"\r\n "
    return f"{name}: ".encode() + phrase + glue + wire


def mailbox(value: str) -> tuple[str, str]:
    """Split `Name <address>` or a bare address into (name, address).

    A clinic's name is taken as it is, commas and brackets included: only the last "<…>" is the address.

    Raises:
        PermanentError: "bad-header".
    """
    value = clean(value).strip()
    if not value.endswith(">"):
        return "", value
    name, _, address = value[:-1].rpartition("<")
    name = name.strip()
    if len(name) > 1 and name[0] == name[-1] == '"':
        name = re.sub(r"\\(.)", r"\1", name[1:-1])
    return " ".join(name.split(" ")), address


def wire_address(address: str) -> str:
    """Return an address as SMTP takes it: the domain in ASCII (IDNA), the local part untouched.

    Raises:
        PermanentError: "bad-address", when it is not one plain address.
    """
    local, _, domain = address.rpartition("@")
    if not _LOCAL_PART.fullmatch(local) or any(unicodedata.category(c) in {"Cc", "Cf", "Cs"} for c in local):
        raise PermanentError("bad-address")
    if not domain.isascii():
        try:
            domain = idna.encode(domain, uts46=True, transitional=False).decode("ascii")
        except idna.IDNAError:
            raise PermanentError("bad-address") from None
    if not _DOMAIN.fullmatch(domain):
        raise PermanentError("bad-address")
    return f"{local}@{domain}"


# --- Body ------------------------------------------------------------------------------------


def _body(outgoing: Outgoing, boundary: str) -> bytes:
    """Return the headers that describe the body, an empty line, and the body.

    A calendar file goes twice. Gmail, Outlook and Apple Mail show buttons only for a `text/calendar` part
    with a method that stands among the *alternatives*; other readers (and people who want to keep it)
    need a file. The file is called `application/ics`, which every calendar opens, because a second
    `text/calendar; method=REQUEST` makes some of them show the invitation twice.
    """
    calendars = [a for a in outgoing.attachments if a.content_type.startswith("text/calendar")]
    alternatives = [_text_part("plain", outgoing.text)]
    if outgoing.html:
        alternatives.append(_text_part("html", outgoing.html))
    alternatives += [_binary_part(_content_type(each), each.content) for each in calendars[:1]]
    readable = _multipart("alternative", f"{boundary}-a", alternatives)
    if not outgoing.attachments:
        return readable
    files = [
        _file(a, "application/ics" if a in calendars[:1] else _content_type(a)) for a in outgoing.attachments
    ]
    return _multipart("mixed", f"{boundary}-m", [readable, *files])


def _multipart(subtype: str, boundary: str, parts: list[bytes]) -> bytes:
    """Return the parts as one; a single part needs no wrapping."""
    if len(parts) == 1:
        return parts[0]
    line = b"--" + boundary.encode()
    return b"".join(
        (
            f'Content-Type: multipart/{subtype}; boundary="{boundary}"\r\n\r\n'.encode(),
            *(line + b"\r\n" + part for part in parts),
            line + b"--\r\n",
        )
    )


def _text_part(subtype: str, text: str) -> bytes:
    """Return a text part: as it is where seven bits carry it, else quoted-printable or base64."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    if not text.endswith("\n"):
        text += "\n"
    if _NOT_SEVEN_BIT.search(text) is None and max(map(len, text.split("\n"))) <= MAX_LINE:
        charset, encoding, content = "us-ascii", "7bit", text.replace("\n", "\r\n").encode()
    else:
        raw = text.encode("utf-8", "replace").replace(b"\n", b"\r\n")
        charset = "utf-8"
        # Quoted-printable triples every byte outside ASCII; it pays for Latin scripts only.
        if len(raw) > 1.4 * len(text) + text.count("\n"):
            encoding, content = "base64", _base64(raw)
        else:
            encoding, content = "quoted-printable", binascii.b2a_qp(raw)
    return (
        f'Content-Type: text/{subtype}; charset="{charset}"\r\n'
        f"Content-Transfer-Encoding: {encoding}\r\n\r\n".encode()
        + content
    )


def _binary_part(content_type: str, content: bytes, disposition: str = "") -> bytes:
    """Return a part in base64."""
    return (
        f"Content-Type: {content_type}\r\nContent-Transfer-Encoding: base64\r\n{disposition}\r\n".encode()
        + _base64(content)
    )


def _file(attachment: Attachment, content_type: str) -> bytes:
    """Return an attachment with its name."""
    name = re.sub(r'[\\"/]', "_", clean(attachment.name))[:100]
    if name.isascii():
        old, new = f'"{name}"', f'filename="{name}"'
    else:
        # The standard's spelling (RFC 2231), and the one that older readers know instead.
        words = b"\r\n ".join(_encoded_words(name, behind=7)).decode()
        old, new = f'"{words}"', f"filename*=utf-8''{_percent(name)}"
    disposition = f"Content-Disposition: attachment;\r\n {new}\r\n"
    return _binary_part(f"{content_type};\r\n name={old}", attachment.content, disposition)


def _content_type(attachment: Attachment) -> str:
    """Return a file's content type, checked, with a charset where a text has none."""
    content_type = clean(attachment.content_type)
    if not _CONTENT_TYPE.fullmatch(content_type):
        raise PermanentError("bad-header")
    if content_type.startswith("text/") and "charset=" not in content_type:
        content_type += "; charset=utf-8"
    return content_type


def _percent(name: str) -> str:
    """Return a file name as RFC 5987 writes it."""
    return "".join(chr(b) if chr(b).isalnum() and b < 128 else f"%{b:02X}" for b in name.encode())


def _base64(content: bytes) -> bytes:
    """Return base64 in lines of 76."""
    pieces = (content[i : i + 57] for i in range(0, len(content), 57))
    return b"".join(binascii.b2a_base64(piece, newline=False) + b"\r\n" for piece in pieces)
