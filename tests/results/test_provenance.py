"""What is said about the machine is true of this one and holds no names of hosts or people."""

from __future__ import annotations

import getpass
import json
import os
import platform
import socket
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

from pytest_cereval.results.provenance import machine, versions


def test_the_machine_is_described_in_json_and_truthfully() -> None:
    facts = machine()

    assert json.loads(json.dumps(facts)) == facts
    assert facts["cores"] == os.cpu_count()
    assert facts["python"].endswith(platform.python_version())
    assert facts["memory_mib"] > 100
    assert facts["cpu"]


def test_no_host_or_user_name_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    told = json.dumps(machine())

    assert socket.gethostname() not in told
    assert f'"{getpass.getuser()}"' not in told


def test_installed_versions_are_told_and_missing_ones_are_none() -> None:
    told = versions()

    assert told["pytest"] == version("pytest")
    assert set(told) >= {"pytest-cereval", "llama-cpp-python", "hypothesis"}


def _fake_nvidia_smi(folder: Path, script: str) -> None:
    program = folder / "nvidia-smi"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)


def test_gpus_are_listed_with_driver_and_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _fake_nvidia_smi(tmp_path, "echo 'NVIDIA A100, 550.54.15, 81920'; echo 'NVIDIA GB10, 580.1, [N/A]'")
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)

    assert machine()["gpus"] == [
        {"name": "NVIDIA A100", "driver": "550.54.15", "memory_mib": 81920},
        {"name": "NVIDIA GB10", "driver": "580.1", "memory_mib": None},
    ]


def test_a_tool_without_a_working_driver_means_no_gpu(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _fake_nvidia_smi(tmp_path, "echo 'NVIDIA-SMI has failed, no driver, 0'; exit 9")
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)

    assert machine()["gpus"] == []


def test_asking_for_versions_imports_none_of_the_packages() -> None:
    code = (
        "import sys; from pytest_cereval.results.provenance import machine, versions; versions(); machine();"
        "print([name for name in ('llama_cpp', 'numpy', 'hypothesis', 'pytest') if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=True,
    )

    assert done.stdout.strip() == "[]"
