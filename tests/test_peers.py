"""What `benchmarks/skill.py --peers` does with a library's forecasts; no library is needed."""

import sys
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from peers.run import (
    FOLDER,
    PEERS,
    Forecasts,
    PeerError,
    averaged,
    passed_after,
    prediction_table,
    pythons,
    returns_table,
)
from scipy.stats import t as student_t

from lstmcast.evaluation.scores import row_losses
from lstmcast.predictions import LEVELS, QUANTILES
from lstmcast.prices.sources import get_source


@pytest.fixture
def rows() -> pd.DataFrame:
    """Prediction rows of two symbols: a Student-t of 5 degrees of freedom, scale 1 %."""
    dates = pd.date_range("2020-01-01", periods=30, freq="D")
    frames = []
    for symbol, seed in (("A", 0), ("B", 1)):
        actual = np.random.default_rng(seed).standard_t(5, 29) / 100
        frame = pd.DataFrame({"symbol": symbol, "origin": dates[:-1], "date": dates[1:]})
        frame["horizon"] = 1
        frame["close_origin"], frame["close_actual"] = 100.0, 100 * np.exp(actual)
        frame["return_actual"] = actual
        for name in QUANTILES:
            frame[name] = student_t.ppf(float(f"0.{name[1:]}"), 5) / 100
        frame["mean"] = 0.0
        frame["log_density"] = student_t.logpdf(actual, 5, 0, 0.01)
        frames.append(frame)
    return pd.concat(frames, ignore_index=True)


def in_percent(rows: pd.DataFrame) -> pd.DataFrame:
    """The rows as a library writes them, in another order and with a row too many."""
    table = rows[["symbol", "date"]].copy()
    table[list(QUANTILES)] = student_t.ppf(LEVELS, 5)
    table["log_density"] = student_t.logpdf(100 * rows["return_actual"], 5)
    extra = table.iloc[[0]].assign(date=pd.Timestamp("2019-01-01"))
    return pd.concat([extra, table.sample(frac=1, random_state=0)], ignore_index=True)


def test_the_same_forecast_scores_the_same(rows: pd.DataFrame) -> None:
    ours, theirs = row_losses(rows), row_losses(prediction_table(in_percent(rows), rows))
    names = ["log_score", "crps", "inside_50", "inside_80", "inside_90", "inside_95"]
    np.testing.assert_allclose(theirs[names], ours[names], rtol=1e-9)


def test_without_a_density_there_is_no_log_score(rows: pd.DataFrame) -> None:
    forecasts = in_percent(rows).drop(columns="log_density")
    losses = row_losses(prediction_table(forecasts, rows))
    assert losses["log_score"].isna().all()
    assert losses["crps"].notna().all()


def test_a_row_without_a_forecast_is_an_error(rows: pd.DataFrame) -> None:
    with pytest.raises(PeerError, match="has no forecast"):
        prediction_table(in_percent(rows.iloc[1:]), rows)


def test_seeds_average_to_their_mean_density(rows: pd.DataFrame) -> None:
    table = prediction_table(in_percent(rows), rows)
    wider = table.assign(log_density=table["log_density"] - np.log(3), q95=3 * table["q95"])
    pool = averaged([Forecasts(table, 1.0), Forecasts(wider, 2.0)])
    np.testing.assert_allclose(pool.table["q95"], 2 * table["q95"])
    np.testing.assert_allclose(pool.table["log_density"], table["log_density"] + np.log(2 / 3))
    assert pool.fit_seconds == 3.0


def test_returns_and_parts() -> None:
    history = get_source("sample").fetch("AAPL")
    table = returns_table([history], date(2008, 12, 31), date(2010, 12, 31))
    assert table.groupby("part", sort=False)["date"].max().to_dict() == {
        "train": pd.Timestamp("2008-12-31"),
        "validation": pd.Timestamp("2010-12-31"),
        "test": pd.Timestamp("2013-03-01"),
    }
    growth = history.adjusted()["close"].iloc[-1] / history.adjusted()["close"].iloc[0]
    assert table["return"].sum() == pytest.approx(100 * np.log(growth))


@pytest.mark.parametrize(
    ("scores", "target", "seconds"),
    [
        ([3.0, 1.0, 1.0], 2.0, 0.2),
        ([1.0, 3.0, 1.0], 2.0, 0.3),
        ([1.0, 1.0, 3.0], 2.0, None),
        ([1.0, 1.0, 1.0], 1.0, None),
    ],
)
def test_passed_is_passed_for_good(
    scores: list[float], target: float, seconds: float | None
) -> None:
    steps = [(0.1 * (k + 1), {"log_score": s, "crps": 9.0}) for k, s in enumerate(scores)]
    assert passed_after(steps, {"log_score": target, "crps": 0.0}) == pytest.approx(seconds)
    by_crps = [(after, {"log_score": 0.0, "crps": s["log_score"]}) for after, s in steps]
    assert passed_after(by_crps, {"log_score": np.nan, "crps": target}) == pytest.approx(seconds)


def test_a_library_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(PeerError, match=r"no Python for `darts` at .*nowhere; make it as"):
        pythons(["darts"], [f"darts={tmp_path / 'nowhere'}"])
    with pytest.raises(PeerError, match="`darts` is not installed for"):
        pythons(["darts"], [f"darts={sys.executable}"])
    with pytest.raises(PeerError, match="takes NAME=PATH of neuralforecast, darts, got prophet=x"):
        pythons([], ["prophet=x"])
    assert pythons([], []) == {}


def test_every_library_has_its_script() -> None:
    assert {f"{name}_lstm.py" for name in PEERS} == {path.name for path in FOLDER.glob("*_lstm.py")}
