"""What each part of lstmcast is worth: the default beside itself without the part.

    python benchmarks/parts.py
    python benchmarks/parts.py --data prices/ten:2010-12-31:2013-12-31 --seeds 0 1 2

- the linear model alone: what every second member begins as, never trained further;
- LSTM alone: members that begin with nothing and whose heads read the LSTM alone;
- one member, each symbol by itself, no calibration: the default without that part;
- HAR, calibrated: the best of the baselines under the calibration that lstmcast has.

The scores are of the test rows and choose nothing. They are of the return in %, lower is better; DM
is the Diebold-Mariano t of the default against the row, the weakest of the seeds: below -2 the
default is better and it is not luck, above 2 it is worse.
"""

import argparse
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd
from skill import DataSet, Rival, print_horizon

from lstmcast.evaluation.scores import row_losses
from lstmcast.training import Trained, predict

VARIANTS = {
    "linear model alone": (
        "model.start=linear",
        "model.members=1",
        "training.epochs=1",
        "training.learning_rate=1e-12",  # no step that could be seen
    ),
    "LSTM alone": ("model.start=random",),
    "one member": ("model.members=1",),
    "no calibration": ("calibration.kind=none",),
}


def alone(data: DataSet, horizon: int, seed: int) -> pd.DataFrame:
    """Forecasts of each symbol by networks that saw no other."""
    singles = [replace(data, histories=(history,)) for history in data.histories]
    tables = [single.train(horizon, seed, ()).predictions for single in singles]
    return pd.concat(tables, ignore_index=True)


def calibrated_har(data: DataSet, horizon: int, seed: int) -> pd.DataFrame:
    """Forecasts of a pool in which the baseline has all the weight, calibrated."""
    ranges = all("high" not in history.missing for history in data.histories)
    member = f"model.pool.baselines=[{'har_range' if ranges else 'har_abs'}]"
    trained = data.train(horizon, seed, (*VARIANTS["linear model alone"], member))
    weights = np.repeat([[1e-9], [1 - 1e-9]], horizon, axis=1)
    forecaster = replace(trained.forecaster, weights=weights)
    inputs = forecaster.inputs(data.histories)
    origins = {symbol: part.test for symbol, part in trained.prepared.parts.items()}
    return predict(forecaster, inputs, origins, trained.prepared.boundaries.test_end)


def losses(trained: Sequence[Trained]) -> list[pd.DataFrame]:
    """Of each seed."""
    return [row_losses(each.predictions) for each in trained]


def main() -> None:
    """Train, compare, print."""
    parser = argparse.ArgumentParser(
        description=(__doc__ or "").splitlines()[0],
        epilog="--data FOLDER:TRAIN_END:VALIDATION_END[:SYMBOL,SYMBOL], as often as you like",
    )
    parser.add_argument("--data", action="append", help="price files and dates, or the sample")
    parser.add_argument("--horizons", type=int, nargs="+", default=[1, 5, 10])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    options = parser.parse_args()
    longest, seeds = max(options.horizons), options.seeds
    for data in [DataSet.parse(text) for text in options.data or ()] or [DataSet.sample()]:
        print(f"\n{data.name}: {len(data.histories)} symbols")
        default = losses([data.train(longest, seed, ()) for seed in seeds])
        rows = [
            Rival(name, losses([data.train(longest, seed, settings) for seed in seeds]))
            for name, settings in VARIANTS.items()
        ]
        if len(data.histories) > 1:
            by_itself = [row_losses(alone(data, longest, seed)) for seed in seeds]
            rows.append(Rival("each symbol by itself", by_itself))
        har = calibrated_har(data, longest, seeds[0])
        rows.append(Rival("HAR, calibrated", [row_losses(har)]))
        for horizon in options.horizons:
            print_horizon(default, rows, horizon)


if __name__ == "__main__":
    main()
