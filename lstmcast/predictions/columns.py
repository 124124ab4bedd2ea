"""The columns of a prediction table: which quantiles it states, and which ranges these bound.

One list of levels for every forecaster, score, calibration and chart.
"""

QUANTILES: tuple[str, ...] = ("q025", *(f"q{5 * k:02d}" for k in range(1, 20)), "q975")
"""The columns of those levels, in order."""

RANGES: dict[int, tuple[str, str]] = {
    50: ("q25", "q75"),
    80: ("q10", "q90"),
    90: ("q05", "q95"),
    95: ("q025", "q975"),
}
"""The central prediction intervals: nominal coverage in %, and the quantiles that bound it."""

COLUMNS: tuple[str, ...] = (
    "symbol",
    "origin",
    "date",
    "horizon",
    "close_origin",
    "close_actual",
    "return_actual",
    *QUANTILES,
    "mean",
    "log_density",
)
