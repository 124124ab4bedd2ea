"""The report of an evaluation: scores, tests, coverage and verdict, and how they become JSON.

Apart from the computation, because commands, pages and charts read reports that they did not make.
`Report.to_dict` is what `metrics.json` holds and `evaluate --json` prints.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import pandas as pd

from lstmcast.evaluation.ablation import Ablation
from lstmcast.evaluation.comparison import Comparison
from lstmcast.evaluation.coverage_check import CoverageCheck
from lstmcast.evaluation.diagnostics import Diagnostics
from lstmcast.evaluation.plain_values import by_horizon
from lstmcast.evaluation.point import PointReport
from lstmcast.evaluation.scores import ByHorizon
from lstmcast.evaluation.significance import Test
from lstmcast.evaluation.verdict import Verdict

SCHEMA_VERSION = 1
MODEL = "model"
RANDOM_WALK = "random_walk"


@dataclass(frozen=True)
class TestRows:
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
            "pooled": by_horizon(self.pooled),
            "symbols": {name: by_horizon(part) for name, part in self.symbols.items()},
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

    rows: dict[str, TestRows]
    horizons: tuple[int, ...]
    forecasters: dict[str, ForecasterReport]
    comparisons: dict[str, dict[int, Comparison]]
    symbol_tests: dict[str, dict[str, float | int | None]]
    lstm_adds: dict[str, Ablation]
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
            "comparisons": {name: by_horizon(part) for name, part in self.comparisons.items()},
            "symbol_tests": self.symbol_tests,
            "lstm_adds": {name: part.to_dict() for name, part in self.lstm_adds.items()},
            "point_tests": by_horizon(self.point_tests),
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


def best_baseline(forecasters: Mapping[str, ForecasterReport], horizon: int) -> str | None:
    """Name of the baseline with the lowest CRPS at a horizon; None if there is none."""
    stated = {
        name: part.pooled[horizon].crps
        for name, part in forecasters.items()
        if name != MODEL and part.kind == "distribution"
    }
    return min(stated, key=lambda name: stated[name]) if stated else None
