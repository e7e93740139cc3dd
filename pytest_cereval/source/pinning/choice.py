"""Turns requirements and what an index has into the releases to pin, in the order in which they were uploaded."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from pytest_cereval.errors import SourceError
from pytest_cereval.source.pinning.listing import File, Release

_EXAMPLE = "write NAME==VERSION, or a range such as 'NAME>=1,<2'"


@dataclass(frozen=True, slots=True)
class Chosen:
    """A release to pin; `left_out`: how many others the index has between it and the pinned one before it."""

    sdist: File
    uploaded: datetime
    left_out: int


def choose(
    requirements: Sequence[str], releases_of: Callable[[str], Sequence[Release]]
) -> tuple[str, tuple[Chosen, ...], tuple[str, ...]]:
    """The package's normalised name, what to pin in order of upload, and matching versions without source.

    A version that is named by `==` must be there with a source distribution. In a range, what has none is left out,
    and so is what was yanked; pre-releases are taken where the range itself names one, as pip does.
    """
    parsed = [_parse(text) for text in requirements]
    names = sorted({canonicalize_name(requirement.name) for requirement in parsed})
    if len(names) != 1:
        said = ", ".join(names) or "none"
        raise SourceError(f"one repository holds one package, not {len(names)} ({said})", next_step=_EXAMPLE)
    releases = releases_of(names[0])
    wanted: dict[Version, Release] = {}
    for requirement in parsed:
        wanted |= {release.version: release for release in _matching(requirement, releases)}
    without = [release for release in wanted.values() if release.sdist is None]
    for release in without:
        if _named(parsed, release.version):
            raise SourceError(
                f"{names[0]} {release.version} has no source distribution",
                next_step="pin a version that has one, or evaluate a git repository of the project",
            )
    if len(without) == len(wanted):
        raise SourceError(
            f"no release of {names[0]} that matches has a source distribution",
            next_step="evaluate a git repository of the project instead",
        )
    return names[0], _ordered(names[0], wanted, releases), tuple(str(release.version) for release in without)


def _parse(text: str) -> Requirement:
    try:
        found = Requirement(text)
    except InvalidRequirement as error:
        raise SourceError(f"not a package and versions: {text!r}", next_step=_EXAMPLE) from error
    if found.extras or found.marker or found.url:
        raise SourceError(f"more than a package and versions: {text!r}", next_step=_EXAMPLE)
    return found


def _matching(requirement: Requirement, releases: Sequence[Release]) -> list[Release]:
    named = any(_exact(clause.operator, clause.version) for clause in requirement.specifier)
    allowed = [release for release in releases if named or not release.yanked]
    versions = set(requirement.specifier.filter([release.version for release in allowed]))
    found = [release for release in allowed if release.version in versions]
    if not found:
        newest = ", ".join(str(release.version) for release in releases[-8:]) or "no release at all"
        raise SourceError(
            f"the package index has no release that matches {str(requirement)!r}",
            next_step=f"choose among what it has (the newest: {newest})",
        )
    return found


def _exact(operator: str, version: str) -> bool:
    return operator in ("==", "===") and not version.endswith(".*")


def _named(requirements: Sequence[Requirement], version: Version) -> bool:
    clauses = [clause for requirement in requirements for clause in requirement.specifier]
    return any(_exact(clause.operator, clause.version) and clause.contains(version, True) for clause in clauses)


def _ordered(name: str, wanted: dict[Version, Release], releases: Sequence[Release]) -> tuple[Chosen, ...]:
    dated: list[tuple[datetime, Version, File]] = []
    for release in wanted.values():
        if release.sdist is None:
            continue
        if release.sdist.uploaded is None:
            raise SourceError(
                f"the package index does not say when {release.sdist.filename} was uploaded",
                next_step="set pip's index-url to an index that gives upload times (PEP 700)",
            )
        dated.append((release.sdist.uploaded, release.version, release.sdist))
    dated.sort(key=lambda entry: entry[:2])
    pinned = {version for _, version, _ in dated}
    others = [release.published for release in releases if release.version not in pinned]
    chosen = []
    before: datetime | None = None
    for uploaded, _, sdist in dated:
        # One whose date is not known may have come before the first.
        between = [date for date in others if (before is None if date is None else _between(before, date, uploaded))]
        chosen.append(Chosen(sdist, uploaded, len(between)))
        before = uploaded
    return tuple(chosen)


def _between(before: datetime | None, date: datetime, after: datetime) -> bool:
    return date <= after and (before is None or date > before)
