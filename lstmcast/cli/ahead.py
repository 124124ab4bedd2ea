"""Who forecasts for `lstmcast forecast`, and what is told beside the figures."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lstmcast.cli.console import note
from lstmcast.cli.opening import open_run
from lstmcast.cli.trust import (
    Warned,
    about_symbols,
    how_old,
    how_to_fetch,
    names,
    on_last_sessions,
    on_test_days,
    refuse_stale,
    sessions_past,
)
from lstmcast.errors import UsageError

if TYPE_CHECKING:
    from lstmcast.evaluation.trust import Trust
    from lstmcast.forecasting import SymbolForecast
    from lstmcast.prices.history import PriceHistory
    from lstmcast.prices.store import PriceStore

HORIZON, LONGEST = 10, 60
"""Sessions ahead of a symbol without a run: by default, and at the most."""


@dataclass(frozen=True)
class Said:
    """A forecast with what is told beside it.

    Args:
        run: name of the run; None for the pretrained networks.
        forecasts: of each symbol.
        warned: what to beware of.
        today: the day it is made on.
        trust: how the ranges held, over all symbols together.
        own_trust: the same of each symbol by itself, where forecasts are made so.
    """

    run: str | None
    forecasts: "Sequence[SymbolForecast]"
    warned: Sequence[Warned]
    today: date
    trust: "Trust | None" = None
    own_trust: "Mapping[str, Trust]" = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        entries = [_plain(ahead, sessions_past(ahead, self.today)) for ahead in self.forecasts]
        if self.run is None:
            for entry in entries:
                own = self.own_trust.get(entry["symbol"])
                entry["trust"] = own.to_dict() if own else None
        return {
            "run": self.run,
            "forecaster": "pretrained" if self.run is None else "trained",
            "trust": self.trust.to_dict() if self.trust else None,
            "warnings": [warning.to_dict() for warning in self.warned],
            "symbols": entries,
        }


def by_run(
    run: Path | None,
    runs_dir: Path,
    store: "PriceStore",
    horizon: int | None,
    symbol: Sequence[str] | None,
    *,
    today: date,
    fail_if_stale: bool,
) -> Said:
    """What a run's networks say."""
    from lstmcast.prices.symbols import Reference

    opened = open_run(run, runs_dir)
    histories = (
        opened.newest_histories(store, symbol) if symbol else opened.histories(store, newest=True)
    )
    from lstmcast.forecasting import forecast_ahead

    if opened.shares_features:
        newest = max(history.last for history in histories)
        late = [history for history in histories if history.last < newest]
        if late:
            note(
                f"{names(late)}: no bar of {newest:%Y-%m-%d}; what the run's symbols do together on"
                f" that day is taken from the others{how_to_fetch(late)}"
            )
    wanted = [Reference.parse(name, "").symbol for name in symbol] if symbol else None
    forecasts = forecast_ahead(opened.forecaster(), histories, horizon, wanted)
    warned = how_old(forecasts, histories, today)
    if fail_if_stale:
        refuse_stale(warned)
    trust, doubts = on_test_days(opened, histories, len(forecasts[0].table))
    by_symbol = {history.symbol: history for history in histories}
    warned += doubts + about_symbols(forecasts, by_symbol, trust.symbols if trust else ())
    return Said(opened.name, forecasts, warned, today, trust)


def check_options(symbol: Sequence[str] | None, horizon: int | None) -> None:
    """Refuse options that do not go with symbols.

    Raises:
        UsageError: naming the option.
    """
    if symbol:
        raise UsageError(
            f"`--symbol` {', '.join(symbol)} chooses among a run's symbols, and symbols are named "
            "without a run",
            "name them all without `--symbol`",
        )
    if horizon is not None and horizon > LONGEST:
        raise UsageError(
            f"`--horizon` {horizon} is longer than the {LONGEST} sessions that the pretrained "
            "networks forecast",
            f"ask for at most {LONGEST}",
        )


def by_pretrained(
    histories: "Sequence[PriceHistory]", horizon: int, *, today: date, fail_if_stale: bool
) -> Said:
    """What the pretrained networks say of each symbol by itself."""
    from lstmcast.forecasting import forecast_ahead
    from lstmcast.training.unfitted import followed_forecasts, unfitted_forecaster

    forecasters = [unfitted_forecaster(history, horizon) for history in histories]
    forecasts = [
        forecast_ahead(forecaster, [history])[0]
        for forecaster, history in zip(forecasters, histories, strict=True)
    ]
    warned = how_old(forecasts, histories, today)
    if fail_if_stale:
        refuse_stale(warned)
    note(
        "forecast by the pretrained networks, which were trained on simulated markets alone and "
        "fitted to no price; `lstmcast train` learns what more a history can tell"
    )
    trusts = {}
    for forecaster, history in zip(forecasters, histories, strict=True):
        followed = followed_forecasts(forecaster, history)
        trust, doubts = on_last_sessions(followed, history, horizon)
        warned += doubts
        if trust:
            trusts[history.symbol] = trust
    warned += about_symbols(forecasts, {history.symbol: history for history in histories}, ())
    alone = next(iter(trusts.values())) if len(histories) == len(trusts) == 1 else None
    return Said(None, forecasts, warned, today, alone, trusts)


def _plain(ahead: "SymbolForecast", past: int) -> dict[str, Any]:
    """The forecast as JSON values: dates as text, what is not stated as null."""
    rows = []
    for row in ahead.table.to_dict("records"):
        values: dict[str, Any] = {
            str(name): None if isinstance(value, float) and math.isnan(value) else value
            for name, value in row.items()
        }
        values["date"] = f"{row['date']:%Y-%m-%d}"
        rows.append(values)
    return {
        "symbol": ahead.symbol,
        "currency": ahead.currency,
        "origin": f"{ahead.origin:%Y-%m-%d}",
        "close_origin": ahead.close,
        "sessions_past": past,
        "stale": past > 0,
        "all_past": past == len(rows),
        "sessions": rows,
    }
