"""The answer first: the verdict with its findings, and the figures that tell most."""

import math
from collections.abc import Sequence

from lstmcast.evaluation.coverage_check import OVERALL
from lstmcast.evaluation.finding import SIGNIFICANT
from lstmcast.evaluation.report import MODEL, Report
from lstmcast.report.content import Tile, figure, percent, relative


def headline(report: Report) -> tuple[str, list[str], list[Tile]]:
    """The verdict in a line, its findings, and the most telling figures.

    Args:
        report: of the evaluation.
    """
    verdict = report.verdict
    findings = [f"{label}: {text}" for label, text in verdict.labelled()]
    return verdict.summary, findings, _tiles(report)


def _tiles(report: Report) -> list[Tile]:
    scores = report.forecasters[MODEL].pooled[report.horizons[0]]
    count = sum(part.count for part in report.rows.values())
    symbols = len(report.rows)
    tiles = [
        _coverage_tile(report),
        _skill_tile(report),
        Tile("Price error", figure(scores.rmse_ratio, 4), "of the median; that of no change is 1"),
        Tile(
            "Test forecasts",
            f"{count:,}",
            "of one symbol" if symbols == 1 else f"of {symbols} symbols",
        ),
    ]
    return [tile for tile in tiles if tile is not None]


def _coverage_tile(report: Report) -> Tile | None:
    nearest = (report.horizons[0], 80, OVERALL)
    for check in report.ranges:
        if (check.horizon, check.nominal, check.subset) == nearest:
            share = percent(check.coverage)
            return Tile("80 % range contained", share, f"of closes on {check.days:,} days")
    return None


def _skill_tile(report: Report) -> Tile | None:
    best = report.verdict.best_baseline
    found = report.comparisons[best][report.horizons[0]] if best else None
    if not best or found is None or found.skill is None:
        return None
    p = math.nan if found.crps is None else found.crps.p_value
    stated = f", p = {p:.2g}" if math.isfinite(p) else ""
    better = "better" if found.skill > 0 else "worse"
    words = (
        f"{better} than the best baseline{stated}"
        if p < SIGNIFICANT
        else f"no measurable difference{stated}"
    )
    label = report.forecasters[best].label
    return Tile(f"CRPS against {label}", relative(found.skill), words)


def span(report: Report) -> Sequence[str]:
    """First and last date that was forecast."""
    return min(r.first for r in report.rows.values()), max(r.last for r in report.rows.values())
