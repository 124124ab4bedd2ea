"""The shape of the package: who imports whom, and who knows which library."""

import ast
from functools import cache
from pathlib import Path

import pytest

import lstmcast

ROOT = Path(lstmcast.__file__).parent

ORDER = (
    "errors", "harmless", "garbage", "left_overs", "shelf", "fork_server", "forked", "worker",
    "processes", "parallel", "cluster", "plugins", "reading", "seals", "tensors", "distributions",
    "config", "files", "folders", "prices", "features", "dataset", "predictions", "calibration",
    "nn", "graphs", "simulation",
    "pretraining", "training", "baselines",
    "evaluation", "run", "explain", "forecasting", "ledger", "tuning", "plots", "report", "doctor",
    "api", "cli",
)  # fmt: skip
"""A part imports those to its left, and itself."""

MODULES = sorted(ROOT.rglob("*.py"))


def part_of(path: Path) -> str:
    """The part of the package that a module belongs to."""
    return path.relative_to(ROOT).parts[0].removesuffix(".py")


@cache
def imports_of(path: Path) -> frozenset[str]:
    """Every module that the file imports, also inside functions and for type checking."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} has a relative import"
            assert node.module is not None
            found.add(node.module)
            if node.module == "lstmcast":
                found |= {f"lstmcast.{alias.name}" for alias in node.names}
    return frozenset(found)


def parts_imported(path: Path) -> set[str]:
    """The parts of lstmcast that a file imports."""
    names = {name.split(".")[1] for name in imports_of(path) if name.startswith("lstmcast.")}
    return names - {"__version__"}


def test_every_module_belongs_to_a_part() -> None:
    assert {part_of(path) for path in MODULES} == {*ORDER, "__init__", "__main__"}


@pytest.mark.parametrize("part", ORDER)
def test_a_part_imports_only_what_comes_before_it(part: str) -> None:
    allowed = set(ORDER[: ORDER.index(part) + 1])
    if part == "nn":
        allowed = {"errors", "nn"}
    faults = {
        str(path.relative_to(ROOT)): sorted(parts_imported(path) - allowed)
        for path in MODULES
        if part_of(path) == part and parts_imported(path) - allowed
    }
    assert faults == {}


@pytest.mark.parametrize(
    ("library", "parts"),
    [
        ("typer", {"cli"}),
        ("onnx", {"graphs"}),
        ("onnxruntime", {"graphs"}),
        ("rich", {"cli"}),
        ("torch", {"nn", "graphs", "simulation", "pretraining", "training", "explain"}),
        ("matplotlib", {"plots", "api", "cli"}),
        ("yfinance", {"prices"}),
        ("yaml", {"config"}),
        ("optuna", {"tuning"}),
        ("pickle", {"shelf"}),
        ("joblib", {"processes"}),
        ("ray", {"cluster"}),
    ],
)
def test_a_library_is_known_to_few_parts(library: str, parts: set[str]) -> None:
    users = {
        part_of(path)
        for path in MODULES
        if any(name.split(".")[0] == library for name in imports_of(path))
    }
    assert users <= parts


def test_nothing_unpickles() -> None:
    """`torch.load` and pandas' `read_pickle` run code from the file that they read."""
    for path in MODULES:
        text = path.read_text(encoding="utf-8")
        assert "torch.load" not in text, path
        assert "read_pickle" not in text, path
        assert "allow_pickle=True" not in text, path


def test_every_module_says_what_it_is() -> None:
    silent = [
        str(path)
        for path in MODULES
        if not ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))
    ]
    assert silent == []
