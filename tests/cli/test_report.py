"""`lstmcast report` on a trained run: the file, what it refuses, and that nothing is lost then."""

import shutil
from functools import partial
from pathlib import Path

import pytest
from support.program import Workplace

from lstmcast.cli.evaluate import evaluate_run
from lstmcast.run import Run


@pytest.fixture(scope="module")
def trained_place(tmp_path_factory: pytest.TempPathFactory) -> Workplace:
    place = Workplace.make(tmp_path_factory.mktemp("place"))
    assert place.invoke("train", "-c", place.config).exit_code == 0
    return place


@pytest.fixture
def place(trained_place: Workplace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workplace:
    """A copy to spoil; two baselines are enough for a page."""
    few = partial(evaluate_run, baselines=["random_walk", "ewma"])
    monkeypatch.setattr("lstmcast.cli.report_of_run.evaluate_run", few)
    monkeypatch.setattr("lstmcast.api.inside.ORIGINS", 1)
    return Workplace(Path(shutil.copytree(trained_place.root, tmp_path / "copy")))


def test_a_run_becomes_one_file(place: Workplace, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever its size: the forecasts of all symbols and horizons are never read at once."""
    monkeypatch.delattr(Run, "predictions")
    run = Run.open(None, place.runs)
    harmful = run.path.rename(run.path.parent / "<script>alert(1)<")
    result = place.invoke("report", harmful.name)
    assert (result.exit_code, result.stdout) == (0, ""), result.stderr
    path = harmful / "report.html"
    assert result.stderr.splitlines()[-1] == f"wrote {path}"
    text = path.read_text(encoding="utf-8")
    assert len(text.encode()) <= 6 * 2**20
    assert "<script>alert(1)<" not in text
    assert "&lt;script&gt;alert(1)&lt;" in text
    for section in ("test", "fan", "coverage", "scores", "learning", "inside", "data", "again"):
        assert f'<section id="{section}"' in text
    for chart in ("test", "fan", "coverage", "steps", "gains", "learning", "gates", "importance"):
        assert f'data-chart="{chart}"' in text
    assert "lstmcast fetch AAA --source csv --path FILE" in text
    assert "EWMA" in text
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize(
    ("options", "code", "message"),
    [
        (["--symbol", "ZZZ"], 2, "`--symbol` ZZZ is not in "),
        (["nosuch"], 8, "there is no run `nosuch`"),
    ],
)
def test_what_is_not_there_is_refused(
    place: Workplace, options: list[str], code: int, message: str
) -> None:
    result = place.invoke("report", *options)
    assert result.exit_code == code
    assert message in result.stderr
    assert "Traceback" not in result.stderr
    assert not (Run.open(None, place.runs).path / "report.html").exists()


def test_without_weights_or_plotly_the_old_report_stays(
    place: Workplace, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = Run.open(None, place.runs)
    (run.path / "report.html").write_text("old", encoding="utf-8")
    weights = (run.path / "model.safetensors").rename(place.root / "kept")
    result = place.invoke("report")
    assert result.exit_code == 8
    assert "`model.safetensors` is missing from the run" in result.stderr
    weights.rename(run.path / "model.safetensors")
    monkeypatch.setattr("lstmcast.report.page.find_spec", lambda _: None)
    result = place.invoke("report")
    assert result.exit_code == 10
    assert result.stderr == (
        "error: a report needs plotly, which is not installed\n"
        "hint: run `pip install 'lstmcast[report]'`\n"
    )
    assert (run.path / "report.html").read_text(encoding="utf-8") == "old"


def test_a_folder_that_cannot_be_written_is_told_before_the_work(
    place: Workplace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lstmcast.cli.report_of_run.run_page", None)
    result = place.invoke("report", "-o", tmp_path / "missing" / "page.html")
    assert result.exit_code == 10
    assert "the folder" in result.stderr
    assert "mkdir -p" in result.stderr
    result = place.invoke("report", "-o", tmp_path)
    assert result.exit_code == 10
    assert "that is a folder" in result.stderr


def test_the_browser_is_shown_the_file(
    place: Workplace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    monkeypatch.setattr("webbrowser.open", asked.append)
    monkeypatch.setattr("lstmcast.cli.report_of_run.run_page", _short_page)
    path = tmp_path / "a page.html"
    assert place.invoke("report", "--open", "-o", path).exit_code == 0
    assert asked == [path.as_uri()]


def _short_page(*_: object) -> object:
    from lstmcast.report import Page

    return Page("AAA", "run", "x", [], "", [], [], [])
