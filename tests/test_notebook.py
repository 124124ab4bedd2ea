"""The notebook in docs runs as it stands, and shows what the page of the API shows."""

import re
from pathlib import Path
from typing import Any

import nbformat
import pytest
from update_notebook import NOTEBOOK, execute, tidy

ROOT = Path(__file__).parents[1]


def code_of(notebook: Any) -> list[Any]:
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def shown(notebook: Any) -> list[list[tuple[str, ...]]]:
    """What kinds of output each cell has."""
    return [
        [(out.output_type, *sorted(out.get("data", {}))) for out in cell.outputs]
        for cell in code_of(notebook)
    ]


@pytest.mark.slow
def test_the_notebook_runs_and_shows_what_it_is_kept_with(tmp_path: Path) -> None:
    kept = nbformat.read(NOTEBOOK, as_version=4)
    now = tidy(execute(tmp_path))
    assert shown(now) == shown(kept)
    told = [out for cell in code_of(now) for out in cell.outputs if out.get("name") == "stderr"]
    assert told == []
    assert len(list(tmp_path.glob("runs/*/run.json"))) == 1


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
