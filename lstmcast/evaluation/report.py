"""Evaluation as a pure function: prediction table and bars in, report out.

The baselines forecast the very rows that the model forecast, and one piece of code scores them all.
`Report.to_dict` is what `metrics.json` holds and `evaluate --json` prints.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import pandas as pd

from lstmcast.baselines import BASELINES, FitCache, Refit, get_baseline, standard_tables
from lstmcast.errors import DataError, RunError
from lstmcast.evaluation.scores import Scores, score_table
from lstmcast.evaluation.verdict import Verdict, judge
from lstmcast.predictions import is_point

SCHEMA_VERSION = 1
MODEL = "model"


@dataclass(frozen=True)
class Rows:
    """The test rows of one symbol: origins, and the first and last date that was forecast."""

    count: int
    first: str
    last: str


@dataclass(frozen=True)
class ForecasterReport:
    """The scores of the model or of one baseline, by horizon pooled, and by symbol and horizon."""

    label: str
    kind: Literal["distribution", "point"]
    pooled: dict[int, Scores]
    symbols: dict[str, dict[int, Scores]]

    def to_dict(self) -> dict[str, Any]:
        """Plain values; horizons become strings, as JSON wants."""
        return {
            "label": self.label,
            "kind": self.kind,
            "pooled": _plain_horizons(self.pooled),
            "symbols": {name: _plain_horizons(part) for name, part in self.symbols.items()},
        }


@dataclass(frozen=True)
class Report:
    """Everything that an evaluation found, the model first and then the baselines."""

    rows: dict[str, Rows]
    horizons: tuple[int, ...]
    forecasters: dict[str, ForecasterReport]
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
            "verdict": self.verdict.to_dict(),
            "notes": list(self.notes),
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "Report":
        """Rebuild a report from `metrics.json`.

        Raises:
            RunError: if it was written by a newer lstmcast.
        """
        version = values.get("schema_version")
        if version != SCHEMA_VERSION:
            raise RunError(
                f"`metrics.json` has schema version {version}, this lstmcast reads "
                f"{SCHEMA_VERSION}",
                "write it again with `lstmcast evaluate`",
            )
        return cls(
            rows={symbol: Rows(**part) for symbol, part in values["rows"].items()},
            horizons=tuple(values["horizons"]),
            forecasters={
                name: ForecasterReport(
                    label=part["label"],
                    kind=part["kind"],
                    pooled=_scored_horizons(part["pooled"]),
                    symbols={s: _scored_horizons(each) for s, each in part["symbols"].items()},
                )
                for name, part in values["forecasters"].items()
            },
            verdict=Verdict(**values["verdict"]),
            notes=tuple(values["notes"]),
        )


def evaluate(
    predictions: pd.DataFrame,
    bars: Mapping[str, pd.DataFrame],
    *,
    fit_end: Mapping[str, pd.Timestamp] | None = None,
    features: Mapping[str, pd.DataFrame] | None = None,
    baselines: Sequence[str] = tuple(BASELINES),
    refit: Refit = "never",
    jobs: int = 0,
    cache: FitCache | None = None,
    label: str = "LSTM",
) -> Report:
    """Score a model beside the baselines on the same rows.

    Args:
        predictions: the model's prediction table.
        bars: adjusted bars of each symbol in it (`PriceHistory.adjusted()`).
        fit_end: last session of each symbol that a baseline may be fitted on; by default the
            first origin of the table.
        features: the model's causal features of each symbol, for baselines that use them.
        baselines: names out of `BASELINES`; those that cannot forecast these rows are left out
            with a note.
        refit: fit the baselines once, or again each year on all rows before.
        jobs: worker processes at most; 0 takes one for each core.
        cache: where slow fits are kept.
        label: how tables call the model.

    Raises:
        DataError: if there are no predictions, or too few rows before them to fit a baseline.
        RunError: if the bars do not hold the rows that were forecast.
    """
    if predictions.empty:
        raise DataError(
            "there are no forecasts to evaluate: no session of the test range has come true",
            "move the end of the split back, or fetch newer prices",
        )
    standards, left_out = standard_tables(
        [get_baseline(name) for name in baselines],
        predictions,
        bars,
        fit_end=fit_end,
        features=features,
        refit=refit,
        jobs=jobs,
        cache=cache,
    )
    tables = {MODEL: predictions, **{name: part.table for name, part in standards.items()}}
    labels = {MODEL: label, **{name: get_baseline(name).label for name in standards}}
    forecasters = {name: _report_of(table, labels[name]) for name, table in tables.items()}
    horizons = tuple(forecasters[MODEL].pooled)
    shortest = horizons[0]
    return Report(
        rows=_rows(predictions),
        horizons=horizons,
        forecasters=forecasters,
        verdict=judge(
            forecasters[MODEL].pooled[shortest],
            {name: forecasters[name].pooled[shortest] for name in standards},
            labels,
            shortest,
        ),
        notes=(*left_out, *(note for part in standards.values() for note in part.notes)),
    )


def _report_of(table: pd.DataFrame, label: str) -> ForecasterReport:
    total, by_symbol = score_table(table)
    kind: Literal["distribution", "point"] = "point" if is_point(table) else "distribution"
    return ForecasterReport(label=label, kind=kind, pooled=total, symbols=by_symbol)


def _rows(predictions: pd.DataFrame) -> dict[str, Rows]:
    return {
        str(symbol): Rows(
            count=int(part["origin"].nunique()),
            first=f"{part['date'].min():%Y-%m-%d}",
            last=f"{part['date'].max():%Y-%m-%d}",
        )
        for symbol, part in predictions.groupby("symbol", sort=True)
    }


def _plain_horizons(scores: Mapping[int, Scores]) -> dict[str, Any]:
    return {str(horizon): part.to_dict() for horizon, part in scores.items()}


def _scored_horizons(values: Mapping[str, Any]) -> dict[int, Scores]:
    return {int(horizon): Scores.from_dict(part) for horizon, part in values.items()}
