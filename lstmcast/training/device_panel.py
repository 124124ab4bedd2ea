"""The panel on the device, and the batches taken from it.

The data moves to the device once. Training batches are gathered, several at once, from a strided
view of all windows: nothing is copied per window, and no Python code runs per sample.
"""

import copy
from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import repeat

import numpy as np
import torch
from jaxtyping import Float, Int
from numpy.typing import NDArray
from torch import Tensor

from lstmcast.dataset import Parts, window_starts
from lstmcast.dataset.panel import Block
from lstmcast.training.batch import Batch
from lstmcast.training.objective import horizon_weights
from lstmcast.training.prepare import Prepared

MIN_STEPS = 8
"""Least optimiser steps in an epoch, so that a small panel is not validated after every two."""

VALIDATION_STRETCH = 120
"""Validation rows in a sequence, with a loss on every step."""

VALIDATION_WINDOWS = 1024
"""Most windows in a validation batch; bounds memory only."""

GATHERED = 256
"""Windows gathered at once, at least: a call costs more than to copy the few of one batch."""


class DevicePanel:
    """A panel's arrays on the device.

    Args:
        prepared: the panel, with the truth for the loss alone.
        device: where everything goes.
        parts: which rows are training and which validation origins, by symbol, where it is not as
            `prepared` has them.
    """

    def __init__(
        self,
        prepared: Prepared,
        device: torch.device | str = "cpu",
        parts: Mapping[str, Parts] | None = None,
    ) -> None:
        inputs, parts = prepared.inputs, parts or prepared.parts
        self.device = torch.device(device)
        self.settings = prepared.experiment.training
        self.columns = prepared.scaling.columns
        self.blocks = inputs.blocks
        self._stops = torch.tensor([block.stop for block in inputs.blocks], device=device)
        self.features = torch.from_numpy(inputs.features).to(device)
        self.scale = torch.from_numpy(inputs.scale).to(device)
        values = torch.from_numpy(prepared.targets.values)
        self.known = torch.isfinite(values).to(device)
        # A loss at an unknown outcome has weight zero; the value itself must still be finite.
        self.targets = torch.nan_to_num(values).to(device)
        self.horizon_weights = horizon_weights(values.shape[1]).to(device)
        self.origins = torch.from_numpy(
            np.concatenate([block.start + parts[block.symbol].train for block in inputs.blocks])
        )
        scored = [
            block.start + rows
            for block in inputs.blocks
            for rows in (parts[block.symbol].train, parts[block.symbol].validation)
        ]
        self.gaps = not np.isfinite(prepared.targets.values[np.concatenate(scored)]).all()
        starts = window_starts(inputs, parts, self.settings.lookback)
        self.starts = torch.from_numpy(starts)
        self.sampling_weights = (
            torch.from_numpy(sampling_weights(inputs.blocks, starts))
            if self.settings.sampling == "symbols"
            else None
        )
        self.validation = list(self._validation_batches(inputs.blocks, parts))

    def next_session(self) -> "DevicePanel":
        """The same panel with the first horizon alone; features are shared."""
        panel = copy.copy(self)
        panel.targets, panel.known = self.targets[:, :1].contiguous(), self.known[:, :1]
        panel.horizon_weights = torch.ones_like(self.horizon_weights[:1])
        first = self.horizon_weights[0]
        panel.validation = []
        for batch in self.validation:
            weight = batch.weight[..., :1] / first
            total = weight.sum() * (len(batch.features) / len(weight))
            panel.validation.append(
                replace(batch, targets=batch.targets[..., :1], weight=weight, total=total)
            )
        return panel

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

    def _windows(self, values: Tensor, starts: Int[Tensor, " batch"]) -> Tensor:
        """Rows `start .. start + lookback` for each start: one gather from an overlapping view."""
        length, columns = self.settings.lookback, values[0].numel()
        count = values.shape[0] - length + 1
        view = values.as_strided((count, length, columns), (columns, columns, 1))
        return view.index_select(0, starts.to(self.device))

    def _batches(self, starts: Int[Tensor, " windows"], size: int) -> Iterator[Batch]:
        """Windows in batches of at most `size`; an outcome that is not known counts nothing."""
        weight = self._step_weights()
        total = weight.sum()
        for some in starts.split(max(1, GATHERED // size) * size):
            arrays = (
                self._windows(self.features, some),
                self._windows(self.scale, some).squeeze(-1),
                self._windows(self.targets, some),
                self.symbols_at(some),
            )
            known = self._windows(self.known, some).split(size) if self.gaps else repeat(None)
            parts = zip(*(values.split(size) for values in arrays), strict=True)
            for (features, scale, targets, symbols), there in zip(parts, known, strict=False):
                if there is None:
                    yield Batch(features, scale, targets, weight, symbols, total * len(features))
                    continue
                own = weight * there
                # Of a batch without any outcome the loss is zero, not zero over zero.
                least = total / self.settings.lookback
                yield Batch(features, scale, targets, own, symbols, own.sum().clamp(min=least))

    def symbols_at(self, rows: Int[Tensor, " rows"]) -> Int[Tensor, " rows"]:
        """The number of the symbol that each row belongs to, on the device."""
        return torch.bucketize(rows.to(self.device).contiguous(), self._stops, right=True)

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

    def _validation_batches(
        self, blocks: tuple[Block, ...], parts: Mapping[str, Parts]
    ) -> Iterator[Batch]:
        if not any(len(part.validation) for part in parts.values()):
            return
        if self.settings.supervision == "last":
            yield from self._validation_windows(blocks, parts)
        else:
            yield self._validation_sequences(blocks, parts)

    def _validation_windows(
        self, blocks: tuple[Block, ...], parts: Mapping[str, Parts]
    ) -> Iterator[Batch]:
        """Windows that end at each validation origin; inputs reach back into training rows.

        Origins with fewer rows before them than a window has are left out.
        """
        length = self.settings.lookback
        ends = [(block.start, parts[block.symbol].validation) for block in blocks]
        starts = np.concatenate(
            [start + rows[rows >= length - 1] - length + 1 for start, rows in ends]
        )
        yield from self._batches(torch.from_numpy(starts), VALIDATION_WINDOWS)

    def _validation_sequences(self, blocks: tuple[Block, ...], parts: Mapping[str, Parts]) -> Batch:
        """Validation rows in stretches of `VALIDATION_STRETCH`, each after a burn-in of `lookback`.

        Side by side they take a fraction of the time that each symbol's rows in one go do, and
        there an epoch of a small pool spends a third of its time.
        """
        spans = []
        for block in blocks:
            origins = parts[block.symbol].validation
            for stretch in np.split(
                origins, range(VALIDATION_STRETCH, len(origins), VALIDATION_STRETCH)
            ):
                if len(stretch):
                    first = max(0, int(stretch[0]) - self.settings.lookback)
                    stop = int(stretch[-1]) + 1
                    spans.append((block.start + first, block.start + stop, int(stretch[0]) - first))
        longest = max(stop - start for start, stop, _ in spans)
        shape = (len(spans), longest)
        features = self.features.new_zeros(*shape, self.features.shape[1])
        scale = self.scale.new_ones(shape)
        targets = self.targets.new_zeros(*shape, self.targets.shape[1])
        weight = torch.zeros_like(targets)
        for row, (start, stop, burn_in) in enumerate(spans):
            length = stop - start
            features[row, :length] = self.features[start:stop]
            scale[row, :length] = self.scale[start:stop]
            targets[row, :length] = self.targets[start:stop]
            scored = self.known[start + burn_in : stop] * self.horizon_weights
            weight[row, burn_in:length] = scored
        first_rows = torch.tensor([start for start, _, _ in spans])
        symbols = self.symbols_at(first_rows)
        return Batch(features, scale, targets, weight, symbols, weight.sum())


def sampling_weights(blocks: tuple[Block, ...], starts: NDArray[np.intp]) -> NDArray[np.float64]:
    """The chance of drawing each window, `(windows,)`, at which every symbol is drawn as often."""
    owner = np.searchsorted([block.stop for block in blocks], starts, side="right")
    windows = np.bincount(owner, minlength=len(blocks))
    found: NDArray[np.float64] = 1 / (windows[owner] * np.count_nonzero(windows))
    return found
