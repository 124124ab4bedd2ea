"""Whether ranges held: by volatility, by year, and where closes fell among the stated steps."""

from collections.abc import Sequence

from lstmcast.evaluation.coverage import subset_label
from lstmcast.evaluation.coverage_check import OVERALL, CoverageCheck
from lstmcast.report.content import Chart, Key, Section, Table, Variant, figure, percent

_COLORS = {50: "--series-1", 80: "--series-2", 90: "--series-3", 95: "--series-4"}
_SYMBOLS = {50: "circle", 80: "square", 90: "triangle-up", 95: "diamond"}
SAMPLING = 1.96
"""Standard errors of the bars: 95 % of what sampling makes of a range that is exactly right."""

_LEAD = (
    "A range that states 80 % should contain 80 % of the closes: on all days, at low and at high "
    "volatility, year by year. Bars are sampling error: a mark whose bar crosses its line is as "
    "good as can be told."
)
_WORDS = {True: "", False: " too far off", None: " too few days"}


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
    return Section("coverage", "Did the ranges hold?", "Coverage", [_LEAD], charts, tables)


def _name(check: CoverageCheck) -> str:
    return subset_label(check.subset)


def _by_part(checks: Sequence[CoverageCheck]) -> Chart:
    parts = list(dict.fromkeys(_name(check) for check in checks))
    traces = []
    for nominal, color in _COLORS.items():
        some = [check for check in checks if check.nominal == nominal]
        traces.append(
            {
                "type": "scatter",
                "mode": "markers",
                "name": f"{nominal} % range",
                "x": [round(100 * check.coverage, 2) for check in some],
                "y": [_name(check) for check in some],
                "error_x": {
                    "type": "data",
                    "symmetric": False,
                    "array": [
                        round(100 * min(SAMPLING * check.standard_error, 1 - check.coverage), 2)
                        for check in some
                    ],
                    "arrayminus": [
                        round(100 * min(SAMPLING * check.standard_error, check.coverage), 2)
                        for check in some
                    ],
                    "color": color,
                    "thickness": 1.4,
                    "width": 3,
                },
                "marker": {"color": color, "symbol": _SYMBOLS[nominal], "size": 9},
                "hovertemplate": "%{x:.1f} % of closes<extra>%{fullData.name}, %{y}</extra>",
            }
        )
    lines = [
        {
            "type": "line",
            "xref": "x",
            "yref": "paper",
            "x0": nominal,
            "x1": nominal,
            "y0": 0,
            "y1": 1,
            "layer": "below",
            "line": {"color": color, "width": 1.2, "dash": "dot"},
        }
        for nominal, color in _COLORS.items()
    ]
    whole = next(check for check in checks if check.nominal == 80 and check.subset == OVERALL)
    return Chart(
        id="coverage",
        title="Closes inside each range, by volatility and year",
        summary=f"On all {whole.days:,} days the 80 % range contained {percent(whole.coverage)} of "
        "the closes.",
        variants=[
            Variant(
                "coverage",
                (),
                traces,
                {
                    "xaxis": {
                        "title": "Closes inside, %",
                        "showgrid": False,
                    },  # it would hide the lines
                    "yaxis": {"type": "category", "autorange": "reversed", "categoryarray": parts},
                    "shapes": lines,
                    "hovermode": "closest",
                },
            )
        ],
        legend=[Key(f"{nominal} % range", color, "dot") for nominal, color in _COLORS.items()],
        height=110 + 44 * len(parts),
        table=_table("Share of closes inside each range", checks),
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
    trace = {
        "type": "bar",
        "name": "Closes",
        "x": names,
        "y": [round(100 * share, 2) for share, _ in pit],
        "error_y": {
            "type": "data",
            "array": [round(100 * SAMPLING * error, 2) for _, error in pit],
            "color": "--muted",
            "thickness": 1.2,
            "width": 2,
        },
        "marker": {"color": "--band-80"},
        "hovertemplate": "%{y:.1f} % of closes<extra>%{x}</extra>",
    }
    line = {
        "type": "line",
        "xref": "paper",
        "yref": "y",
        "x0": 0,
        "x1": 1,
        "y0": 5,
        "y1": 5,
        "line": {"color": "--median", "width": 1.4, "dash": "dash"},
    }
    outer = pit[0][0] + pit[-1][0]
    return Chart(
        id="steps",
        title="Where the closes fell among the stated 5 % steps",
        summary="Between each two steps should lie 5 % of the closes; "
        f"{percent(outer)} fell into the lowest and the highest, which should hold 10 %.",
        variants=[
            Variant(
                "steps",
                (),
                [trace],
                {
                    "yaxis": {"title": "Closes, %", "rangemode": "tozero"},
                    "xaxis": {"type": "category", "tickangle": -45},
                    "shapes": [line],
                    "hovermode": "closest",
                },
            )
        ],
        legend=[
            Key("Share of closes", "--band-80", "band"),
            Key("As stated", "--median", "dashed"),
        ],
        height=340,
        table=Table(
            "Closes between each two steps",
            ("Step", "Share", "Standard error"),
            [
                [name, percent(share), figure(100 * error, 2)]
                for name, (share, error) in zip(names, pit, strict=True)
            ],
        ),
    )
