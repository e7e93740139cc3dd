"""Turns a manifest and an Ed25519 key into a DSSE envelope, and checks one; without a key nothing here is needed.

The envelope is https://github.com/secure-systems-lab/dsse, version 1: what is signed is the type and the payload, each
with its length. The manifest names the public key, so that an envelope can be checked for damage without any key; that
the key is the right one is known only to who brings it.
"""

from __future__ import annotations

import base64
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pytest_cereval.bundle.canonical import canonical, read_canonical, sha256
from pytest_cereval.errors import BundleError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

PAYLOAD_TYPE = "application/vnd.in-toto+json"
SCHEME = "DSSE v1, Ed25519"
_MAX_KEY_BYTES = 1 << 16
_ANOTHER = "make one with `openssl genpkey -algorithm ed25519`, without a passphrase"


@dataclass(frozen=True, slots=True)
class Signer:
    """A private key, ready to sign."""

    key: Ed25519PrivateKey

    @classmethod
    def from_file(cls, file: Path) -> Signer:
        """Read a PEM or OpenSSH private key; raises `BundleError` for anything but Ed25519 without a passphrase."""
        require()
        from cryptography.hazmat.primitives import serialization as known
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

        key = _read(file, lambda data: known.load_pem_private_key(data, None), lambda data: _ssh_private(data))
        if not isinstance(key, Ed25519PrivateKey):
            raise BundleError(f"{file} holds no Ed25519 private key", next_step=_ANOTHER)
        return cls(key)

    @property
    def public(self) -> bytes:
        """The public half, 32 bytes."""
        return self.key.public_key().public_bytes_raw()

    def envelope(self, payload: bytes) -> bytes:
        """The envelope of a manifest, as a file's content."""
        return _envelope(payload, self.public, self.key.sign(_signed(payload)))


def declared(public: bytes) -> dict[str, Any]:
    """What a manifest says of its signature."""
    statement = "the envelope beside this manifest is signed; check that the key is the evaluator's"
    return {"scheme": SCHEME, "public_key": public.hex(), "keyid": sha256(public), "statement": statement}


def read_public_key(file: Path) -> bytes:
    """The 32 bytes of a PEM or OpenSSH public key; raises `BundleError` for anything else."""
    require()
    from cryptography.hazmat.primitives import serialization as known
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    key = _read(file, known.load_pem_public_key, known.load_ssh_public_key)
    if not isinstance(key, Ed25519PublicKey):
        raise BundleError(f"{file} holds no Ed25519 public key", next_step="give the public half, --key=PUB")
    return key.public_bytes_raw()


def check_envelope(data: bytes, manifest: bytes, public: bytes) -> str:
    """What is wrong with an envelope of this manifest under this key, in words; empty where nothing is."""
    require()
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    try:
        told = read_canonical(data, "the envelope")
        signature = base64.b64decode(told["signatures"][0]["sig"], validate=True)
        payload = base64.b64decode(told["payload"], validate=True)
    except (BundleError, ValueError, TypeError, KeyError, IndexError) as error:
        return f"it is not an envelope: {error}"
    if payload != manifest:
        return "its payload is not the manifest"
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, _signed(payload))
    except (InvalidSignature, ValueError):
        return "the signature is not of this manifest under this key"
    # Base64 and JSON can be written in more ways than one; only the one that we write is whole.
    return "" if _envelope(payload, public, signature) == data else "it is not written as its signer wrote it"


def _envelope(payload: bytes, public: bytes, signature: bytes) -> bytes:
    signatures = [{"keyid": sha256(public), "sig": base64.b64encode(signature).decode()}]
    body = base64.b64encode(payload).decode()
    return canonical({"payload": body, "payloadType": PAYLOAD_TYPE, "signatures": signatures})


def _signed(payload: bytes) -> bytes:
    kind = PAYLOAD_TYPE.encode()
    return b"DSSEv1 %d %s %d %s" % (len(kind), kind, len(payload), payload)


def _ssh_private(data: bytes) -> Any:
    from cryptography.hazmat.primitives.serialization import load_ssh_private_key

    return load_ssh_private_key(data, None)


def _read(file: Path, *ways: Callable[[bytes], Any]) -> Any:
    from cryptography.exceptions import UnsupportedAlgorithm

    try:
        with file.open("rb") as opened:
            data = opened.read(_MAX_KEY_BYTES)
    except OSError as error:
        raise BundleError(f"cannot read the key {file}: {error.strerror}", next_step="name a key file") from error
    for way in ways:
        try:
            return way(data)
        except (ValueError, TypeError, UnsupportedAlgorithm):
            continue
    raise BundleError(f"{file} holds no key that can be read without a passphrase", next_step=_ANOTHER)


def require() -> None:
    """Raise `BundleError` where signatures cannot be made or checked."""
    try:
        import cryptography  # noqa: F401
    except ImportError as error:
        raise BundleError(
            "signatures need the package cryptography", next_step="pip install 'pytest-cereval[sign]'"
        ) from error
