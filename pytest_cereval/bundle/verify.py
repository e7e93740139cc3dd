"""Turns the folder of a bundle into checks of all that can be derived from its files; runs nothing and trusts nothing.

Digests are checked first. Then everything that one file says of another is derived again and compared: the rows against
the store, the statistics and the manifest's own groups against the rows. What stays open is said in `LIMIT`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pytest_cereval.bundle import layout, signing
from pytest_cereval.bundle.analysis import analysis, libraries
from pytest_cereval.bundle.canonical import DIFFERENCES, differences, part, read_canonical, sha256
from pytest_cereval.bundle.check import Check, Outcome, checked, unchecked
from pytest_cereval.bundle.consistency import class_findings, row_findings
from pytest_cereval.bundle.contents import Contents, read_contents
from pytest_cereval.bundle.figures import FIGURES_FORMAT, figures
from pytest_cereval.bundle.folder import Listing, scan
from pytest_cereval.bundle.statement import listed, statement
from pytest_cereval.errors import BundleError, CerevalError, StoreError
from pytest_cereval.results.copying import read_copy
from pytest_cereval.results.provenance import code_sha256

LIMIT = (
    "Without a signature whose key you know, someone who rewrites the rows, the store, the statistics and the manifest"
    " together leaves nothing to find here; compare the manifest's digest with one noted earlier, or use --rescore."
)


@dataclass(frozen=True, slots=True)
class Verified:
    """What was found. contents: the run, None where it cannot be read. manifest_sha256: empty without a manifest."""

    checks: tuple[Check, ...]
    contents: Contents | None
    manifest_sha256: str = ""


def verify(folder: Path, public: bytes | None = None) -> Verified:
    """All checks that need nothing but the bundle and, to know its signer, the 32 bytes of a public key.

    Raises `BundleError` for what is no folder, cannot be read, or holds more than a bundle may.
    """
    listing = scan(folder)
    manifest, opened = _manifest(listing)
    if opened.outcome is not Outcome.HOLDS:
        return Verified((opened,), None, listing.digests.get(layout.MANIFEST, ""))
    checks = [opened, checked("files", f"{len(listing.digests)} files", lambda: _files(listing, manifest))]
    contents: Contents | None = None
    try:
        contents = read_contents(listing.read)
    except CerevalError as error:
        checks.append(Check("records", Outcome.BROKEN, "", (error.what,)))
    else:
        checks += _of_contents(listing, manifest, contents)
    checks.append(_signature(listing, manifest, public))
    return Verified(tuple(checks), contents, listing.digests[layout.MANIFEST])


def _of_contents(listing: Listing, manifest: dict[str, Any], contents: Contents) -> Iterator[Check]:
    rows, tasks = len(contents.attempts), len(contents.tasks)
    yield checked("records", f"{rows} attempts at {tasks} tasks", lambda: row_findings(contents))
    by = contents.bundled_by.get("code_sha256")
    judged_by = contents.run.provenance.get("code_sha256", by)
    about = "each follows from a verdict and its evidence"
    yield checked("classes of failure", about, lambda: class_findings(contents), _doubt(judged_by, "made the run"))
    yield checked("texts", "prompts and answers are those of the attempts", lambda: _texts(listing, contents))
    yield _statistics(listing, contents)
    yield _analysis(listing, contents)
    told = "each group follows from the files"
    doubt = _doubt(by, "wrote the bundle")
    yield checked("record of the run", told, lambda: _groups(listing, manifest, contents), doubt)
    yield _store(listing, contents)


def _doubt(code: Any, did: str) -> str:
    if code == code_sha256():
        return ""
    return f"another version of pytest-cereval {did}, and what differs may be due to that: verify with that version"


def _manifest(listing: Listing) -> tuple[dict[str, Any], Check]:
    name = "manifest"
    try:
        told = read_canonical(listing.read(layout.MANIFEST), layout.MANIFEST)
    except BundleError as error:
        return {}, Check(name, Outcome.BROKEN, "", (error.what,))
    if not isinstance(told, dict) or told.get("_type") != layout.STATEMENT_TYPE:
        return {}, Check(name, Outcome.BROKEN, "", (f"{layout.MANIFEST} is no in-toto Statement v1",))
    kind, number = str(told.get("predicateType"))[:80], part(told, "predicate").get("format")
    if kind != layout.PREDICATE_TYPE or number != layout.FORMAT:
        reason = f"{layout.MANIFEST} is of type {kind!r}, format {str(number)[:20]}"
        # Another version says so in both places; one of them alone was changed.
        if kind != layout.PREDICATE_TYPE and kind == layout.predicate_type(number):
            return told, unchecked(name, [f"{reason}; this version knows {layout.PREDICATE_TYPE!r}"])
        return told, Check(name, Outcome.BROKEN, "", (f"{reason}, which no version writes",))
    return told, Check(name, Outcome.HOLDS, f"sha256 {listing.digests[layout.MANIFEST]}")


def _files(listing: Listing, manifest: dict[str, Any]) -> Iterator[str]:
    """Every file against its digest, both ways."""
    yield from listing.odd
    told = listed(manifest)
    for name, digest in sorted(told.items()):
        if name not in listing.digests:
            yield f"{name} is missing"
        elif listing.digests[name] != digest:
            yield f"{name} was changed: its sha256 is {listing.digests[name]}, the manifest says {digest[:80]}"
    for name in sorted(set(listing.digests) - set(told) - layout.SELF_DESCRIBING):
        yield f"{name} is not listed in the manifest"


def _texts(listing: Listing, contents: Contents) -> Iterator[str]:
    """Every data file as it would be written again; what is derived has checks of its own."""
    made = {name: sha256(data) for name, data in contents.rows().items()}
    for name, digest in made.items():
        if name not in listing.digests:
            yield f"{name} is missing"
        elif listing.digests[name] != digest:
            yield f"{name} holds something else than the attempts say"
    named = {layout.STORE, *layout.DERIVED, *layout.SELF_DESCRIBING, *made}
    for name in sorted(set(listing.digests) - named):
        if not name.startswith(layout.REPORT):
            yield f"{name} belongs to no attempt"


def _statistics(listing: Listing, contents: Contents) -> Check:
    name, about = "statistics", "the same bits again, from the rows"
    try:
        told = read_canonical(listing.read(layout.STATISTICS), layout.STATISTICS)
    except BundleError as error:
        return Check(name, Outcome.BROKEN, "", (error.what,))
    number = told.get("format") if isinstance(told, dict) else None
    if isinstance(number, int) and number != FIGURES_FORMAT:
        return unchecked(name, [f"{layout.STATISTICS} has format {number}, this version derives {FIGURES_FORMAT}"])
    return checked(name, about, lambda: differences(figures(contents.attempts), told, layout.STATISTICS))


def _analysis(listing: Listing, contents: Contents) -> Check:
    name, about = "analysis", "the same bits again, from the rows"
    by = contents.bundled_by
    doubt = _doubt(by.get("code_sha256"), "wrote the bundle")
    if by.get("libraries") != libraries():
        doubt = "other versions of numpy and scipy wrote the bundle, and last digits may be due to that"
    if layout.ANALYSIS not in listing.digests:
        finding = f"{layout.ANALYSIS} is missing"
        return checked(name, about, lambda: [finding], _doubt(by.get("code_sha256"), "wrote the bundle"))

    def compare() -> Iterator[str]:
        told = read_canonical(listing.read(layout.ANALYSIS), layout.ANALYSIS)
        made = analysis(contents.run, contents.attempts, contents.tasks)
        yield from differences(made, told, layout.ANALYSIS)

    return checked(name, about, compare, doubt)


def _groups(listing: Listing, manifest: dict[str, Any], contents: Contents) -> Iterator[str]:
    """The manifest against one made of the files that are there; what the digests say already is not said again."""
    digests = {name: digest for name, digest in listing.digests.items() if name not in layout.SELF_DESCRIBING}
    public = part(manifest, "predicate", "signature").get("public_key")
    said = signing.declared(bytes.fromhex(public)) if isinstance(public, str) else {}
    expected = statement(contents, digests, said)
    yield from differences(expected["predicate"], manifest.get("predicate"), f"{layout.MANIFEST} predicate")
    if set(manifest) != set(expected):
        yield f"{layout.MANIFEST} holds other parts than {', '.join(sorted(expected))}"
    told, known = manifest.get("subject"), expected["subject"]
    if isinstance(told, list) and [_less_digest(each) for each in told] != [_less_digest(each) for each in known]:
        yield f"{layout.MANIFEST} subject: {len(told)} names and roles that are not those of the {len(known)} files"
    elif told != known:
        weights = [pair for pair in zip(known, told or (), strict=False) if pair[0] != pair[1]]
        yield from (
            f"{layout.MANIFEST} subject {one['name']}: another digest than it has" for one, _ in weights[:DIFFERENCES]
        )


def _less_digest(subject: Any) -> Any:
    if not isinstance(subject, dict):
        return subject
    return {name: value for name, value in subject.items() if name != "digest"}


def _store(listing: Listing, contents: Contents) -> Check:
    name, about = "store", "its rows are those of the files"
    try:
        data = listing.read(layout.STORE)
    except BundleError as error:
        return Check(name, Outcome.BROKEN, "", (error.what,))
    try:
        stored = read_copy(data)
    except StoreError as error:
        newer = "newer pytest-cereval" in error.what
        return Check(name, Outcome.UNCHECKED if newer else Outcome.BROKEN, "", (f"{layout.STORE}: {error.what}",))

    def compare() -> Iterator[str]:
        yield from (f"{layout.STORE}: {each}" for each in stored.problems)
        yield from differences(contents.run.to_dict(), stored.run.to_dict(), f"{layout.STORE} run")
        for what, ours, theirs in (
            ("task", contents.tasks, stored.tasks),
            ("ledger entry", contents.ledger, stored.ledger),
            ("attempt", [each.to_dict() for each in contents.attempts], [each.to_dict() for each in stored.attempts]),
        ):
            if len(ours) != len(theirs):
                yield f"{layout.STORE} holds {len(theirs)} of what the files hold {len(ours)} of: {what}"
            for index, (one, other) in enumerate(zip(ours, theirs, strict=False)):
                shown = one.get("task_id") or one.get("id") or index
                yield from differences(one, other, f"{layout.STORE} {what} {shown}")
        answers = {(each.task_id, each.sample): each.completion for each in contents.attempts}
        for kept in stored.completions:
            told = answers.get((kept.task_id, kept.sample))
            if told is not None and told != kept.completion:
                yield f"{layout.STORE} keeps another answer to task {kept.task_id} sample {kept.sample}"

    return checked(name, about, compare)


def _signature(listing: Listing, manifest: dict[str, Any], public: bytes | None) -> Check:
    """Whether the envelope fits the manifest and the key it names, and whether that is the key that was brought."""
    name = "signature"
    said = part(manifest, "predicate", "signature")
    declared, there = said.get("public_key"), layout.ENVELOPE in listing.digests
    if not isinstance(declared, str):
        wrong = [f"{layout.ENVELOPE} is there, but the manifest says that it is unsigned"] if there else []
        wrong += ["the bundle is unsigned, and a key was given"] if public else []
        return Check(name, Outcome.BROKEN if wrong else Outcome.SKIPPED, "unsigned", tuple(wrong))
    if not there:
        return Check(name, Outcome.BROKEN, "", (f"{layout.ENVELOPE} is missing: the signature was taken away",))
    try:
        signing.require()
    except BundleError as error:
        return unchecked(name, [error.what])

    def find() -> Iterator[str]:
        stated = bytes.fromhex(declared)
        wrong = signing.check_envelope(listing.read(layout.ENVELOPE), listing.read(layout.MANIFEST), stated)
        if wrong:
            yield f"{layout.ENVELOPE}: {wrong}"
        if public is not None and public != stated:
            yield f"signed by another key, {sha256(stated)}; the given one is {sha256(public)}"

    shown = str(said.get("keyid"))[:64]
    about = f"by the given key, {shown}" if public else f"whole, by key {shown}; whose that is, only --key=PUB tells"
    return checked(name, about, find)
