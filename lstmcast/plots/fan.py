"""The fan: the last closes, and the range for each of the sessions to come.

The fan opens exactly at the last close, for that is what every forecast of a return starts from.
"""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke
from numpy.typing import NDArray

from lstmcast.errors import DataError
from lstmcast.plots.axes import is_logarithmic, price_axis, session_axis
from lstmcast.plots.labels import Prices, count, day, in_currency, money
from lstmcast.plots.parts import clean_closes
from lstmcast.plots.sheet import Sheet
from lstmcast.plots.style import (
    INK,
    MEDIAN,
    MIDDLE_BAND,
    MUTED,
    NARROW_BAND,
    SMALL,
    TITLE,
    WIDE_BAND,
    styled,
)
from lstmcast.predictions import RANGES

_BANDS = tuple(
    (f"{percent} %", *RANGES[percent], color)
    for percent, color in ((95, WIDE_BAND), (80, MIDDLE_BAND), (50, NARROW_BAND))
)
"""Each range's name, its ends and its colour, the widest first."""

_LABEL_ROOM = 1.75  # inches right of the fan
_PANEL = 4.3


@styled
def fan_chart(
    closes: pd.Series,
    forecast: pd.DataFrame,
    *,
    symbol: str,
    currency: str | None = None,
    title: str | None = None,
    details: str | None = None,
    why: str | None = None,
    past: int | None = None,
) -> Figure:
    """Draw the last closes and the 50, 80 and 95 % range for every coming session.

    Args:
        closes: the closes, indexed by session; the fan starts at the last one that is known.
        forecast: a row a coming session: `date`, `horizon`, `median` (or `q50`), `q025`, `q10`,
            `q25`, `q75`, `q90`, `q975`, all in prices on the basis of `closes`. Where `assumed`
            is a column and true, the date is a guess and the chart says so. A forecast without
            ranges has nulls in the quantiles.
        symbol: what the prices are of.
        currency: of the prices; None if it is not known.
        title: the first line, instead of the symbol and the number of sessions.
        details: a line below it.
        why: what makes the range wide, in a sentence; a line of its own.
        past: how many closes to draw before the fan; None for 30 to 90, the more the longer the
            fan.

    Raises:
        DataError: if no close is known, or the forecast is empty, lacks a column or a session, or
            does not begin after the last close.
    """
    known = clean_closes(closes)
    today, last = pd.Timestamp(known.index[-1]), float(known.iloc[-1])
    coming = _checked(forecast, today)
    shown = min(90, max(30, 5 * len(coming))) if past is None else max(1, past)
    known = known.iloc[-shown:]
    fan = _from_last_close(coming, today, last)
    sessions = int(coming["horizon"].iloc[-1])

    sheet = Sheet()
    sheet.text(
        title or f"{symbol}: forecast ranges for the next {_sessions(sessions)}", TITLE, "bold"
    )
    if details:
        sheet.text(details, color=MUTED)
    if why:
        sheet.text(why, color=MUTED)
    price = _prices(fan)
    sheet.text(_summary(fan, currency, price))
    sheet.skip(0.08)
    axes = sheet.headed_panel(f"Close{in_currency(currency)}", _PANEL, right=_LABEL_ROOM)
    _set_axes(axes, known, fan)
    _draw(axes, known, fan)
    _label_today(axes, today, len(known) - 1, last, money(price(last), currency))
    _label_end(axes, fan, price)
    sheet.skip(0.2)
    if "assumed" in coming.columns and coming["assumed"].to_numpy(dtype=bool).any():
        words = "No exchange calendar: dates are the market's weekdays and may shift with holidays."
        sheet.text(words, SMALL, color=MUTED)
    return sheet.finish()


def _sessions(number_of: int) -> str:
    return "session" if number_of == 1 else count(number_of, "session")


def _checked(forecast: pd.DataFrame, today: pd.Timestamp) -> pd.DataFrame:
    if "median" not in forecast.columns and "q50" in forecast.columns:
        forecast = forecast.rename(columns={"q50": "median"})
    ends = [name for _, *pair, _ in _BANDS for name in pair]
    missing = [
        name for name in ("date", "horizon", "median", *ends) if name not in forecast.columns
    ]
    if missing:
        raise DataError(f"`forecast` lacks {', '.join(missing)}")
    if forecast.empty:
        raise DataError("`forecast` has no rows", "ask for at least one session: `--horizon 1`")
    coming = forecast.assign(date=pd.to_datetime(forecast["date"]))
    coming = coming.sort_values("date", kind="stable")
    first = pd.Timestamp(coming["date"].iloc[0])
    if first <= today:
        raise DataError(
            f"`forecast` begins on {day(first)}, which is not after the last close of {day(today)}",
            "make the forecast again from the newest bars",
        )
    if coming["horizon"].tolist() != list(range(1, len(coming) + 1)):
        raise DataError("`forecast` must have one row for every session from 1 to the last")
    return coming


def _from_last_close(coming: pd.DataFrame, today: pd.Timestamp, last: float) -> pd.DataFrame:
    """The fan by date, with the last close as its first row."""
    names = ["median", *(name for _, *pair, _ in _BANDS for name in pair)]
    fan = coming.set_index(pd.DatetimeIndex(coming["date"]))[names].astype("float64")
    start = pd.DataFrame(last, index=pd.DatetimeIndex([today]), columns=names)
    return pd.concat([start, fan])


def _has_ranges(fan: pd.DataFrame) -> bool:
    return bool(np.isfinite(fan[["q10", "q90"]].iloc[-1].to_numpy()).all())


def _prices(fan: pd.DataFrame) -> Prices:
    """One format for all prices in words, which tells the ends of the narrowest range apart."""
    end = fan.iloc[-1]
    return Prices.of([end["q75"] - end["q25"]], [fan["median"].iloc[0], *end])


def _summary(fan: pd.DataFrame, currency: str | None, price: Prices) -> str:
    end, date = fan.iloc[-1], pd.Timestamp(fan.index[-1])
    words = f"On {day(date)}: median {money(price(end['median']), currency)}"
    if _has_ranges(fan):
        words += f"; 80 % range {price(end['q10'])} to {money(price(end['q90']), currency)}"
    return words


def _set_axes(axes: Axes, known: pd.Series, fan: pd.DataFrame) -> None:
    drawn = np.concatenate([known.to_numpy(), fan.to_numpy().ravel()])
    low, high = float(np.nanmin(drawn)), float(np.nanmax(drawn))
    # Headroom for the words about the last close, which stand above everything drawn.
    if is_logarithmic(low, high):
        high *= (high / low) ** 0.16
    else:
        high += 0.16 * (high - low)
    price_axis(axes, low, high, most_ticks=8)
    session_axis(axes, pd.DatetimeIndex([*known.index, *fan.index[1:]]), label_last=True)
    axes.set_xlim(right=len(known) + len(fan) - 2)


def _draw(axes: Axes, known: pd.Series, fan: pd.DataFrame) -> None:
    places = np.arange(len(known) - 1, len(known) + len(fan) - 1)
    for name, low, high, color in _BANDS:
        axes.fill_between(
            places, fan[low], fan[high], color=color, linewidth=0, label=f"_{name}", zorder=2
        )
    # The white edge keeps the line apart from the ranges where colours are lost.
    edge = [withStroke(linewidth=4.2, foreground="white")]
    axes.plot(
        places,
        fan["median"],
        color=MEDIAN,
        linewidth=2.0,
        label="_median",
        path_effects=edge,
        zorder=4,
    )
    axes.plot(known.to_numpy(), color=INK, linewidth=1.4, label="_closes", zorder=3)


def _label_today(axes: Axes, today: pd.Timestamp, x: int, last: float, close: str) -> None:
    axes.plot([x], [last], "o", color=INK, markersize=5.5, label="_last", zorder=6)
    axes.axvline(x, color=MUTED, linewidth=0.9, linestyle=(0, (4, 3)), zorder=1)
    axes.annotate(
        f"Last close {close}\n{day(today)}",
        (x, 1),
        xycoords=("data", "axes fraction"),
        xytext=(-6, -2),
        textcoords="offset points",
        ha="right",
        va="top",
        linespacing=1.35,
        bbox={"facecolor": "white", "edgecolor": "none", "pad": 1.5},
        zorder=7,
    )


def _label_end(axes: Axes, fan: pd.DataFrame, price: Prices) -> None:
    """Write each range's name and price at the edge where it ends, spread so that none touch."""
    end = fan.iloc[-1]
    labels = [(float(end["median"]), f"median  {price(end['median'])}", MEDIAN, "bold")]
    labels += [
        (float(end[level]), f"{name}  {price(end[level])}", INK, "normal")
        for name, *pair, _ in _BANDS
        for level in pair
        if np.isfinite(end[level])
    ]
    labels.sort(key=lambda label: label[0])
    levels = np.array([label[0] for label in labels])
    heights = axes.transAxes.inverted().transform(
        axes.transData.transform([(0.0, level) for level in levels])
    )[:, 1]
    places = _spread(heights, gap=SMALL / 72 * 1.4 / _PANEL)
    x = axes.get_xlim()[1]
    for (level, words, color, weight), place in zip(labels, places, strict=True):
        axes.annotate(
            words,
            (x, level),
            xytext=(1.028, place),
            textcoords="axes fraction",
            size=SMALL,
            color=color,
            weight=weight,
            va="center",
            ha="left",
            arrowprops={
                "arrowstyle": "-",
                "color": MUTED,
                "linewidth": 0.7,
                "shrinkA": 2,
                "shrinkB": 0,
                "relpos": (0, 0.5),
            },
            annotation_clip=False,
        )


def _spread(wanted: NDArray[np.float64], gap: float) -> NDArray[np.float64]:
    """Move ascending places the least that leaves `gap` between neighbours, within 0 to 1.

    Least squares under an order constraint: subtract the gaps, then pool adjacent violators.
    """
    offsets = gap * np.arange(len(wanted))
    blocks: list[tuple[float, int]] = []
    for value in wanted - offsets:
        mean, size = float(value), 1
        while blocks and blocks[-1][0] > mean:
            before, members = blocks.pop()
            mean, size = (mean * size + before * members) / (size + members), size + members
        blocks.append((mean, size))
    placed = np.repeat([mean for mean, _ in blocks], [size for _, size in blocks])
    placed = np.clip(placed, 0.5 * gap, 1 - 0.5 * gap - offsets[-1])
    spread: NDArray[np.float64] = placed + offsets
    return spread
