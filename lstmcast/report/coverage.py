"""The page's section on coverage: by volatility, by year, and the PIT histogram."""

from collections.abc import Sequence
from typing import Any

from lstmcast.evaluation.coverage import subset_label
from lstmcast.evaluation.coverage_check import OVERALL, CoverageCheck
from lstmcast.report.content import Chart, Key, Section, Table, Variant, figure, percent
from lstmcast.report.shapes import bar, rule, scatter

_COLORS = {50: "--series-1", 80: "--series-2", 90: "--series-3", 95: "--series-4"}
_SYMBOLS = {50: "circle", 80: "square", 90: "triangle-up", 95: "diamond"}
SAMPLING = 1.96
"""Standard errors of the bars: 95 % of what sampling makes of a range that is exactly right."""

_LEAD = (
    "An 80 % range should contain 80 % of the closes: on all days, at low and at high volatility, "
    "year by year. Bars show sampling error: where a mark's bar crosses its line, the deviation is "
    "within it."
)
_WORDS = {True: "", False: " beyond sampling error", None: " too few days"}


def coverage_section(
    checks: Sequence[CoverageCheck],
    years: Sequence[CoverageCheck],
    pit: Sequence[tuple[float, float]],
    horizon: int,
) -> Section | None:
    """How often closes fell inside the ranges; None for a point forecast.

    Args:
        checks: of all days and of parts by volatility, at several horizons.
        years: of each year, at the shortest horizon.
        pit: share of closes between each two 5 % steps, and its standard error.
        horizon: the shortest.
    """
    near = [check for check in checks if check.horizon == horizon]
    if not near:
        return None
    shown = [*near, *years]
    charts = [_by_part(shown)]
    if pit:
        charts.append(_steps(pit))
    further = [check for check in checks if check.horizon != horizon]
    tables = [_table("Coverage further ahead, all days", further)] if further else []
    return Section("coverage", "Are the ranges calibrated?", "Coverage", [_LEAD], charts, tables)


def _name(check: CoverageCheck) -> str:
    return subset_label(check.subset)


def _by_part(checks: Sequence[CoverageCheck]) -> Chart:
    parts = list(dict.fromkeys(_name(check) for check in checks))
    whole = next(check for check in checks if check.nominal == 80 and check.subset == OVERALL)
    layout = {
        "xaxis": {"title": "Closes inside, %", "showgrid": False},  # it would hide the lines
        "yaxis": {"type": "category", "autorange": "reversed", "categoryarray": parts},
        "shapes": [rule("x", n, color, width=1.2, dash="dot") for n, color in _COLORS.items()],
        "hovermode": "closest",
    }
    return Chart(
        id="coverage",
        title="Closes inside each range, by volatility and year",
        summary=f"On all {whole.days:,} days the 80 % range contained {percent(whole.coverage)} of "
        "the closes.",
        variants=[Variant("coverage", (), [_range(n, checks) for n in _COLORS], layout)],
        legend=[Key(f"{nominal} % range", color, "dot") for nominal, color in _COLORS.items()],
        height=110 + 44 * len(parts),
        table=_table("Share of closes inside each range", checks),
    )


def _range(nominal: int, checks: Sequence[CoverageCheck]) -> dict[str, Any]:
    """Coverage of one range in each subset, with its sampling error, cut at 0 and 100 %."""
    some = [check for check in checks if check.nominal == nominal]
    errors = [SAMPLING * check.standard_error for check in some]
    up = [min(error, 1 - check.coverage) for error, check in zip(errors, some, strict=True)]
    down = [min(error, check.coverage) for error, check in zip(errors, some, strict=True)]
    color = _COLORS[nominal]
    return scatter(
        f"{nominal} % range",
        "markers",
        x=[round(100 * check.coverage, 2) for check in some],
        y=[_name(check) for check in some],
        error_x={
            "type": "data",
            "symmetric": False,
            "array": [round(100 * error, 2) for error in up],
            "arrayminus": [round(100 * error, 2) for error in down],
            "color": color,
            "thickness": 1.4,
            "width": 3,
        },
        marker={"color": color, "symbol": _SYMBOLS[nominal], "size": 9},
        hovertemplate="%{x:.1f} % of closes<extra>%{fullData.name}, %{y}</extra>",
    )


def _table(caption: str, checks: Sequence[CoverageCheck]) -> Table:
    rows: dict[tuple[int, str], list[CoverageCheck]] = {}
    for check in checks:
        rows.setdefault((check.horizon, _name(check)), []).append(check)
    several = len({horizon for horizon, _ in rows}) > 1 or (rows and caption.endswith("all days"))
    return Table(
        caption,
        (
            "Sessions ahead" if several else "Days",
            "Days" if several else "Number",
            "50 %",
            "80 %",
            "90 %",
            "95 %",
        ),
        [
            [
                str(horizon) if several else name,
                f"{found[0].days:,}",
                *(f"{percent(check.coverage)}{_WORDS[check.calibrated]}" for check in found),
            ]
            for (horizon, name), found in rows.items()
        ],
    )


def _steps(pit: Sequence[tuple[float, float]]) -> Chart:
    names = [f"{5 * k}{chr(0x2013)}{5 * k + 5} %" for k in range(len(pit))]
    outer = pit[0][0] + pit[-1][0]
    layout = {
        "yaxis": {"title": "Closes, %", "rangemode": "tozero"},
        "xaxis": {"type": "category", "tickangle": -45},
        "shapes": [rule("y", 5, "--median", width=1.4, dash="dash", below=False)],
        "hovermode": "closest",
    }
    return Chart(
        id="steps",
        title="Where the closes fell in the forecast distribution",
        summary="Each bin should hold 5 % of the closes; the lowest and the highest together held "
        f"{percent(outer)}.",
        variants=[Variant("steps", (), [_step_bars(names, pit)], layout)],
        legend=[
            Key("Share of closes", "--band-80", "band"),
            Key("Nominal", "--median", "dashed"),
        ],
        height=340,
        table=Table(
            "Share of closes in each bin",
            ("Bin", "Share", "Standard error"),
            [
                [name, percent(share), figure(100 * error, 2)]
                for name, (share, error) in zip(names, pit, strict=True)
            ],
        ),
    )


def _step_bars(names: Sequence[str], pit: Sequence[tuple[float, float]]) -> dict[str, Any]:
    return bar(
        "Closes",
        x=names,
        y=[round(100 * share, 2) for share, _ in pit],
        error_y={
            "type": "data",
            "array": [round(100 * SAMPLING * error, 2) for _, error in pit],
            "color": "--muted",
            "thickness": 1.2,
            "width": 2,
        },
        marker={"color": "--band-80"},
        hovertemplate="%{y:.1f} % of closes<extra>%{x}</extra>",
    )
