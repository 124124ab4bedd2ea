"""Seeing inside a run's networks, for `plot`, `forecast` and `report`: what to look at, and how."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lstmcast.errors import RunError, UsageError

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from matplotlib.figure import Figure

    from lstmcast.explain import GateTrace, Importance, Inputs, Widening
    from lstmcast.prices.history import PriceHistory
    from lstmcast.run import Run
    from lstmcast.training import Forecaster
    from lstmcast.training.group import Group

WINDOW = 250
"""Sessions whose gates are shown, where nothing else is asked for."""

UNITS = 4
ORIGINS = 8
"""Forecasts whose parts by lag are averaged, spread over the sessions that are judged."""

MAX_SYMBOLS = 12
"""Symbols whose validation rows are judged; of more, some are chosen evenly."""


@dataclass(frozen=True)
class Inside:
    """A run's first group of networks and what they read.

    Args:
        run: the run.
        group: of networks; those of `model.variants` are left out.
        inputs: by symbol.
        groups: the feature group of each column.
    """

    run: "Run"
    group: "Group"
    inputs: "dict[str, Inputs]"
    groups: dict[str, str]

    @classmethod
    def of(
        cls,
        run: "Run",
        histories: "Sequence[PriceHistory]",
        forecaster: "Forecaster | None" = None,
    ) -> "Inside":
        """Look into a run, given the prices of its symbols."""
        from lstmcast.explain import column_groups, inputs_of

        with one_thread():
            group = (forecaster or run.forecaster()).groups[0]
            names = group.experiment.features or ()
            return cls(run, group, inputs_of(group, histories), column_groups(histories[0], names))

    def importance(self) -> "tuple[Importance, pd.DataFrame | None]":
        """What inputs are worth on validation rows, and how far back they reach.

        Raises:
            DataError: if the validation part is too short.
        """
        import numpy as np

        from lstmcast.explain import importance, reach_by_lag, validation_rows
        from lstmcast.nn import HEADS

        ends = self.run.boundaries
        rows = {
            symbol: validation_rows(part, ends["train_end"], ends["validation_end"])
            for symbol, part in self.inputs.items()
        }
        known = [part for symbol, part in self.inputs.items() if len(rows[symbol])]
        known = known[:: max(1, -(-len(known) // MAX_SYMBOLS))]
        with one_thread():
            found = importance(self.group.networks, known, rows, self.groups)
            if not HEADS[self.group.experiment.model.head].is_distribution:
                return found, None
            chosen = rows[known[0].symbol]
            some = chosen[np.linspace(0, len(chosen) - 1, ORIGINS).astype(int)]
            return found, reach_by_lag(self.group.networks, known[0], some, self.groups)

    def widening(self, symbol: str) -> "Widening | None":
        """What makes the range from the newest bar wider than usual; None of a point forecast."""
        from lstmcast.explain import networks_of, widening
        from lstmcast.nn import HEADS

        if not HEADS[self.group.experiment.model.head].is_distribution:
            return None
        part = self.inputs[symbol]
        with one_thread():
            return widening(networks_of(self.group, part.dates[-1]), part, self.groups)

    def trace(
        self,
        symbol: str,
        *,
        first: "pd.Timestamp | None" = None,
        last: "pd.Timestamp | None" = None,
        units: int = UNITS,
        member: int = 0,
    ) -> "tuple[GateTrace, list[int]]":
        """The gates of one network over some sessions of a symbol, the newest if none are named.

        Returns:
            Of all units, and which of them move the next range most.

        Raises:
            UsageError: if there is no such network, or no session between the dates.
        """
        from lstmcast.explain import most_influential_units, networks_of, trace_gates

        part = self.inputs[symbol]
        rows = self._window(part, first, last)
        networks = networks_of(self.group, part.dates[rows[-1]])
        if member >= len(networks):
            raise UsageError(
                f"`--member` {member} is not in the run", f"it has 0 to {len(networks) - 1}"
            )
        with one_thread():
            network = networks[member]
            return trace_gates(network, part, rows), most_influential_units(
                network, part, rows, units
            )

    def gates(
        self,
        symbol: str,
        *,
        first: "pd.Timestamp | None" = None,
        last: "pd.Timestamp | None" = None,
        units: int = UNITS,
        member: int = 0,
        currency: str | None = None,
    ) -> "Figure":
        """The chart of `trace`."""
        from lstmcast.plots import gates_chart

        found, chosen = self.trace(symbol, first=first, last=last, units=units, member=member)
        return gates_chart(
            found,
            chosen,
            currency=currency,
            details=f"run {self.run.name}, member {member} "
            f"(counted from 0; {len(self.group.networks)} in all)",
        )

    def _window(
        self, part: "Inputs", first: "pd.Timestamp | None", last: "pd.Timestamp | None"
    ) -> "np.ndarray[tuple[int], np.dtype[np.intp]]":
        import numpy as np

        rows = np.arange((part.window or 1) - 1, len(part))
        if last is not None:
            rows = rows[part.dates[rows] <= last]
        rows = rows[part.dates[rows] >= first] if first is not None else rows[-WINDOW:]
        if not len(rows):
            begin = part.dates[(part.window or 1) - 1 :]
            span = f"{begin[0]:%Y-%m-%d} to {begin[-1]:%Y-%m-%d}" if len(begin) else "none"
            raise UsageError(
                f"{part.symbol} has no session with features between `--from` and `--to`",
                f"choose from {span}",
            )
        return rows


@contextmanager
def one_thread() -> Iterator[None]:
    """One thread of PyTorch: these passes are small, and more would wait for each other."""
    from lstmcast.training.device import one_thread_each

    with one_thread_each():
        yield


def sentences(
    run: "Run",
    histories: "Sequence[PriceHistory]",
    symbols: Sequence[str],
    forecaster: "Forecaster | None" = None,
) -> "dict[str, Widening]":
    """What widened the newest range of each symbol; of point forecasts nothing."""
    inside = Inside.of(run, histories, forecaster)
    found = {symbol: inside.widening(symbol) for symbol in symbols}
    return {symbol: told for symbol, told in found.items() if told is not None}


def earlier_forecasts(
    run: "Run",
    histories: "Sequence[PriceHistory]",
    symbols: Sequence[str],
    tell: Callable[[str], object] = str,
) -> "pd.DataFrame | None":
    """What the networks say of the training and validation parts, before calibration.

    None, with a note, where the run has no weights that can be read: the rest of it can be drawn.
    """
    import numpy as np
    import pandas as pd

    from lstmcast.predictions import Actuals, tabulate

    try:
        forecaster = run.forecaster()
    except RunError as error:
        tell(f"note: no forecasts of the training and validation parts: {error.message}")
        return None
    end = run.boundaries["validation_end"]
    inputs = forecaster.inputs(histories)
    settings = forecaster.experiment.training
    needed = 0 if settings.supervision == "every" else settings.lookback - 1
    tables = []
    with one_thread():
        for block, dates in zip(inputs.blocks, inputs.dates, strict=True):
            known = int(dates.searchsorted(end, side="right"))
            origins = np.arange(needed, known - 1)
            if block.symbol not in symbols or not len(origins):
                continue
            found = forecaster.pooled(inputs, {block.symbol: origins})[block.symbol]
            actuals = Actuals(block.symbol, dates[:known], inputs.closes[block.rows][:known])
            tables.append(tabulate(actuals, origins, found))
    return pd.concat(tables, ignore_index=True) if tables else None
