"""Gates, importance and integrated gradients against independent computations."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
from scipy.stats import t as student_t
from support.descent import descend
from support.experiments import random_member, trained
from support.histories import simulated

from lstmcast.errors import DataError, UsageError
from lstmcast.explain import (
    EWMA,
    Inputs,
    attribute,
    column_groups,
    importance,
    inputs_of,
    most_influential_units,
    networks_of,
    reach_by_lag,
    summary,
    trace_gates,
    validation_rows,
    widening,
)
from lstmcast.nn import LSTM, Network, build_network

ROWS = 420
COLUMNS = ("noise", "signal", "other")


def stirred(network: Network, seed: int = 3) -> Network:
    """The network with weights that make every part of it matter."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for weight in network.parameters():
            weight.add_(0.15 * torch.randn(weight.shape, generator=generator))
    return network.eval()


def made(
    head: str = "student_t",
    network: str = "lstm",
    *,
    layers: int = 1,
    skip: bool = False,
    horizons: int = 3,
) -> Network:
    return stirred(
        build_network(
            network,
            head,
            input_size=len(COLUMNS),
            horizons=range(1, horizons + 1),
            hidden_size=5,
            num_layers=layers,
            skip_connection=skip,
            generator=torch.Generator().manual_seed(1),
        )
    )


def reading(window: int | None = None, rows: int = ROWS, strength: float = 0.8) -> Inputs:
    """Inputs of which the second alone tells how wide the next return is."""
    random = np.random.default_rng(5)
    features = random.standard_normal((rows, len(COLUMNS)))
    returns = np.exp(strength * features[:, 1]) * random.standard_normal(rows)
    returns[-1] = np.nan
    return Inputs(
        symbol="AAA",
        dates=pd.bdate_range("2010-01-04", periods=rows),
        columns=COLUMNS,
        features=torch.from_numpy(features.astype(np.float32)),
        scale=torch.from_numpy(np.exp(0.3 * random.standard_normal(rows)).astype(np.float32)),
        closes=np.exp(np.cumsum(np.nan_to_num(returns) / 100)),
        returns=returns,
        number=torch.tensor([0]),
        window=window,
    )


@pytest.mark.parametrize("network", ["lstm", "lstm_cnn"])
@pytest.mark.parametrize("window", [None, 12])
@pytest.mark.parametrize("layers", [1, 2])
def test_gates_give_what_the_fused_kernel_gives(
    network: str, window: int | None, layers: int
) -> None:
    made_up, inputs, rows = (
        made(network=network, layers=layers),
        reading(window),
        np.arange(300, 420),
    )
    trace = trace_gates(made_up, inputs, rows)
    assert trace.difference < 2e-6
    assert trace.dates.equals(inputs.dates[rows])
    assert (trace.layer, trace.layers) == (layers, layers)
    for gate in (trace.forget, trace.input, trace.output):
        assert gate.shape == (120, 5)
        assert (gate > 0).all()
        assert (gate < 1).all()
    if layers == 1:
        np.testing.assert_allclose(trace.hidden, trace.output * np.tanh(trace.memory), atol=1e-6)
    # PyTorch's own layers say the same of the last session.
    lstm = next(module for module in made_up.modules() if isinstance(module, LSTM))
    if layers == 1:
        other = torch.nn.LSTM(3, 5, batch_first=True)
        other.load_state_dict(
            {f"{name}_l0": weight for name, weight in lstm.layers[0].named_parameters()}
        )
        first = 0 if window is None else 420 - window
        output, (_, memory) = other(inputs.features[None, first:])
        np.testing.assert_allclose(trace.hidden[-1], output[0, -1].detach(), atol=2e-6)
        np.testing.assert_allclose(trace.memory[-1], memory[0, 0].detach(), atol=2e-6)


def test_memory_carries_what_the_gates_let_through() -> None:
    """C' = f c + i g, so a step up of more than i, or a fall below f c - i, cannot be."""
    trace = trace_gates(made(), reading(), np.arange(300, 420))
    written = trace.memory[1:] - trace.forget[1:] * trace.memory[:-1]
    assert (np.abs(written) <= trace.input[1:] + 1e-6).all()
    assert np.abs(written).max() > 0.1


def test_the_unit_that_the_head_reads_tells_most() -> None:
    network, rows = made(horizons=1), np.arange(300, 420)
    with torch.no_grad():
        network.head.weight.zero_()
        network.head.weight[1, 3] = 0.5
        network.head.weight[1, 0] = 0.1
    assert most_influential_units(network, reading(), rows, 2) == [3, 0]
    assert len(most_influential_units(network, reading(), rows, 60)) == 5


def test_gates_of_no_session_are_refused() -> None:
    with pytest.raises(UsageError, match="no session with features"):
        trace_gates(made(), reading(), np.arange(0))
    with pytest.raises(UsageError, match="not 12 sessions after the first"):
        trace_gates(made(), reading(12), np.arange(5, 20))


def width_by_scipy(network: Network, features: torch.Tensor, scale: torch.Tensor) -> float:
    """Log of half the 80 % range of the next session after a sequence."""
    with torch.no_grad():
        params, _ = network(features[None], scale.expand(1, len(features)), symbols=None)
    df, size = (float(value[0, -1, 0]) for value in (params.df, params.scale))
    return float(np.log(size * student_t.ppf(0.9, df)))


@pytest.mark.parametrize("head", ["student_t", "quantile", "point"])
@pytest.mark.parametrize("window", [None, 40])
def test_parts_add_up_to_the_whole(head: str, window: int | None) -> None:
    """Completeness, which holds for the whole path from the reference and no other sum."""
    found = attribute(made(head), reading(window), 400)
    assert np.abs(found.values).sum() > 0.01
    assert abs(found.gap) < 1e-6
    assert found.values.shape == (window or 60, 3)


def test_parts_are_those_of_finite_differences() -> None:
    """The integral for a few inputs, slope by slope from widths alone, in double precision."""
    network, inputs, lags = made(), reading(), 60
    found = attribute(network, inputs, lags - 1)
    double = made().double()
    features, scale = inputs.features[:lags].double(), inputs.scale[:lags].double()
    usual, usual_scale = features.mean(0), scale.log().mean()
    nodes, weights = np.polynomial.legendre.leggauss(16)
    for lag, column in ((0, 0), (0, 1), (1, 2), (7, 1)):
        row, total = lags - 1 - lag, 0.0
        for node, weight in zip(0.5 * (nodes + 1), 0.5 * weights, strict=True):
            point = usual + node * (features - usual)
            size = (usual_scale + node * (scale[-1].log() - usual_scale)).exp()
            ends = []
            for step in (1e-4, -1e-4):
                moved = point.clone()
                moved[row, column] += step
                ends.append(width_by_scipy(double, moved, size))
            total += weight * (ends[0] - ends[1]) / 2e-4
        expected = total * float(features[row, column] - usual[column])
        assert found.values[lag, column] == pytest.approx(expected, abs=2e-7)
    assert found.scale == pytest.approx(float(scale[-1].log() - usual_scale), abs=1e-9)
    assert found.end == pytest.approx(width_by_scipy(double, features, scale[-1]), abs=1e-9)


def test_a_head_alone_looks_at_its_own_session_only() -> None:
    network = made(skip=True)
    with torch.no_grad():
        network.head.weight[:, :5] = 0.0
    found = attribute(network, reading(), 400)
    assert np.abs(found.values[0]).min() > 1e-4
    np.testing.assert_array_equal(found.values[1:], 0.0)


def test_the_past_before_the_lags_stays_as_it_is() -> None:
    """What was read before is in both ends; `end` is the width that the network states."""
    network, inputs = made(), reading()
    with torch.no_grad():
        params, _ = network(inputs.features[None, :401], inputs.scale[None, :401])
    df, size = (float(value[0, -1, 0]) for value in (params.df, params.scale))
    stated = np.log(size * student_t.ppf(0.9, df))
    assert attribute(network, inputs, 400, lags=10).end == pytest.approx(stated, abs=1e-5)


def test_a_window_before_the_first_row_is_refused() -> None:
    with pytest.raises(DataError, match=r"AAA has 30 sessions with features, .* read 40"):
        attribute(made(), reading(40), 29)


def test_the_sentence_names_what_widened_the_range() -> None:
    inputs = reading()
    network = made(skip=True, horizons=1)
    with torch.no_grad():
        network.head.weight.zero_()
        network.head.weight[1, 5 + 1] = 0.2  # log width, by the signal of the session
    told = widening([network, network], inputs, {"noise": "a", "signal": "b", "other": "a"}, 400)
    moved = 0.2 * float(inputs.features[400, 1] - inputs.features[151:401, 1].mean())
    scaled = float(inputs.scale[400].log() - inputs.scale[151:401].log().mean())
    assert told.parts["b"] == pytest.approx(moved, rel=0.02)
    assert told.parts[EWMA] == pytest.approx(scaled, abs=1e-6)
    assert told.total == pytest.approx(sum(told.parts.values()), abs=1e-9)
    assert told.spread == 0
    change = f"{100 * abs(np.expm1(told.total)):.0f} % {'wider' if told.total > 0 else 'narrower'}"
    assert told.sentence.startswith(
        f"The range for the next close is {change} than after average sessions of the past year: "
    )
    assert f"{EWMA} {100 * np.expm1(scaled):+.0f} %" in told.sentence
    assert f"`b` {100 * np.expm1(told.parts['b']):+.0f} %" in told.sentence
    assert "`a`" not in told.sentence
    assert told.to_dict()["parts"] == dict(told.parts)
    # Of many parts the smaller ones are told together: the factors multiply to the whole.
    parts = {"a": 0.18, EWMA: -0.13, "b": -0.04, "c": 0.01, "d": 0.01}
    many = replace(told, parts=parts, total=sum(parts.values()))
    assert many.sentence.endswith(f": `a` +20 %, {EWMA} -12 %, `b` -4 %, the rest +2 %.")
    few = replace(told, parts={"a": 0.18, "b": 0.001}, total=0.181)
    assert few.sentence.endswith(": `a` +20 %.")


def test_an_ordinary_day_is_called_that() -> None:
    network = made(horizons=1)
    with torch.no_grad():
        network.head.weight.zero_()
    inputs = reading()
    level = Inputs(**{**vars(inputs), "scale": torch.ones(ROWS)})
    told = widening([network], level, dict.fromkeys(COLUMNS, "a"))
    assert told.sentence == (
        "The range for the next close is as wide as after average sessions of the past year."
    )
    assert told.to_dict()["log_change_deviation"] is None


def fitted(inputs: Inputs, seed: int) -> Network:
    """A network trained for a moment on the next session's returns."""
    network = build_network(
        "lstm",
        "student_t",
        input_size=len(COLUMNS),
        hidden_size=2,
        skip_connection=True,
        generator=torch.Generator().manual_seed(seed),
    )
    truth = torch.from_numpy(inputs.returns[:-1].astype(np.float32))[None, :, None]

    def loss() -> torch.Tensor:
        params, _ = network(inputs.features[None, :-1], inputs.scale[None, :-1])
        return network.head.loss(params, truth).mean()

    descend([*network.parameters()], loss, steps=30, rate=0.05, weight_decay=0.1)
    return network.eval()


def test_importance_finds_the_one_informative_feature() -> None:
    inputs = reading()
    steady = Inputs(**{**vars(inputs), "scale": torch.ones(ROWS)})
    networks = [fitted(steady, seed) for seed in (1, 2)]
    rows = {"AAA": np.arange(200, ROWS - 1)}
    found = importance(networks, [steady], rows, {name: f"of {name}" for name in COLUMNS})
    assert found.of("group")[0].name == "of signal"
    best, *others = found.of("column")
    assert best.name == "signal"
    for kind in ("permutation", "occlusion"):
        assert min(getattr(best, kind)) > 0.2
        rest = max(max(getattr(effect, kind)) for effect in others)
        assert rest < 0.1 * min(getattr(best, kind))
    # A volatility that never changes can be shuffled as one likes.
    none = next(effect for effect in found.effects if effect.name == EWMA)
    np.testing.assert_allclose([*none.permutation, *none.occlusion], 0.0, atol=1e-6)
    table = found.table().set_index(["kind", "name"])
    assert table.loc[("column", "signal"), "permutation"] == pytest.approx(
        np.mean(best.permutation)
    )
    assert table.loc[("column", "signal"), "permutation_deviation"] == pytest.approx(
        np.std(best.permutation, ddof=1)
    )
    assert (found.sessions, found.first) == (219, inputs.dates[200])


@pytest.mark.parametrize("head", ["student_t", "quantile", "point"])
def test_windows_and_one_sequence_are_judged_alike(head: str) -> None:
    """Windows as long as what is altered before the rows give the losses of the sequence."""
    rows = {"AAA": np.arange(60, 95)}
    names = dict.fromkeys(COLUMNS, "all")
    network = made(head)
    alike = [
        importance([network], [reading(window, 100)], rows, names, repeats=1)
        for window in (None, 61)
    ]
    assert alike[0].loss[0] == pytest.approx(alike[1].loss[0], rel=2e-3)
    for one, other in zip(*(found.effects for found in alike), strict=True):
        assert one.kind == other.kind


def test_too_few_rows_are_refused() -> None:
    with pytest.raises(DataError, match="validation part has 12 sessions, and importance needs 30"):
        importance([made()], [reading()], {"AAA": np.arange(100, 112)}, {})


def test_lags_of_many_origins_are_their_mean() -> None:
    networks, inputs = [made(), stirred(made(), 9)], reading()
    groups: Mapping[str, str] = {"noise": "a", "signal": "b", "other": "a"}
    lags = reach_by_lag(networks, inputs, np.array([300, 400]), groups)
    parts = [
        np.abs(attribute(network, inputs, row).values[:, 1])
        for network in networks
        for row in (300, 400)
    ]
    np.testing.assert_allclose(lags["b"], np.mean(parts, axis=0))
    assert list(lags.columns) == ["a", "b"]


def test_a_run_is_read_as_its_networks_read_it() -> None:
    """From histories to inputs: the same forecasts as the group's own."""
    done = trained()
    group, history = done.forecaster.groups[0], simulated()
    inputs = inputs_of(group, [history])["AAA"]
    rows = np.arange(300, 310)
    with torch.no_grad():
        params, _ = group.networks[0](
            inputs.features[None], inputs.scale[None], symbols=inputs.number
        )
    dates = inputs.dates[rows]
    ours = group.forecast(group.inputs([history]), {"AAA": rows})["AAA"][0]
    assert dates[-1] <= done.prepared.boundaries.validation_end
    np.testing.assert_allclose(
        ours.quantiles([0.5])[:, 0, 0], params.loc[0, rows, 0] / 100, rtol=1e-5
    )
    named = column_groups(history, group.experiment.features or ())
    assert set(named) == set(inputs.columns)
    assert {named["parkinson_5"], named["momentum_5"]} == {"range", "returns"}
    ends = done.prepared.boundaries
    judged = validation_rows(inputs, ends.train_end, ends.validation_end)
    assert inputs.dates[judged[0]] > ends.train_end
    assert inputs.dates[judged[-1] + 1] <= ends.validation_end
    assert networks_of(group, inputs.dates[judged[-1]]) is group.networks
    last = networks_of(group, inputs.dates[-1])
    assert last is (group.refitted or group.networks)


def test_a_summary_counts_every_weight_once() -> None:
    network, _, _ = random_member()
    *layers, total = summary(network)
    assert total.parameters == sum(weight.numel() for weight in network.parameters())
    assert total.parameters == sum(row.parameters for row in layers)
    cell = next(row for row in layers if row.kind == "LSTMCell")
    inputs = network.encoder.input_size
    assert cell.shape == f"{inputs} -> 4"
    assert cell.parameters == 4 * 4 * (inputs + 4 + 2)
