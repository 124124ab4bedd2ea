"""Batches against a plain loop: which rows they hold, and what carries weight in the loss."""

import re
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest
import torch
from support.experiments import LAST, LINEAR, small, train
from support.histories import simulated

from lstmcast.dataset import PanelTargets, window_starts
from lstmcast.run.creation import record_of
from lstmcast.training import panel_home
from lstmcast.training.batch import Batch
from lstmcast.training.device_panel import DevicePanel
from lstmcast.training.objective import horizon_weights
from lstmcast.training.panel_home import PanelHome, choose_home, panel_bytes
from lstmcast.training.prepare import Prepared, prepare

LOOKBACK, WARM_UP, HORIZON = 24, 4, 3
GAPS = ("training.sampling=symbols",)


def pooled(*overrides: str) -> Prepared:
    """A symbol from the first day and one that comes late, with few training rows."""
    histories = (simulated(1, 420), simulated(2, 250, symbol="BBB", first="2001-08-27"))
    return prepare(small("data.symbols=[AAA, BBB]", *overrides), histories)


def epoch(panel: DevicePanel, seed: int = 0) -> list[Batch]:
    return list(panel.training_batches(torch.Generator().manual_seed(seed)))


def validation(panel: DevicePanel) -> list[Batch]:
    return [batch.whole() for batch in panel.validation]


def rows_of(prepared: Prepared, features: torch.Tensor) -> list[int]:
    """The panel rows that a window of features holds; rows are told apart by their values."""
    found = []
    for step in features.numpy():
        (row,) = np.flatnonzero((prepared.inputs.features == step).all(axis=1))
        found.append(int(row))
    return found


@pytest.mark.parametrize("overrides", [(), LAST], ids=["every", "last"])
def test_a_batch_holds_consecutive_training_rows_with_their_truth(
    overrides: tuple[str, ...],
) -> None:
    prepared = pooled(*overrides)
    inputs, targets = prepared.inputs, prepared.targets
    allowed = set(window_starts(inputs, prepared.parts, LOOKBACK).tolist())
    for batch in epoch(DevicePanel(prepared))[:3]:
        for k in range(len(batch.features)):
            rows = rows_of(prepared, batch.features[k])
            assert rows == list(range(rows[0], rows[0] + LOOKBACK))
            assert rows[0] in allowed
            np.testing.assert_array_equal(batch.scale[k], inputs.scale[rows])
            np.testing.assert_array_equal(batch.targets[k], targets.values[rows])


def test_a_loss_on_every_step_leaves_out_the_warm_up() -> None:
    for batch in epoch(DevicePanel(pooled())):
        assert batch.weight.shape == (1, LOOKBACK, HORIZON)
        assert (batch.weight[:, :WARM_UP] == 0).all()
        torch.testing.assert_close(
            batch.weight[0, WARM_UP:], horizon_weights(HORIZON).expand(LOOKBACK - WARM_UP, -1)
        )


def test_a_loss_on_the_last_step_has_weight_there_alone() -> None:
    for batch in epoch(DevicePanel(pooled(*LAST))):
        assert (batch.weight[:, :-1] == 0).all()
        torch.testing.assert_close(batch.weight[0, -1], horizon_weights(HORIZON))


def test_an_epoch_on_the_last_step_takes_every_window_once() -> None:
    prepared = pooled(*LAST)
    firsts = Counter(
        rows_of(prepared, window[:1])[0]
        for batch in epoch(DevicePanel(prepared))
        for window in batch.features
    )
    starts = window_starts(prepared.inputs, prepared.parts, LOOKBACK)
    assert firsts == Counter(starts.tolist())


def test_epochs_differ_and_the_same_seed_repeats_them() -> None:
    panel = DevicePanel(pooled())
    ours, same, other = epoch(panel, 1), epoch(panel, 1), epoch(panel, 2)
    assert all(torch.equal(a.features, b.features) for a, b in zip(ours, same, strict=True))
    assert not torch.equal(ours[0].features, other[0].features)


def test_validation_in_sequence_scores_every_validation_origin_once() -> None:
    prepared = pooled()
    (batch,) = validation(DevicePanel(prepared))
    weights = horizon_weights(HORIZON)
    assert len(batch.features) == 2
    for k, block in enumerate(prepared.inputs.blocks):
        origins = prepared.parts[block.symbol].validation
        first = max(0, origins[0] - LOOKBACK)
        length = origins[-1] + 1 - first
        rows = block.start + first + np.arange(length)
        np.testing.assert_array_equal(batch.features[k, :length], prepared.inputs.features[rows])
        np.testing.assert_array_equal(batch.scale[k, :length], prepared.inputs.scale[rows])
        np.testing.assert_array_equal(batch.targets[k, :length], prepared.targets.values[rows])
        expected = torch.zeros_like(batch.weight[k])
        expected[origins - first] = weights
        torch.testing.assert_close(batch.weight[k], expected)


def test_validation_in_windows_ends_at_each_validation_origin() -> None:
    prepared = pooled(*LAST)
    ends = [
        rows_of(prepared, window[-1:])[0]
        for batch in validation(DevicePanel(prepared))
        for window in batch.features
    ]
    assert ends == [
        block.start + origin
        for block in prepared.inputs.blocks
        for origin in prepared.parts[block.symbol].validation
        if origin >= LOOKBACK - 1
    ]


def test_validation_origins_without_a_whole_window_are_left_out_one_by_one() -> None:
    prepared = pooled(*LAST)
    parts = dict(prepared.parts)
    parts["BBB"] = replace(parts["BBB"], validation=np.arange(LOOKBACK - 3, LOOKBACK + 2))
    count = sum(map(len, DevicePanel(prepared, parts=parts).validation))
    assert count == len(parts["AAA"].validation) + 3


def test_an_outcome_that_is_not_known_yet_carries_no_weight() -> None:
    prepared = pooled()
    rows = len(prepared.inputs.dates[1])
    parts = dict(prepared.parts)
    parts["BBB"] = replace(parts["BBB"], validation=np.arange(rows - 10, rows))
    (batch,) = validation(DevicePanel(prepared, parts=parts))
    assert torch.isfinite(batch.targets).all()
    expected = np.ones((10, HORIZON))
    for step in range(HORIZON):
        expected[10 - step - 1 :, step] = 0
    np.testing.assert_array_equal(batch.weight[1, LOOKBACK : LOOKBACK + 10] > 0, expected > 0)


def test_the_panel_holds_every_row_once_whatever_the_lookback() -> None:
    prepared = pooled()
    panel = DevicePanel(prepared)
    assert panel.features.data_ptr() == prepared.inputs.features.ctypes.data
    assert panel.truth.data_ptr() == prepared.targets.values.ctypes.data
    assert panel.features.shape == prepared.inputs.features.shape
    sizes = {
        lookback: sum(
            value.numel()
            for value in vars(DevicePanel(pooled(f"training.lookback={lookback}"))).values()
            if isinstance(value, torch.Tensor)
        )
        for lookback in (24, 96)
    }
    # Only the list of starts depends on it, and gets shorter.
    assert sizes[96] < sizes[24]


def test_everything_is_on_the_panel_s_device() -> None:
    """The device `meta` computes nothing, and refuses to mix with tensors on the CPU."""
    for overrides in ((), LAST):
        prepared = pooled(*overrides)
        panel = DevicePanel(prepared, device="meta")
        for batch in [*epoch(panel), *validation(panel)]:
            tensors = (batch.features, batch.scale, batch.targets, batch.weight)
            assert {tensor.device.type for tensor in tensors} == {"meta"}


def test_a_panel_apart_from_the_device_sends_all_that_is_taken_from_it() -> None:
    for overrides in ((), LAST):
        prepared = pooled(*overrides)
        panel = DevicePanel(prepared, PanelHome(torch.device("meta"), apart=True))
        panels = (panel, panel.next_session(), panel.over(prepared, prepared.parts))
        for one in panels:
            for batch in [*epoch(one), *validation(one), one.outcomes_at(one.origins)]:
                tensors = [
                    value for value in vars(batch).values() if isinstance(value, torch.Tensor)
                ]
                assert len(tensors) == 6
                assert {tensor.device.type for tensor in tensors} == {"meta"}
            kept = (one.features, one.scale, one.truth)
            assert {values.device.type for values in kept} == {"cpu"}


@pytest.mark.parametrize("overrides", [(), LAST, GAPS], ids=["every", "last", "gaps"])
def test_a_panel_apart_gives_the_same_batches(overrides: tuple[str, ...]) -> None:
    prepared = pooled(*overrides)
    if overrides == GAPS:
        values = prepared.targets.values.copy()
        values[::3] = np.nan
        prepared = replace(prepared, targets=PanelTargets(values))
    here, apart = (
        DevicePanel(prepared, PanelHome(torch.device("cpu"), apart)).next_session()
        for apart in (False, True)
    )
    for ours, theirs in zip(
        (*epoch(here), *validation(here), here.outcomes_at(here.origins)),
        (*epoch(apart), *validation(apart), apart.outcomes_at(apart.origins)),
        strict=True,
    ):
        for name, tensor in vars(ours).items():
            assert torch.equal(tensor, getattr(theirs, name)), name


def test_training_from_host_memory_gives_the_same_bits(monkeypatch: pytest.MonkeyPatch) -> None:
    """As where a device has hardly any memory free; it says so in one line."""
    short = ("model.members=1", "training.epochs=1", "training.refit=validation")
    experiment = small("data.symbols=[AAA, BBB]", *short, *LINEAR)
    histories = (simulated(1, 420), simulated(2, 250, symbol="BBB", first="2001-08-27"))
    usual = train(experiment, *histories)
    monkeypatch.setattr(panel_home, "free_on", lambda _: 50_000)
    apart = train(experiment, *histories)
    assert usual.panel == ""
    assert re.fullmatch(r"\d+ KiB in host memory: 48.8 KiB of cpu are free, of .* 50%", apart.panel)
    assert record_of(apart, datetime(2020, 1, 1, tzinfo=UTC))["panel"] == apart.panel
    assert apart.predictions.equals(usual.predictions)
    for ours, theirs in zip(apart.ensemble.members, usual.ensemble.members, strict=True):
        assert [r.train_loss for r in ours.records] == [r.train_loss for r in theirs.records]
        assert [r.validation_loss for r in ours.records] == [
            r.validation_loss for r in theirs.records
        ]


@pytest.mark.parametrize("overrides", [(), LAST], ids=["every", "last"])
def test_a_panel_is_on_the_device_up_to_half_of_what_is_free(
    overrides: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    one, other, cpu = pooled(*overrides), pooled("features=[returns]"), torch.device("cpu")
    needed = panel_bytes(one)
    assert panel_bytes(other) < needed
    for free, apart in ((2 * needed, False), (2 * needed - 2, True)):
        monkeypatch.setattr(panel_home, "free_on", lambda _, free=free: free)
        assert choose_home([other, one], cpu).apart is apart
    monkeypatch.undo()
    assert choose_home([one], cpu) == PanelHome(cpu)


def test_the_bytes_of_a_panel_are_told_beforehand() -> None:
    prepared = pooled()
    whole = DevicePanel(prepared)
    again = whole.over(prepared, prepared.parts)
    kept = [whole.features, whole.scale, whole.truth]
    for one in (whole.next_session(), again.next_session()):
        kept += [one.truth]
        assert one.features is whole.features
    assert panel_bytes(prepared) == sum(values.nbytes for values in kept)


def test_horizon_weights_fall_and_sum_to_one() -> None:
    weights = horizon_weights(20)
    assert weights.sum().item() == pytest.approx(1)
    assert (weights[1:] < weights[:-1]).all()


@pytest.mark.parametrize("overrides", [(), LAST], ids=["every", "last"])
def test_an_outcome_that_is_not_known_counts_nothing(overrides: tuple[str, ...]) -> None:
    """Where some are missing between training rows each batch weighs its own."""
    prepared = pooled(*overrides)
    values = prepared.targets.values.copy()
    values[np.random.default_rng(3).random(values.shape) < 0.4] = np.nan
    panel = DevicePanel(replace(prepared, targets=PanelTargets(values)))
    steps = epoch(DevicePanel(prepared))[0].weight
    for batch in (*epoch(panel), *validation(panel)):
        for k in range(0, len(batch.features), 7):
            shown = (batch.features[k] != 0).any(dim=-1).numpy()
            rows = rows_of(prepared, batch.features[k][shown])
            missing = torch.from_numpy(np.isnan(values[rows]))
            assert missing.any()
            assert not batch.weight[k][shown][missing].any()
        torch.testing.assert_close(batch.total, batch.weight.sum())
    first = epoch(panel)[0]
    rows = rows_of(prepared, first.features[0])
    expected = steps[0] * torch.from_numpy(np.isfinite(values[rows]))
    torch.testing.assert_close(first.weight[0], expected)


def test_of_the_next_session_the_same_outcomes_are_known() -> None:
    prepared = pooled()
    values = prepared.targets.values.copy()
    values[np.random.default_rng(3).random(values.shape) < 0.4] = np.nan
    panel = DevicePanel(replace(prepared, targets=PanelTargets(values)))
    for ours, whole in zip(epoch(panel.next_session()), epoch(panel), strict=True):
        assert torch.equal(ours.targets, whole.targets[..., :1])
        assert torch.equal(ours.weight > 0, whole.weight[..., :1] > 0)


def test_a_batch_without_any_outcome_has_a_loss_of_zero() -> None:
    prepared = pooled()
    values = np.full_like(prepared.targets.values, np.nan)
    batch = epoch(DevicePanel(replace(prepared, targets=PanelTargets(values))))[0]
    assert not batch.weight.any()
    assert batch.total > 0
