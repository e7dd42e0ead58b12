"""E-mail addresses as staff and files write them (P13)."""

import pytest

from clinic.lib.mail_address import BadAddress, domain_forms, normalise


@pytest.mark.parametrize(
    ("raw", "address"),
    [
        ("jan@example.org", "jan@example.org"),
        (" Jan.Kowalski+x@EXAMPLE.Org\u00a0", "Jan.Kowalski+x@example.org"),
        ("jan@żółw.pl", "jan@żółw.pl"),
        ("jan@ŻÓŁW.PL", "jan@żółw.pl"),
        ("jan@XN--w-uga1v8h.pl", "jan@żółw.pl"),
        ("jan@z\u0307o\u0301łw.pl", "jan@żółw.pl"),
        ("a@faß.de", "a@faß.de"),
        ("\ufeffjan@example.org\u200b", "jan@example.org"),
        ("jan@example.org\r\n", "jan@example.org"),
        ("x" * 64 + "@example.org", "x" * 64 + "@example.org"),
    ],
)
def test_normalise_accepts(raw: str, address: str) -> None:
    assert normalise(raw) == address
    assert normalise(address) == address


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        ("", "empty"),
        ("  ", "empty"),
        ("not-an-address", "form"),
        ("a@b", "form"),
        ("a b@example.org", "form"),
        ("a@b@example.org", "form"),
        ("jörg@example.org", "form"),
        ("a@-example.org", "form"),
        ("a@example..org", "form"),
        ("a@☃-.example", "form"),
        ("Jan <jan@example.org>", "form"),
        ("a@x.org,b@x.org", "form"),
        ("a@localhost", "form"),
        ("a@[127.0.0.1]", "form"),
        ('"a"@example.org', "form"),
        ("a@example.org\nBcc: b@example.org", "control"),
        ("a\r@example.org", "control"),
        ("a\x00b@example.org", "control"),
        ("a@exam\u2028ple.org", "control"),
        ("x" * 65 + "@example.org", "long"),
        ("a@" + ".".join(["b" * 60] * 4) + ".example.org", "long"),
    ],
)
def test_normalise_refuses(raw: str, reason: str) -> None:
    with pytest.raises(BadAddress) as caught:
        normalise(raw)
    assert caught.value.reason == reason


def test_the_length_that_counts_is_the_one_on_the_wire() -> None:
    # 200 characters to read, more than 254 to send.
    with pytest.raises(BadAddress) as caught:
        normalise("a@" + ".".join(["ąęłżźćńśó"] * 20) + ".pl")
    assert caught.value.reason in {"long", "form"}


def test_domain_forms() -> None:
    assert domain_forms("Example.ORG") == ("example.org", "example.org")
    assert domain_forms("żółw.pl") == ("xn--w-uga1v8h.pl", "żółw.pl")
    with pytest.raises(ValueError, match=r"(?i)label"):
        domain_forms("a..ż")
