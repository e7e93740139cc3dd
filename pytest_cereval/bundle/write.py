"""Turns one run of a store into its bundle: a folder written whole beside its place and then moved there.

The same run with the same report gives the same bytes, and therefore the same digest of the manifest.
"""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from pytest_cereval.bundle import layout
from pytest_cereval.bundle.canonical import canonical, sha256
from pytest_cereval.bundle.contents import Contents
from pytest_cereval.bundle.folder import scan
from pytest_cereval.bundle.pages import put_report
from pytest_cereval.bundle.signing import Signer, declared
from pytest_cereval.bundle.statement import statement
from pytest_cereval.errors import BundleError
from pytest_cereval.results.copying import copy_run
from pytest_cereval.results.store import Store

RUN_PLACE = "{run}"
"""What stands for the run's id in the name of a folder."""


@dataclass(frozen=True, slots=True)
class Written:
    """A bundle that was written. `manifest_sha256` identifies all of it; `keyid` is empty where it is unsigned."""

    folder: Path
    files: int
    manifest_sha256: str
    keyid: str

    @property
    def sentence(self) -> str:
        """For people."""
        signed = f"signed by {self.keyid[:16]}" if self.keyid else "unsigned"
        return f"bundle {self.folder} ({self.files} files, {signed}), manifest sha256 {self.manifest_sha256}"


def check_place(folder: Path) -> None:
    """Raise `BundleError` where a bundle cannot go: a bundle takes no other file's place, nor an older bundle's."""
    if folder.is_symlink() or (folder.exists() and (not folder.is_dir() or any(folder.iterdir()))):
        raise BundleError(
            f"{folder} exists and is not an empty folder",
            next_step=f"name another one, remove it, or put {RUN_PLACE} into the name for a folder per run",
        )


def write_bundle(
    folder: Path, store: Store, run_id: str, *, report: Path | None = None, signer: Signer | None = None
) -> Written:
    """Write the bundle of a run; `{run}` in the folder's name stands for its id. report: an HTML file with its pages.

    Raises `BundleError` or `StoreError` if that cannot be done; then nothing is left behind.
    """
    folder = Path(str(folder).replace(RUN_PLACE, run_id)).absolute()
    check_place(folder)
    contents = Contents.of_run(store, run_id)
    files = contents.files()
    staging = folder.with_name(f".{folder.name}.{os.getpid()}.part")
    try:
        staging.mkdir(parents=True)
        for name, data in files.items():
            place = staging / name
            place.parent.mkdir(exist_ok=True)
            place.write_bytes(data)
        copy_run(store.path, run_id, staging / layout.STORE)
        put_report(staging / layout.REPORT, contents, report)
        written = _seal(staging, contents, signer)
        staging.rename(folder)
    except OSError as error:
        raise BundleError(
            f"the bundle {folder} cannot be written: {error.strerror or error}",
            next_step="free space or name another folder; the run itself is in the store",
        ) from error
    finally:
        shutil.rmtree(staging, ignore_errors=True)
    return Written(folder, *written)


def _seal(staging: Path, contents: Contents, signer: Signer | None) -> tuple[int, str, str]:
    """Write the manifest over what lies there now, and the signature over the manifest."""
    digests = scan(staging).digests
    said = declared(signer.public) if signer else {}
    manifest = canonical(statement(contents, digests, said))
    (staging / layout.MANIFEST).write_bytes(manifest)
    if signer is not None:
        (staging / layout.ENVELOPE).write_bytes(signer.envelope(manifest))
    return len(digests) + 1 + bool(signer), sha256(manifest), str(said.get("keyid", ""))
