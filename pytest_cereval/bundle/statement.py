"""Turns contents and the digests of files into the manifest: an in-toto Statement v1 about every file and the model.

See https://github.com/in-toto/attestation/blob/main/spec/v1/statement.md. A subject that lies in the bundle has the
annotation `in_bundle`; the model's file, which does not, has it false.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pytest_cereval.bundle import layout
from pytest_cereval.bundle.canonical import part
from pytest_cereval.bundle.contents import Contents
from pytest_cereval.bundle.predicate import predicate


def statement(contents: Contents, digests: Mapping[str, str], signature: Mapping[str, Any]) -> dict[str, Any]:
    """The manifest as JSON builtins. digests: SHA-256 of each file of the bundle by name, without the manifest."""
    return {
        "_type": layout.STATEMENT_TYPE,
        "subject": subjects(contents, digests),
        "predicateType": layout.PREDICATE_TYPE,
        "predicate": predicate(contents, digests, signature),
    }


def subjects(contents: Contents, digests: Mapping[str, str]) -> list[dict[str, Any]]:
    """What the statement is about, in order of name: the model's files, then those of the bundle."""
    model = part(contents.run.provenance, "model")
    parts = model.get("parts")
    outside = {str(model.get("file")): model.get("sha256")}
    for each in parts if isinstance(parts, list) else ():
        if isinstance(each, dict):
            outside[str(each.get("file"))] = each.get("sha256")
    weights = [
        _subject(f"model:{name}", digest, "model", in_bundle=False)
        for name, digest in sorted(outside.items())
        if isinstance(digest, str)
    ]
    return weights + [
        _subject(name, digest, layout.role(name), in_bundle=True) for name, digest in sorted(digests.items())
    ]


def listed(manifest: Any) -> dict[str, str]:
    """The files of the bundle that a manifest lists, with their digests; what is no subject is left out."""
    found: dict[str, str] = {}
    entries = manifest.get("subject") if isinstance(manifest, dict) else None
    for each in entries if isinstance(entries, list) else ():
        if isinstance(each, dict) and part(each, "annotations").get("in_bundle") is not False:
            found[str(each.get("name"))] = str(part(each, "digest").get("sha256"))
    return found


def _subject(name: str, digest: str, role: str, *, in_bundle: bool) -> dict[str, Any]:
    return {"name": name, "digest": {"sha256": digest}, "annotations": {"role": role, "in_bundle": in_bundle}}
