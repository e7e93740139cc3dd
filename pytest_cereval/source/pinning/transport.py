"""Turns an address into bytes, from the package index that pip is set up to use; pip is asked which one that is.

Used of pip's settings: `index-url`, `cert` and `proxy`, from its files and environment. Not used: further indexes,
trusted hosts, keyrings and netrc files. A name and password in the index's address are sent to its own host only.
"""

from __future__ import annotations

import ast
import base64
import os
import re
import ssl
import subprocess
import sys
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote, urljoin, urlsplit, urlunsplit

from pytest_cereval.errors import SourceError

TIMEOUT_SECONDS = 60.0
MAX_BYTES = 512 * 2**20
"""The largest page or file that is taken."""
_ATTEMPTS = 3
_OVERRIDING = ("global", "download", ":env:")
_DEFAULT = re.compile(r"--index-url <url>.*?\(default (\S+?)\)", re.DOTALL)


class NotOffered(SourceError):
    """The index answered, and has no such page or file."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What was read: where it really lay, and its content type without parameters."""

    url: str
    content_type: str
    content: bytes


@dataclass(frozen=True, slots=True)
class Index:
    """A package index: its address without a password, and what to send to it."""

    url: str
    authorization: str = field(default="", repr=False)
    certificates: str = ""
    proxy: str = field(default="", repr=False)

    def get(self, url: str, accept: str = "*/*") -> Answer:
        """Read an `http`, `https` or, below an index that is itself one, `file` address.

        Raises `NotOffered` where there is nothing, `SourceError` for everything else that keeps it from being read.
        """
        parts = urlsplit(url)
        if parts.scheme == "file" == urlsplit(self.url).scheme:
            return _read_file(url)
        if parts.scheme not in ("http", "https"):
            raise SourceError(f"the index names an address that is not fetched: {url!r:.200}", next_step=_CHECK)
        headers = {"Accept": accept, "User-Agent": "pytest-cereval"}
        if self.authorization and parts.netloc == urlsplit(self.url).netloc:
            headers["Authorization"] = self.authorization
        request = urllib.request.Request(url, headers=headers)  # noqa: S310 - the scheme was looked at
        problem = ""
        for _ in range(_ATTEMPTS):
            try:
                with self._opener().open(request, timeout=TIMEOUT_SECONDS) as response:
                    kind = response.headers.get_content_type()
                    return Answer(response.geturl(), kind, _bounded(response.read(MAX_BYTES + 1), url))
            except urllib.error.HTTPError as error:
                error.close()
                problem = f"it answers {error.code} {error.reason}"
                if error.code < 500 and error.code != 429:
                    refusal = NotOffered if error.code in (404, 410) else SourceError
                    raise refusal(f"cannot read {url}: {problem}", next_step=_CHECK) from error
            except OSError as error:
                problem = str(getattr(error, "reason", error))
        raise SourceError(f"cannot read {url}: {problem}", next_step=_CHECK)

    def _opener(self) -> urllib.request.OpenerDirector:
        context = ssl.create_default_context(cafile=self.certificates or None)
        handlers: list[urllib.request.BaseHandler] = [urllib.request.HTTPSHandler(context=context)]
        if self.proxy:
            handlers.append(urllib.request.ProxyHandler({"http": self.proxy, "https": self.proxy}))
        return urllib.request.build_opener(*handlers)


_CHECK = "check the network and which package index pip uses here (pip config list)"


def configured_index() -> Index:
    """The index of pip's settings, else pip's own default; raises `SourceError` where pip cannot tell."""
    settings = _settings()
    url = settings.get("index-url") or _default_url()
    parts = urlsplit(url)
    authorization = ""
    if parts.username is not None:
        login = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
        authorization = "Basic " + base64.b64encode(login.encode()).decode()
    plain = urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))
    return Index(plain.rstrip("/") + "/", authorization, settings.get("cert", ""), settings.get("proxy", ""))


def _settings() -> dict[str, str]:
    """pip's settings for `pip download`: the environment wins over the command's section, that over the global one."""
    found: dict[str, tuple[int, str]] = {}
    for line in _ask_pip("config", "list").splitlines():
        name, _, value = line.partition("=")
        section, _, key = name.rpartition(".")
        if section not in _OVERRIDING:
            continue
        rank = _OVERRIDING.index(section)
        if rank >= found.get(key, (0, ""))[0]:
            try:
                found[key] = rank, str(ast.literal_eval(value))
            except (SyntaxError, ValueError):
                found[key] = rank, value
    return {key: value for key, (_, value) in found.items()}


def _default_url() -> str:
    shown = _DEFAULT.search(_ask_pip("download", "--help"))
    if shown is None:
        raise SourceError(
            "pip does not say which package index it uses", next_step="set the environment variable PIP_INDEX_URL"
        )
    return shown[1]


def _ask_pip(*arguments: str) -> str:
    environment = {**os.environ, "COLUMNS": "10000", "PIP_DISABLE_PIP_VERSION_CHECK": "1", "PIP_NO_COLOR": "1"}
    command = [sys.executable, "-m", "pip", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    if done.returncode:
        said = (done.stderr.strip() or "nothing").splitlines()[-1]
        raise SourceError(f"pip cannot be asked which package index to use: {said}", next_step="install pip here")
    return done.stdout


def _read_file(url: str) -> Answer:
    path = Path(urllib.request.url2pathname(urlsplit(url).path))
    if path.is_dir():
        path, url = path / "index.html", urljoin(url.rstrip("/") + "/", "index.html")
    if not path.is_file():
        raise NotOffered(f"cannot read {url}: no such file", next_step=_CHECK)
    kind = {".html": "text/html", ".json": "application/json"}.get(path.suffix, "application/octet-stream")
    with path.open("rb") as file:
        return Answer(url, kind, _bounded(file.read(MAX_BYTES + 1), url))


def _bounded(content: bytes, url: str) -> bytes:
    if len(content) > MAX_BYTES:
        raise SourceError(f"{url} is larger than {MAX_BYTES >> 20} MiB", next_step=_CHECK)
    return content
