"""The body and the signature of a push, against the published example and a browser's own reading (P12)."""

import json
import re

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from messaging.backends.push_crypto import LONGEST_TEXT, b64, browser_keys, encrypt, unb64, vapid_header

# RFC 8291, section 5 and appendix A.
TEXT = b"When I grow up, I want to be a watermelon"
P256DH = "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4"
AUTH = "BTBZMqHH6r4Tts7J_aSIgg"
SALT = "DGv6ra1nlYgDCS1FRnbzlw"
OURS = "yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw"
BODY = (
    "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6Tlz"
    "AC8wEqKK6PBru3jl7A_yl95bQpu6cVPTpK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN"
)


def _key(private: str) -> ec.EllipticCurvePrivateKey:
    return ec.derive_private_key(int.from_bytes(unb64(private), "big"), ec.SECP256R1())


def test_the_published_example_comes_out_byte_for_byte() -> None:
    assert b64(encrypt(TEXT, P256DH, AUTH, salt=unb64(SALT), ours=_key(OURS))) == BODY


def test_two_bodies_of_one_text_have_neither_salt_nor_key_in_common() -> None:
    first, second = encrypt(TEXT, P256DH, AUTH), encrypt(TEXT, P256DH, AUTH)
    assert first[:16] != second[:16]
    assert first[21:86] != second[21:86]


def test_the_longest_text_fills_one_record_and_one_byte_more_is_refused() -> None:
    assert len(encrypt(b"x" * LONGEST_TEXT, P256DH, AUTH)) == 4096
    with pytest.raises(ValueError, match="one record"):
        encrypt(b"x" * (LONGEST_TEXT + 1), P256DH, AUTH)


@pytest.mark.parametrize(
    ("p256dh", "auth"),
    [
        ("", AUTH),
        (P256DH, ""),
        (P256DH[:-4], AUTH),
        (P256DH, AUTH + "AAAA"),
        (P256DH, "BTBZMqHH6r4Tts7J\0aSIgg"),
        (P256DH, "ąTBZMqHH6r4Tts7J_aSIg"),
        (b64(b"\x04" + b"\x01" * 64), AUTH),  # not on the curve
        (b64(b"\x02" + b"\x01" * 64), AUTH),
        ("A" * 100_000, AUTH),
    ],
)
def test_what_is_no_key_is_refused_a102(p256dh: str, auth: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - the type is the promise
        browser_keys(p256dh, auth)


def test_the_signature_is_good_for_the_origin_alone_and_verifies() -> None:
    key = _key(OURS)
    header = vapid_header(
        "https://fcm.googleapis.com/fcm/send/abc",
        key,
        contact="mailto:it@clinic.example",
        expires=1_800_000_000,
    )
    found = re.fullmatch(r"vapid t=([\w-]+)\.([\w-]+)\.([\w-]+), k=([\w-]+)", header)
    assert found is not None
    head, claims, signature, public = found.groups()
    assert json.loads(unb64(head)) == {"typ": "JWT", "alg": "ES256"}
    assert json.loads(unb64(claims)) == {
        "aud": "https://fcm.googleapis.com",
        "exp": 1_800_000_000,
        "sub": "mailto:it@clinic.example",
    }
    raw = unb64(signature)
    der = encode_dss_signature(int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:], "big"))
    theirs = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), unb64(public))
    theirs.verify(der, f"{head}.{claims}".encode(), ec.ECDSA(hashes.SHA256()))
    with pytest.raises(InvalidSignature):
        theirs.verify(der, f"{head}.{claims}x".encode(), ec.ECDSA(hashes.SHA256()))
