"""Turns a repository's commit and functions of it into how fresh each of them is, from git objects only.

Every blob is parsed once and every commit's own diff is read once, so the cost is that of the changed files. What is
done with odd histories: a shallow clone's oldest commits, a commit that says releases before it were left out, and a
commit that replaces a file which this interpreter cannot parse (such as Python 2) give dates that are marked
`bounded`. An ordinary first commit is taken to be the beginning; where it imports older code, nothing in git tells.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from pytest_cereval.errors import SourceError
from pytest_cereval.source.functions import SourceFunction
from pytest_cereval.source.history.blobs import Blobs, key_of
from pytest_cereval.source.history.commits import main_line, read_blob, refuse_partial, whole_history
from pytest_cereval.source.history.freshness import Freshness
from pytest_cereval.source.history.lineage import Changes, Origins, Sighting, Version
from pytest_cereval.source.repository import Revision, open_repository, split_spec


def read_freshness(spec: str, revision: Revision, functions: Sequence[SourceFunction]) -> tuple[Freshness, ...]:
    """The freshness of each function of `revision` of the repository `spec` (`PATH[@REV]`), in the same order.

    Raises `SourceError` if the history cannot be read, or a function is not one of this commit.
    """
    repository = open_repository(split_spec(spec)[0])
    try:
        refuse_partial(repository)
        blobs = Blobs(lambda blob: read_blob(repository, blob))
        origins, changes = Origins(blobs), Changes(blobs)
        origins.read(whole_history(repository, revision.commit))
        changes.read(main_line(repository, revision.commit))
        tree = repository.commit(revision.commit).tree
        at: dict[str, dict[str, int]] = {}
        for path in {function.path for function in functions}:
            try:
                held = blobs.functions(tree[path].hexsha) or ()
            except KeyError:
                held = ()
            at[path] = {each.key: each.shape for each in held}
    finally:
        repository.close()
    return tuple(_freshness(function, at, origins, changes) for function in functions)


def _freshness(
    function: SourceFunction, at: dict[str, dict[str, int]], origins: Origins, changes: Changes
) -> Freshness:
    key = key_of(function)
    shape = at[function.path].get(key, -1)
    first = origins.of(Version(function.path, key, shape))
    last = changes.of((function.path, key))
    if first is None or last is None:
        raise SourceError(
            f"{function.name} is not in the history as {function.path}:{function.def_line}",
            next_step="give functions of the same commit as the history",
        )
    return Freshness(_utc(first), first.commit, _utc(last), last.commit, first.bounded or last.bounded)


def _utc(sighting: Sighting) -> datetime:
    return datetime.fromtimestamp(sighting.date, UTC)
