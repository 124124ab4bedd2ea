"""Balanced sampling: every symbol drawn as often as the others."""

import numpy as np
import pytest
import torch
from support.experiments import LAST, small
from support.histories import simulated

from lstmcast.dataset.panel import Block
from lstmcast.training.device_panel import DevicePanel, sampling_weights
from lstmcast.training.prepare import prepare


def test_chances_are_equal_over_symbols_and_within_them() -> None:
    blocks = (Block("A", 0, 100), Block("B", 100, 130), Block("C", 130, 140))
    starts = np.concatenate([np.arange(80), 100 + np.arange(5)])  # C is too short for a window
    weights = sampling_weights(blocks, starts)
    assert weights[:80].sum() == pytest.approx(0.5)
    assert weights[80:].sum() == pytest.approx(0.5)
    assert len(set(weights[:80])) == len(set(weights[80:])) == 1


@pytest.mark.parametrize("overrides", [(), LAST], ids=["every", "last"])
@pytest.mark.parametrize(("sampling", "share"), [("sessions", 0.3), ("symbols", 0.5)])
def test_a_late_symbol_is_drawn_as_often_as_asked(
    sampling: str, share: float, overrides: tuple[str, ...]
) -> None:
    histories = (simulated(1, 420), simulated(2, 300, symbol="BBB", first="2001-06-18"))
    prepared = prepare(
        small("data.symbols=[AAA, BBB]", f"training.sampling={sampling}", *overrides), histories
    )
    panel = DevicePanel(prepared)
    windows = [len(part.train) - 23 for part in prepared.parts.values()]
    expected = windows[1] / sum(windows) if sampling == "sessions" else 0.5
    assert expected == pytest.approx(share, abs=0.12)
    first = prepared.inputs.features[prepared.inputs.blocks[1].rows]
    late = {row.tobytes() for row in first}
    generator = torch.Generator().manual_seed(1)
    drawn = [
        window[0].numpy().tobytes() in late
        for _ in range(5)
        for batch in panel.training_batches(generator)
        for window in batch.features
    ]
    assert np.mean(drawn) == pytest.approx(expected, abs=0.06)
