"""Releases of a package become commits: chosen as pip would, dated by their upload, unpacked and never built."""

from __future__ import annotations

import base64
import gzip
import hashlib
import http.server
import io
import json
import subprocess
import tarfile
import threading
import zipfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from pytest_cereval.cli import main
from pytest_cereval.errors import SourceError
from pytest_cereval.source.history.read import read_freshness
from pytest_cereval.source.pinning import archive, transport
from pytest_cereval.source.pinning.repository import Pinned, pin
from pytest_cereval.source.pinning.transport import Index, configured_index
from pytest_cereval.source.repository import resolve
from pytest_cereval.source.scan import scan

POISON = "raise SystemExit('setup.py was run')\n"


def tarred(entries: Mapping[str, bytes | tarfile.TarInfo], top: str = "thing-1.0/") -> bytes:
    """A tar.gz of these files, or of these ready-made entries."""
    made = io.BytesIO()
    with gzip.GzipFile(fileobj=made, mode="wb", mtime=0) as packed, tarfile.open(fileobj=packed, mode="w") as tar:
        for name, content in entries.items():
            if isinstance(content, bytes):
                info = tarfile.TarInfo(top + name)
                info.size = len(content)
                info.mode = 0o755 if content.startswith(b"#!") else 0o644
                tar.addfile(info, io.BytesIO(content))
            else:
                tar.addfile(content)
    return made.getvalue()


def sdist(body: str) -> bytes:
    return tarred({"setup.py": POISON.encode(), "thing.py": f"def size(box):\n    {body}\n".encode()})


@dataclass
class Shelf:
    """The files of a package index, and what it says of them; served over HTTP."""

    url: str = ""
    rows: list[dict[str, Any]] = field(default_factory=list)
    contents: dict[str, bytes] = field(default_factory=dict)
    as_html: bool = False
    asked: list[tuple[str, str | None]] = field(default_factory=list)
    failures: int = 0

    def add(self, filename: str, content: bytes, uploaded: str | None, **more: Any) -> None:
        self.contents[filename] = content
        row = {"filename": filename, "url": f"../../files/{filename}"}
        row |= {"hashes": {"sha256": hashlib.sha256(content).hexdigest()}} | more
        self.rows.append(row | ({"upload-time": uploaded} if uploaded else {}))

    @property
    def index(self) -> Index:
        return Index(f"{self.url}/simple/")

    def page(self) -> tuple[str, bytes]:
        if not self.as_html:
            listing = {"meta": {"api-version": "1.1"}, "name": "thing", "files": self.rows}
            return "application/vnd.pypi.simple.v1+json", json.dumps(listing).encode()
        links = []
        for row in self.rows:
            date = f' data-upload-time="{row["upload-time"]}"' if "upload-time" in row else ""
            yanked = " data-yanked" if row.get("yanked") else ""
            digest = row["hashes"]["sha256"]
            links.append(f'<a href="{row["url"]}#sha256={digest}"{date}{yanked}>{row["filename"]}</a><br>')
        return "text/html", f"<!DOCTYPE html><html><body>{''.join(links)}</body></html>".encode()

    def answer(self, path: str) -> tuple[int, str, bytes]:
        if self.failures:
            self.failures -= 1
            return 503, "text/plain", b"later"
        if path == "/simple/thing/":
            return 200, *self.page()
        content = self.contents.get(path.removeprefix("/files/"))
        return (404, "text/plain", b"") if content is None else (200, "application/octet-stream", content)


@pytest.fixture
def shelf() -> Iterator[Shelf]:
    made = Shelf()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            made.asked.append((self.path, self.headers.get("Authorization")))
            status, kind, content = made.answer(self.path)
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: Any) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    made.url = f"http://127.0.0.1:{server.server_port}"
    yield made
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def three(shelf: Shelf) -> Shelf:
    """1.0 and 2.0, and 1.1 that came after 2.0."""
    shelf.add("thing-1.0.tar.gz", sdist("return 1"), "2019-01-01T00:00:00.75Z")
    shelf.add("thing-2.0.tar.gz", sdist("return 2"), "2020-01-01T00:00:00Z")
    shelf.add("thing-1.1.tar.gz", sdist("return 3"), "2021-01-01T00:00:00Z")
    return shelf


def git(path: Path, *arguments: str) -> str:
    return subprocess.run(["git", "-C", str(path), *arguments], capture_output=True, text=True, check=True).stdout


def versions(pinned: Pinned) -> list[str]:
    return [release.version for release in pinned.releases]


def test_each_release_is_a_commit_in_order_of_upload_with_its_date_file_and_digest(
    three: Shelf, tmp_path: Path
) -> None:
    pinned = pin(["Thing>=1"], tmp_path / "out", three.index)

    log = git(pinned.path, "log", "--reverse", "--format=%H %an <%ae> %aI %cI %s").splitlines()
    dates = ["2019-01-01T00:00:00Z", "2020-01-01T00:00:00Z", "2021-01-01T00:00:00Z"]
    assert [line.split(" ", 1)[1] for line in log] == [
        f"thing releases <> {date} {date} thing {version}".replace("Z", "+00:00")
        for date, version in zip(dates, ["1.0", "2.0", "1.1"], strict=True)
    ]
    assert [release.commit for release in pinned.releases] == [line.split()[0] for line in log]
    digest = hashlib.sha256(three.contents["thing-1.1.tar.gz"]).hexdigest()
    assert pinned.releases[-1].sha256 == digest
    body = git(pinned.path, "log", "-1", "--format=%b")
    assert body.splitlines()[:3] == [
        "File: thing-1.1.tar.gz",
        f"SHA-256: {digest}",
        "Uploaded: 2021-01-01T00:00:00+00:00",
    ]


def test_what_is_made_can_be_evaluated_and_nothing_of_it_was_run(three: Shelf, tmp_path: Path) -> None:
    pinned = pin(["thing==1.0", "thing==2.0"], tmp_path / "out", three.index)

    assert not resolve(str(pinned.path)).dirty
    assert [function.source for function in scan(pinned.path).functions] == ["def size(box):\n    return 2\n"]
    assert (pinned.path / "setup.py").read_text() == POISON


def test_the_same_releases_give_the_same_commits(three: Shelf, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = pin(["thing"], tmp_path / "one", three.index)
    monkeypatch.setenv("GIT_AUTHOR_NAME", "somebody")
    monkeypatch.setenv("GIT_COMMITTER_DATE", "2001-01-01T00:00:00Z")
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    three.rows.reverse()
    three.as_html = True
    second = pin(["THING>=0.1", "thing==2"], tmp_path / "two", three.index)

    assert first.releases == second.releases


def test_files_are_kept_byte_for_byte_whatever_attributes_they_ship(shelf: Shelf, tmp_path: Path) -> None:
    files = {".gitattributes": b"* text eol=crlf ident\n", "a.py": b"x = 1\n# $Id$\n", "b.py": b"y = 1\r\n"}
    shelf.add("thing-1.0.tar.gz", tarred(files | {"run": b"#!/bin/sh\n", 'q"\\ü.py': b""}), "2019-01-01T00:00:00Z")

    pinned = pin(["thing"], tmp_path / "out", shelf.index)

    assert {name: (pinned.path / name).read_bytes() for name in files} == files
    assert (pinned.path / "run").stat().st_mode & 0o100
    assert (pinned.path / 'q"' / "ü.py").exists(), "a backslash separates folders in archives made on Windows"
    assert git(pinned.path, "status", "--porcelain") == ""


def test_a_file_that_a_release_no_longer_has_is_gone(three: Shelf, tmp_path: Path) -> None:
    three.add("thing-3.0.tar.gz", tarred({"other.py": b"x = 1\n"}), "2023-01-01T00:00:00Z")

    pinned = pin(["thing"], tmp_path / "out", three.index)

    assert sorted(path.name for path in pinned.path.iterdir()) == [".git", "other.py"]


def test_how_many_releases_were_left_out_is_told_in_the_commit(three: Shelf, tmp_path: Path) -> None:
    pinned = pin(["thing==2.0", "thing==1.1"], tmp_path / "out", three.index)
    last = pin(["thing==1.1"], tmp_path / "last", three.index)

    assert [release.left_out for release in (*pinned.releases, *last.releases)] == [1, 0, 2]
    assert "Releases-Left-Out: 2" in git(last.path, "log", "-1", "--format=%b")


def test_functions_of_pinned_releases_are_dated_and_bounded_where_releases_are_missing(
    three: Shelf, tmp_path: Path
) -> None:
    def dates(*requirements: str) -> tuple[int, int, bool]:
        pinned = pin(requirements, tmp_path / "-".join(requirements), three.index)
        spec = str(pinned.path)
        (found,) = read_freshness(spec, resolve(spec), scan(pinned.path).functions)
        return found.first_seen.year, found.last_changed.year, found.bounded

    assert dates("thing") == (2019, 2021, False)
    assert dates("thing==1.0", "thing==2.0") == (2019, 2020, False)
    assert dates("thing==2.0", "thing==1.1") == (2020, 2021, True)


@pytest.mark.parametrize(
    ("requirement", "expected"),
    [
        ("thing", ["1.0", "2.0", "1.1"]),
        ("thing>=1,<2", ["1.0", "1.1"]),
        ("thing==1.*", ["1.0", "1.1"]),
        ("thing>=3.0rc1", ["3.0rc1"]),
        ("thing==2.5", ["2.5"]),
    ],
)
def test_pre_releases_and_yanked_ones_are_taken_only_where_they_are_named(
    three: Shelf, tmp_path: Path, requirement: str, expected: list[str]
) -> None:
    three.add("thing-2.5.tar.gz", sdist("return 5"), "2022-01-01T00:00:00Z", yanked="broken")
    three.add("thing-3.0rc1.tar.gz", sdist("return 6"), "2023-01-01T00:00:00Z")

    assert versions(pin([requirement], tmp_path / "out", three.index)) == expected


def test_a_range_leaves_out_what_has_no_source_and_says_so(three: Shelf, tmp_path: Path) -> None:
    three.add("thing-1.5-py3-none-any.whl", b"", "2020-06-01T00:00:00Z")

    pinned = pin(["thing<2"], tmp_path / "out", three.index)

    assert (versions(pinned), pinned.without_source) == (["1.0", "1.1"], ("1.5",))
    assert pinned.releases[1].left_out == 2


def test_files_of_other_projects_and_unknown_formats_are_no_releases(three: Shelf, tmp_path: Path) -> None:
    three.add("thing_more-9.0.tar.gz", b"", "2020-06-01T00:00:00Z")
    three.add("thing-8.0.exe", b"", "2020-06-01T00:00:00Z")
    three.add("thing-not a version.tar.gz", b"", "2020-06-01T00:00:00Z")

    assert versions(pin(["thing"], tmp_path / "out", three.index)) == ["1.0", "2.0", "1.1"]


def test_zip_files_are_read_as_well(shelf: Shelf, tmp_path: Path) -> None:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as packed:
        packed.writestr("thing-1.0/a.py", "x = 1\n")
        link = zipfile.ZipInfo("thing-1.0/link")
        link.external_attr = 0o120777 << 16
        packed.writestr(link, "/etc/passwd")
    shelf.add("thing-1.0.zip", made.getvalue(), "2019-01-01T00:00:00Z")

    pinned = pin(["thing"], tmp_path / "out", shelf.index)

    assert sorted(path.name for path in pinned.path.iterdir()) == [".git", "a.py"]
    assert pinned.releases[0].links == 1


def _link(kind: bytes) -> tarfile.TarInfo:
    info = tarfile.TarInfo("thing-1.0/link")
    info.type, info.linkname = kind, "/etc/passwd"
    return info


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE])
def test_links_and_devices_are_left_out_and_counted(shelf: Shelf, tmp_path: Path, kind: bytes) -> None:
    shelf.add("thing-1.0.tar.gz", tarred({"a.py": b"x = 1\n", "link": _link(kind)}), "2019-01-01T00:00:00Z")

    pinned = pin(["thing"], tmp_path / "out", shelf.index)

    assert not (pinned.path / "link").exists()
    assert (pinned.releases[0].files, pinned.releases[0].links) == (1, 1)


@pytest.mark.parametrize(
    "name", ["../evil.py", "a/../../evil.py", "/evil.py", ".git/hooks/post-checkout", "a/.GIT/config"]
)
def test_a_path_that_leads_out_is_refused(shelf: Shelf, tmp_path: Path, name: str) -> None:
    shelf.add("thing-1.0.tar.gz", tarred({name: b"x"}, top=""), "2019-01-01T00:00:00Z")

    with pytest.raises(SourceError, match=r"thing-1\.0\.tar\.gz is not taken: it names the path") as raised:
        pin(["thing"], tmp_path / "out", shelf.index)

    assert repr(name) in str(raised.value)
    assert [*tmp_path.iterdir()] == []


def test_an_archive_that_grows_without_end_is_refused(
    shelf: Shelf, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archive, "MAX_UNPACKED", 2**20)
    shelf.add("thing-1.0.tar.gz", tarred({"a": b"\0" * 2**21}), "2019-01-01T00:00:00Z")

    with pytest.raises(SourceError, match="it unpacks to more than 1 MiB"):
        pin(["thing"], tmp_path / "out", shelf.index)


def test_an_archive_with_too_many_entries_is_refused(
    shelf: Shelf, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archive, "MAX_FILES", 3)
    shelf.add("thing-1.0.tar.gz", tarred({str(number): b"" for number in range(4)}), "2019-01-01T00:00:00Z")

    with pytest.raises(SourceError, match="it holds more than 3 entries"):
        pin(["thing"], tmp_path / "out", shelf.index)


@pytest.mark.parametrize(
    "content",
    [b"", b"no archive", sdist("return 1")[:-30], gzip.compress(b"x" * 2000)],
    ids=["empty", "text", "cut", "no tar"],
)
def test_a_broken_archive_is_named(shelf: Shelf, tmp_path: Path, content: bytes) -> None:
    shelf.add("thing-1.0.tar.gz", content, "2019-01-01T00:00:00Z")

    with pytest.raises(SourceError, match=r"thing-1\.0\.tar\.gz (cannot be unpacked|holds no file)"):
        pin(["thing"], tmp_path / "out", shelf.index)


def test_a_file_that_is_not_the_listed_one_is_refused(three: Shelf, tmp_path: Path) -> None:
    three.contents["thing-2.0.tar.gz"] = sdist("return 'something else'")

    with pytest.raises(SourceError, match=r"thing-2\.0\.tar\.gz is not the file that the index lists: SHA-256"):
        pin(["thing"], tmp_path / "out", three.index)


def _without_dates(shelf: Shelf) -> None:
    for row in shelf.rows:
        row.pop("upload-time")


def _wheels_only(shelf: Shelf) -> None:
    shelf.rows.clear()
    shelf.add("thing-1.0-py3-none-any.whl", b"", "2020-06-01T00:00:00Z")


@pytest.mark.parametrize(
    ("requirements", "change", "message", "next_step"),
    [
        (["other"], None, "has no package 'other'", "check the spelling"),
        (["thing==7"], None, "no release that matches 'thing==7'", "the newest: 1.0, 1.1, 2.0"),
        (["thing>=7"], None, "no release that matches 'thing>=7'", "choose among"),
        (["thing"], _wheels_only, "no release of thing that matches has a source", "git repository of the project"),
        (["thing==1.0"], _wheels_only, "thing 1.0 has no source distribution", "pin a version that has one"),
        (["thing"], _without_dates, "does not say when thing-1.0.tar.gz was uploaded", "PEP 700"),
        (["thing", "other"], None, r"holds one package, not 2 \(other, thing\)", "write NAME==VERSION"),
        (["thing 1.0"], None, "not a package and versions: 'thing 1.0'", "write NAME==VERSION"),
        (["thing[extra]==1.0"], None, "more than a package and versions", "write NAME==VERSION"),
    ],
)
def test_what_cannot_be_pinned_is_said_with_a_next_step(
    three: Shelf,
    tmp_path: Path,
    requirements: list[str],
    change: Callable[[Shelf], None] | None,
    message: str,
    next_step: str,
) -> None:
    if change is not None:
        change(three)

    with pytest.raises(SourceError, match=message) as raised:
        pin(requirements, tmp_path / "out", three.index)

    assert next_step in raised.value.next_step
    assert not (tmp_path / "out").exists()


def test_a_page_that_is_no_listing_is_told_from_a_missing_one(three: Shelf, tmp_path: Path) -> None:
    three.rows = [{"name": "x"}]

    with pytest.raises(SourceError, match="is not one of a package index"):
        pin(["thing"], tmp_path / "out", three.index)


def test_a_folder_with_something_in_it_is_not_written_to(three: Shelf, tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("mine")

    with pytest.raises(SourceError, match=r"exists and is not empty\n  → name another folder with --out=DIR"):
        pin(["thing"], tmp_path, three.index)

    assert [path.name for path in tmp_path.iterdir()] == ["mine"]


def test_an_index_that_stumbles_is_asked_again(three: Shelf, tmp_path: Path) -> None:
    three.failures = 2
    assert versions(pin(["thing==1.0"], tmp_path / "out", three.index)) == ["1.0"]

    three.failures = 3
    with pytest.raises(SourceError, match="it answers 503"):
        pin(["thing==1.0"], tmp_path / "again", three.index)


def test_an_index_over_http_cannot_name_files_of_this_machine(three: Shelf, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("secret")
    for row in three.rows:
        row["url"] = secret.as_uri()

    with pytest.raises(SourceError, match="names an address that is not fetched"):
        pin(["thing"], tmp_path / "out", three.index)


def test_an_index_may_be_a_folder(three: Shelf, tmp_path: Path) -> None:
    three.as_html = True
    page = tmp_path / "simple" / "thing" / "index.html"
    page.parent.mkdir(parents=True)
    page.write_bytes(three.page()[1])
    (tmp_path / "files").mkdir()
    for filename, content in three.contents.items():
        (tmp_path / "files" / filename).write_bytes(content)

    pinned = pin(["thing"], tmp_path / "out", Index(f"{(tmp_path / 'simple').as_uri()}/"))

    assert versions(pinned) == ["1.0", "2.0", "1.1"]


def test_a_download_that_is_too_large_is_refused(three: Shelf, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transport, "MAX_BYTES", 100)

    with pytest.raises(SourceError, match="is larger than 0 MiB"):
        pin(["thing"], tmp_path / "out", three.index)


def test_the_command_asks_pip_for_the_index_and_its_password(
    three: Shelf, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = three.url.replace("://", "://me:s%20t@")
    monkeypatch.setenv("PIP_INDEX_URL", f"{address}/simple")

    done = CliRunner().invoke(main, ["pin", "thing>=1,<2", f"--out={tmp_path / 'out'}", "--json"])

    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout)
    assert [release["version"] for release in told["releases"]] == ["1.0", "1.1"]
    assert (told["name"], told["path"]) == ("thing", str(tmp_path / "out"))
    assert {login for _, login in three.asked} == {"Basic " + base64.b64encode(b"me:s t").decode()}


def test_the_password_is_not_sent_to_another_host(three: Shelf, tmp_path: Path) -> None:
    elsewhere = three.url.replace("127.0.0.1", "localhost")
    for row in three.rows:
        row["url"] = f"{elsewhere}/files/{row['filename']}"

    pin(["thing==1.0"], tmp_path / "out", Index(f"{three.url}/simple/", "Basic secret"))

    assert three.asked == [("/simple/thing/", "Basic secret"), ("/files/thing-1.0.tar.gz", None)]


def test_the_command_shows_commits_and_errors_without_the_password(
    three: Shelf, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIP_INDEX_URL", three.url.replace("://", "://me:secret@") + "/simple/")

    done = CliRunner().invoke(main, ["pin", "thing==2.0", f"--out={tmp_path / 'out'}"])
    failed = CliRunner().invoke(main, ["pin", "other", f"--out={tmp_path / 'other'}"])

    assert "2020-01-01  2.0          thing-2.0.tar.gz" in done.stdout
    assert "holds 1 releases of thing" in done.stdout
    assert failed.exit_code == 1
    assert f"{three.url}/simple/ has no package 'other'" in failed.output
    assert "secret" not in failed.output


def test_pips_own_files_are_asked_and_the_environment_wins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = tmp_path / "pip.conf"
    settings.write_text("[global]\nindex-url = http://127.0.0.1:1/global\n[download]\nproxy = http://127.0.0.1:2\n")
    monkeypatch.setenv("PIP_CONFIG_FILE", str(settings))
    monkeypatch.delenv("PIP_INDEX_URL", raising=False)

    assert configured_index().url == "http://127.0.0.1:1/global/"
    assert configured_index().proxy == "http://127.0.0.1:2"
    settings.write_text(settings.read_text() + "index-url = http://127.0.0.1:1/download\n")
    assert configured_index().url == "http://127.0.0.1:1/download/"
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:1/environment")
    assert configured_index().url == "http://127.0.0.1:1/environment/"


def test_without_settings_pips_own_default_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    monkeypatch.delenv("PIP_INDEX_URL", raising=False)

    assert configured_index().url.startswith("https://")
    assert configured_index().url.endswith("/simple/")


@pytest.mark.slow
def test_releases_of_a_real_package_are_pinned(tmp_path: Path, pytestconfig: pytest.Config) -> None:
    if "slow" not in pytestconfig.option.markexpr:
        pytest.skip("needs the network: run by hand with -m slow")

    pinned = pin(["cerberus==1.3.3", "cerberus==1.3.4"], tmp_path / "out")

    assert [(release.version, release.uploaded[:10]) for release in pinned.releases] == [
        ("1.3.3", "2021-04-11"),
        ("1.3.4", "2021-05-05"),
    ]
    assert pinned.releases[1].sha256.startswith("d1b21b3954b2498d")
    assert len(scan(pinned.path).functions) > 200
