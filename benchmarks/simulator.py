"""How simulated markets look beside real ones: stylised facts of both, and a picture.

    python benchmarks/simulator.py \
        --data prices/four:2008-12-31:AAPL,GOOG,IBM,MSFT \
        --data prices/ten:2010-12-31 \
        --plot simulated.png

Each `--data` is a folder of price files (CSV, gzipped or not, or Parquet, one symbol a file), the
last session that is looked at, and the symbols if not all. The prior is judged, and may be mended,
by what it says here, so the last session is that of training. By default it is the bundled sample
to the end of 2008.

A table for each folder: quantiles of each fact over simulated series, then the value of each real
one, marked `*` where it lies outside the 5 to 95 % of simulated ones. Facts that need ranges, opens
or volume are `-` for series without them. Neighbours are the symbols of a folder, and the simulated
markets of a group. The last lines name what the prior does not cover.

`--without PART` leaves parts of the prior out, which shows what they make.
"""

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from lstmcast.features.ranges import PARKINSON
from lstmcast.plots.output import save_figure
from lstmcast.plots.style import INK, MUTED, SERIES, house_style
from lstmcast.prices.history import PriceHistory
from lstmcast.prices.sources import get_source
from lstmcast.prices.sources.base import SourceOptions
from lstmcast.simulation import PARTS, Prior, simulate
from lstmcast.simulation.facts import (
    FACTS,
    NEIGHBOUR_FACTS,
    QUANTILES,
    covered,
    measure,
    measure_neighbours,
    quantiles,
)

GROUP = 8
SAMPLE = ("AAPL", "GOOG", "IBM", "MSFT")
SAMPLE_END = date(2008, 12, 31)
PRICES = ("open", "high", "low", "close")
SHOWN, ZOOM, LONG, SMOOTHED = 3, 120, 1500, 5
"""Series of each kind in the picture, sessions of the left and the right panel, and those that a
volatility averages."""

Tables = Mapping[str, pd.DataFrame]


@dataclass(frozen=True)
class RealSeries:
    """Adjusted bars of several symbols up to a session, with the columns that each has."""

    name: str
    bars: Mapping[str, pd.DataFrame]

    @classmethod
    def parse(cls, text: str) -> "RealSeries":
        """Read `FOLDER[:END][:SYMBOL,SYMBOL]`."""
        folder, *further = text.split(":")
        path = Path(folder)
        end = date.fromisoformat(further.pop(0)) if further and "-" in further[0] else None
        names = further[0].split(",") if further else symbols_in(path)
        source = get_source("csv", SourceOptions(path=path))
        return cls.of(path.name, [source.fetch(name) for name in names], end)

    @classmethod
    def sample(cls) -> "RealSeries":
        """The four stocks that the package brings along, training part."""
        source = get_source("sample")
        return cls.of("sample", [source.fetch(name) for name in SAMPLE], SAMPLE_END)

    @classmethod
    def of(cls, name: str, histories: Sequence[PriceHistory], end: date | None) -> "RealSeries":
        """The adjusted bars of histories up to a session."""
        bars = {}
        for history in histories:
            adjusted = history.between(None, end).adjusted()
            bars[history.symbol] = adjusted.dropna(axis="columns", how="all")
        return cls(name, bars)

    def facts(self) -> pd.DataFrame:
        """Facts of each symbol, a row each."""
        return pd.concat([measure(tables_of(symbol, bars)) for symbol, bars in self.bars.items()])

    def neighbour_facts(self) -> pd.DataFrame:
        """Facts of the symbols as a group, one row; NaN where there is a single symbol."""
        closes = pd.concat({symbol: bars["close"] for symbol, bars in self.bars.items()}, axis=1)
        if len(self.bars) < 2:
            return pd.DataFrame(np.nan, index=[self.name], columns=list(NEIGHBOUR_FACTS))
        return measure_neighbours(closes).to_frame(self.name).T


def symbols_in(folder: Path) -> list[str]:
    """The symbols of the price files of a folder."""
    known = ([".csv"], [".parquet"])
    return sorted(p.name.split(".")[0] for p in folder.iterdir() if p.suffixes[:1] in known)


def tables_of(symbol: str, bars: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Tables of one series each, as `measure` reads them."""
    return {str(name): bars[[name]].set_axis([symbol], axis=1) for name in bars}


def simulated_tables(
    markets: int, sessions: int, seed: int, without: Sequence[str]
) -> dict[str, pd.DataFrame]:
    """Bars of simulated markets, sessions by markets."""
    generator = torch.Generator().manual_seed(seed)
    drawn = Prior(frozenset(without)).draw(markets, generator, GROUP)
    bars = simulate(drawn, sessions, generator)
    tables = {name: pd.DataFrame(getattr(bars, name).numpy()) for name in (*PRICES, "volume")}
    return {**tables, "dollar_volume": tables["close"] * tables["volume"]}


def simulated_neighbours(close: pd.DataFrame) -> pd.DataFrame:
    """Facts of each group of simulated markets, a row each."""
    firsts = range(0, close.shape[1], GROUP)
    return pd.DataFrame([measure_neighbours(close.iloc[:, k : k + GROUP]) for k in firsts])


def print_table(title: str, simulated: pd.DataFrame, real: pd.DataFrame) -> None:
    """Quantiles of simulated facts, then real values, those outside marked."""
    inside = covered(simulated, real)
    levels = "".join(f"{f'{level:.0%}':>8}" for level in QUANTILES)
    print(f"\n  {title:24}{levels}  |" + "".join(f"{name!s:>9}" for name in real.index))
    for fact, row in quantiles(simulated).iterrows():
        cells = [
            "-" if pd.isna(value) else f"{value:.3f}{' ' if within else '*'}"
            for value, within in zip(real[fact], inside[fact], strict=True)
        ]
        values = "".join(f"{value:>8.3f}" for value in row)
        print(f"  {fact:24}{values}  |" + "".join(f"{cell:>9}" for cell in cells))


def outside(simulated: pd.DataFrame, real: pd.DataFrame) -> list[str]:
    """A line for each fact with real values outside the simulated ones, and on which side."""
    low, high = simulated.quantile(QUANTILES[0]), simulated.quantile(QUANTILES[-1])
    lines = []
    for fact in map(str, real.columns):
        sides = (("below", real[fact] < low[fact]), ("above", real[fact] > high[fact]))
        names = [f"{name} {side}" for side, there in sides for name in real.index[there]]
        if names:
            known = int(real[fact].notna().sum())
            lines.append(f"{fact}: {len(names)} of {known} outside ({', '.join(names)})")
    return lines


def print_markdown(tables: Sequence[tuple[pd.DataFrame, Mapping[str, pd.DataFrame]]]) -> None:
    """One table for a page: quantiles, then the least and the largest real value of each folder."""
    names = list(tables[0][1])
    levels = [f"{level:.0%}".replace("%", " %") for level in QUANTILES]
    print("\n| fact | " + " | ".join([*levels, *names]) + " |")
    print("| --- |" + " --: |" * (len(levels) + len(names)))
    for simulated, real in tables:
        for fact, row in quantiles(simulated).iterrows():
            cells = [f"{value:.3f}" for value in row]
            cells += [span(simulated, table, str(fact)) for table in real.values()]
            print(f"| `{fact}` | " + " | ".join(cells) + " |")


def span(simulated: pd.DataFrame, real: pd.DataFrame, fact: str) -> str:
    """The least and the largest real value, and how many lie outside the simulated ones."""
    values = real[fact].dropna()
    if values.empty:
        return "-"
    missed = int((~covered(simulated, real)[fact].dropna().astype(bool)).sum())
    if len(values) == 1:
        return f"{values.iloc[0]:.3f}" + (" (outside)" if missed else "")
    ends = f"{values.min():.3f} to {values.max():.3f}"
    return ends + (f" ({missed} of {len(values)} outside)" if missed else "")


def picture(simulated: Tables, real: Sequence[RealSeries]) -> Figure:
    """A few real and simulated series below each other: prices with ranges, and volatility."""
    rows = [
        (symbol, bars) for part in real for symbol, bars in part.bars.items() if "high" in bars
    ][:SHOWN]
    rows += [
        (f"simulated {k + 1}", pd.DataFrame({name: simulated[name][k * GROUP] for name in PRICES}))
        for k in range(SHOWN)
    ]
    with house_style():
        figure = Figure(figsize=(10, 1.55 * len(rows)), dpi=72, facecolor="white")
        axes = figure.subplots(len(rows), 2, width_ratios=(1, 1.6), squeeze=False)
        for (left, right), (name, bars) in zip(axes, rows, strict=True):
            colour = SERIES[0] if name.startswith("simulated") else INK
            draw_prices(left, bars[-ZOOM:], colour)
            draw_volatility(right, bars[-LONG:], colour)
            left.set_ylabel(name)
        axes[0, 0].set_title(f"High, low and close of the last {ZOOM} sessions", size=10)
        axes[0, 1].set_title(
            "Absolute return (grey), range volatility of a week (line), %", size=10
        )
        figure.tight_layout()
    return figure


def draw_prices(axes: Axes, bars: pd.DataFrame, colour: str) -> None:
    """A stroke from low to high for each session, and its close."""
    sessions = np.arange(len(bars))
    axes.vlines(sessions, bars["low"], bars["high"], color=colour, linewidth=1.0)
    axes.plot(sessions, bars["close"], ".", color=SERIES[1], markersize=3)
    axes.set_xticks([])


def draw_volatility(axes: Axes, bars: pd.DataFrame, colour: str) -> None:
    """Absolute returns, and the mean Parkinson volatility of five sessions."""
    size = 100 * np.abs(np.diff(np.log(bars["close"])))
    width = 100 * np.log(bars["high"] / bars["low"]) / PARKINSON
    smooth = pd.Series(np.asarray(width)).rolling(SMOOTHED).mean().to_numpy()
    axes.plot(np.arange(1, len(bars)), size, color=MUTED, linewidth=0.4, alpha=0.7)
    axes.plot(smooth, color=colour, linewidth=0.9)
    axes.set_ylim(0, 1.1 * max(np.quantile(size, 0.999), float(np.nanmax(smooth))))
    axes.set_xlim(0, len(bars))


def main() -> None:
    """Read the options."""
    parser = argparse.ArgumentParser(
        description=(__doc__ or "").splitlines()[0],
        epilog="--data FOLDER[:END][:SYMBOL,SYMBOL], as often as you like",
    )
    parser.add_argument(
        "--data", action="append", help="price files; by default the bundled sample"
    )
    parser.add_argument("--markets", type=int, default=512, help="simulated ones")
    parser.add_argument("--sessions", type=int, default=2500, help="of each simulated market")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--without", nargs="+", default=[], choices=PARTS, help="parts left out")
    parser.add_argument("--markdown", action="store_true", help="one table for a page of docs")
    parser.add_argument("--plot", type=Path, help="write the picture to this PNG, SVG or PDF")
    options = parser.parse_args()
    if options.markets < GROUP * SHOWN or options.markets % GROUP:
        parser.error(
            f"--markets {options.markets} must be a multiple of {GROUP}, {GROUP * SHOWN} or more"
        )
    run(options)


def run(options: argparse.Namespace) -> None:
    """Simulate, measure, print, draw."""
    torch.set_num_threads(1)
    real = [RealSeries.parse(text) for text in options.data or ()] or [RealSeries.sample()]
    bars = simulated_tables(options.markets, options.sessions, options.seed, options.without)
    facts, neighbours = measure(bars), simulated_neighbours(bars["close"])
    left_out = f", without {', '.join(options.without)}" if options.without else ""
    print(
        f"{options.markets} simulated markets of {options.sessions} sessions,"
        f" seed {options.seed}{left_out}"
    )
    lines = []
    tables = (
        (facts, {part.name: part.facts() for part in real}),
        (neighbours, {part.name: part.neighbour_facts() for part in real}),
    )
    if options.markdown:
        print_markdown(tables)
    for part in real:
        for title, (simulated, measured) in zip((part.name, "neighbours"), tables, strict=True):
            if not options.markdown:
                print_table(title, simulated, measured[part.name])
            lines += [f"  {part.name}, {line}" for line in outside(simulated, measured[part.name])]
    print("\nnot covered:" if lines else "\neverything is covered")
    print("\n".join(lines))
    print("\nfacts:")
    for name, text in {**FACTS, **NEIGHBOUR_FACTS}.items():
        print(f"  {name:24}{text}")
    if options.plot:
        save_figure(picture(bars, real), options.plot)


if __name__ == "__main__":
    main()
