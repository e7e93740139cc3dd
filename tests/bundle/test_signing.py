"""A signature says who, once the key is known; without one the bundle says that it has none."""

from __future__ import annotations

import base64
import json
import subprocess
from pathlib import Path

import pytest
from click.testing import CliRunner

from pytest_cereval.bundle import layout
from pytest_cereval.bundle.check import ExitCode, Outcome
from pytest_cereval.bundle.signing import Signer, read_public_key
from pytest_cereval.bundle.verify import verify
from pytest_cereval.bundle.write import write_bundle
from pytest_cereval.cli import main
from pytest_cereval.errors import BundleError
from pytest_cereval.results.store import Store
from pytest_cereval.results.verdict import Verdict
from tests.bundle.conftest import RUN, attempt_at

pytest.importorskip("cryptography")


def keys(folder: Path, name: str) -> tuple[Path, Path]:
    """An Ed25519 key pair as OpenSSL writes it."""
    from cryptography.hazmat.primitives import serialization as known
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    key = Ed25519PrivateKey.generate()
    private, public = folder / f"{name}.pem", folder / f"{name}.pub"
    private.write_bytes(
        key.private_bytes(known.Encoding.PEM, known.PrivateFormat.PKCS8, known.NoEncryption()),
    )
    public.write_bytes(
        key.public_key().public_bytes(known.Encoding.PEM, known.PublicFormat.SubjectPublicKeyInfo),
    )
    return private, public


@pytest.fixture
def pair(tmp_path: Path) -> tuple[Path, Path]:
    return keys(tmp_path, "evaluator")


@pytest.fixture
def signed(store_file: Path, tmp_path: Path, pair: tuple[Path, Path]) -> Path:
    with Store.open(store_file) as store:
        return write_bundle(tmp_path / "signed", store, RUN, signer=Signer.from_file(pair[0])).folder


def test_a_signed_bundle_holds_under_its_key(signed: Path, pair: tuple[Path, Path]) -> None:
    result = CliRunner().invoke(main, ["verify", str(signed), f"--key={pair[1]}"])

    assert result.exit_code == 0
    assert "signature: by the given key" in result.output
    assert "leaves nothing to find" not in result.output


def test_the_envelope_is_dsse_and_openssl_can_check_it(signed: Path, pair: tuple[Path, Path], tmp_path: Path) -> None:
    envelope = json.loads((signed / layout.ENVELOPE).read_text())
    payload = base64.b64decode(envelope["payload"])
    kind = envelope["payloadType"]
    message, signature = tmp_path / "message", tmp_path / "signature"
    message.write_bytes(f"DSSEv1 {len(kind)} {kind} {len(payload)} ".encode() + payload)
    signature.write_bytes(base64.b64decode(envelope["signatures"][0]["sig"]))

    done = subprocess.run(
        [
            *("openssl", "pkeyutl", "-verify", "-pubin", "-inkey", pair[1], "-rawin"),
            *("-in", message, "-sigfile", signature),
        ],
        capture_output=True,
        text=True,
        check=False,
    )

    assert payload == (signed / layout.MANIFEST).read_bytes()
    assert kind == "application/vnd.in-toto+json"
    assert "Signature Verified Successfully" in done.stdout


def test_without_the_key_the_signature_is_whole_but_its_owner_unknown(signed: Path) -> None:
    (check,) = [each for each in verify(signed).checks if each.name == "signature"]

    assert check.outcome is Outcome.HOLDS
    assert "whose that is, only --key=PUB tells" in check.about


def test_a_rewrite_signed_by_another_is_found(
    store_file: Path, signed: Path, pair: tuple[Path, Path], tmp_path: Path
) -> None:
    stranger, _ = keys(tmp_path, "stranger")
    with Store.open(store_file) as store:
        store.save_attempt(attempt_at(1, Verdict.PASS))
        forged = write_bundle(tmp_path / "forged", store, RUN, signer=Signer.from_file(stranger)).folder

    checks = verify(forged, read_public_key(pair[1])).checks

    assert ExitCode.of(verify(forged).checks) is ExitCode.HOLDS
    assert ExitCode.of(checks) is ExitCode.BROKEN
    assert [each.findings[0][:22] for each in checks if each.findings] == ["signed by another key,"]


def test_a_signature_taken_away_is_found(signed: Path, bundle: Path, pair: tuple[Path, Path]) -> None:
    (signed / layout.ENVELOPE).unlink()
    public = read_public_key(pair[1])

    assert ExitCode.of(verify(signed).checks) is ExitCode.BROKEN
    assert [each.findings for each in verify(bundle, public).checks if each.findings] == [
        ("the bundle is unsigned, and a key was given",)
    ]


def test_each_byte_of_the_envelope_counts(signed: Path) -> None:
    file = signed / layout.ENVELOPE
    whole = file.read_bytes()

    for place in (*range(0, len(whole), 499), *range(len(whole) - 130, len(whole))):
        file.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        assert ExitCode.of(verify(signed).checks) is ExitCode.BROKEN, place


def test_the_slack_of_base64_is_no_room_to_change(signed: Path) -> None:
    file = signed / layout.ENVELOPE
    text = file.read_text()
    end = text.index('=="', text.index('"sig":'))
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    other = alphabet[alphabet.index(text[end - 1]) ^ 1]
    file.write_text(f"{text[: end - 1]}{other}{text[end:]}")

    assert [each.findings for each in verify(signed).checks if each.findings] == [
        ("manifest.dsse.json: it is not written as its signer wrote it",)
    ]


def test_keys_of_openssh_work_too(store_file: Path, tmp_path: Path) -> None:
    from cryptography.hazmat.primitives import serialization as known
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    key = Ed25519PrivateKey.generate()
    private, public = tmp_path / "id", tmp_path / "id.pub"
    private.write_bytes(key.private_bytes(known.Encoding.PEM, known.PrivateFormat.OpenSSH, known.NoEncryption()))
    public.write_bytes(key.public_key().public_bytes(known.Encoding.OpenSSH, known.PublicFormat.OpenSSH))

    with Store.open(store_file) as store:
        folder = write_bundle(tmp_path / "out", store, RUN, signer=Signer.from_file(private)).folder

    assert ExitCode.of(verify(folder, read_public_key(public)).checks) is ExitCode.HOLDS


def test_other_keys_are_refused_with_the_next_step(tmp_path: Path, pair: tuple[Path, Path]) -> None:
    from cryptography.hazmat.primitives import serialization as known
    from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key

    other = tmp_path / "ec.pem"
    other.write_bytes(
        generate_private_key(SECP256R1()).private_bytes(
            known.Encoding.PEM, known.PrivateFormat.PKCS8, known.NoEncryption()
        )
    )

    with pytest.raises(BundleError, match="holds no Ed25519 private key\n  → make one with `openssl genpkey"):
        Signer.from_file(other)
    with pytest.raises(BundleError, match="no key that can be read without a passphrase"):
        Signer.from_file(pair[1])
    with pytest.raises(BundleError, match="cannot read the key"):
        read_public_key(tmp_path / "none")


def test_no_private_key_is_in_a_bundle(signed: Path, pair: tuple[Path, Path]) -> None:
    secret = pair[0].read_text().splitlines()[1].encode()

    assert not any(secret in path.read_bytes() for path in signed.rglob("*") if path.is_file())
