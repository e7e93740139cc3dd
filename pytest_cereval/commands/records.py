"""`cereval runs` and `cereval export`: turn a store into a list of its runs, and a run into files."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import click

from pytest_cereval.commands.common import json_option, say_json, store_option


@click.command(short_help="List the runs of a store.")
@json_option
@store_option
def runs(as_json: bool, store: Path) -> None:
    """List the runs that a store holds, the oldest first.

    \b
    Examples:
      cereval runs
      cereval runs --store=all.sqlite --json
    """
    from pytest_cereval.results.statistics import summarise
    from pytest_cereval.results.store import Store

    listed: list[dict[str, Any]] = []
    with Store.open(store, must_exist=True) as opened:
        for run in opened.runs():
            overall = summarise(opened.attempts(run.run_id)).overall
            facts = {"run_id": run.run_id, "status": run.status.value, "started": run.started, "ended": run.ended}
            listed.append({**facts, "overall": dataclasses.asdict(overall)})
            if not as_json:
                click.echo(f"{run.run_id}  {run.status.value:11}  {overall.passed} of {overall.scored} pass")
    if as_json:
        say_json({"store": str(store), "runs": listed})


@click.command(short_help="Write a run as JSON, as JSON Lines or as a bundle.")
@click.option("--run", "run_id", default="", help="A run's id; without it the latest run.")
@click.option("--json-file", type=click.Path(path_type=Path), help="Write one JSON document here.")
@click.option("--jsonl-file", type=click.Path(path_type=Path), help="Write one JSON line per attempt here.")
@click.option("--bundle", type=click.Path(path_type=Path), help="Write the run's bundle into this new folder.")
@click.option(
    "--report", type=click.Path(path_type=Path), help="For the bundle: the run's HTML report, which its pages go with."
)
@click.option("--sign", type=click.Path(path_type=Path), help="For the bundle: the Ed25519 private key that signs it.")
@json_option
@store_option
def export(
    run_id: str,
    json_file: Path | None,
    jsonl_file: Path | None,
    bundle: Path | None,
    report: Path | None,
    sign: Path | None,
    as_json: bool,
    store: Path,
) -> None:
    """Write a run's record as JSON, as JSON Lines, or as a bundle that `cereval verify` checks.

    \b
    Examples:
      cereval export --bundle=kept --report=report.html
      cereval export --run=20260102-101500-ab12 --jsonl-file=attempts.jsonl
    """
    from pytest_cereval.bundle.signing import Signer
    from pytest_cereval.bundle.write import write_bundle
    from pytest_cereval.results.export import export_json, export_jsonl
    from pytest_cereval.results.store import Store

    if json_file is None and jsonl_file is None and bundle is None:
        raise click.UsageError("nothing to write: give --json-file=FILE, --jsonl-file=FILE, --bundle=DIR, or several")
    if bundle is None and (report or sign):
        raise click.UsageError("--report and --sign are for a bundle: give --bundle=DIR")
    told: dict[str, Any] = {"files": {}, "bundle": None}
    with Store.open(store, must_exist=True) as opened:
        chosen = run_id or opened.latest_run_id()
        if chosen is None:
            raise click.ClickException(f"{store} holds no run yet")
        told["run_id"] = chosen
        for file, write in ((json_file, export_json), (jsonl_file, export_jsonl)):
            if file is not None:
                told["files"][str(file)] = {"sha256": write(opened, chosen, file)}
        if bundle is not None:
            written = write_bundle(
                bundle, opened, chosen, report=report, signer=Signer.from_file(sign) if sign else None
            )
            told["bundle"] = {**dataclasses.asdict(written), "folder": str(written.folder)}
            if not as_json:
                click.echo(written.sentence)
    if as_json:
        say_json(told)
