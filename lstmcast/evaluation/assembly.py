"""From scored tables to a report: which tests are made of them, and what the verdict rests on.

Here, and nowhere else, it is decided what an evaluation looks at; the statistics themselves are in
the modules that this one imports.
"""

from collections.abc import Generator, Mapping
from contextlib import closing
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import pandas as pd

from lstmcast.evaluation.ablation import ablations
from lstmcast.evaluation.comparison import Comparison, by_symbol, compare_days, point_test
from lstmcast.evaluation.coverage import (
    check_coverage,
    check_coverage_by_year,
    check_covered,
)
from lstmcast.evaluation.diagnostics import Diagnostics, diagnose
from lstmcast.evaluation.finding import SIGNIFICANT
from lstmcast.evaluation.model_rows import ModelRows, SymbolRows
from lstmcast.evaluation.point import examine_point
from lstmcast.evaluation.ratios import ratio
from lstmcast.evaluation.report import (
    MODEL,
    RANDOM_WALK,
    ForecasterReport,
    Report,
    TestRows,
    best_baseline,
)
from lstmcast.evaluation.row_scores import ForecasterScores, in_one_table
from lstmcast.evaluation.scores import row_losses
from lstmcast.evaluation.significance import sidak
from lstmcast.evaluation.stale_prices import describe_stale_closes
from lstmcast.evaluation.terciles import volatility_terciles
from lstmcast.evaluation.verdict import draw_verdict
from lstmcast.evaluation.verdict_inputs import VerdictInputs
from lstmcast.parallel import as_completed, computed_here, elsewhere


def build_report(
    model: ModelRows,
    scored: Mapping[str, ForecasterScores],
    labels: Mapping[str, str],
    bars: Mapping[str, pd.DataFrame],
    notes: tuple[str, ...],
    trials: int,
    jobs: int = 1,
) -> Report:
    """Test the model against the baselines and draw the verdict.

    Args:
        model: the model's rows.
        scored: the scores of the model and of every baseline, by name.
        labels: how tables call each.
        bars: adjusted bars of each symbol.
        notes: what the reader should know besides.
        trials: configurations that the model was chosen from, for which the verdict allows.
        jobs: worker processes at most.
    """
    rows = scored[MODEL].nearest
    terciles = volatility_terciles(rows, bars)
    with closing(_diagnoses(scored, terciles, jobs)) as diagnoses:
        # With the first of them the workers have all, and go on while the tests are made here.
        first = next(diagnoses)
        forecasters = _forecasters(scored, labels)
        horizons = tuple(forecasters[MODEL].pooled)
        nearest = horizons[0]
        best = best_baseline(forecasters, nearest)
        comparisons = _comparisons(scored, horizons, best)
        losses = row_losses(rows)
        symbol_tests = by_symbol(losses, row_losses(scored[best].nearest), nearest) if best else {}
        points = {
            str(symbol): examine_point(table, bars[str(symbol)], nearest)
            for symbol, table in rows.groupby("symbol", sort=True)
        }
        point_tests = {h: point_test(days, h) for h, days in scored[MODEL].daily.items()}
        ranges = check_coverage(losses, terciles, nearest) + check_covered(
            model.covered, horizons[1:]
        )
        adds = ablations(comparisons, labels, nearest, trials)
        distribution = forecasters[MODEL].kind == "distribution"
        walk = comparisons.get(RANDOM_WALK)
        evidence = VerdictInputs(
            horizon=nearest,
            days=int(rows["origin"].nunique()),
            error_ratio=_error_ratio(scored[MODEL].daily[nearest]),
            point=point_tests[nearest],
            copies=points,
            best=(best, labels[best]) if best else None,
            against_best=comparisons[best][nearest] if best and distribution else None,
            against_walk=walk[nearest] if walk and distribution else None,
            baselines=len(comparisons),
            symbols_better=sum(_beats(test, trials) for test in symbol_tests.values()),
            symbols=len(points),
            ranges=ranges,
            adds=adds,
            label=labels[MODEL],
            trials=trials,
        )
        found = dict([first, *diagnoses])
    return Report(
        rows={symbol: _test_rows(model.symbols[symbol]) for symbol in sorted(model.symbols)},
        horizons=horizons,
        forecasters=_diagnosed(forecasters, found),
        comparisons=comparisons,
        symbol_tests=symbol_tests,
        lstm_adds=adds,
        point_tests=point_tests,
        points=points,
        ranges=ranges,
        yearly=check_coverage_by_year(losses, nearest),
        verdict=draw_verdict(evidence),
        notes=(*notes, *(() if evidence.nothing_moved else _seldom_notes(model, bars))),
    )


def _test_rows(rows: SymbolRows) -> TestRows:
    first, last = pd.Timestamp(rows.dates.min()), rows.last
    return TestRows(len(np.unique(rows.origins)), f"{first:%Y-%m-%d}", f"{last:%Y-%m-%d}")


def _forecasters(
    scored: Mapping[str, ForecasterScores], labels: Mapping[str, str]
) -> dict[str, ForecasterReport]:
    """What is reported of each forecaster, still without diagnostics."""
    return {
        name: ForecasterReport(
            label=labels[name],
            kind="point" if part.is_point else "distribution",
            pooled=part.pooled,
            symbols=part.symbols,
            diagnostics=None,
        )
        for name, part in scored.items()
    }


def _diagnoses(
    scored: Mapping[str, ForecasterScores], terciles: "pd.Series[int]", jobs: int
) -> Generator[tuple[int, Diagnostics | None]]:
    """The number of each forecaster and its diagnostics at the shortest horizon."""
    parts = {name: part.parts for name, part in scored.items()}
    common = _Diagnosed(parts, terciles, min(scored[MODEL].daily))
    if elsewhere():  # another machine cannot read what is kept on this one's disk
        return computed_here(_diagnosis, common, list(scored))
    return as_completed(_diagnosis, common, list(scored), jobs=jobs)


def _diagnosed(
    forecasters: Mapping[str, ForecasterReport], found: Mapping[int, Diagnostics | None]
) -> dict[str, ForecasterReport]:
    """The same with diagnostics, which are known by the forecasters' numbers."""
    return {
        name: replace(forecaster, diagnostics=found[number])
        for number, (name, forecaster) in enumerate(forecasters.items())
    }


class _Diagnosed(NamedTuple):
    """Of each forecaster the rows of the shortest horizon by symbol, with the rows' terciles."""

    parts: dict[str, Mapping[str, pd.DataFrame]]
    terciles: "pd.Series[int]"
    horizon: int


def _diagnosis(rows: _Diagnosed, name: str) -> Diagnostics | None:
    return diagnose(in_one_table(rows.parts[name]), rows.terciles, rows.horizon)


def _comparisons(
    scored: Mapping[str, ForecasterScores], horizons: tuple[int, ...], best: str | None
) -> dict[str, dict[int, Comparison]]:
    """The model against each baseline; the skill's interval, which takes time, where shown."""
    days, shown = scored[MODEL].daily, {best, RANDOM_WALK}
    return {
        name: {
            h: compare_days(days[h], part.daily[h], h, interval=h == horizons[0] and name in shown)
            for h in horizons
        }
        for name, part in scored.items()
        if name != MODEL
    }


def _seldom_notes(model: ModelRows, bars: Mapping[str, pd.DataFrame]) -> list[str]:
    """A note on each symbol whose closes are mostly those of the day before."""
    notes = []
    for symbol, rows in sorted(model.symbols.items()):
        closes = bars[symbol]["close"]
        first, last = rows.first, rows.last
        parts = {
            "in the test period": closes.loc[first:last].to_numpy(np.float64),
            "before the test period": closes.loc[:first].to_numpy(np.float64),
        }
        if (words := describe_stale_closes(symbol, parts)) is not None:
            notes.append(words)
    return notes


def _error_ratio(days: pd.DataFrame) -> float:
    """Error of the median return relative to no change, of the losses that are tested."""
    ours, theirs = (float(days[name].mean()) for name in ("square", "walk_square"))
    return float(np.sqrt(ratio(ours, theirs)))


def _beats(test: Mapping[str, float | int | None], trials: int) -> bool:
    p, mean = test["p_holm"], test["mean"]
    return p is not None and mean is not None and sidak(p, trials) < SIGNIFICANT and mean < 0
