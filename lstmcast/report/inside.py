"""The page's charts of what networks do inside: gates over dates, and feature importance."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd

from lstmcast.distributions import FloatArray
from lstmcast.report.content import Chart, Key, Table, Variant, days, figure, rounded
from lstmcast.report.shapes import bar, scatter

if TYPE_CHECKING:
    from lstmcast.explain import Effect, GateTrace, Importance

_PANELS = {"forget": "Forget", "input": "Input", "output": "Output", "memory": "Memory"}
_DASHES = ("solid", "dash", "dot", "dashdot", "longdash", "longdashdot")
_LOOKS: "tuple[Literal['line', 'dashed', 'dotted'], ...]" = ("line", "dashed", "dotted", "dashed")
_RANKS = ("Strongest", "Second", "Third", "Fourth", "Fifth", "Sixth")
MAX_COLUMNS = 12


def gates_chart(traces: "Sequence[tuple[GateTrace, Sequence[int]]]") -> Chart:
    """Gates and memory of the units that move the next range most, the close above.

    Args:
        traces: of each symbol that is shown, with the units.
    """
    variants = [_gates(trace, units) for trace, units in traces]
    units = traces[0][1]
    return Chart(
        id="gates",
        title="Gates and memory, session by session",
        summary=variants[0].summary,
        variants=variants,
        legend=[
            Key("Close", "--ink"),
            *(
                Key(f"{_RANKS[k]} unit", f"--series-{k + 1}", _LOOKS[k % 4])
                for k in range(len(units))
            ),
        ]
        if len(traces) > 1
        else [
            Key("Close", "--ink"),
            *(
                Key(f"Unit {unit}", f"--series-{k + 1}", _LOOKS[k % 4])
                for k, unit in enumerate(units)
            ),
        ],
        height=720,
        dates=True,
    )


def _gates(trace: "GateTrace", units: Sequence[int]) -> Variant:
    close = scatter(
        "Close",
        "lines",
        y=rounded(trace.closes, 2),
        line={"color": "--ink", "width": 1.3},
        hovertemplate="%{y:,.2f}",
    )
    traces = [close]
    layout: dict[str, Any] = {
        "yaxis": {"title": "Close", "domain": [0.84, 1.0]},
        "xaxis": {"anchor": "y5"},
        "hoversubplots": "axis",
    }
    for panel, (name, words) in enumerate(_PANELS.items(), 2):
        top = 1.0 - (panel - 1) * 0.205
        layout[f"yaxis{panel}"] = {
            "title": words,
            "domain": [round(max(0.0, top - 0.165), 3), round(top, 3)],
            **({} if name == "memory" else {"range": [-0.04, 1.04], "dtick": 0.5}),
        }
        values = getattr(trace, name)
        traces += [_unit(words, panel, k, unit, values) for k, unit in enumerate(units)]
    told = (
        f"{trace.symbol}: units {', '.join(map(str, units))} of the LSTM, which move the next "
        "session's range most. Forget gate 1 keeps all memory, input gate 0 writes nothing."
    )
    return Variant(trace.symbol, days(trace.dates), traces, layout, summary=told)


def _unit(words: str, panel: int, k: int, unit: int, values: FloatArray) -> dict[str, Any]:
    return scatter(
        f"{words} {unit}",
        "lines",
        y=rounded(values[:, unit], 3),
        yaxis=f"y{panel}",
        line={"color": f"--series-{k + 1}", "width": 1.2, "dash": _DASHES[k % 6]},
        hovertemplate="%{y:.2f}",
    )


def importance_charts(found: "Importance", lags: pd.DataFrame | None) -> list[Chart]:
    """What inputs are worth, and how far back the next range looks.

    Args:
        found: by permutation and occlusion.
        lags: mean absolute parts by lag and group; None where there are none.
    """
    charts = [_effects(found)]
    if lags is not None:
        charts.append(_lags(lags))
    return charts


def _effects(found: "Importance") -> Chart:
    groups, columns = found.of("group"), found.of("column")[:MAX_COLUMNS]
    best = groups[0]
    traces = [*_bars(groups, ""), *_bars(columns, "2")]
    return Chart(
        id="importance",
        title="How much worse forecasts get without an input",
        summary=f"{best.name} counts most: shuffling it raises the loss by "
        f"{figure(float(np.mean(best.permutation)), 4)}. Above feature groups, below the columns "
        f"that count most; {found.sessions:,} validation sessions, {len(found.loss)} networks.",
        variants=[Variant("importance", (), traces, _effects_layout(groups, columns))],
        legend=[
            Key("Shuffled, mean", "--band-80", "band"),
            Key("Shuffled, each network", "--ink", "tick"),
            Key("Held at its mean", "--median", "diamond"),
        ],
        height=130 + 27 * (len(groups) + len(columns)),
        table=_effects_table(found),
    )


def _effects_layout(groups: "Sequence[Effect]", columns: "Sequence[Effect]") -> dict[str, Any]:
    share, gap = len(groups) / (len(groups) + len(columns)), 0.075
    return {
        "yaxis": _names(groups, [1 - share + gap / 2, 1]),
        "yaxis2": {**_names(columns, [0, 1 - share - gap / 2]), "anchor": "x2"},
        "xaxis": {"anchor": "y", "zeroline": True},
        "xaxis2": {"anchor": "y2", "zeroline": True, "title": "Increase in loss"},
        "hovermode": "closest",
    }


def _effects_table(found: "Importance") -> Table:
    return Table(
        "Increase in loss without each input",
        ("Input", "Kind", "Shuffled", "Spread", "Held", "Spread"),
        [
            [
                effect.name,
                effect.kind,
                figure(float(np.mean(effect.permutation)), 5),
                _deviation(effect.permutation),
                figure(float(np.mean(effect.occlusion)), 5),
                _deviation(effect.occlusion),
            ]
            for effect in found.effects
        ],
        ["Spread: standard deviation over networks"],
    )


def _deviation(values: Sequence[float]) -> str:
    return figure(float(np.std(values, ddof=1)), 5) if len(values) > 1 else ""


def _names(effects: "Sequence[Effect]", domain: list[float]) -> dict[str, Any]:
    return {
        "type": "category",
        "autorange": "reversed",
        "domain": domain,
        "categoryarray": [effect.name for effect in effects],
    }


def _bars(effects: "Sequence[Effect]", axis: str) -> list[dict[str, Any]]:
    where = {"xaxis": f"x{axis}", "yaxis": f"y{axis}"}
    names = [effect.name for effect in effects]
    pairs = [(effect.name, value) for effect in effects for value in effect.permutation]
    held = {"color": "--surface", "size": 9, "symbol": "diamond"}
    return [
        bar(
            "Shuffled",
            orientation="h",
            y=names,
            x=rounded([np.mean(effect.permutation) for effect in effects], 6),
            marker={"color": "--band-80"},
            hovertemplate="shuffled: %{x:.4f}<extra>%{y}</extra>",
            **where,
        ),
        scatter(
            "Networks",
            "markers",
            y=[name for name, _ in pairs],
            x=rounded([value for _, value in pairs], 6),
            marker={"color": "--ink", "symbol": "line-ns-open", "size": 9},
            hovertemplate="one network: %{x:.4f}<extra>%{y}</extra>",
            **where,
        ),
        scatter(
            "Held",
            "markers",
            y=names,
            x=rounded([np.mean(effect.occlusion) for effect in effects], 6),
            marker={**held, "line": {"color": "--median", "width": 2}},
            hovertemplate="held at its mean: %{x:.4f}<extra>%{y}</extra>",
            **where,
        ),
    ]


def _lags(lags: pd.DataFrame) -> Chart:
    held = lags.sum(axis=1).cumsum()
    lags = lags.iloc[: max(10, int((held < 0.99 * held.iloc[-1]).sum()) + 1)]
    own = float(lags.iloc[0].sum() / held.iloc[-1])
    colors = {str(name): f"--series-{k % 8 + 1}" for k, name in enumerate(lags.columns)}
    places = [int(lag) for lag in lags.index]
    layout = {
        "barmode": "stack",
        "xaxis": {"title": "Lag, sessions"},
        "yaxis": {"title": "Change of log width"},
    }
    return Chart(
        id="lags",
        title="How far back the next range looks",
        summary=f"{100 * own:.0f} % of the attribution belongs to the session itself; the rest is "
        "what the LSTM remembers (integrated gradients).",
        variants=[Variant("lags", (), _lag_bars(lags, places, colors), layout)],
        legend=[Key(name, color, "band") for name, color in colors.items()],
        height=320,
        table=Table(
            "Mean absolute change of the log width",
            ("Lag, sessions", *colors),
            [
                [str(lag), *(figure(float(value), 4) for value in row)]
                for lag, row in zip(places, lags.to_numpy(), strict=True)
            ],
        ),
    )


def _lag_bars(
    lags: pd.DataFrame, places: Sequence[int], colors: Mapping[str, str]
) -> list[dict[str, Any]]:
    return [
        bar(
            name,
            x=places,
            y=rounded(lags.iloc[:, k], 5),
            marker={"color": color},
            hovertemplate="%{y:.4f}",
        )
        for k, (name, color) in enumerate(colors.items())
    ]
