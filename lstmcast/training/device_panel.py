"""The panel and the batches taken from it, which are on the device that trains.

The data moves to the device once, or stays in host memory where it would fill that (`panel_home`).
Training batches are gathered, several at once, from a strided view of all windows: nothing is
copied per window, and no Python code runs per sample.
"""

import copy
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from itertools import repeat

import numpy as np
import torch
from jaxtyping import Float, Int
from numpy.typing import NDArray
from torch import Tensor

from lstmcast.dataset import Parts, window_starts
from lstmcast.dataset.panel import Block
from lstmcast.training.batch import Batch, GatheredBatch
from lstmcast.training.head_fit import RowOutcomes
from lstmcast.training.objective import AT_ONCE_ELSEWHERE, horizon_weights
from lstmcast.training.panel_home import PanelHome
from lstmcast.training.prepare import Prepared

MIN_STEPS = 8
"""Least optimiser steps in an epoch, so that a small panel is not validated after every two."""

VALIDATION_STRETCH = 120
"""Validation rows in a sequence, with a loss on every step."""

VALIDATION_WINDOWS = 1024
"""Most windows in a validation batch; bounds memory only."""

GATHERED = 256
"""Windows gathered at once, at least: a call costs more than to copy the few of one batch."""

GATHERED_ROWS = 2**15
"""Rows gathered at once for the fit of a head."""


class DevicePanel:
    """A panel's arrays, where they are kept, and what is taken from them, on the device.

    Args:
        prepared: the panel, with the truth for the loss alone, which is NaN where it is not known.
        device: that trains, with the panel on it; or where else the panel is kept.
        parts: which rows are training and which validation origins, by symbol, where it is not as
            `prepared` has them.
    """

    def __init__(
        self,
        prepared: Prepared,
        device: torch.device | str | PanelHome = "cpu",
        parts: Mapping[str, Parts] | None = None,
    ) -> None:
        inputs = prepared.inputs
        home = device if isinstance(device, PanelHome) else PanelHome(torch.device(device))
        self.home, self.device = home, home.device
        self.settings = prepared.experiment.training
        self.columns = prepared.scaling.columns
        self.blocks = inputs.blocks
        self._stops = torch.tensor([block.stop for block in inputs.blocks], device=self.device)
        self.features = torch.from_numpy(inputs.features).to(home.kept)
        self.scale = torch.from_numpy(inputs.scale).to(home.kept)
        self.truth = torch.from_numpy(prepared.targets.values).to(home.kept)
        self.horizon_weights = horizon_weights(self.horizon).to(self.device)
        self.assign(prepared, parts or prepared.parts)

    def over(self, prepared: Prepared, parts: Mapping[str, Parts]) -> "DevicePanel":
        """The same panel with other training and validation rows; its arrays are shared."""
        panel = copy.copy(self)
        panel.assign(prepared, parts)
        return panel

    def assign(self, prepared: Prepared, parts: Mapping[str, Parts]) -> None:
        """Say which rows are trained on and which validated."""
        inputs = prepared.inputs
        self.origins = torch.from_numpy(
            np.concatenate([block.start + parts[block.symbol].train for block in inputs.blocks])
        )
        truth = prepared.targets.values
        self.gaps = not all(
            np.isfinite(truth[block.start + rows]).all()
            for block in inputs.blocks
            for rows in (parts[block.symbol].train, parts[block.symbol].validation)
        )
        starts = window_starts(inputs, parts, self.settings.lookback)
        self.starts = torch.from_numpy(starts)
        self.sampling_weights = (
            torch.from_numpy(sampling_weights(inputs.blocks, starts))
            if self.settings.sampling == "symbols"
            else None
        )
        self._spans = torch.zeros(0, 3, dtype=torch.int64)
        self._longest_span = 0
        self._window_starts = self.starts[:0]
        if self.settings.supervision == "every":
            spans = self._validation_spans(parts)
            self._longest_span = int((spans[:, 1] - spans[:, 0]).max()) if len(spans) else 0
            self._spans = self.home.placed(spans)
        else:
            self._window_starts = self._validation_starts(parts)
        self._totals = self._validation_totals()

    def next_session(self) -> "DevicePanel":
        """The same panel with the first horizon alone; features are shared."""
        panel = copy.copy(self)
        # A view of all windows wants rows that lie behind each other.
        panel.truth = self.truth[:, :1].contiguous()
        panel.horizon_weights = torch.ones_like(self.horizon_weights[:1])
        panel._totals = panel._validation_totals()  # noqa: SLF001 - its own class
        return panel

    @property
    def validation(self) -> list[GatheredBatch]:
        """The validation part in batches, gathered when they are asked for."""
        return [
            GatheredBatch(gather, count, total)
            for (gather, count), total in zip(self._gathers(), self._totals, strict=True)
        ]

    @property
    def validation_steps(self) -> int:
        """Steps of the sequences that are validated at once, at most."""
        sequences = max(len(self._spans), min(len(self._window_starts), VALIDATION_WINDOWS))
        length = self._longest_span if len(self._spans) else self.settings.lookback
        return min(sequences, AT_ONCE_ELSEWHERE) * length

    @property
    def window_ends(self) -> Int[Tensor, " rows"]:
        """The training origins that the network is trained on, on the CPU, in increasing order.

        With a loss on the last step they have a whole window of their own symbol before them.
        """
        if self.settings.supervision == "every":
            return self.origins
        return self.starts + self.settings.lookback - 1

    @property
    def input_size(self) -> int:
        """Feature columns."""
        return self.features.shape[1]

    @property
    def horizon(self) -> int:
        """Sessions ahead that outcomes are known of."""
        return self.truth.shape[1]

    def _windows(self, values: Tensor, starts: Int[Tensor, " batch"]) -> Tensor:
        """Rows `start .. start + lookback` for each start: one gather from an overlapping view."""
        length, columns = self.settings.lookback, values[0].numel()
        count = values.shape[0] - length + 1
        view = values.as_strided((count, length, columns), (columns, columns, 1))
        return self.home.chosen(view, starts)

    def _batches(self, starts: Int[Tensor, " windows"], size: int) -> Iterator[Batch]:
        """Windows in batches of at most `size`; an outcome that is not known counts nothing."""
        weight = self._step_weights()
        total = weight.sum()
        starts = self.home.placed(starts)
        for some in starts.split(max(1, GATHERED // size) * size):
            targets, there = _finite(self._windows(self.truth, some))
            known = there.split(size) if self.gaps else repeat(None)
            arrays = (
                self._windows(self.features, some),
                self._windows(self.scale, some).squeeze(-1),
                targets,
                self.symbols_at(some),
            )
            parts = zip(*(values.split(size) for values in arrays), strict=True)
            for part, counted in zip(parts, known, strict=False):
                features, scale, outcomes, symbols = part
                if counted is None:
                    yield Batch(features, scale, outcomes, weight, symbols, total * len(features))
                    continue
                own = weight * counted
                # Of a batch without any outcome the loss is zero, not zero over zero.
                least = total / self.settings.lookback
                yield Batch(features, scale, outcomes, own, symbols, own.sum().clamp(min=least))

    def outcomes_at(
        self, rows: Int[Tensor, " rows"], out: Float[Tensor, "rows features"] | None = None
    ) -> RowOutcomes:
        """Some rows and what came true after them, on the device.

        Args:
            rows: which.
            out: where their features are put; a new tensor if None.
        """
        chosen = partial(self.home.chosen, rows=rows)
        if out is None:
            out = torch.empty(len(rows), self.input_size, device=self.device)
        for own, place in zip(rows.split(GATHERED_ROWS), out.split(GATHERED_ROWS), strict=True):
            place.copy_(self.home.chosen(self.features, own))
        targets, known = _finite(chosen(self.truth))
        return RowOutcomes(
            out,
            chosen(self.scale),
            targets,
            known,
            self.symbols_at(rows),
            self.horizon_weights,
        )

    def symbols_at(self, rows: Int[Tensor, " rows"]) -> Int[Tensor, " rows"]:
        """The number of the symbol that each row belongs to, on the device."""
        return torch.bucketize(self.home.sent(rows).contiguous(), self._stops, right=True)

    def _step_weights(self) -> Float[Tensor, "1 time horizons"]:
        """Weights of a window whose outcomes are all known."""
        steps = torch.zeros(self.settings.lookback, 1, device=self.device)
        first = self.settings.burn_in if self.settings.supervision == "every" else -1
        steps[first:] = 1.0
        return (steps * self.horizon_weights).unsqueeze(0)

    def training_batches(self, generator: torch.Generator) -> Iterator[Batch]:
        """One epoch: about as many scored sessions as there are training rows, in random windows.

        With a loss on the last step, every window once, in random order; drawn at random where
        symbols are to be drawn alike.
        """
        settings = self.settings
        windows = len(self.starts)
        if settings.supervision == "every":
            scored = settings.lookback - settings.burn_in
            windows = max(windows // scored, MIN_STEPS * settings.batch_size)
        if self.sampling_weights is not None:
            order = torch.multinomial(
                self.sampling_weights, windows, replacement=True, generator=generator
            )
        elif settings.supervision == "last":
            order = torch.randperm(windows, generator=generator)
        else:
            order = torch.randint(len(self.starts), (windows,), generator=generator)
        yield from self._batches(self.starts[order], settings.batch_size)

    def _gathers(self) -> list[tuple[Callable[[slice], Batch], int]]:
        """What gathers each validation batch, and how many sequences it has."""
        if len(self._spans):
            return [(self._stretches, len(self._spans))]
        parts = self._window_starts.split(VALIDATION_WINDOWS) if len(self._window_starts) else ()
        return [(partial(self._validation_windows, starts), len(starts)) for starts in parts]

    def _validation_totals(self) -> list[Tensor]:
        """What the weights of each validation batch add up to."""
        if len(self._spans):
            size = range(0, len(self._spans), GATHERED)
            weights = [self._stretch_weights(slice(k, k + GATHERED)) for k in size]
            return [torch.cat(weights).sum()]
        return [gather(slice(None)).total for gather, _ in self._gathers()]

    def _validation_starts(self, parts: Mapping[str, Parts]) -> Int[Tensor, " windows"]:
        """Where windows begin that end at each validation origin; they reach into training rows.

        Origins with fewer rows before them than a window has are left out.
        """
        length = self.settings.lookback
        ends = [(block.start, parts[block.symbol].validation) for block in self.blocks]
        starts = [start + rows[rows >= length - 1] - length + 1 for start, rows in ends]
        return torch.from_numpy(np.concatenate(starts))

    def _validation_windows(self, starts: Int[Tensor, " windows"], rows: slice) -> Batch:
        return next(self._batches(starts[rows], VALIDATION_WINDOWS))

    def _validation_spans(self, parts: Mapping[str, Parts]) -> Int[Tensor, "stretches 3"]:
        """Validation rows in stretches of `VALIDATION_STRETCH`, each after a burn-in of `lookback`.

        Side by side they take a fraction of the time that each symbol's rows in one go do, and
        there an epoch of a small pool spends a third of its time.

        Returns:
            Of each its first row, the one after its last, and the rows of its burn-in.
        """
        spans = []
        for block in self.blocks:
            origins = parts[block.symbol].validation
            for stretch in np.split(
                origins, range(VALIDATION_STRETCH, len(origins), VALIDATION_STRETCH)
            ):
                if len(stretch):
                    first = max(0, int(stretch[0]) - self.settings.lookback)
                    stop = int(stretch[-1]) + 1
                    spans.append((block.start + first, block.start + stop, int(stretch[0]) - first))
        return torch.tensor(spans, dtype=torch.int64).view(-1, 3)

    def _steps(self, rows: slice) -> tuple[Int[Tensor, "stretches time"], Tensor, Tensor]:
        """Rows of some validation stretches, all as long as the longest, where the panel is.

        Returns:
            The rows, the last one repeated behind a stretch's end; which of them are of it; and
            which are behind its burn-in as well.
        """
        steps = torch.arange(self._longest_span, device=self._spans.device)
        first, stop, burn_in = (column[rows, None] for column in self._spans.T)
        there = first + steps < stop
        return torch.minimum(first + steps, stop - 1), there, there & (steps >= burn_in)

    def _taken(self, values: Tensor, rows: Int[Tensor, "stretches time"]) -> Tensor:
        """Rows of what is kept, on the device, side by side."""
        return self.home.chosen(values, rows.flatten()).view(*rows.shape, *values.shape[1:])

    def _stretch_weights(self, rows: slice) -> Float[Tensor, "batch time horizons"]:
        """Weights of stretches: none in the burn-in, and where no outcome is known."""
        steps, _, scored = self._steps(rows)
        known = torch.isfinite(self._taken(self.truth, steps))
        return (known & self.home.sent(scored).unsqueeze(-1)) * self.horizon_weights

    def _stretches(self, rows: slice) -> Batch:
        """Some validation stretches, each filled up with zeros behind its end."""
        steps, there, _ = self._steps(rows)
        behind = ~self.home.sent(there)
        weight = self._stretch_weights(rows)
        features = self._taken(self.features, steps).masked_fill_(behind.unsqueeze(-1), 0.0)
        scale = self._taken(self.scale, steps).masked_fill_(behind, 1.0)
        targets, _ = _finite(self._taken(self.truth, steps))
        targets.masked_fill_(behind.unsqueeze(-1), 0.0)
        return Batch(features, scale, targets, weight, self.symbols_at(steps[:, 0]), weight.sum())


def _finite(truth: Tensor) -> tuple[Tensor, Tensor]:
    """Outcomes that were gathered, made finite in place, and which of them are known.

    A loss at an unknown outcome has weight zero; the value itself must still be finite.
    """
    known = torch.isfinite(truth)
    return truth.nan_to_num_(), known


def sampling_weights(blocks: tuple[Block, ...], starts: NDArray[np.intp]) -> NDArray[np.float64]:
    """The chance of drawing each window, `(windows,)`, at which every symbol is drawn as often."""
    owner = np.searchsorted([block.stop for block in blocks], starts, side="right")
    windows = np.bincount(owner, minlength=len(blocks))
    found: NDArray[np.float64] = 1 / (windows[owner] * np.count_nonzero(windows))
    return found
