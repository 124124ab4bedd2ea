"""Run docs/notebook.ipynb anew and keep its outputs; `make docs` does that.

    python scripts/update_notebook.py

It runs in a folder of its own with a store of its own, so nothing of this machine is in it.
"""

import os
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import nbformat
from blocks import ROOT
from nbclient import NotebookClient

NOTEBOOK = ROOT / "docs/notebook.ipynb"


def execute(folder: Path, cells: int | None = None) -> Any:
    """The notebook with the outputs that it has now, run in `folder`.

    Args:
        folder: where it stores prices and runs.
        cells: how many cells of it, from the first; all by default.

    Raises:
        CellExecutionError: if a cell fails.
    """
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    notebook.cells = notebook.cells[:cells]
    environment = {
        **os.environ,
        "LSTMCAST_DATA_DIR": str(folder / "data"),
        "LSTMCAST_RUNS_DIR": "runs",
        "IPYTHONDIR": str(folder / "ipython"),
        "JUPYTER_CONFIG_DIR": str(folder / "jupyter"),
        "PYDEVD_DISABLE_FILE_VALIDATION": "1",
    }
    client = NotebookClient(
        notebook, timeout=120, kernel_name="python3", resources={"metadata": {"path": str(folder)}}
    )
    return client.execute(env=environment)


def tidy(notebook: Any) -> Any:
    """The notebook without what changes with every run."""
    for number, cell in enumerate(notebook.cells):
        cell.id = f"cell-{number}"
        cell.metadata = {}
        if cell.cell_type == "code":
            cell.execution_count = None
            for output in cell.outputs:
                if "execution_count" in output:
                    output.execution_count = None
    notebook.metadata = {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }
    return notebook


def main() -> None:
    """Write the notebook with its outputs."""
    with TemporaryDirectory() as folder:
        notebook = tidy(execute(Path(folder)))
    nbformat.write(notebook, NOTEBOOK)
    print(f"wrote {NOTEBOOK.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
