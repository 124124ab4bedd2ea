"""neuralforecast's LSTM with a Student-t likelihood, one session ahead.

    python -m venv .venv-neuralforecast
    .venv-neuralforecast/bin/pip install torch==2.13.0 neuralforecast pyarrow
    .venv-neuralforecast/bin/python benchmarks/peers/neuralforecast_lstm.py IN.parquet OUT.parquet

`benchmarks/skill.py --peers neuralforecast` writes the input and reads the output, so this file
needs an environment without lstmcast. Settings are the library's defaults but for the window, whose
default is three values for one session ahead, and early stopping, which is off by default. The
validation sessions stop it, and the library keeps the last weights, not the best ones. Quantiles
are those of the stated Student-t itself instead of the library's 1,000 draws from it, which would
only add noise.

In: `symbol, date, return, part` with log returns in % and the parts train, validation, test. Out:
`symbol, date` of each test return, its quantiles `q025 q05 q10` .. `q95 q975` forecast at the
session before, and `log_density`, the log of its density; beside it the fit's seconds, as JSON.
With `--race` forecasts are of the validation returns, at each of many moments of the training, and
`seconds` says of each how much CPU time it took until then (`benchmarks/race.py`).
"""

import argparse
import json
import logging
import time
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from neuralforecast import NeuralForecast
from neuralforecast.losses.pytorch import DistributionLoss
from neuralforecast.models import LSTM
from pytorch_lightning import Callback
from scipy.stats import t as student_t
from snapshots import Snapshots

LEVELS = np.array([0.025, *(0.05 * k for k in range(1, 20)), 0.975])
QUANTILES = ["q025", *(f"q{5 * k:02d}" for k in range(1, 20)), "q975"]


def forecaster(options: argparse.Namespace, *callbacks: Callback) -> NeuralForecast:
    """The untrained network."""
    model = LSTM(
        h=1,
        input_size=options.window,
        loss=DistributionLoss("StudentT", return_params=True),
        scaler_type=options.scaler,
        early_stop_patience_steps=options.patience,
        val_check_steps=options.check,
        random_seed=options.seed + 1,
        alias="LSTM",
        callbacks=[*callbacks],
        # Neither files nor bars; everything else about the trainer is as it comes.
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    return NeuralForecast(models=[model], freq=1)


def main() -> None:
    """Fit, forecast every test session, write."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("input", type=Path)
    parser.add_argument("output", type=Path)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--scaler", default="robust", help="scaler_type, of each window by itself")
    parser.add_argument("--window", type=int, default=80, help="sessions that the network reads")
    parser.add_argument("--patience", type=int, default=3, help="checks without gain")
    parser.add_argument("--check", type=int, default=25, help="steps from one check to the next")
    parser.add_argument("--race", type=int, default=0, help="moments at which it is scored")
    parser.add_argument("--threads", type=int, default=0, help="CPU threads; 0 for torch's choice")
    options = parser.parse_args()
    logging.getLogger("pytorch_lightning").setLevel(logging.ERROR)
    if options.threads:
        torch.set_num_threads(options.threads)
    rows = pd.read_parquet(options.input).sort_values(["symbol", "date"], ignore_index=True)
    # Sessions are numbered, so that holidays are not taken for gaps.
    rows["ds"] = rows.groupby("symbol").cumcount()
    series = rows.rename(columns={"symbol": "unique_id", "return": "y"})[["unique_id", "ds", "y"]]
    sizes = rows.groupby(["symbol", "part"]).size().unstack(fill_value=0).max()

    known = rows["part"] != "test"
    imported, snapshots = time.process_time(), Snapshots()
    began = time.perf_counter()
    network = forecaster(options, *[snapshots] * bool(options.race))
    network.fit(series[known], val_size=int(sizes["validation"]))
    fitted = time.perf_counter() - began
    if options.race:
        whole, scored = series[known], rows[rows["part"] == "validation"]
        table = snapshots.forecasts(
            network.models[0], lambda: forecasts(network, whole, scored), options.race
        )
    else:
        table = forecasts(network, series, rows[rows["part"] == "test"])
    table.to_parquet(options.output)
    seconds = json.dumps({"fit_seconds": round(fitted, 3), "import_seconds": round(imported, 3)})
    options.output.with_suffix(".json").write_text(seconds, encoding="utf-8")


def forecasts(network: NeuralForecast, series: pd.DataFrame, scored: pd.DataFrame) -> pd.DataFrame:
    """Forecasts of the last rows of the series, each made at the session before."""
    count = int(scored.groupby("symbol").size().max())
    found = network.cross_validation(
        series, n_windows=count, step_size=1, refit=False, use_fitted=True
    )
    table = scored.merge(
        found.rename(columns={"unique_id": "symbol"}).drop(columns="y"), on=["symbol", "ds"]
    )
    if not (table["cutoff"] == table["ds"] - 1).all():
        raise SystemExit("a forecast was not made at the session before")
    df, loc, scale = (
        table[f"LSTM-{name}"].to_numpy(np.float64)[:, None] for name in ("df", "loc", "scale")
    )
    table[QUANTILES] = student_t.ppf(LEVELS, df, loc, scale)
    table["log_density"] = student_t.logpdf(table[["return"]], df, loc, scale)
    return table[["symbol", "date", *QUANTILES, "log_density"]]


if __name__ == "__main__":
    main()
