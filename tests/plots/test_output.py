"""Saving a chart: its format, the same bytes each time, all or nothing, a clear refusal."""

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import matplotlib as mpl
import pytest
from matplotlib.figure import Figure
from support.charts import fan_table, world

from lstmcast.errors import OutputError
from lstmcast.plots import FORMATS, fan_chart, forecast_chart, save_figure

MAGIC = {"png": b"\x89PNG\r\n\x1a\n", "svg": b"<?xml", "pdf": b"%PDF"}
OTHERS: Any = {"font.size": 30.0, "savefig.dpi": 40, "svg.hashsalt": "other"}


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def chart() -> Figure:
    scene = world(70, history=150)
    return forecast_chart(scene.predictions, scene.closes, split=scene.ends, currency="USD")


def fan() -> Figure:
    closes = world(5, history=100).closes
    return fan_chart(closes, fan_table(closes, 10), symbol="ABC")


def test_other_settings_of_matplotlib_change_no_byte(tmp_path: Path) -> None:
    one = save_figure(chart(), tmp_path / "a.svg").read_bytes()
    with mpl.rc_context(OTHERS):
        assert save_figure(chart(), tmp_path / "b.svg").read_bytes() == one


SCRIPT = """
import json
import sys
from collections.abc import Callable
from pathlib import Path
import lstmcast.plots
heavy = sorted({"torch", "matplotlib.pyplot", "yfinance", "tkinter", "typer"} & set(sys.modules))
assert not heavy, heavy
from support.charts import fan_table, world
import matplotlib
matplotlib.rcParams.update(json.loads(sys.argv[2]))
closes = world(5, history=100).closes
figure = lstmcast.plots.fan_chart(closes, fan_table(closes, 10), symbol="ABC")
for suffix in lstmcast.plots.FORMATS:
    for name in ("once", "twice"):
        lstmcast.plots.save_figure(figure, Path(sys.argv[1]) / f"{name}.{suffix.upper()}")
assert "matplotlib.pyplot" not in sys.modules
assert "torch" not in sys.modules
"""


def test_another_process_writes_the_same_bytes_and_loads_neither_torch_nor_pyplot(
    tmp_path: Path,
) -> None:
    """Nor does saving twice change anything, nor do other settings of matplotlib.

    The suffix chooses the format.
    """
    environment = os.environ | {
        "PYTHONHASHSEED": "7",
        "PYTHONPATH": str(Path(__file__).parents[1]),
        "TZ": "Asia/Tokyo",
    }
    words = [str(tmp_path), json.dumps(OTHERS)]
    subprocess.run([sys.executable, "-c", SCRIPT, *words], check=True, env=environment)
    figure = fan()
    for suffix in FORMATS:
        path = tmp_path / f"here.{suffix}"
        assert save_figure(figure, path) == path
        here = path.read_bytes()
        assert here.startswith(MAGIC[suffix])
        for name in ("once", "twice"):
            there = (tmp_path / f"{name}.{suffix.upper()}").read_bytes()
            assert hashlib.sha256(here).digest() == hashlib.sha256(there).digest(), suffix
    assert len(names_in(tmp_path)) == 3 * len(FORMATS)


@pytest.mark.parametrize("name", ["chart", "chart.jpeg", "chart.png.bak", ".png"])
def test_an_unknown_format_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(OutputError, match="is not a format of charts") as raised:
        save_figure(Figure(), tmp_path / name)
    assert raised.value.hint == "end the name with one of .png, .svg, .pdf"
    assert names_in(tmp_path) == []


def test_a_place_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    (tmp_path / "folder.png").mkdir()
    cases = [
        (tmp_path / "none" / "a.png", "No such file", "mkdir -p"),
        (tmp_path / "file" / "a.png", "Not a directory", "--output"),
        (tmp_path / "folder.png", "Is a directory", "name of a file in it"),
        (tmp_path / f"{'long' * 80}.png", "too long", "--output"),
    ]
    for path, reason, hint in cases:
        with pytest.raises(OutputError, match=reason) as raised:
            save_figure(Figure(), path)
        assert hint in str(raised.value.hint)
    assert names_in(tmp_path) == ["file", "folder.png"]


def test_a_full_disk_leaves_the_old_chart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "chart.png"
    path.write_bytes(b"old")

    def full(_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OutputError, match="No space left on device"):
        save_figure(Figure(), path)
    assert path.read_bytes() == b"old"
    assert names_in(tmp_path) == ["chart.png"]


def test_whoever_reads_the_old_chart_keeps_it_whole(tmp_path: Path) -> None:
    path = tmp_path / "chart.svg"
    path.write_bytes(b"old")
    with path.open("rb") as reader:
        save_figure(Figure(), path)
        assert reader.read() == b"old"
    assert path.read_bytes().startswith(MAGIC["svg"])


def test_a_new_chart_is_as_open_to_others_as_any_new_file(tmp_path: Path) -> None:
    plain = tmp_path / "plain"
    plain.touch()
    saved = save_figure(Figure(), tmp_path / "chart.svg")
    assert saved.stat().st_mode == plain.stat().st_mode
