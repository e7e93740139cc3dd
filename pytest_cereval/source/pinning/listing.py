"""Turns an index's page of a project into its releases: versions, source distributions, digests and upload dates.

Pages are read as JSON (PEP 691, `upload-time` of PEP 700) or HTML (PEP 503, `data-upload-time` where it is given).
"""

from __future__ import annotations

import html.parser
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import PurePosixPath
from urllib.parse import unquote, urldefrag, urljoin, urlsplit

from packaging.utils import (
    InvalidSdistFilename,
    InvalidWheelFilename,
    canonicalize_name,
    parse_sdist_filename,
    parse_wheel_filename,
)
from packaging.version import InvalidVersion, Version

from pytest_cereval.errors import SourceError
from pytest_cereval.source.pinning.transport import Answer, Index, NotOffered

_ACCEPT = "application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html;q=0.2, text/html;q=0.1"
SUFFIXES = (".tar.gz", ".zip", ".tar.bz2", ".tar.xz", ".tgz")
"""Of source distributions, best first."""


@dataclass(frozen=True, slots=True)
class File:
    """A file as the index lists it; `sha256` is empty and `uploaded` None where the index does not say."""

    filename: str
    url: str
    version: Version
    is_sdist: bool
    sha256: str
    uploaded: datetime | None
    yanked: bool


@dataclass(frozen=True, slots=True)
class Release:
    """All that the index has of one version."""

    version: Version
    files: tuple[File, ...]

    @property
    def sdist(self) -> File | None:
        """The source distribution in the most usual format."""
        found = [file for file in self.files if file.is_sdist]
        return min(found, key=lambda file: (_suffix(file.filename), file.filename), default=None)

    @property
    def yanked(self) -> bool:
        """Whether every file was taken back by the project."""
        return all(file.yanked for file in self.files)

    @property
    def published(self) -> datetime | None:
        """When the first file was uploaded, as far as the index says."""
        return min((file.uploaded for file in self.files if file.uploaded is not None), default=None)


def list_releases(index: Index, project: str) -> tuple[Release, ...]:
    """All releases of a project in order of version; raises `SourceError` if the index has no such project."""
    name = canonicalize_name(project)
    try:
        answer = index.get(f"{index.url}{name}/", _ACCEPT)
    except NotOffered as error:
        raise SourceError(
            f"the package index {index.url} has no package {project!r}",
            next_step="check the spelling, or set pip's index-url to the index that has it",
        ) from error
    by_version: dict[Version, list[File]] = {}
    for file in _files(answer, name):
        by_version.setdefault(file.version, []).append(file)
    return tuple(Release(version, tuple(files)) for version, files in sorted(by_version.items()))


def _files(answer: Answer, name: str) -> Iterator[File]:
    try:
        rows = [*(_json_rows if answer.content_type.endswith("json") else _html_rows)(answer)]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise SourceError(
            f"the page {answer.url} is not one of a package index: {error!r:.200}",
            next_step="check which package index pip uses here (pip config list)",
        ) from error
    for row in rows:
        known = _named(row.filename, name)
        if known is not None:
            version, is_sdist = known
            date = _date(row.uploaded)
            yield File(row.filename, row.url, version, is_sdist, row.sha256, date, row.yanked)


@dataclass(frozen=True, slots=True)
class _Row:
    filename: str
    url: str
    sha256: str
    uploaded: str
    yanked: bool


def _json_rows(answer: Answer) -> Iterator[_Row]:
    for file in json.loads(answer.content)["files"]:
        url = urljoin(answer.url, file["url"])
        sha256 = str((file.get("hashes") or {}).get("sha256", ""))
        yanked = file.get("yanked", False)
        yield _Row(str(file["filename"]), url, sha256, str(file.get("upload-time") or ""), yanked is not False)


def _html_rows(answer: Answer) -> Iterator[_Row]:
    page = _Page()
    page.feed(answer.content.decode("utf-8", "replace"))
    base = urljoin(answer.url, page.base)
    for link in page.links:
        url, fragment = urldefrag(urljoin(base, link["href"] or ""))
        algorithm, _, digest = fragment.partition("=")
        filename = unquote(PurePosixPath(urlsplit(url).path).name)
        sha256 = digest.partition("&")[0] if algorithm == "sha256" else ""
        yield _Row(filename, url, sha256, link.get("data-upload-time") or "", "data-yanked" in link)


class _Page(html.parser.HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.links: list[dict[str, str | None]] = []
        self.base = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        if tag == "a" and found.get("href"):
            self.links.append(found)
        elif tag == "base":
            self.base = found.get("href") or ""


def _named(filename: str, name: str) -> tuple[Version, bool] | None:
    """Version, and whether it is a source distribution; None for what is no file of this project's releases."""
    try:
        if filename.endswith(".whl"):
            project, version, *_ = parse_wheel_filename(filename)
            return (version, False) if project == name else None
        stem = next((filename.removesuffix(suffix) for suffix in SUFFIXES if filename.endswith(suffix)), None)
        if stem is None:
            return None
        project, version = parse_sdist_filename(f"{stem}.tar.gz")
        return (version, True) if project == name else None
    except (InvalidWheelFilename, InvalidSdistFilename, InvalidVersion):
        return None


def _suffix(filename: str) -> int:
    return next(number for number, suffix in enumerate(SUFFIXES) if filename.endswith(suffix))


def _date(text: str) -> datetime | None:
    """In UTC, to the second, which is what a commit can hold."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    aware = found if found.tzinfo else found.replace(tzinfo=UTC)
    return aware.astimezone(UTC).replace(microsecond=0)
