"""darts' LSTM with quantile regression at 21 levels, one session ahead.

    python -m venv .venv-darts
    .venv-darts/bin/pip install torch==2.13.0 "darts[torch]" pyarrow
    .venv-darts/bin/python benchmarks/peers/darts_lstm.py IN.parquet OUT.parquet

`benchmarks/skill.py --peers darts` writes the input and reads the output, so this file needs an
environment without lstmcast. Settings are the library's defaults but for the window, which has no
default, and early stopping, which is off by default: the weights with the best validation loss are
kept. darts has no Student-t; quantiles come from its quantile regression, sorted where they cross.

In: `symbol, date, return, part` with log returns in % and the parts train, validation, test. Out:
`symbol, date` of each test return and its quantiles `q025 q05 q10` .. `q95 q975` forecast at the
session before; beside it the seconds of the fit, as JSON. With `--race` forecasts are of the
validation returns, at each of many moments of the training, and `seconds` says of each how much CPU
time it took until then (`benchmarks/race.py`).
"""

import argparse
import json
import logging
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from darts import TimeSeries
from darts.models import BlockRNNModel
from darts.utils.likelihood_models.torch import QuantileRegression
from pytorch_lightning.callbacks import Callback, EarlyStopping
from snapshots import Snapshots

LEVELS = [0.025, *(round(0.05 * k, 2) for k in range(1, 20)), 0.975]
QUANTILES = ["q025", *(f"q{5 * k:02d}" for k in range(1, 20)), "q975"]


def forecaster(options: argparse.Namespace, folder: str, *callbacks: Callback) -> BlockRNNModel:
    """The untrained network, which keeps its best weights in a folder."""
    return BlockRNNModel(
        input_chunk_length=options.window,
        output_chunk_length=1,
        model="LSTM",
        likelihood=QuantileRegression(LEVELS),
        random_state=options.seed,
        model_name="peer",
        work_dir=folder,
        save_checkpoints=True,
        pl_trainer_kwargs={
            "accelerator": "cpu",
            "callbacks": [
                EarlyStopping(monitor="val_loss", patience=options.patience),
                *callbacks,
            ],
            # No bars; everything else about the trainer is as it comes.
            "enable_progress_bar": False,
            "enable_model_summary": False,
        },
    )


def main() -> None:
    """Fit, forecast every test session, write."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("input", type=Path)
    parser.add_argument("output", type=Path)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--window", type=int, default=80, help="sessions that the network reads")
    parser.add_argument("--patience", type=int, default=5, help="epochs without gain")
    parser.add_argument("--race", type=int, default=0, help="moments at which it is scored")
    parser.add_argument("--threads", type=int, default=0, help="CPU threads; 0 for torch's choice")
    options = parser.parse_args()
    for name in ("pytorch_lightning", "darts"):
        logging.getLogger(name).setLevel(logging.ERROR)
    if options.threads:
        torch.set_num_threads(options.threads)
    rows = pd.read_parquet(options.input).sort_values(["symbol", "date"], ignore_index=True)
    train, validation, tested = [], [], []
    for _, group in rows.groupby("symbol"):
        # Sessions are numbered, so that holidays are not taken for gaps.
        values = TimeSeries.from_values(group["return"].to_numpy(np.float32))
        counts = group["part"].value_counts()
        learnt, known = int(counts["train"]), int(counts["train"] + counts["validation"])
        train.append(values[:learnt])
        # The first window of validation reaches back into training.
        validation.append(values[max(learnt - options.window, 0) : known])
        keys = group[["symbol", "date"]]
        if options.race:
            tested.append((values[:known], learnt, keys.iloc[learnt:known]))
        else:
            tested.append((values, known, keys.iloc[known:]))

    with tempfile.TemporaryDirectory() as folder:
        imported, snapshots = time.process_time(), Snapshots()
        began = time.perf_counter()
        network = forecaster(options, folder, *[snapshots] * bool(options.race))
        network.fit(train, val_series=validation)
        if options.race:
            table = snapshots.forecasts(
                network.model, lambda: forecasts(network, tested), options.race
            )
        else:
            network = BlockRNNModel.load_from_checkpoint("peer", folder, best=True)
        fitted = time.perf_counter() - began
    if not options.race:
        table = forecasts(network, tested)
    table.to_parquet(options.output, index=False)
    seconds = json.dumps({"fit_seconds": round(fitted, 3), "import_seconds": round(imported, 3)})
    options.output.with_suffix(".json").write_text(seconds, encoding="utf-8")


def forecasts(
    network: BlockRNNModel, tested: list[tuple[TimeSeries, int, pd.DataFrame]]
) -> pd.DataFrame:
    """Forecasts of each series from a row on, each made at the session before."""
    tables = []
    for values, start, keys in tested:
        found = network.historical_forecasts(
            values,
            start=start,
            forecast_horizon=1,
            retrain=False,
            predict_likelihood_parameters=True,
        )
        if found.start_time() != start or len(found) != len(keys):
            raise SystemExit("a return has no forecast")
        quantiles = np.sort(found.values().astype(np.float64), axis=1)
        tables.append(keys.assign(**dict(zip(QUANTILES, quantiles.T, strict=True))))
    return pd.concat(tables)


if __name__ == "__main__":
    main()
