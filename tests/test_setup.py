"""Setting the project up: pins, make targets, the script for continuous integration, the wheel."""

import os
import re
import subprocess
import sys
import tomllib
import zipfile
from importlib.metadata import PackageNotFoundError, requires
from pathlib import Path
from typing import Any

import pytest
from hatchling.builders.wheel import WheelBuilder
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import lstmcast

ROOT = Path(__file__).parents[1]
MAKEFILE = (ROOT / "Makefile").read_text()
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())
PINS: dict[str, str] = {
    canonicalize_name(line.partition("==")[0]): line.partition("==")[2]
    for line in (ROOT / "constraints.txt").read_text().splitlines()
    if not line.startswith("#")
}


def make(*arguments: str, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    # A `make test` around this test hands its own flags and variables down; they must not count.
    outer = {"MAKEFLAGS", "MAKELEVEL", "MFLAGS", "PYTHON", "VENV", "DEMO", "PYTEST_ARGS"}
    return subprocess.run(
        ["make", "--no-print-directory", *arguments],
        cwd=cwd,
        env={key: value for key, value in os.environ.items() if key not in outer},
        capture_output=True,
        text=True,
        check=False,
    )


# --- pins ----------------------------------------------------------------------------------------


def test_pins_are_exact_single_and_name_no_place_to_download_from() -> None:
    lines = [
        line
        for line in (ROOT / "constraints.txt").read_text().splitlines()
        if not line.startswith("#")
    ]
    wrong = [line for line in lines if not re.fullmatch(r"[A-Za-z0-9._-]+==[0-9][\w.]*", line)]
    assert wrong == []
    assert len(PINS) == len(lines)
    assert PINS["torch"] == "2.13.0"


def test_everything_that_is_asked_for_is_pinned_within_its_bounds() -> None:
    project = PROJECT["project"]
    asked = [*project["dependencies"], *PROJECT["build-system"]["requires"]]
    asked += [text for extra in project["optional-dependencies"].values() for text in extra]
    for requirement in map(Requirement, asked):
        if requirement.name == "lstmcast":
            continue
        name = canonicalize_name(requirement.name)
        assert name in PINS, f"{requirement.name} has no pin"
        assert requirement.specifier.contains(PINS[name]), f"{requirement} excludes {PINS[name]}"


def needed(name: str, extras: frozenset[str], seen: set[tuple[str, frozenset[str]]]) -> None:
    """Collect what a package needs on this machine, at any depth."""
    if (name, extras) in seen:
        return
    seen.add((name, extras))
    if name == "torch":  # pins what it needs itself, and differently for each of its builds
        return
    try:
        texts = requires(name) or []
    except PackageNotFoundError:
        return
    for requirement in map(Requirement, texts):
        environments = [{"extra": extra} for extra in ("", *extras)]
        if requirement.marker is None or any(map(requirement.marker.evaluate, environments)):
            needed(canonicalize_name(requirement.name), frozenset(requirement.extras), seen)


def test_everything_that_is_needed_at_any_depth_is_pinned() -> None:
    seen: set[tuple[str, frozenset[str]]] = set()
    extras = frozenset(PROJECT["project"]["optional-dependencies"])
    needed("lstmcast", extras, seen)
    names = {name for name, _ in seen} - {"lstmcast"}
    assert len(names) > 50
    assert names - PINS.keys() == set()


# --- make ----------------------------------------------------------------------------------------


def test_make_alone_prints_every_target() -> None:
    declared = re.findall(r"^\.PHONY: (.*)$", MAKEFILE, re.MULTILINE)[0].split()
    done = make()
    assert done.returncode == 0, done.stderr
    assert re.findall(r"^  make (\w+) +\S", done.stdout, re.MULTILINE) == declared
    assert {"demo", "test", "check", "lint", "format", "docs", "bench", "clean"} <= set(declared)


def test_a_first_demo_installs_torch_first_by_the_pins_and_then_runs_the_four_commands(
    tmp_path: Path,
) -> None:
    done = make("--dry-run", "demo", f"VENV={tmp_path}/new", "PYTHON=python3.11")
    assert done.returncode == 0, done.stderr
    steps = done.stdout
    assert f"python3.11 -m venv {tmp_path}/new" in steps
    installs = [line for line in steps.splitlines() if "pip" in line and " install " in line]
    assert all("--constraint constraints.txt" in line for line in installs)
    assert installs[0].endswith("torch==2.13.0")
    assert installs[-1].endswith("--editable .")
    ran = re.findall(r"bin/lstmcast (\w+)", steps)
    assert ran == ["fetch", "train", "evaluate", "plot"]
    # Nothing of the user's is touched: the demo names both folders itself.
    assert steps.count("LSTMCAST_DATA_DIR=demo/data LSTMCAST_RUNS_DIR=demo/runs") == 4


def test_what_is_installed_is_not_installed_again(tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    for name in ("bin/python", ".installed", ".installed-test", ".installed-dev"):
        (tmp_path / name).touch()
    done = make("--dry-run", "check", f"VENV={tmp_path}")
    assert done.returncode == 0, done.stderr
    assert "pip" not in done.stdout
    assert "pytest" in done.stdout
    os.utime(tmp_path / ".installed", (0, 0))
    assert "pip" in make("--dry-run", "demo", f"VENV={tmp_path}").stdout


def test_an_old_python_is_refused_in_words(tmp_path: Path) -> None:
    old = tmp_path / "python"
    old.write_text('#!/bin/sh\n[ "$1" = --version ] && echo "Python 3.9.1" && exit\nexit 1\n')
    old.chmod(0o755)
    done = make("install", f"VENV={tmp_path}/new", f"PYTHON={old}")
    assert done.returncode != 0
    assert "is Python 3.9.1, and lstmcast needs Python 3.11 or newer" in done.stderr
    assert "hint: name another" in done.stderr
    assert not (tmp_path / "new").exists()


def test_clean_leaves_the_environment_and_the_runs() -> None:
    removed = make("--dry-run", "clean").stdout
    assert "demo" in removed
    assert ".venv" not in removed
    assert not re.search(r"\bruns\b", removed)


def test_continuous_integration_runs_what_the_readme_names() -> None:
    script = ROOT / ".ci/run"
    assert os.access(script, os.X_OK)
    commands = [line for line in script.read_text().splitlines() if line.startswith("make ")]
    assert commands == ["make lint", "make demo", "make test"]
    assert "set -euo pipefail" in script.read_text()
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert "    make demo " in readme
    assert "    make test " in readme


# --- the wheel -----------------------------------------------------------------------------------


def test_what_the_package_reads_is_chosen_for_the_wheel() -> None:
    """Hatch leaves out what git ignores; this asks it, without building anything."""
    chosen = {file.relative_path for file in WheelBuilder(str(ROOT)).recurse_included_files()}
    read = {
        str(path.relative_to(ROOT))
        for path in (ROOT / "lstmcast").rglob("*")
        if path.is_file() and path.suffix not in {".py", ".pyc"}
    }
    assert read <= chosen
    for kind in (".csv.gz", ".safetensors", "py.typed", "page.html.j2"):
        assert any(name.endswith(kind) for name in read), kind


@pytest.mark.slow
def test_the_wheel_holds_the_package_its_data_and_its_command(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation"]
    subprocess.run([*command, "--wheel-dir", str(tmp_path), str(ROOT)], check=True)
    (wheel,) = tmp_path.glob("*.whl")
    assert wheel.name == f"lstmcast-{lstmcast.__version__}-py3-none-any.whl"
    with zipfile.ZipFile(wheel) as packed:
        inside = set(packed.namelist())
        packed.extractall(tmp_path / "unpacked")
    package = ROOT / "lstmcast"
    shipped = {
        str(path.relative_to(ROOT))
        for path in package.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert "lstmcast/py.typed" in shipped
    assert any(name.endswith(".csv.gz") for name in shipped)
    assert shipped <= inside
    assert {name.split("/")[0].split("-")[0] for name in inside} == {"lstmcast"}
    done = subprocess.run(
        [sys.executable, "-m", "lstmcast", "--version"],
        cwd=tmp_path / "unpacked",
        env={**os.environ, "PYTHONPATH": str(tmp_path / "unpacked")},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == f"lstmcast {lstmcast.__version__}"
