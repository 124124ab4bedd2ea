"""Symbols end to end: blocks, scaling by training rows alone, windows that are views."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.experiments import PRICE, small
from support.histories import altered_after, as_history, simulated, simulated_bars

from lstmcast.dataset import Parts, Scaler, fit_scaling, window_starts
from lstmcast.errors import DataError
from lstmcast.features import build_matrices, default_groups
from lstmcast.features.registry import WARM_UP
from lstmcast.training.prepare import Prepared, prepare

LOOKBACK = 24
HISTORIES = (
    simulated(1, 420, symbol="AAA"),
    simulated(2, 300, symbol="BBB", first="2001-06-18", price=900.0),
    simulated(3, 140, symbol="CCC", first="2002-01-28", price=2.0),
)


@pytest.fixture(scope="module")
def pooled() -> Prepared:
    """Three symbols that begin on different days, the last one after training."""
    return prepare(small("data.symbols=[AAA, BBB, CCC]"), HISTORIES)


def test_each_symbol_is_one_block_with_its_own_rows(pooled: Prepared) -> None:
    inputs = pooled.inputs
    assert [block.symbol for block in inputs.blocks] == ["AAA", "BBB", "CCC"]
    assert [block.stop - block.start for block in inputs.blocks] == [
        rows - WARM_UP for rows in (420, 300, 140)
    ]
    assert inputs.blocks[0].start == 0
    assert [b.start for b in inputs.blocks[1:]] == [b.stop for b in inputs.blocks[:-1]]
    matrix = build_matrices(HISTORIES, pooled.experiment.features or ())["BBB"]
    rows = inputs.blocks[1].rows
    np.testing.assert_array_equal(inputs.closes[rows], matrix.closes)
    np.testing.assert_array_equal(inputs.scale[rows], (100 * matrix.scale).astype(np.float32))
    np.testing.assert_array_equal(
        inputs.features[rows], pooled.scaling.scaler("BBB").transform(matrix.table.to_numpy())
    )


def test_the_scaler_knows_training_rows_alone(pooled: Prepared) -> None:
    """Fitted on the rows whose forecasts are trained on: mean 0 and variance 1 over just those."""
    trained = np.concatenate(
        [
            pooled.inputs.features[block.rows][pooled.parts[block.symbol].train]
            for block in pooled.inputs.blocks
        ]
    )
    np.testing.assert_allclose(trained.mean(axis=0), 0, atol=1e-5)
    np.testing.assert_allclose(trained.std(axis=0), 1, atol=1e-5)
    everything = pooled.inputs.features
    assert np.abs(everything.mean(axis=0)).max() > 1e-3


def test_what_is_known_of_a_column_takes_the_place_of_its_statistics(pooled: Prepared) -> None:
    """Also where no symbol has a row to fit the others to: they stay as they are."""
    matrices = build_matrices(HISTORIES, ("returns",))
    columns = [*matrices["AAA"].table]
    offset, factor = np.full((2, len(columns)), np.nan)
    offset[[1, 3]], factor[[1, 3]] = [5.0, -2.0], [0.5, 3.0]
    known, rest = [1, 3], [k for k in range(len(columns)) if k not in (1, 3)]
    none = {
        symbol: Parts(part.test[:0], part.test, part.test) for symbol, part in pooled.parts.items()
    }
    for parts in (pooled.parts, none):
        scaler = fit_scaling(matrices, parts, "log_return", lambda _: (offset, factor)).scaler(
            "AAA"
        )
        np.testing.assert_array_equal(
            [scaler.offset[known], scaler.factor[known]], [[5, -2], [0.5, 3]]
        )
        rows = [m.table.to_numpy()[parts[symbol].train] for symbol, m in matrices.items()]
        fitted = Scaler(np.zeros(len(columns)), np.ones(len(columns)))
        if parts is pooled.parts:
            fitted = Scaler.fit(np.concatenate(rows), "standard")
        np.testing.assert_allclose(scaler.offset[rest], fitted.offset[rest], rtol=1e-9, atol=1e-12)
        np.testing.assert_allclose(scaler.factor[rest], fitted.factor[rest], rtol=1e-12)
    assert np.isnan(offset[0])


@given(later=st.integers(0, 150), seed=st.integers(0, 1000))
@settings(max_examples=10)
@pytest.mark.parametrize("overrides", [(), PRICE], ids=["log_return", "price"])
def test_what_comes_after_training_changes_no_statistic(
    overrides: tuple[str, ...], later: int, seed: int
) -> None:
    history = simulated()
    before = prepare(small(*overrides), [history])
    session = history.bars.index[history.bars.index >= before.boundaries.train_end][later]
    after = prepare(small(*overrides), [altered_after(history, session, seed)])
    ours, theirs = before.scaling.scaler("AAA"), after.scaling.scaler("AAA")
    np.testing.assert_array_equal(ours.offset, theirs.offset)
    np.testing.assert_array_equal(ours.factor, theirs.factor)
    rows = len(history.bars.loc[:session]) - (len(history) - len(before.inputs.closes))
    np.testing.assert_array_equal(before.inputs.features[:rows], after.inputs.features[:rows])
    np.testing.assert_array_equal(before.inputs.scale[:rows], after.inputs.scale[:rows])
    np.testing.assert_array_equal(
        before.targets.values[: rows - 3], after.targets.values[: rows - 3]
    )


def test_prices_are_scaled_by_symbol() -> None:
    histories = (simulated(1, symbol="AAA"), simulated(2, symbol="BBB", price=5000.0))
    found = prepare(small(*PRICE, "data.symbols=[AAA, BBB]"), histories)
    for block in found.inputs.blocks:
        trained = found.inputs.features[block.rows][found.parts[block.symbol].train]
        assert trained.min() == pytest.approx(0, abs=1e-6)
        assert trained.max() == pytest.approx(1, abs=1e-6)


def test_a_price_without_training_rows_has_no_scale() -> None:
    histories = (simulated(1), simulated(2, 180, symbol="BBB", first="2001-12-03"))
    with pytest.raises(DataError, match=r"no training sessions for BBB, and `target.kind` price"):
        prepare(small(*PRICE, "data.symbols=[AAA, BBB]", "training.lookback=5"), histories)


def test_windows_are_views_of_the_rows(pooled: Prepared) -> None:
    inputs = pooled.inputs
    windows = inputs.windows(LOOKBACK)
    rows, columns = inputs.features.shape
    assert windows.shape == (rows - LOOKBACK + 1, LOOKBACK, columns)
    assert np.shares_memory(windows, inputs.features)
    for start in (0, 1, 300, rows - LOOKBACK):
        np.testing.assert_array_equal(windows[start], inputs.features[start : start + LOOKBACK])


def test_training_windows_lie_within_one_symbol_s_training_rows(pooled: Prepared) -> None:
    starts = window_starts(pooled.inputs, pooled.parts, LOOKBACK)
    expected = []
    for block in pooled.inputs.blocks:
        trained = set(pooled.parts[block.symbol].train.tolist())
        expected += [
            block.start + row
            for row in range(block.stop - block.start)
            if all(row + step in trained for step in range(LOOKBACK))
        ]
    assert starts.tolist() == expected
    assert len(pooled.parts["CCC"].train) == 0
    for start in starts:
        holders = [b for b in pooled.inputs.blocks if b.start <= start < b.stop]
        assert start + LOOKBACK <= holders[0].stop


def test_rows_that_do_not_know_their_outcome_say_so(pooled: Prepared) -> None:
    values = pooled.targets.values
    for block in pooled.inputs.blocks:
        unknown = np.isnan(values[block.rows])
        assert unknown.sum() == 3 * (3 + 1) / 2
        assert unknown[-3:].sum() == unknown.sum()


def test_preparing_settles_every_choice() -> None:
    experiment = prepare(small(), [simulated()]).experiment
    assert experiment.features == default_groups([simulated()])
    assert experiment.model.head == "student_t"
    assert experiment.data.source == "csv"
    closes_only = as_history(simulated_bars(1, 420)[["close"]])
    assert prepare(small(), [closes_only]).experiment.features == default_groups([closes_only])
    assert prepare(small("target.kind=price"), [simulated()]).experiment.model.head == "point"


def test_the_settled_experiment_means_the_same_when_newer_bars_have_come() -> None:
    longer = simulated(1, 600)
    known = longer.between(None, longer.bars.index[419].date())
    then = prepare(small(), [known])
    data = then.experiment.data
    now = prepare(then.experiment, [longer.between(data.start, data.end)])
    assert now.experiment == then.experiment
    assert now.boundaries == then.boundaries
    np.testing.assert_array_equal(now.inputs.features, then.inputs.features)
