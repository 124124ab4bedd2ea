"""The notebook in docs runs as it stands, and shows what the page of the API shows."""

import ast
import io
import re
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

import nbformat
import pytest
from IPython.core.formatters import DisplayFormatter
from update_notebook import NOTEBOOK, execute, tidy

ROOT = Path(__file__).parents[1]
FIRST_CELLS = 5


_show: Callable[[object], tuple[dict[str, Any], object]] = DisplayFormatter().format


def code_of(notebook: Any) -> list[Any]:
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def shown(notebook: Any) -> list[list[tuple[str, ...]]]:
    """What kinds of output each cell has."""
    return [
        [(out.output_type, *sorted(out.get("data", {}))) for out in cell.outputs]
        for cell in code_of(notebook)
    ]


def run_cell(source: str, names: dict[str, Any]) -> list[tuple[str, ...]]:
    """Run a cell and say what kinds of output a notebook would have of it."""
    *statements, last = ast.parse(source).body
    printed, complaints = io.StringIO(), io.StringIO()
    with redirect_stdout(printed), redirect_stderr(complaints):
        exec(compile(ast.Module(statements, []), "cell", "exec"), names)  # noqa: S102 - our own
        assert isinstance(last, ast.Expr)
        value = eval(compile(ast.Expression(last.value), "cell", "eval"), names)  # noqa: S307
    assert complaints.getvalue() == ""
    kinds: list[tuple[str, ...]] = [("stream",)] if printed.getvalue() else []
    if value is not None:
        kinds.append(("execute_result", *sorted(_show(value)[0])))
    return kinds


def test_the_notebook_runs_and_shows_what_it_is_kept_with(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Here, where everything that a kernel of its own would load for ten seconds is loaded."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LSTMCAST_DATA_DIR", "data")
    monkeypatch.setenv("LSTMCAST_RUNS_DIR", "runs")
    kept = nbformat.read(NOTEBOOK, as_version=4)
    names: dict[str, Any] = {}
    assert [run_cell(cell.source, names) for cell in code_of(kept)] == shown(kept)
    assert len(list(tmp_path.glob("runs/*/run.json"))) == 1


@pytest.mark.slow
def test_a_kernel_runs_it_as_it_is_run_here(tmp_path: Path) -> None:
    """The first cells: fetching the bundled sample, and the tables of pandas."""
    now = tidy(execute(tmp_path, FIRST_CELLS))
    kept = tidy(nbformat.read(NOTEBOOK, as_version=4))
    assert now.cells == kept.cells[:FIRST_CELLS]


def test_the_notebook_is_kept_with_its_outputs_and_nothing_of_a_machine() -> None:
    kept = nbformat.read(NOTEBOOK, as_version=4)
    nbformat.validate(kept)
    assert kept == tidy(nbformat.read(NOTEBOOK, as_version=4))
    outputs = shown(kept)
    assert all(cell for cell in outputs)
    pictures = [kinds for cell in outputs for kinds in cell if "image/png" in kinds]
    assert len(pictures) == 2
    assert not re.search(r"/(?:work|root|home|tmp|Users)/", NOTEBOOK.read_text(encoding="utf-8"))
    assert NOTEBOOK.stat().st_size < 1_000_000


def test_what_the_page_shows_is_in_the_notebook() -> None:
    page = (ROOT / "docs/api.md").read_text(encoding="utf-8")
    shown = [
        line
        for block in re.findall(r"```python\n(.*?)```", page, re.DOTALL)
        for line in block.splitlines()
    ]
    cells = "\n".join(cell.source for cell in code_of(nbformat.read(NOTEBOOK, as_version=4)))
    assert len(shown) > 10
    assert [line for line in shown if line not in cells] == []
