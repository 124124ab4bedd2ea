"""The five commands one after the other, as programs of their own, on the bundled sample."""

import json
from pathlib import Path

import pytest
from support.program import Workplace

from lstmcast.run import Run

CONFIGS = Path(__file__).parents[2] / "configs"
SMALL = (
    "target.horizon=3", "model.hidden_size=4", "model.members=1", "model.num_layers=1",
    "training.epochs=1", "training.lookback=60", "training.burn_in=10", "training.device=cpu",
    "data.start=2011-01-01",
)  # fmt: skip

HEAVY = ("torch", "torch._dynamo", "sklearn", "yfinance")
LOADED = (
    "import atexit, sys; atexit.register(lambda: "
    f"print('LOADED', *[name for name in {HEAVY} if name in sys.modules], file=sys.stderr))"
)
WITHOUT_TORCH = ("random_walk", "ewma", "garch", "har_range", "har_calibrated", "ridge")
"""A baseline of each module, but for those that are networks."""


@pytest.mark.slow
def test_fetch_train_evaluate_plot_forecast(tmp_path: Path) -> None:
    place = Workplace(tmp_path)
    overrides = [word for option in SMALL for word in ("--set", option)]
    loaded = {}

    def call(*words: str | Path) -> str:
        done = place.run(*words, first=LOADED)
        assert done.returncode == 0, done.stderr
        loaded[words[0]] = done.stderr.splitlines()[-1]
        return done.stdout

    call("fetch", "AAPL", "--source", "sample")
    told = json.loads(call("train", "--config", CONFIGS / "aapl.yaml", *overrides, "--json"))
    metrics = json.loads(call("evaluate", "--json", "--baselines", ",".join(WITHOUT_TORCH)))
    call("plot")
    ahead = json.loads(call("forecast", "--json"))

    run = Run.open(None, place.runs)
    assert told["run"] == str(run.path)
    assert json.loads((run.path / "metrics.json").read_text()) == metrics
    assert (run.charts / "AAPL-test.png").stat().st_size > 20_000
    (aapl,) = ahead["symbols"]
    assert (aapl["symbol"], aapl["origin"], aapl["currency"]) == ("AAPL", "2013-03-01", "USD")
    assert [row["date"] for row in aapl["sessions"]] == ["2013-03-04", "2013-03-05", "2013-03-06"]
    # Training alone needs PyTorch, and Yahoo's source alone yfinance. A compiler or scikit-learn
    # would take longer to load than this trains.
    assert loaded == {
        "fetch": "LOADED",
        "train": "LOADED torch",
        "evaluate": "LOADED",
        "plot": "LOADED",
        "forecast": "LOADED",
    }


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
