"""All folds' forecasts judged together, year by year, and day by day against the best baseline."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from lstmcast.baselines import get_baseline
from lstmcast.evaluation.backtest.strategies import Performance, trade
from lstmcast.evaluation.comparison import LOSSES, daily_means
from lstmcast.evaluation.evaluator import assemble
from lstmcast.evaluation.plain_values import plain_fields
from lstmcast.evaluation.ratios import skill
from lstmcast.evaluation.report import MODEL, Report, best_baseline
from lstmcast.evaluation.scores import row_losses


@dataclass(frozen=True)
class Year:
    """One calendar year of forecasts at the shortest horizon.

    Losses are means over symbols of each one's mean over its days.

    Args:
        year: of the date that was forecast.
        days: dates.
        crps, log_score: of the model; NaN for a point forecast.
        best_crps, best_log_score: of the baseline that is best over the whole walk.
        skill: 1 - crps / best_crps; NaN in a year in which no close moved.
    """

    year: int
    days: int
    crps: float
    log_score: float
    best_crps: float
    best_log_score: float
    skill: float

    def to_dict(self) -> dict[str, Any]:
        """Plain values, with null for NaN."""
        return plain_fields(self)


@dataclass(frozen=True, repr=False)
class BacktestReport:
    """What a walk came to.

    Args:
        report: scores, tests and verdict over all folds.
        years: the same year by year.
        differences: by date, the model's CRPS minus the best baseline's, mean over symbols;
            empty for a point forecast.
        strategies: two trading rules beside buy and hold; empty without costs.
        cost_bps: cost of a trade in basis points; None without trading.
        trials: models tried on these symbols and days, by which the strategies are deflated.
        tables: the forecasts of each forecaster, the model's first.
    """

    report: Report
    years: list[Year]
    differences: "pd.Series[float]"
    strategies: list[Performance]
    cost_bps: float | None
    trials: int
    tables: Mapping[str, pd.DataFrame] = field(default_factory=dict, repr=False)

    def __repr__(self) -> str:
        """The forecasters and the answer: the numbers fill pages."""
        return f"Backtest{self.report!r}"

    def to_frame(self, *, by_symbol: bool = False) -> pd.DataFrame:
        """The scores over all folds, as `Report.to_frame` has them."""
        return self.report.to_frame(by_symbol=by_symbol)

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {
            **self.report.to_dict(),
            "years": [year.to_dict() for year in self.years],
            "strategies": [part.to_dict() for part in self.strategies],
            "cost_bps": self.cost_bps,
            "trials": self.trials,
        }


def summarise(
    tables: Mapping[str, pd.DataFrame],
    bars: Mapping[str, pd.DataFrame],
    *,
    label: str = "LSTM",
    notes: tuple[str, ...] = (),
    cost_bps: float | None = None,
    trials: int = 1,
    chosen_from: int = 1,
) -> BacktestReport:
    """Judge the forecasts of all folds.

    Args:
        tables: prediction tables by forecaster, the model's among them, over the same rows.
        bars: adjusted bars of each symbol.
        label: how tables call the model.
        notes: what the reader should know besides.
        cost_bps: cost of a trade in basis points; None for no trading.
        trials: models tried on these symbols and days (`count_trials`), this one included.
        chosen_from: configurations that the model was chosen from (`tuning.trials`), for which the
            verdict allows.
    """
    labels = {name: label if name == MODEL else get_baseline(name).label for name in tables}
    report = assemble(tables, labels, bars, notes, chosen_from)
    horizon = report.horizons[0]
    best = best_baseline(report.forecasters, horizon)
    years, differences = [], pd.Series(dtype="float64")
    if best is not None and report.forecasters[MODEL].kind == "distribution":
        ours, theirs = (_losses(tables[name], horizon) for name in (MODEL, best))
        differences = _means(ours)["crps"] - _means(theirs)["crps"]
        years = _years(ours, theirs)
    strategies = (
        [] if cost_bps is None else trade(tables[MODEL], bars, cost_bps=cost_bps, trials=trials)
    )
    return BacktestReport(report, years, differences, strategies, cost_bps, trials, tables)


def _losses(table: pd.DataFrame, horizon: int) -> pd.DataFrame:
    """Both losses of each row of a horizon."""
    losses = row_losses(table[table["horizon"] == horizon])
    return losses[["symbol", "horizon", "date", *LOSSES, "walk_square"]]


def _means(losses: pd.DataFrame) -> pd.DataFrame:
    """Means over symbols, by the date that was forecast."""
    (means,) = daily_means(losses).values()
    return means


def _years(ours: pd.DataFrame, theirs: pd.DataFrame) -> list[Year]:
    """Each year by itself: the weights of a symbol's days are those of its days of that year."""
    parts = (losses.groupby(losses["date"].dt.year) for losses in (ours, theirs))
    return [
        _year(int(year), _means(own), _means(best).mean())
        for (year, own), (_, best) in zip(*parts, strict=True)
    ]


def _year(year: int, days: pd.DataFrame, best: "pd.Series[float]") -> Year:
    means = days.mean()
    crps, best_crps = float(means["crps"]), float(best["crps"])
    return Year(
        year=year,
        days=len(days),
        crps=crps,
        log_score=float(means["log_score"]),
        best_crps=best_crps,
        best_log_score=float(best["log_score"]),
        skill=skill(crps, best_crps) if days["walk_square"].any() else float("nan"),
    )
