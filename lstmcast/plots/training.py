"""The chart of a training: losses and learning rate of every member, and the epoch it kept."""

import numpy as np
import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from lstmcast.errors import DataError
from lstmcast.plots.labels import count, significant
from lstmcast.plots.sheet import Sheet
from lstmcast.plots.style import INK, SERIES, styled

_MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")
_NEEDED = ("member", "epoch", "train_loss", "validation_loss")


@styled
def training_chart(
    history: pd.DataFrame, *, title: str | None = None, details: str | None = None
) -> Figure:
    """Draw the losses by epoch, a colour and a marker for each member, the kept epoch marked.

    Args:
        history: a row per member and epoch: `member`, `epoch`, `train_loss`, `validation_loss`.
            A validation loss that is null was not measured. `kept` is true for the epoch whose
            weights were kept; without it, that is the one with the lowest validation loss.
        title: the first line.
        details: a line below it.

    Raises:
        DataError: if the history is empty or lacks a column.
    """
    missing = [name for name in _NEEDED if name not in history.columns]
    if missing:
        raise DataError(f"`history` lacks {', '.join(missing)}")
    if history.empty:
        raise DataError("`history` has no rows", "train for at least one epoch")
    members = [
        (str(name), rows.sort_values("epoch", kind="stable"))
        for name, rows in history.groupby("member", sort=True)
    ]
    sheet = Sheet()
    sheet.heading(title or f"Training of {count(len(members), 'member')}", details)
    sheet.skip(0.08)
    sheet.legend(_legend(members), columns=3)
    sheet.skip(0.1)
    sheet.text(
        "Loss (lower is better); the marker is the epoch whose weights are kept", weight="bold"
    )
    sheet.skip(0.05)
    axes = sheet.panel(3.4)
    for place, (_, rows) in enumerate(members):
        _draw(axes, rows, place)
    _set_axes(axes, history)
    _add_rates(sheet, members, history)
    sheet.skip(0.2)
    return sheet.finish()


def _add_rates(
    sheet: Sheet, members: list[tuple[str, pd.DataFrame]], history: pd.DataFrame
) -> None:
    """A second panel, of the learning rate, where the history tells it."""
    if "learning_rate" not in history.columns or history["learning_rate"].isna().all():
        return
    sheet.skip(0.22)
    axes = sheet.headed_panel("Learning rate, with the kept epoch", 1.2)
    for place, (_, rows) in enumerate(members):
        color, marker = _look(place)
        epochs = rows["epoch"].to_numpy(dtype=np.float64)
        rates = rows["learning_rate"].to_numpy(dtype=np.float64)
        dot = "." if len(rows) == 1 else ""
        axes.plot(epochs, rates, color=color, linewidth=1.4, marker=dot, label="_rate")
        kept = _best(rows)
        if kept is not None:
            axes.plot(
                [kept[0]],
                [float(rates[epochs == kept[0]][0])],
                marker=marker,
                markersize=7,
                markeredgecolor="white",
                color=color,
                linestyle="none",
                label="_kept rate",
                zorder=4,
            )
    axes.set_ylim(bottom=0)
    axes.locator_params(axis="y", nbins=4)
    axes.yaxis.set_major_formatter(lambda rate, _: f"{rate:.2g}")
    _set_axes(axes, history)


def _best(rows: pd.DataFrame) -> tuple[float, float] | None:
    """Epoch and validation loss of the weights that were kept; None without validation."""
    losses = rows["validation_loss"].to_numpy(dtype=np.float64)
    losses = np.where(np.isfinite(losses), losses, np.nan)
    if not np.isfinite(losses).any():
        return None
    # A gain too small to count leaves an earlier epoch's weights in place.
    kept = rows["kept"].to_numpy(dtype=bool) if "kept" in rows.columns else np.zeros(len(rows))
    best = int(np.argmax(kept) if kept.any() else np.nanargmin(losses))
    return float(rows["epoch"].iloc[best]), float(losses[best])


def _look(place: int) -> tuple[str, str]:
    return SERIES[place % len(SERIES)], _MARKERS[place % len(_MARKERS)]


def _draw(axes: Axes, rows: pd.DataFrame, place: int) -> None:
    color, marker = _look(place)
    epochs = rows["epoch"].to_numpy(dtype=np.float64)
    # One epoch makes no line, so its losses need dots.
    dot = "." if len(rows) == 1 else ""
    axes.plot(
        epochs,
        rows["train_loss"].to_numpy(dtype=np.float64),
        color=color,
        linewidth=1.1,
        linestyle=(0, (4, 2)),
        marker=dot,
        label="_training",
        zorder=2,
    )
    axes.plot(
        epochs,
        rows["validation_loss"].to_numpy(dtype=np.float64),
        color=color,
        linewidth=1.7,
        marker=dot,
        label="_validation",
        zorder=3,
    )
    best = _best(rows)
    if best is not None:
        axes.plot(
            *([x] for x in best),
            marker=marker,
            markersize=8,
            markeredgecolor="white",
            color=color,
            linestyle="none",
            label="_best",
            zorder=4,
        )


def _legend(members: list[tuple[str, pd.DataFrame]]) -> list[Artist]:
    handles: list[Artist] = [
        Line2D([], [], color=INK, linewidth=1.1, linestyle=(0, (4, 2)), label="Training"),
        Line2D([], [], color=INK, linewidth=1.7, label="Validation"),
    ]
    for place, (name, rows) in enumerate(members):
        color, marker = _look(place)
        best = _best(rows)
        words = f"epoch {best[0]:.0f}, loss {significant(best[1])}" if best else "no validation"
        handles.append(
            Line2D(
                [], [], color=color, linewidth=1.7, marker=marker, label=f"Member {name}: {words}"
            )
        )
    return handles


def _set_axes(axes: Axes, history: pd.DataFrame) -> None:
    epochs = history["epoch"].to_numpy(dtype=np.float64)
    margin = max(0.4, 0.02 * float(np.ptp(epochs)))
    axes.set_xlim(epochs.min() - margin, epochs.max() + margin)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_xlabel("Epoch")
