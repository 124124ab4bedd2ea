"""Run general forecasting libraries on the rows that lstmcast forecast, and score them alike.

Each library needs dependencies of its own, so each runs as a script of this folder in a Python of
its own; its docstring tells how to make that. Returns go there and quantiles come back as Parquet.
"""

import json
import subprocess
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd

from lstmcast.evaluation.scores import PERCENT, row_losses
from lstmcast.predictions import QUANTILES
from lstmcast.prices.history import PriceHistory

FOLDER = Path(__file__).resolve().parent
ROOT = FOLDER.parent.parent


class PeerError(Exception):
    """A library that cannot be run, in one line."""


@dataclass(frozen=True)
class Variant:
    """One way to run a library: what the table calls it, and the script's options."""

    label: str
    arguments: tuple[str, ...] = ()


@dataclass(frozen=True)
class Forecasts:
    """What one variant did with one seed: a prediction table, and the seconds of the fit."""

    table: pd.DataFrame
    fit_seconds: float

    @property
    def losses(self) -> pd.DataFrame:
        """As of `row_losses`."""
        return row_losses(self.table)


PEERS: dict[str, tuple[Variant, ...]] = {
    "neuralforecast": (
        Variant("neuralforecast"),
        Variant("neuralforecast, unscaled", ("--scaler", "identity")),
    ),
    "darts": (Variant("darts"),),
}


def pythons(names: Iterable[str], given: Sequence[str]) -> dict[str, Path]:
    """The Python of each library: from `NAME=PATH`, else `.venv-NAME` of the repository.

    Raises:
        PeerError: naming the first library that is not there.
    """
    paths = dict(text.split("=", 1) for text in given if "=" in text)
    if unknown := [text for text in given if text.split("=", 1)[0] not in PEERS or "=" not in text]:
        raise PeerError(f"`--peer-python` takes NAME=PATH of {', '.join(PEERS)}, got {unknown[0]}")
    found = {}
    for name in names:
        # Absolute, since the scripts run elsewhere; not resolved, or it is no environment any more.
        python = Path(paths.get(name, ROOT / f".venv-{name}/bin/python")).absolute()
        hint = (
            f"make it as `benchmarks/peers/{name}_lstm.py` says, or use --peer-python {name}=PATH"
        )
        if not python.is_file():
            raise PeerError(f"no Python for `{name}` at {python}; {hint}")
        probe = f"import sys, importlib.util as u; sys.exit(u.find_spec('{name}') is None)"
        if subprocess.run([python, "-c", probe], check=False).returncode:
            raise PeerError(f"`{name}` is not installed for {python}; {hint}")
        found[name] = python
    return found


def returns_table(
    histories: Iterable[PriceHistory], train_end: date, validation_end: date
) -> pd.DataFrame:
    """Log returns in % by `symbol` and `date`, with the `part` that each belongs to."""
    tables = []
    for history in histories:
        close = history.adjusted()["close"]
        returns = PERCENT * np.diff(np.log(close.to_numpy(dtype=np.float64)))
        dates = pd.DatetimeIndex(close.index[1:])
        part = np.where(dates <= pd.Timestamp(validation_end), "validation", "test")
        part[dates <= pd.Timestamp(train_end)] = "train"
        columns = {"symbol": history.symbol, "date": dates, "return": returns}
        tables.append(pd.DataFrame({**columns, "part": part}))
    return pd.concat(tables, ignore_index=True)


def run_peer(
    name: str,
    variant: Variant,
    python: Path,
    returns: pd.DataFrame,
    rows: pd.DataFrame,
    *,
    seed: int,
    threads: int = 0,
) -> Forecasts:
    """Fit a library and have it forecast.

    Args:
        name: of the library.
        variant: how to run it.
        python: the interpreter that has it.
        returns: what it may read, from `returns_table`.
        rows: lstmcast's prediction table one session ahead; the same rows are forecast.
        seed: of its network.
        threads: as `training.threads`; 0 leaves them to the library.

    Raises:
        PeerError: if it fails.
    """
    with tempfile.TemporaryDirectory() as text:
        folder = Path(text)
        returns.to_parquet(folder / "returns.parquet", index=False)
        done = subprocess.run(
            [
                python,
                FOLDER / f"{name}_lstm.py",
                *("returns.parquet", "forecasts.parquet", *variant.arguments),
                *("--seed", str(seed), "--threads", str(threads)),
            ],
            cwd=folder,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            last = (done.stderr.strip() or "no message").splitlines()[-1]
            raise PeerError(f"`{name}` failed: {last}")
        forecasts = pd.read_parquet(folder / "forecasts.parquet")
        seconds = json.loads((folder / "forecasts.json").read_text(encoding="utf-8"))
    return Forecasts(prediction_table(forecasts, rows), seconds["fit_seconds"])


def prediction_table(forecasts: pd.DataFrame, rows: pd.DataFrame) -> pd.DataFrame:
    """A library's forecasts, in %, as the prediction table of the same rows, in fractions.

    What the library does not state is NaN: the mean, and the density if there is none.

    Raises:
        PeerError: if a row has no forecast.
    """
    keys = ["symbol", "date"]
    stated = rows[keys].merge(forecasts, on=keys, how="left", validate="one_to_one")
    if stated[list(QUANTILES)].isna().to_numpy().any():
        raise PeerError("a row that lstmcast forecast has no forecast of the library")
    table = rows.reset_index(drop=True).copy()
    table[["mean", "log_density"]] = np.nan
    table[list(QUANTILES)] = stated[list(QUANTILES)].to_numpy() / PERCENT
    if "log_density" in stated:
        table["log_density"] = stated["log_density"].to_numpy() + np.log(PERCENT)
    return table


def averaged(seeds: Sequence[Forecasts]) -> Forecasts:
    """The seeds as one forecast, as lstmcast pools its members: mean quantiles, mean density."""
    table = seeds[0].table.copy()
    columns = [*QUANTILES, "log_density"]
    stacked = np.stack([each.table[columns].to_numpy(dtype=np.float64) for each in seeds])
    stacked[..., -1] = np.exp(stacked[..., -1])
    mean = stacked.mean(axis=0)
    mean[:, -1] = np.log(mean[:, -1])
    table[columns] = mean
    return Forecasts(table, sum(each.fit_seconds for each in seeds))


def passed_after(
    steps: Sequence[tuple[float, Mapping[str, float]]], target: Mapping[str, float]
) -> float | None:
    """Seconds after which the scores are below the target's and stay there; None if never.

    The log score decides, or the CRPS if the target states no density.
    """
    score = "crps" if np.isnan(target["log_score"]) else "log_score"
    passed = None
    for seconds, scores in reversed(steps):
        if not scores[score] < target[score]:
            break
        passed = seconds
    return passed
