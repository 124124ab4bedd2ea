"""The answer first: the verdict with its findings, and the figures that tell most."""

import math
from collections.abc import Sequence

from lstmcast.evaluation.coverage_check import OVERALL
from lstmcast.evaluation.finding import SIGNIFICANT
from lstmcast.evaluation.report import MODEL, Report
from lstmcast.report.content import Tile, figure, percent


def headline(report: Report) -> tuple[str, list[str], list[Tile]]:
    """The verdict in a line, its findings, and the most telling figures.

    Args:
        report: of the evaluation.
    """
    verdict = report.verdict
    findings = [f"{label}: {text}" for label, text in verdict.labelled()]
    return verdict.summary, findings, _tiles(report)


def _tiles(report: Report) -> list[Tile]:
    horizon, model = report.horizons[0], report.forecasters[MODEL]
    scores = model.pooled[horizon]
    tiles: list[Tile] = []
    covered = [
        c for c in report.ranges if (c.horizon, c.nominal, c.subset) == (horizon, 80, OVERALL)
    ]
    if covered:
        tiles.append(
            Tile(
                "80 % range contained",
                percent(covered[0].coverage),
                f"of closes on {covered[0].days:,} days",
            )
        )
    best = report.verdict.best_baseline
    found = report.comparisons[best][horizon] if best else None
    if best and found is not None and found.skill is not None:
        test = found.crps
        p = math.nan if test is None else test.p_value
        told = f", p = {p:.2g}" if math.isfinite(p) else ""
        better = "better" if found.skill > 0 else "worse"
        words = (
            f"{better} than the best baseline{told}"
            if p < SIGNIFICANT
            else f"no measurable difference{told}"
        )
        tiles.append(
            Tile(
                f"CRPS beside {report.forecasters[best].label}",
                percent(found.skill, 2, sign=True),
                words,
            )
        )
    tiles.append(
        Tile("Price error", figure(scores.rmse_ratio, 4), "of the median, beside no change (1)")
    )
    count = sum(part.count for part in report.rows.values())
    symbols = len(report.rows)
    tiles.append(
        Tile(
            "Test forecasts",
            f"{count:,}",
            "of one symbol" if symbols == 1 else f"of {symbols} symbols",
        )
    )
    return tiles


def span(report: Report) -> Sequence[str]:
    """First and last date that was forecast."""
    return min(r.first for r in report.rows.values()), max(r.last for r in report.rows.values())
