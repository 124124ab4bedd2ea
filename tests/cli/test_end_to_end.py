"""The five commands one after the other, as a user calls them, on the bundled sample."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from support.program import Workplace

from lstmcast.run import Run

CONFIGS = Path(__file__).parents[2] / "configs"
SMALL = (
    "target.horizon=3", "model.hidden_size=4", "model.members=1", "model.num_layers=1",
    "training.epochs=1", "training.lookback=60", "training.burn_in=10", "training.device=cpu",
    "data.start=2011-01-01", "model.start=pretrained", "training.refit=validation",
)  # fmt: skip

HEAVY = ("torch", "torch._dynamo", "sklearn", "yfinance")
LOADED = (
    "import atexit, sys; atexit.register(lambda: "
    f"print('LOADED', *[name for name in {HEAVY} if name in sys.modules], file=sys.stderr))"
)
WITHOUT_TORCH = ("random_walk", "ewma", "garch", "har_range", "har_calibrated", "ridge")
"""A baseline of each module, but for those that are networks."""


THE_OTHERS = """
from lstmcast.cli.app import app
for words in (
    ["evaluate", "--json", "--baselines", {baselines!r}],
    ["plot"],
    ["forecast", "--json"],
):
    assert app(words, standalone_mode=False) in (None, 0), words
    print("END OF A COMMAND")
"""


@pytest.mark.slow
def test_fetch_train_evaluate_plot_forecast(tmp_path: Path) -> None:
    """Training in another process, by other threads, comes to the same bytes."""
    place = Workplace(tmp_path)
    overrides = [word for option in SMALL for word in ("--set", option)]
    assert place.invoke("fetch", "AAPL", "--source", "sample").exit_code == 0
    train = ("train", "--config", str(CONFIGS / "aapl.yaml"), *overrides, "--set")
    trained = place.run(*train, "training.threads=1", "--json", first=LOADED)
    assert trained.returncode == 0, trained.stderr
    run = Run.open(None, place.runs)
    assert json.loads(trained.stdout)["run"] == str(run.path)
    again = json.loads(place.invoke(*train, "training.threads=2", "--json").stdout)
    assert again["run"] != str(run.path)
    for name in ("model.safetensors", "predictions.parquet"):
        assert (Path(again["run"]) / name).read_bytes() == (run.path / name).read_bytes()
    shutil.rmtree(again["run"])

    script = THE_OTHERS.format(baselines=",".join(WITHOUT_TORCH))
    others = subprocess.run(
        [sys.executable, "-c", f"{LOADED}\n{script}"],
        env={**os.environ, **place.environment},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert others.returncode == 0, others.stderr
    scored, drawn, told, rest = others.stdout.split("END OF A COMMAND\n")
    assert (drawn, rest) == ("", "")
    assert json.loads((run.path / "metrics.json").read_text()) == json.loads(scored)
    assert (run.charts / "AAPL-test.png").stat().st_size > 20_000
    (aapl,) = json.loads(told)["symbols"]
    assert (aapl["symbol"], aapl["origin"], aapl["currency"]) == ("AAPL", "2013-03-01", "USD")
    assert [row["date"] for row in aapl["sessions"]] == ["2013-03-04", "2013-03-05", "2013-03-06"]
    # Training alone needs PyTorch, and Yahoo's source alone yfinance. A compiler or scikit-learn
    # would take longer to load than this trains.
    assert trained.stderr.splitlines()[-1] == "LOADED torch"
    assert others.stderr.splitlines()[-1] == "LOADED"


@pytest.mark.slow
def test_the_classic_recipe_runs(tmp_path: Path) -> None:
    place = Workplace(tmp_path)
    assert place.invoke("fetch", "AAPL", "--source", "sample").exit_code == 0
    small = ("training.epochs=1", "model.hidden_size=4", "training.device=cpu")
    overrides = [word for option in small for word in ("--set", option)]
    classic = str(CONFIGS / "classic.yaml")
    for words in (["train", "--config", classic, *overrides], ["plot"]):
        result = place.invoke(*words)
        assert result.exit_code == 0, result.stderr
    experiment = Run.open(None, place.runs).experiment()
    assert (experiment.target.kind, experiment.model.head) == ("price", "point")
    assert experiment.training.supervision == "last"
