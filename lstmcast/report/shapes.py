"""Plotly's traces and shapes as the page uses them, so that each chart says only what differs.

Plain dictionaries: plotly's Python package is needed for its script alone.
"""

from typing import Any, Literal


def scatter(
    name: str, mode: Literal["lines", "markers", "lines+markers"], **more: Any
) -> dict[str, Any]:
    """A trace of lines or markers."""
    return {"type": "scatter", "mode": mode, "name": name, **more}


def bar(name: str, **more: Any) -> dict[str, Any]:
    """A trace of bars."""
    return {"type": "bar", "name": name, **more}


def rule(
    axis: Literal["x", "y"], value: Any, color: str, *, width: float, dash: str, below: bool = True
) -> dict[str, Any]:
    """A line across the whole panel at a value of one axis.

    Args:
        axis: that the value is of.
        value: where the line stands.
        color: a CSS variable.
        width: of the line, in pixels.
        dash: plotly's name of the style.
        below: behind the traces.
    """
    other = "y" if axis == "x" else "x"
    return {
        "type": "line",
        f"{axis}ref": axis,
        f"{other}ref": "paper",
        f"{axis}0": value,
        f"{axis}1": value,
        f"{other}0": 0,
        f"{other}1": 1,
        **({"layer": "below"} if below else {}),
        "line": {"color": color, "width": width, "dash": dash},
    }
