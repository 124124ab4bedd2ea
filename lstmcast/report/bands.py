"""Ranges and lines over dates, drawn alike in the test forecasts and in the fan."""

from typing import Any

from lstmcast.report.content import (
    rounded,
)
from lstmcast.report.shapes import scatter

BAND_COLORS = {95: "--band-95", 80: "--band-80", 50: "--band-50"}


def price_title(currency: str | None) -> str:
    """Title of an axis of prices."""
    return f"Adjusted close, {currency}" if currency else "Adjusted close"


def band_trace(percent_: int, low: Any, high: Any, decimals: int) -> dict[str, Any]:
    """A range of prices, drawn as an area; the page's script draws bands."""
    return {
        "band": f"{percent_} % range",
        "low": rounded(low, decimals),
        "high": rounded(high, decimals),
        "color": BAND_COLORS[percent_],
        "form": f",.{decimals}f",
    }


def line_trace(name: str, y: Any, color: str, form: str, width: float = 1.8) -> dict[str, Any]:
    """A line with its value in the tooltip."""
    style = {"color": color, "width": width}
    return scatter(name, "lines", y=y, line=style, hovertemplate=f"%{{y:{form}}}")
