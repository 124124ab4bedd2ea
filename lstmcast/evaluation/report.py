"""Evaluation as a pure function: prediction table and bars in, report out.

The baselines forecast the very rows that the model forecast, and one piece of code scores them all.
`Report.to_dict` is what `metrics.json` holds and `evaluate --json` prints.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd

from lstmcast.baselines import (
    BASELINES,
    BaselineContext,
    FitCache,
    Refit,
    baselines_by_symbol,
    get_baseline,
)
from lstmcast.baselines.table import align
from lstmcast.errors import DataError
from lstmcast.evaluation.comparison import Comparison, by_symbol, compare_days, point_test
from lstmcast.evaluation.coverage import (
    CoverageCheck,
    check_coverage,
    check_coverage_ahead,
    check_coverage_by_year,
)
from lstmcast.evaluation.diagnostics import Diagnostics, diagnose, volatility_terciles
from lstmcast.evaluation.evidence import Evidence
from lstmcast.evaluation.finding import SIGNIFICANT
from lstmcast.evaluation.lstm_adds import Contribution, contributions
from lstmcast.evaluation.point import PointReport, examine_point
from lstmcast.evaluation.ratios import ratio
from lstmcast.evaluation.row_scores import (
    ForecasterScores,
    SymbolScores,
    pool_symbols,
    score_symbol,
)
from lstmcast.evaluation.scores import ByHorizon, row_losses
from lstmcast.evaluation.significance import Test, best_of
from lstmcast.evaluation.unchanged import never_moved, seldom_moves
from lstmcast.evaluation.verdict import Verdict, judge

SCHEMA_VERSION = 1
MODEL = "model"
RANDOM_WALK = "random_walk"


@dataclass(frozen=True)
class Rows:
    """The test rows of one symbol: origins, and the first and last date that was forecast."""

    count: int
    first: str
    last: str


@dataclass(frozen=True)
class ForecasterReport:
    """The model or one baseline.

    Args:
        label: how tables call it.
        kind: whether it states ranges or single numbers.
        pooled: scores by horizon, the mean over symbols.
        symbols: scores by symbol and horizon.
        diagnostics: of its ranges at the shortest horizon; None for a point forecast.
    """

    label: str
    kind: Literal["distribution", "point"]
    pooled: ByHorizon
    symbols: dict[str, ByHorizon]
    diagnostics: Diagnostics | None

    def to_dict(self) -> dict[str, Any]:
        """Plain values; horizons become strings, as JSON wants."""
        return {
            "label": self.label,
            "kind": self.kind,
            "pooled": _plain_horizons(self.pooled),
            "symbols": {name: _plain_horizons(part) for name, part in self.symbols.items()},
            "diagnostics": None if self.diagnostics is None else self.diagnostics.to_dict(),
        }


@dataclass(frozen=True, repr=False)
class Report:
    """Everything that an evaluation found.

    Args:
        rows: the rows of each symbol.
        horizons: sessions ahead that were forecast.
        forecasters: the model first, then the baselines.
        comparisons: the model against each baseline at each horizon.
        symbol_tests: the model against the best baseline for each symbol, at the shortest horizon.
        lstm_adds: the model against the linear model of its inputs, and against the pretrained
            networks without fitting, at the shortest horizon; empty where neither was compared.
        point_tests: squared error of the median return against no change, by horizon.
        points: the median of each symbol at the shortest horizon.
        ranges: whether the model's ranges hold: at the shortest horizon overall and in each third,
            then overall at the others.
        yearly: the same in each year, at the shortest horizon; the verdict leaves them out.
        verdict: the findings in words.
        notes: baselines that were left out, fits that failed.
    """

    rows: dict[str, Rows]
    horizons: tuple[int, ...]
    forecasters: dict[str, ForecasterReport]
    comparisons: dict[str, dict[int, Comparison]]
    symbol_tests: dict[str, dict[str, float | int | None]]
    lstm_adds: dict[str, Contribution]
    point_tests: dict[int, Test]
    points: dict[str, PointReport]
    ranges: tuple[CoverageCheck, ...]
    yearly: tuple[CoverageCheck, ...]
    verdict: Verdict
    notes: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values: NaN is null, dates are ISO strings."""
        return {
            "schema_version": SCHEMA_VERSION,
            "rows": {
                symbol: {"count": part.count, "first": part.first, "last": part.last}
                for symbol, part in self.rows.items()
            },
            "horizons": list(self.horizons),
            "forecasters": {name: part.to_dict() for name, part in self.forecasters.items()},
            "comparisons": {name: _plain_horizons(part) for name, part in self.comparisons.items()},
            "symbol_tests": self.symbol_tests,
            "lstm_adds": {name: part.to_dict() for name, part in self.lstm_adds.items()},
            "point_tests": _plain_horizons(self.point_tests),
            "points": {symbol: part.to_dict() for symbol, part in self.points.items()},
            "ranges": [check.to_dict() for check in self.ranges],
            "ranges_by_year": [check.to_dict() for check in self.yearly],
            "verdict": self.verdict.to_dict(),
            "notes": list(self.notes),
        }

    def __repr__(self) -> str:
        """The forecasters and the answer: the numbers fill pages."""
        return f"Report({', '.join(self.forecasters)}: {self.verdict.summary})"

    def to_frame(self, *, by_symbol: bool = False) -> pd.DataFrame:
        """The scores as a table: a row per forecaster and horizon, the model's first.

        Args:
            by_symbol: a row for each symbol instead of the mean over them.

        Returns:
            `forecaster`, `label`, `symbol` if there is one for each, `horizon`, and a column for
            each of `Scores`: coverages are fractions, returns in the log and CRPS are in %.
        """
        rows = [
            {"forecaster": name, "label": part.label, **of, "horizon": horizon, **vars(scores)}
            for name, part in self.forecasters.items()
            for of, table in (
                [({"symbol": symbol}, found) for symbol, found in part.symbols.items()]
                if by_symbol
                else [({}, part.pooled)]
            )
            for horizon, scores in table.items()
        ]
        return pd.DataFrame(rows)


def evaluate(
    predictions: pd.DataFrame,
    bars: Mapping[str, pd.DataFrame],
    *,
    fit_end: Mapping[str, pd.Timestamp] | None = None,
    features: Mapping[str, pd.DataFrame] | None = None,
    markets: Mapping[str, str] | None = None,
    context: BaselineContext | None = None,
    baselines: Sequence[str] = tuple(BASELINES),
    refit: Refit = "never",
    jobs: int = 0,
    cache: FitCache | None = None,
    label: str = "LSTM",
    trials: int = 1,
) -> Report:
    """Score a model beside the baselines on the same rows.

    Args:
        predictions: the model's prediction table.
        bars: adjusted bars of each symbol in it (`PriceHistory.adjusted()`).
        fit_end: last session of each symbol that a baseline may be fitted on; by default the
            first origin of the table.
        features: the model's causal features of each symbol, for baselines that use them.
        markets: who closes together (`lstmcast.prices.closing.market`); by ticker if not given.
        context: what else the run gives to baselines (`lstmcast.baselines.baseline_context`).
        baselines: names out of `BASELINES`; those that can forecast none of the symbols are left
            out with a note.
        refit: fit the baselines once, or again in each period on all rows before.
        jobs: worker processes at most; 0 takes one for each core.
        cache: where slow fits are kept.
        label: how tables call the model.
        trials: configurations that the model was chosen from, for which the verdict allows.

    Raises:
        DataError: if there are no predictions, or `fit_end` comes after the first origin.
        RunError: if the bars do not hold the rows that were forecast.
    """
    if predictions.empty:
        raise DataError(
            "there are no forecasts to evaluate: no test session has a known outcome",
            "end the split earlier, or fetch newer prices",
        )
    model, still = _that_moved(predictions)
    results, found = baselines_by_symbol(
        [get_baseline(name) for name in baselines],
        model,
        bars,
        then=score_symbol,
        fit_end=fit_end,
        features=features,
        markets=markets,
        context=context,
        refit=refit,
        jobs=jobs,
        cache=cache,
    )
    forecasters = {MODEL: pool_symbols(_by_symbol(model), model)}
    notes = [*still, *found]
    for name, parts in results.items():
        forecasters[name] = pool_symbols({key: part.table for key, part in parts.items()}, model)
        notes += [note for part in parts.values() for note in part.notes]
    labels = {MODEL: label, **{name: get_baseline(name).label for name in results}}
    return _report(model, forecasters, labels, bars, tuple(notes), trials)


def assemble(
    tables: Mapping[str, pd.DataFrame],
    labels: Mapping[str, str],
    bars: Mapping[str, pd.DataFrame],
    notes: tuple[str, ...] = (),
    trials: int = 1,
) -> Report:
    """Score tables that have the same rows, `model` first, and draw the verdict.

    Args:
        tables: prediction tables by name, in any order of rows.
        labels: how to call each.
        bars: adjusted bars of each symbol.
        notes: what the reader should know besides.
        trials: configurations that the model was chosen from, for which the verdict allows.

    Raises:
        RunError: if a table lacks a row that the model has.
    """
    model, still = _that_moved(tables[MODEL])
    forecasters = {
        name: pool_symbols(_by_symbol(model if name == MODEL else align(table, model)), model)
        for name, table in tables.items()
    }
    return _report(model, forecasters, labels, bars, (*still, *notes), trials)


def _that_moved(predictions: pd.DataFrame) -> tuple[pd.DataFrame, list[str]]:
    """The rows of the symbols that moved, and a note on each of the others; all if none did.

    Against a price that stands still every error is infinitely large, or none, and one such symbol
    would have the word over all.
    """
    still = never_moved(predictions)
    if len(still) == predictions["symbol"].nunique():
        return predictions.reset_index(drop=True), []
    rows = predictions[~predictions["symbol"].isin(still)].reset_index(drop=True)
    return rows, [
        f"{symbol} is left out: its close never moved in the test period" for symbol in still
    ]


def _seldom_notes(model: pd.DataFrame, bars: Mapping[str, pd.DataFrame]) -> list[str]:
    """A note on each symbol whose closes are mostly those of the day before."""
    notes = []
    for symbol, rows in model.groupby("symbol", sort=True):
        closes = bars[str(symbol)]["close"]
        first, last = rows["origin"].min(), rows["date"].max()
        parts = {
            "in the test period": closes.loc[first:last].to_numpy(np.float64),
            "before the test period": closes.loc[:first].to_numpy(np.float64),
        }
        if (words := seldom_moves(str(symbol), parts)) is not None:
            notes.append(words)
    return notes


def _by_symbol(table: pd.DataFrame) -> dict[str, SymbolScores]:
    return {str(symbol): score_symbol(part) for symbol, part in table.groupby("symbol", sort=False)}


def _report(
    model: pd.DataFrame,
    found: Mapping[str, ForecasterScores],
    labels: Mapping[str, str],
    bars: Mapping[str, pd.DataFrame],
    notes: tuple[str, ...],
    trials: int,
) -> Report:
    horizons = tuple(found[MODEL].pooled)
    nearest = horizons[0]
    rows = found[MODEL].nearest
    terciles = volatility_terciles(rows, bars)
    forecasters = {
        name: ForecasterReport(
            label=labels[name],
            kind="point" if part.is_point else "distribution",
            pooled=part.pooled,
            symbols=part.symbols,
            diagnostics=diagnose(part.nearest, terciles, nearest),
        )
        for name, part in found.items()
    }
    best = best_baseline(forecasters, nearest)
    days = found[MODEL].daily
    comparisons = {
        name: {
            h: compare_days(
                days[h],
                part.daily[h],
                h,
                interval=h == nearest and name in {best, RANDOM_WALK},
            )
            for h in horizons
        }
        for name, part in found.items()
        if name != MODEL
    }
    losses = row_losses(rows)
    symbol_tests = by_symbol(losses, row_losses(found[best].nearest), nearest) if best else {}
    points = {
        str(symbol): examine_point(table, bars[str(symbol)], nearest)
        for symbol, table in rows.groupby("symbol", sort=True)
    }
    point_tests = {h: point_test(days[h], h) for h in horizons}
    ranges = check_coverage(losses, terciles, nearest) + check_coverage_ahead(model, horizons[1:])
    adds = contributions(comparisons, labels, nearest, trials)
    distribution = forecasters[MODEL].kind == "distribution"
    evidence = Evidence(
        horizon=nearest,
        days=int(rows["origin"].nunique()),
        error_ratio=_error_ratio(days[nearest]),
        point=point_tests[nearest],
        copies=points,
        best=(best, labels[best]) if best else None,
        against_best=comparisons[best][nearest] if best and distribution else None,
        against_walk=comparisons[RANDOM_WALK][nearest]
        if RANDOM_WALK in comparisons and distribution
        else None,
        baselines=len(comparisons),
        symbols_better=sum(_beats(test, trials) for test in symbol_tests.values()),
        symbols=len(points),
        ranges=ranges,
        adds=adds,
        label=labels[MODEL],
        trials=trials,
    )
    return Report(
        rows=_rows(model),
        horizons=horizons,
        forecasters=forecasters,
        comparisons=comparisons,
        symbol_tests=symbol_tests,
        lstm_adds=adds,
        point_tests=point_tests,
        points=points,
        ranges=ranges,
        yearly=check_coverage_by_year(losses, nearest),
        verdict=judge(evidence),
        notes=(*notes, *(() if evidence.nothing_moved else _seldom_notes(model, bars))),
    )


def _error_ratio(days: pd.DataFrame) -> float:
    """Error of the median return relative to no change, of the losses that are tested."""
    ours, theirs = (float(days[name].mean()) for name in ("square", "walk_square"))
    return float(np.sqrt(ratio(ours, theirs)))


def best_baseline(forecasters: Mapping[str, ForecasterReport], horizon: int) -> str | None:
    """Name of the baseline with the lowest CRPS at a horizon; None if there is none."""
    stated = {
        name: part.pooled[horizon].crps
        for name, part in forecasters.items()
        if name != MODEL and part.kind == "distribution"
    }
    return min(stated, key=lambda name: stated[name]) if stated else None


def _beats(test: Mapping[str, float | int | None], trials: int) -> bool:
    p, mean = test["p_holm"], test["mean"]
    return p is not None and mean is not None and best_of(p, trials) < SIGNIFICANT and mean < 0


def _rows(predictions: pd.DataFrame) -> dict[str, Rows]:
    return {
        str(symbol): Rows(
            count=int(part["origin"].nunique()),
            first=f"{part['date'].min():%Y-%m-%d}",
            last=f"{part['date'].max():%Y-%m-%d}",
        )
        for symbol, part in predictions.groupby("symbol", sort=True)
    }


def _plain_horizons(parts: Mapping[int, Any]) -> dict[str, Any]:
    return {str(horizon): part.to_dict() for horizon, part in parts.items()}
