"""The learning curves of every network, with the epoch whose weights were kept."""

from typing import Any

import numpy as np
import pandas as pd

from lstmcast.report.content import Chart, Key, Section, Table, Variant, figure, rounded
from lstmcast.report.shapes import scatter

ARROW = "\N{RIGHTWARDS ARROW}"
MAX_MEMBERS = 8
FEW = 12
"""Epochs that each get a tick."""


def learning_section(history: pd.DataFrame, rows: "list[tuple[str, str, str, int]]") -> Section:
    """Losses and learning rate by epoch, and the layers of the networks.

    Args:
        history: a row per member and epoch, as `history.csv` has it.
        rows: name, kind, shape and number of weights of each layer of a network; may be empty.
    """
    members = [
        (int(str(name)), part.sort_values("epoch", kind="stable"))
        for name, part in history.groupby("member", sort=True)
    ]
    shown = members[:MAX_MEMBERS]
    traces: list[dict[str, Any]] = []
    for place, (name, part) in enumerate(shown):
        traces += _traces(name, part, f"--series-{place % 8 + 1}")
    few = len(history) <= FEW * len(members)
    chart = Chart(
        id="learning",
        title="Loss and learning rate by epoch",
        summary=f"{len(members)} networks; the ring marks the epoch whose weights were kept, "
        "chosen by the validation loss.",
        variants=[Variant("learning", (), traces, _layout(every_epoch=few))],
        legend=[
            *(Key(f"Network {name}", f"--series-{k % 8 + 1}") for k, (name, _) in enumerate(shown)),
            Key("Training", "--muted", "dashed"),
            Key("Validation", "--muted"),
            Key("Kept epoch", "--muted", "ring"),
        ],
        height=460,
        table=Table(
            "Networks",
            ("Network", "Epochs", "Kept epoch", "Validation loss", "Time"),
            [_member_row(name, part) for name, part in members],
        ),
    )
    tables = [_layers(rows)] if rows else []
    return Section("learning", "How it learned", "Learning", charts=[chart], tables=tables)


def _layout(*, every_epoch: bool) -> dict[str, Any]:
    return {
        "xaxis": {
            "title": "Epoch",
            "domain": [0, 1],
            "anchor": "y2",
            **({"dtick": 1} if every_epoch else {}),
        },
        "yaxis": {"title": "Loss", "domain": [0.36, 1]},
        "yaxis2": {
            "title": "Learning rate",
            "domain": [0, 0.26],
            "exponentformat": "power",
            "nticks": 4,
            "rangemode": "tozero",
        },
        "hovermode": "closest",
    }


def _member_row(name: int, part: pd.DataFrame) -> list[str]:
    kept = kept_row(part)
    return [
        str(name),
        str(len(part)),
        "" if kept is None else str(int(part["epoch"].iloc[kept])),
        "" if kept is None else figure(float(part["validation_loss"].iloc[kept]), 4),
        f"{float(part['seconds'].sum()):.1f} s",
    ]


def _layers(rows: "list[tuple[str, str, str, int]]") -> Table:
    return Table(
        "Layers of one network",
        ("Layer", "Kind", "Inputs and units", "Parameters"),
        [
            [name, kind, shape.replace("->", ARROW), f"{count:,}"]
            for name, kind, shape, count in rows
        ],
    )


def kept_row(part: pd.DataFrame) -> int | None:
    """Place of the epoch whose weights were kept; None without validation."""
    losses = part["validation_loss"].to_numpy(np.float64)
    if not np.isfinite(losses).any():
        return None
    if "kept" in part.columns and part["kept"].to_numpy(bool).any():
        return int(np.argmax(part["kept"].to_numpy(bool)))
    return int(np.nanargmin(np.where(np.isfinite(losses), losses, np.nan)))


def _traces(name: int, part: pd.DataFrame, color: str) -> list[dict[str, Any]]:
    epochs = [int(epoch) for epoch in part["epoch"]]

    def line(what: str, column: str, **more: Any) -> dict[str, Any]:
        return scatter(
            f"Network {name}, {what}",
            "lines+markers" if len(epochs) < 3 else "lines",
            x=epochs,
            y=rounded(part[column], 6),
            line={"color": color, "width": 1.6, **more.pop("line", {})},
            marker={"color": color, "size": 5},
            hovertemplate="epoch %{x}: %{y:.4g}<extra>%{fullData.name}</extra>",
            **more,
        )

    traces = [
        line("training", "train_loss", line={"dash": "dash", "width": 1.2}),
        line("validation", "validation_loss"),
        line("learning rate", "learning_rate", yaxis="y2"),
    ]
    if (kept := kept_row(part)) is not None:
        traces.append(
            scatter(
                f"Network {name}, kept",
                "markers",
                x=[epochs[kept]],
                y=rounded(part["validation_loss"].iloc[[kept]], 6),
                marker={"color": "--surface", "size": 11, "line": {"color": color, "width": 2.4}},
                hovertemplate="kept: epoch %{x}, %{y:.4f}<extra>%{fullData.name}</extra>",
            )
        )
    return traces
