"""What a push service asks for: a body that only the browser can read (RFC 8291), signed by us (RFC 8292)."""

import base64
import json
import secrets
import struct
from urllib.parse import urlsplit

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

_RECORD = 4096  # bytes; every body is one record
LONGEST_TEXT = _RECORD - 86 - 16 - 1  # bytes: header, tag and delimiter have their share
_POINT = 65  # bytes of an uncompressed point on P-256
_AUTH = 16  # bytes of a browser's secret


def b64(raw: bytes) -> str:
    """Return bytes in base64url without padding."""
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def unb64(text: str) -> bytes:
    """Return what base64url, with or without padding, says.

    Raises:
        ValueError: it holds anything else.
    """
    return base64.b64decode(
        text.rstrip("=") + "=" * (-len(text.rstrip("=")) % 4), altchars=b"-_", validate=True
    )


def browser_keys(p256dh: str, auth: str) -> tuple[ec.EllipticCurvePublicKey, bytes]:
    """Return a subscription's public key and secret (A102).

    Raises:
        ValueError: wrong alphabet or length, or no point on the curve.
    """
    point, secret = unb64(p256dh), unb64(auth)
    if len(point) != _POINT or len(secret) != _AUTH:
        raise ValueError("A browser's key has 65 bytes, its secret 16.")
    return ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), point), secret


def encrypt(
    text: bytes,
    p256dh: str,
    auth: str,
    *,
    salt: bytes | None = None,
    ours: ec.EllipticCurvePrivateKey | None = None,
) -> bytes:
    """Return a body in `aes128gcm` that only the subscription's browser can read (RFC 8291).

    Args:
        text: at most LONGEST_TEXT bytes.
        p256dh: the browser's public key, base64url.
        auth: its secret, base64url.
        salt: 16 bytes, and
        ours: a key pair; both new for each body, unless a test vector names them.

    Raises:
        ValueError: the text is too long, or the keys are no keys.
    """
    if len(text) > LONGEST_TEXT:
        raise ValueError("The text does not fit into one record.")
    theirs, secret = browser_keys(p256dh, auth)
    salt = salt or secrets.token_bytes(16)
    ours = ours or ec.generate_private_key(ec.SECP256R1())
    their_point, our_point = _point(theirs), _point(ours.public_key())
    shared = ours.exchange(ec.ECDH(), theirs)
    seed = _derive(shared, secret, b"WebPush: info\0" + their_point + our_point, 32)
    key = _derive(seed, salt, b"Content-Encoding: aes128gcm\0", 16)
    nonce = _derive(seed, salt, b"Content-Encoding: nonce\0", 12)
    header = salt + struct.pack("!LB", _RECORD, len(our_point)) + our_point
    return header + AESGCM(key).encrypt(nonce, text + b"\x02", None)


def vapid_header(endpoint: str, key: ec.EllipticCurvePrivateKey, *, contact: str, expires: int) -> str:
    """Return the Authorization header that says who pushes (RFC 8292).

    Args:
        endpoint: of the subscription; the signature is good for its origin only.
        key: the installation's, on P-256.
        contact: `mailto:` or `https:` address of whoever runs the installation.
        expires: seconds since 1970; push services take a day ahead at most.
    """
    parts = urlsplit(endpoint)
    claims = {"aud": f"{parts.scheme}://{parts.netloc}", "exp": expires, "sub": contact}
    head = b64(b'{"typ":"JWT","alg":"ES256"}')
    signed = f"{head}.{b64(json.dumps(claims, separators=(',', ':')).encode())}"
    r, s = decode_dss_signature(key.sign(signed.encode(), ec.ECDSA(hashes.SHA256())))
    signature = b64(r.to_bytes(32, "big") + s.to_bytes(32, "big"))
    return f"vapid t={signed}.{signature}, k={b64(_point(key.public_key()))}"


def _point(key: ec.EllipticCurvePublicKey) -> bytes:
    return key.public_bytes(serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint)


def _derive(secret: bytes, salt: bytes, info: bytes, length: int) -> bytes:
    return HKDF(algorithm=hashes.SHA256(), length=length, salt=salt, info=info).derive(secret)
