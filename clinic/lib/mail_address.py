"""E-mail addresses: what was written, checked and brought to the one form that is kept (P13)."""

import unicodedata

import idna
from django.core.exceptions import ValidationError
from django.core.validators import EmailValidator

MAX_LENGTH = 254  # of the form that goes over the wire (RFC 5321: a path of 256 with its brackets)
MAX_LOCAL_LENGTH = 64

# No "localhost": it is nobody's address.
_is_address = EmailValidator(allowlist=[])
# Copied addresses carry these at their ends, where nobody sees them.
_INVISIBLE = "\u200b\u200c\u200d\u2060\ufeff"


class BadAddress(ValueError):
    """What was written cannot be an e-mail address; `reason` is short and holds nothing of it."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def normalise(raw: str) -> str:
    """Return the address that `raw` writes, in the form that is kept (P13).

    The domain is lower-cased and, where it is international, in its readable letters: "żółw.pl" and
    "xn--w-uga1v8h.pl" are one domain and must be found as one. The local part is the receiver's business
    and stays as written.

    Args:
        raw: as written; spaces around it are dropped.

    Raises:
        BadAddress: "empty", "control" (line breaks and other control characters), "long", "form".
    """
    text = unicodedata.normalize("NFC", raw).strip().strip(_INVISIBLE).strip()
    if not text:
        raise BadAddress("empty")
    if any(unicodedata.category(c) in {"Cc", "Cs", "Zl", "Zp"} for c in text):
        raise BadAddress("control")
    local, at, domain = text.rpartition("@")
    # Quoted local parts and numeric hosts are legal on paper; no patient has one.
    if not at or '"' in local or "[" in domain:
        raise BadAddress("form")
    try:
        wire, readable = domain_forms(domain)
    except ValueError:
        raise BadAddress("form") from None
    if len(f"{local}@{wire}") > MAX_LENGTH or len(local) > MAX_LOCAL_LENGTH:
        raise BadAddress("long")
    try:
        _is_address(f"{local}@{wire}")
    except ValidationError:
        raise BadAddress("form") from None
    return f"{local}@{readable}"


def domain_forms(domain: str) -> tuple[str, str]:
    """Return a domain as the wire takes it (ASCII) and as people read it, both lower-cased.

    Args:
        domain: in either form.

    Raises:
        ValueError: an international domain that is none (IDNA 2008).
    """
    if domain.isascii() and "xn--" not in domain.lower():
        return domain.lower(), domain.lower()
    wire = idna.encode(domain, uts46=True, transitional=False).decode("ascii").lower()
    return wire, idna.decode(wire)
