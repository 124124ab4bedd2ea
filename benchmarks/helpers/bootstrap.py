"""As many symbols as a benchmark wants: a block bootstrap of a few real ones.

Each symbol strings together stretches of 60 sessions, drawn at random from one of the series that
are given, as moves from close to close with the open, high, low and volume that went with them. So
a symbol has real returns, ranges and clusters of volatility, and no two are alike; what stocks do
together is lost. A tenth of them begin late. Without a folder the series are simulated.
"""

from pathlib import Path

import numpy as np
import pandas as pd

from lstmcast.prices.sources import get_source

BLOCK = 60
"""Sessions in a stretch."""

SAMPLE = ("AAPL", "GOOG", "IBM", "MSFT")


def pieces(folder: Path | None) -> list[np.ndarray]:
    """Of each series its moves: logs of prices over the close before, and of volume over its mean.

    Columns: close, open, high, low, volume.
    """
    if folder is None:
        return [_moves(get_source("sample").fetch(name, None, None).bars) for name in SAMPLE]
    found = [_moves(pd.read_csv(path)) for path in sorted(folder.glob("*.csv*"))]
    if not found:
        raise SystemExit(f"no CSV files in {folder}")
    return found


def write_csvs(folder: Path, symbols: int, rows: int, source: Path | None, seed: int = 0) -> None:
    """A file for each symbol, `S000.csv` and so on, the last session the same for all."""
    series = pieces(source)
    folder.mkdir(parents=True, exist_ok=True)
    days = pd.bdate_range(end="2024-12-31", periods=rows).strftime("%Y-%m-%d")
    for number in range(symbols):
        random = np.random.default_rng([seed, number])
        count = rows if number % 10 else int(rows * random.uniform(0.3, 0.9))
        bars = _bars(series[number % len(series)], count, random)
        bars.insert(0, "date", days[-count:])
        bars.to_csv(folder / f"S{number:04d}.csv", index=False, float_format="%.6g")


def _bars(moves: np.ndarray, rows: int, random: np.random.Generator) -> pd.DataFrame:
    starts = random.integers(0, len(moves) - BLOCK, rows // BLOCK + 1)
    drawn = np.concatenate([moves[k : k + BLOCK] for k in starts])[:rows]
    before = np.log(50) + np.concatenate([[0.0], np.cumsum(drawn[:-1, 0])])
    # Strung together at random a series may run off; the drift of the whole is taken out.
    before -= np.linspace(0, before[-1] - before[0], rows)
    close, opened, high, low = np.exp(before[:, None] + drawn[:, :4]).round(4).T
    high, low = np.maximum.reduce([high, opened, close]), np.minimum.reduce([low, opened, close])
    volume = np.exp(14 + drawn[:, 4]).round()
    prices = {"open": opened, "high": high, "low": low, "close": close}
    return pd.DataFrame({**prices, "adj_close": close, "volume": volume})


def _moves(table: pd.DataFrame) -> np.ndarray:
    table = table.rename(columns=str.lower)
    before = np.log(table["close"].shift())
    columns = [np.log(table[name]) - before for name in ("close", "open", "high", "low")]
    volume = np.log(table["volume"].clip(lower=1))
    moves = np.column_stack([*columns, volume - volume.rolling(250, min_periods=1).mean()])[1:]
    found: np.ndarray = moves[np.isfinite(moves).all(axis=1) & (np.abs(moves[:, 0]) < 0.5)]
    return found
