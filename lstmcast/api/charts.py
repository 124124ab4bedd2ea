"""The charts of a run: what `lstmcast plot`, `Run.plot` and `Run.charts` draw alike."""

from collections.abc import Callable, Mapping
from datetime import date
from typing import TYPE_CHECKING, Literal, NamedTuple, TypeAlias, get_args

import pandas as pd

from lstmcast.errors import UsageError
from lstmcast.prices.store import PriceStore
from lstmcast.prices.symbols import Reference, symbol_to_stem
from lstmcast.run import Run

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from lstmcast.evaluation.backtest import SavedWalk
    from lstmcast.plots import PartEnds
    from lstmcast.prices.history import PriceHistory

    Judged: TypeAlias = Run | SavedWalk
    """What has forecasts that came true."""

ChartKind = Literal["test", "history", "fan", "training", "ranges", "gates", "importance"]
"""`test`: forecasts against the closes that came; `history`: all sessions; `fan`: the sessions to
come; `training`: losses by epoch; `ranges`: how often they held; `gates`: the LSTM's gates and
memory; `importance`: what the inputs are worth."""

OF_ALL_SYMBOLS = ("training", "ranges", "importance")
"""Kinds that are one chart, whatever the number of symbols."""

OF_WALKS = ("test", "history", "ranges")
"""Kinds that can be drawn of all folds of a walk together."""

Tell = Callable[[str], object]
"""Takes a line for people."""


class Gates(NamedTuple):
    """Whose gates are drawn, and when: the newest sessions by default."""

    first: date | None = None
    last: date | None = None
    units: int = 4
    member: int = 0


def charts_of(
    run: "Judged",
    store: PriceStore,
    kind: ChartKind | str = "test",
    *,
    symbol: str | None = None,
    horizon: int | None = None,
    gates: Gates = Gates(),  # noqa: B008 - immutable
    tell: Tell = str,
) -> "Mapping[str, Figure]":
    """Charts by the names of their files, without an extension.

    Args:
        run: the run, or a walk that is done.
        store: where its prices are.
        kind: what is drawn.
        symbol: one of the run's; by default a chart for each.
        horizon: sessions ahead; 1 by default, all that were trained for `fan`.
        gates: which sessions, units and network, for `gates`.
        tell: told of symbols that there is nothing to draw of.

    Raises:
        UsageError: for a kind, symbol or horizon that there is not.
        StoreError: if a symbol of the run is not stored.
        RunError: if the run is damaged.
    """
    if kind not in get_args(ChartKind):
        raise UsageError(
            f"`kind` is {kind!r}, which is not a chart",
            f"choose from {', '.join(get_args(ChartKind))}",
        )
    if not isinstance(run, Run):
        return _of_walk(run, store, kind, symbol, horizon, tell)
    if kind == "training":
        from lstmcast.plots import training_chart

        return {"training": training_chart(run.history(), title=f"Training of {run.name}")}
    if kind == "ranges":
        return _ranges(run, store, symbol, horizon or 1)
    if kind == "importance":
        return _importance(run, store)
    if kind == "gates":
        return _gates(run, store, symbol, gates)
    return _by_symbol(run, store, kind, symbol, horizon, tell)


def _of_walk(
    walk: "SavedWalk",
    store: PriceStore,
    kind: str,
    symbol: str | None,
    horizon: int | None,
    tell: Tell,
) -> "dict[str, Figure]":
    """What can be drawn of all folds together."""
    if kind not in OF_WALKS:
        raise UsageError(
            f"`--kind` {kind} looks at a run's networks, and {walk.name} is a walk of many",
            f"choose from {', '.join(OF_WALKS)}, or name a run",
        )
    if kind == "ranges":
        return _ranges(walk, store, symbol, horizon or 1)
    name = known_symbol(walk, symbol)
    histories = walk.histories(store)
    wanted = [history.symbol for history in histories if name is None or history.symbol == name]
    found = _test_charts(walk, kind, histories, wanted, horizon or 1, tell)
    return _named(found, kind, horizon)


def _importance(run: Run, store: PriceStore) -> "dict[str, Figure]":
    """What inputs are worth to the run's networks."""
    from lstmcast.api.inside import Inside
    from lstmcast.plots import importance_chart

    inside = Inside.of(run, run.histories(store))
    found, lags = inside.importance()
    return {"importance": importance_chart(found, lags, details=f"run {run.name}")}


def _gates(run: Run, store: PriceStore, symbol: str | None, window: Gates) -> "dict[str, Figure]":
    """The gates of a network, a chart for each symbol."""
    from lstmcast.api.inside import Inside

    name = known_symbol(run, symbol)
    histories = run.histories(store, newest=True)
    inside = Inside.of(run, histories)
    return {
        f"{symbol_to_stem(history.symbol)}-gates": inside.gates(
            history.symbol,
            first=_day(window.first),
            last=_day(window.last),
            units=window.units,
            member=window.member,
            currency=history.currency,
        )
        for history in histories
        if name is None or history.symbol == name
    }


def _ranges(
    run: "Judged", store: PriceStore, symbol: str | None, horizon: int
) -> "dict[str, Figure]":
    """How the ranges held, of all symbols or of one, by the name of its file."""
    from lstmcast.evaluation.coverage import check_coverage, check_coverage_by_year, pit_shares
    from lstmcast.evaluation.scores import row_losses
    from lstmcast.evaluation.terciles import volatility_terciles
    from lstmcast.plots import ranges_chart

    name = known_symbol(run, symbol)
    table = run.predictions(name)
    known = sorted(table["horizon"].unique().tolist())
    if horizon not in known:
        raise UsageError(
            f"`--horizon` {horizon} was not forecast", f"choose from {known[0]} to {known[-1]}"
        )
    table = table[table["horizon"] == horizon]
    bars = {h.symbol: h.adjusted() for h in run.histories(store)}
    losses = row_losses(table)
    checks = check_coverage(losses, volatility_terciles(table, bars), horizon)
    symbols = table["symbol"].unique()
    who = str(symbols[0]) if len(symbols) == 1 else f"{len(symbols)} symbols"
    ahead = "one session" if horizon == 1 else f"{horizon} sessions"
    figure = ranges_chart(
        checks + check_coverage_by_year(losses, horizon),
        pit_shares(table, horizon) if checks else (),
        title=f"{who}: calibration of the ranges {ahead} ahead",
        details=f"{_called(run)}, {table['date'].min():%Y-%m-%d} to {table['date'].max():%Y-%m-%d}",
    )
    stem = "ranges" if name is None else f"{symbol_to_stem(name)}-ranges"
    return {stem if horizon == 1 else f"{stem}-{horizon}": figure}


def known_symbol(run: "Judged", symbol: str | None) -> str | None:
    """The symbol as the run writes it."""
    known = {entry.symbol: entry.source for entry in run.symbols}
    if symbol is None:
        return None
    source, colon, name = symbol.rpartition(":")
    wanted = Reference(source.lower(), name.strip().upper())
    if wanted.symbol not in known or (colon and known[wanted.symbol] != wanted.source):
        raise UsageError(
            f"`--symbol` {symbol} is not in the run {run.name}",
            f"it has {', '.join(known)} from {', '.join(sorted(set(known.values())))}",
        )
    return wanted.symbol


def _by_symbol(
    run: Run,
    store: PriceStore,
    kind: str,
    symbol: str | None,
    horizon: int | None,
    tell: Tell,
) -> "dict[str, Figure]":
    """A figure for each symbol asked for, by the name of its file."""
    name = known_symbol(run, symbol)
    histories = run.histories(store, newest=kind == "fan")
    wanted = [history.symbol for history in histories if name is None or history.symbol == name]
    if kind == "fan":
        figures = _fans(run, histories, wanted, horizon)
    else:
        earlier = None
        if kind == "history":
            from lstmcast.api.inside import earlier_forecasts

            earlier = earlier_forecasts(run, histories, wanted, tell)
        figures = _test_charts(run, kind, histories, wanted, horizon or 1, tell, earlier)
    return _named(figures, kind, horizon)


def _named(figures: "Mapping[str, Figure]", kind: str, horizon: int | None) -> "dict[str, Figure]":
    """Figures of symbols by the names of their files; those of several horizons side by side."""
    ahead = "" if horizon is None else f"-{horizon}"
    return {f"{symbol_to_stem(name)}-{kind}{ahead}": figure for name, figure in figures.items()}


def _test_charts(
    run: "Judged",
    kind: str,
    histories: "list[PriceHistory]",
    wanted: list[str],
    horizon: int,
    tell: Tell,
    earlier: pd.DataFrame | None = None,
) -> "dict[str, Figure]":
    from lstmcast.plots import forecast_chart

    predictions = run.predictions(wanted[0] if len(wanted) == 1 else None)
    tested = set(predictions["symbol"])
    untested = [symbol for symbol in wanted if symbol not in tested]
    end = run.boundaries["validation_end"]
    if untested == wanted:
        raise UsageError(
            f"{', '.join(untested)} has no session after {end:%Y-%m-%d} and was not tested",
            "draw its newest forecast with `--kind fan`, or another symbol",
        )
    for symbol in untested:
        tell(f"{symbol} has no session after {end:%Y-%m-%d}, so it was not tested")
    return {
        history.symbol: forecast_chart(
            predictions,
            history.adjusted()["close"],
            split=_parts(run, history, predictions),
            symbol=history.symbol,
            horizon=horizon,
            view="history" if kind == "history" else "test",
            earlier=earlier,
            currency=history.currency,
            details=f"{_called(run)}, prices from {history.source}",
        )
        for history in histories
        if history.symbol in wanted and history.symbol in tested
    }


def _called(run: "Judged") -> str:
    return f"{'run' if isinstance(run, Run) else 'walk'} {run.name}"


def _parts(run: "Judged", history: "PriceHistory", predictions: pd.DataFrame) -> "PartEnds":
    """Where a run's parts end.

    The folds of a walk have parts of their own: what comes before a symbol's first forecast, in
    which the first of them trained, is shown as one.
    """
    from lstmcast.plots import PartDates

    ends = run.boundaries
    if not isinstance(run, Run):
        first = predictions.loc[predictions["symbol"] == history.symbol, "date"].min()
        before = history.bars.index[history.bars.index < first].max()
        ends = {**ends, "train_end": before, "validation_end": before}
    return PartDates(**ends)


def _fans(
    run: Run, histories: "list[PriceHistory]", wanted: list[str], horizon: int | None
) -> "dict[str, Figure]":
    """Of the symbols that are wanted; the others inform what a pool shares."""
    from lstmcast.explain import explain_ranges
    from lstmcast.forecasting import forecast_ahead
    from lstmcast.plots import fan_chart

    forecaster = run.forecaster()
    forecasts = forecast_ahead(forecaster, histories, horizon, wanted)
    told = explain_ranges(forecaster, histories, wanted)
    sentences = {symbol: found.sentence for symbol, found in told.items()}
    by_name = {history.symbol: history for history in histories}
    return {
        ahead.symbol: fan_chart(
            by_name[ahead.symbol].adjusted()["close"],
            ahead.table,
            symbol=ahead.symbol,
            currency=ahead.currency,
            details=f"run {run.name}, newest bar {ahead.origin:%Y-%m-%d} "
            f"from {by_name[ahead.symbol].source}",
            why=sentences.get(ahead.symbol, "").replace("`", ""),
        )
        for ahead in forecasts
    }


def _day(day: date | None) -> pd.Timestamp | None:
    return None if day is None else pd.Timestamp(day)
