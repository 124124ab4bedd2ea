"""A trained ensemble that forecasts from bars: what a run directory keeps and loads again."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Protocol

import pandas as pd

from lstmcast.calibration import CalibrationSeries, calibrate_each
from lstmcast.config import Experiment
from lstmcast.dataset import PanelInputs, Scaling
from lstmcast.dataset.panel import Block
from lstmcast.distributions import Distribution, FloatArray
from lstmcast.prices.closing import market
from lstmcast.prices.history import PriceHistory
from lstmcast.training.device import available_threads, in_threads
from lstmcast.training.group import Group, Origins, new_network
from lstmcast.training.pooling import combine

if TYPE_CHECKING:
    from lstmcast.nn import Network

BURN_IN = 60
"""Rows with features before forecasts of an untrained experiment count for calibration: until then
the state remembers the zeros that it began with."""

TRACKED = pd.Timedelta(days=1400)
"""Time before the first forecast through which its ranges are tracked: some 1,000 sessions. By the
calendar: to count sessions back from a date takes the bars up to it, which a forecast of an earlier
day must not need."""

__all__ = ["ExternalMember", "ForecastInputs", "Forecaster", "new_network", "tracked_from"]


def tracked_from(dates: pd.DatetimeIndex, end: pd.Timestamp) -> int:
    """The row from which the ranges of networks that nothing was fitted to are tracked.

    Args:
        dates: sessions with features.
        end: the last session before their first forecast.
    """
    return max(BURN_IN, int(dates.searchsorted(end - TRACKED)))


class ExternalMember(Protocol):
    """A member of the pool that is no network, such as a baseline."""

    @property
    def name(self) -> str:
        """How the configuration calls it."""
        ...

    def check(self, history: PriceHistory, horizon: int, fit_end: pd.Timestamp) -> None:
        """Fail if it cannot forecast, before any network is trained.

        Raises:
            DataError: if the history does not have what it needs.
        """
        ...

    def forecast(
        self,
        history: PriceHistory,
        origins: pd.DatetimeIndex,
        horizon: int,
        fit_ends: Sequence[pd.Timestamp],
    ) -> Distribution:
        """Forecast returns over 1..`horizon` sessions from the close of each origin.

        It is fitted once for each of `fit_ends`, which increase, on the sessions up to it, and
        forecasts with the last of these fits that an origin may know.

        Raises:
            DataError: if the history does not have what it needs.
        """
        ...


@dataclass(frozen=True)
class ForecastInputs:
    """What the members of a pool read: a panel for each group, and the histories themselves.

    Args:
        panels: one for each group; all have the same rows.
        histories: by symbol.
    """

    panels: tuple[PanelInputs, ...]
    histories: Mapping[str, PriceHistory]

    @property
    def blocks(self) -> tuple[Block, ...]:
        """Where each symbol's rows are."""
        return self.panels[0].blocks

    @property
    def dates(self) -> tuple[pd.DatetimeIndex, ...]:
        """For each block, the sessions of its rows."""
        return self.panels[0].dates

    @property
    def closes(self) -> FloatArray:
        """Adjusted closes of all rows."""
        return self.panels[0].closes


@dataclass(frozen=True)
class Forecaster:
    """Trained groups of networks and external members, pooled into one forecast.

    Args:
        experiment: resolved: every choice is made.
        groups: the networks, those of `model` first, then those of each of its variants.
        external_members: members that are no networks.
        weights: `(members, horizons)` of the networks, then of the external members; None for
            equal ones.
    """

    experiment: Experiment
    groups: Sequence[Group]
    external_members: Sequence[ExternalMember] = ()
    weights: FloatArray | None = None

    def __post_init__(self) -> None:
        names = tuple(member.name for member in self.external_members)
        if names != self.experiment.model.pool.baselines:
            raise ValueError(
                "`external_members` must be those of `model.pool.baselines` "
                f"{self.experiment.model.pool.baselines}, got {names}"
            )

    @property
    def networks(self) -> list["Network"]:
        """The networks of all groups."""
        return [network for group in self.groups for network in group.networks]

    @property
    def scaling(self) -> Scaling:
        """How the first group's inputs are scaled."""
        return self.groups[0].scaling

    def member_names(self) -> list[str]:
        """A name for each member, in the order of the weights."""
        kinds = [self._kind(group) for group in self.groups for _ in range(group.members)]
        return [
            *(f"{kind} {k}" for k, kind in enumerate(kinds)),
            *(member.name for member in self.external_members),
        ]

    def _kind(self, group: Group) -> str:
        """The group's network, with its head and features where they are not the experiment's."""
        own, common = group.experiment, self.experiment
        parts = [own.model.network]
        if own.model.head != common.model.head:
            parts.append(own.model.head)
        if own.features != common.features:
            parts.append("+".join(own.features or ()))
        return " ".join(parts)

    def inputs(self, histories: Sequence[PriceHistory]) -> ForecastInputs:
        """What the members read, from histories that may be longer than those trained on.

        Raises:
            DataError: if a history is too short or lacks a column.
            RunError: if the feature groups have other columns now than in training.
        """
        return ForecastInputs(
            tuple(group.inputs(histories) for group in self.groups),
            {history.symbol: history for history in histories},
        )

    def forecast(self, inputs: ForecastInputs, origins: Origins) -> dict[str, Distribution]:
        """Forecast every symbol from the given rows of its block, `(rows, horizons)` each.

        The pooled forecasts are calibrated by the outcomes of all symbols in `inputs` that are
        known at each origin.
        """
        return dict(self.forecast_each(inputs, origins))

    def forecast_each(
        self, inputs: ForecastInputs, origins: Origins
    ) -> Iterator[tuple[str, Distribution]]:
        """Like `forecast`, a symbol after the other: only a few forecasts are ever in memory."""
        train_end = pd.Timestamp(self.experiment.dates.train_end)
        threads = available_threads(self.experiment.training.threads)
        return calibrate_each(
            lambda rows: self.pooled(inputs, rows),
            self._calibration_series(inputs, train_end),
            {symbol: rows for symbol, rows in origins.items() if len(rows)},
            self.experiment.calibration.kind,
            map_function=partial(in_threads, wanted=threads),
            at_once=threads,
        )

    def pooled(self, inputs: ForecastInputs, origins: Origins) -> dict[str, Distribution]:
        """Forecast like `forecast`, before calibration."""
        method = self.experiment.model.pool.method
        return {
            symbol: combine(members, method, self.weights)
            for symbol, members in self.members(inputs, origins).items()
        }

    def _calibration_series(
        self, inputs: ForecastInputs, train_end: pd.Timestamp
    ) -> list[CalibrationSeries]:
        """Every symbol, with the row of its first validation forecast."""
        settings = self.experiment.training
        needed = 0 if settings.supervision == "every" else settings.lookback - 1
        return [
            CalibrationSeries(
                block.symbol,
                dates,
                inputs.closes[block.rows],
                max(needed, self._first_scored(dates, train_end)),
                market(inputs.histories[block.symbol]),
            )
            for block, dates in zip(inputs.blocks, inputs.dates, strict=True)
        ]

    def _first_scored(self, dates: pd.DatetimeIndex, train_end: pd.Timestamp) -> int:
        """The row whose forecast counts first: nothing was fitted to what came true after it."""
        if self.experiment.training.epochs:
            return int(dates.searchsorted(train_end, side="right")) - 1
        return tracked_from(dates, pd.Timestamp(self.experiment.dates.validation_end))

    def members(self, inputs: ForecastInputs, origins: Origins) -> dict[str, list[Distribution]]:
        """What each member forecasts, by symbol.

        External members are fitted on the training part for origins of the validation part, and on
        both for later ones.

        Args:
            inputs: what the members read.
            origins: by symbol; those that are not named are left out.
        """
        found = [
            group.forecast(panel, origins)
            for group, panel in zip(self.groups, inputs.panels, strict=True)
        ]
        return {
            block.symbol: [
                *(member for group in found for member in group[block.symbol]),
                *self._external_forecasts(inputs, block.symbol, dates[origins[block.symbol]]),
            ]
            for block, dates in zip(inputs.blocks, inputs.dates, strict=True)
            if block.symbol in origins
        }

    def _external_forecasts(
        self, inputs: ForecastInputs, symbol: str, sessions: pd.DatetimeIndex
    ) -> list[Distribution]:
        """What the external members forecast."""
        if not self.external_members:
            return []
        split = self.experiment.dates
        fit_ends = (pd.Timestamp(split.train_end), pd.Timestamp(split.validation_end))
        horizon = self.experiment.target.horizon
        return [
            member.forecast(inputs.histories[symbol], sessions, horizon, fit_ends)
            for member in self.external_members
        ]
