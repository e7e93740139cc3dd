"""Makes the examples of this folder again: real models, real packages, every figure from a run.

    python docs/examples/remake.py --work=.cereval/examples

Hours on two cores. A step that was stopped goes on where it was, since each run has a store of its own in the
work folder and takes the answers that are in it already. `--only=pilot` does one part, `--claims` runs no model and
writes the tables again from the stores.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
MODELS = {"0.5b": "demo:qwen2.5-coder-0.5b", "1.5b": "demo:qwen2.5-coder-1.5b"}
# The report on Qwen2.5-Coder (arXiv 2409.12186, section 3.1) says: public repositories created before February 2024.
CUTOFF = "2024-02-01"
PILOT = {"cerberus-1.3.4": "cerberus==1.3.4"}
STALE = {"cerberus": "cerberus>=1.0,<=1.3.4", "tinydb": "tinydb>=3.0,<=4.8.0"}
FRESH = {"cborx": "cborx<=0.2.5", "digest-fields-parse": "digest-fields-parse<=0.1.1"}
# Room for an answer and the code around a question, in tokens: what two cores can read and write in this time.
SIZES = ("--cereval-context-tokens=600", "--cereval-max-tokens=320", "--cereval-ctx=8192")


@dataclass(frozen=True, slots=True)
class Run:
    """One run of one model, with a store of its own: `part`, `name` and model make its file's name."""

    part: str
    name: str
    model: str
    arguments: tuple[str, ...]

    def store(self, work: Path) -> Path:
        return work / f"{self.part}-{self.name}-{self.model}.sqlite"

    def told(self, work: Path) -> str:
        """How commands name it."""
        return f"{self.store(work)}#latest"

    def done(self, work: Path) -> Path:
        """A file that says that the run came to its end."""
        return self.store(work).with_suffix(".done")


def runs(work: Path) -> Iterator[Run]:
    """Everything that a model is asked, the small model's part first."""
    pilot = (_repository(work, "cerberus-1.3.4"), "--cereval-limit=60")
    code = "--cereval-categories=code_generation"
    public = (_repository(work, "digest-fields-parse"), code, "--cereval-static=humaneval", "--cereval-limit=40")
    for model in MODELS:
        yield Run("pilot", "cerberus", model, pilot)
        yield Run("public", "humaneval", model, public)
        for name in (*STALE, *FRESH) if model == "0.5b" else ():
            age = (_repository(work, name), code, f"--cereval-cutoff={CUTOFF}", "--cereval-limit=24")
            yield Run("age", name, model, age)


def _repository(work: Path, name: str) -> str:
    return f"--cereval-repo={work / 'pinned' / name}"


def main() -> None:
    arguments = _arguments()
    work = arguments.work.resolve()
    (work / "pinned").mkdir(parents=True, exist_ok=True)
    wanted = [run for run in runs(work) if arguments.only in ("", run.part)]
    if not arguments.claims:
        _pin(work)
        for run in wanted:
            _ask(run, work, arguments.threads)
    for part in dict.fromkeys(run.part for run in wanted):
        CLAIMS[part]([run for run in wanted if run.part == part and run.done(work).exists()], work)


def _pin(work: Path) -> None:
    for name, releases in (PILOT | STALE | FRESH).items():
        if not (work / "pinned" / name).exists():
            _call("cereval", "pin", releases, f"--out={work / 'pinned' / name}")


def _ask(run: Run, work: Path, threads: int) -> None:
    """Ask what is not answered yet. A wrong answer makes pytest end with 1, which is no fault here."""
    if run.done(work).exists():
        return
    _call(
        *("pytest", "-q", "-p", "no:cacheprovider", "-c", "/dev/null", f"--rootdir={work}", *run.arguments, *SIZES),
        *(f"--cereval-model={MODELS[run.model]}", f"--cereval-store={run.store(work)}", "--cereval-resume"),
        *(f"--cereval-threads={threads}", "--tb=no", "--disable-warnings"),
        accepted=(0, 1),
    )
    run.done(work).touch()


def _pilot(made: list[Run], work: Path) -> None:
    for run in made:
        _write(f"pilot-{run.model}.md", "report", run.told(work))
    if len(made) == len(MODELS):
        small, large = (run.told(work) for run in made)
        _write("pilot-compare.md", "compare", small, large)
        _write("pilot-gate-upgrade.md", "gate", small, large)
        _write("pilot-gate-downgrade.md", "gate", large, small)


def _age(made: list[Run], work: Path) -> None:
    if len(made) == len(STALE | FRESH):
        _write("contamination.md", "contamination", *(run.told(work) for run in made), f"--cutoff={CUTOFF}")


def _public(made: list[Run], work: Path) -> None:
    for run in made:
        _write(f"humaneval-{run.model}.md", "report", run.told(work))
    if len(made) == len(MODELS):
        _write("humaneval-compare.md", "compare", *(run.told(work) for run in made))


CLAIMS = {"pilot": _pilot, "age": _age, "public": _public}


def _write(name: str, command: str, *arguments: str) -> None:
    """One claim as Markdown and as JSON. A gate says with 10 and 11 what it decided."""
    said = _call("cereval", command, *arguments, f"--markdown={HERE / name}", "--json", accepted=(0, 10, 11), kept=True)
    (HERE / name).with_suffix(".json").write_text(said)


def _call(command: str, *arguments: str, accepted: tuple[int, ...] = (0,), kept: bool = False) -> str:
    sys.stdout.write(f"+ {command} {' '.join(arguments)}\n")
    sys.stdout.flush()
    program = shutil.which(command, path=str(Path(sys.executable).parent)) or command
    done = subprocess.run([program, *arguments], stdout=subprocess.PIPE if kept else None, text=True, check=False)
    if done.returncode not in accepted:
        raise SystemExit(f"{command} ended with {done.returncode}")
    return done.stdout or ""


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, default=Path(".cereval/examples"), help="for stores and repositories")
    parser.add_argument("--only", choices=["", *CLAIMS], default="", help="one part")
    parser.add_argument("--claims", action="store_true", help="run no model")
    parser.add_argument("--threads", type=int, default=0, help="of the model; 0 for one a core")
    return parser.parse_args()


if __name__ == "__main__":
    main()
