"""Puts the report of a run into a bundle: the pages that were written for it, or pages of the bundle's own."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections import Counter
from pathlib import Path

from pytest_cereval.bundle.canonical import part
from pytest_cereval.bundle.contents import Contents
from pytest_cereval.errors import BundleError
from pytest_cereval.report.cases import cases_folder, write_case_pages
from pytest_cereval.report.terminal import RunInfo

# What pytest-html writes beside a page that is not self-contained; other files of that folder may be anybody's.
_STYLE = Path("assets") / "style.css"


def put_report(target: Path, contents: Contents, report: Path | None) -> None:
    """Copy a report with its pages into the folder `target`, or write pages there if there is none.

    Raises `BundleError` if the report cannot be read, `StoreError` if pages cannot be written.
    """
    if report is None:
        write_case_pages(target, contents.attempts, contents.tasks, contents.run, info=_info(contents))
        return
    if report.is_symlink() or not report.is_file():
        raise BundleError(f"no report at {report}", next_step="name the HTML file of a report, or leave it out")
    pages = cases_folder(report)
    copied = [report, *(sorted(pages.iterdir()) if pages.is_dir() else ()), report.parent / _STYLE]
    for file in copied:
        if file.is_file() and not file.is_symlink():
            place = target / file.relative_to(report.parent)
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, place)


def _info(contents: Contents) -> RunInfo:
    known = contents.run.provenance
    revision, model = part(known, "repository"), part(known, "model")
    reasons = Counter(str(each.get("reason")) for each in contents.ledger if not each.get("category"))
    return RunInfo(
        repository=f"{revision.get('name', '')}@{str(revision.get('commit', ''))[:10]}" if revision else "",
        model=str(model.get("file") or ""),
        run_id=contents.run.run_id,
        tasks=len(contents.tasks),
        ledger=dict(reasons.most_common()),
        provenance_sha256=hashlib.sha256(json.dumps(known, sort_keys=True).encode()).hexdigest(),
    )
