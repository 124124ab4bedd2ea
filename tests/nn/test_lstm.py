"""The LSTM against an independent one, `torch.nn.LSTM`, and its kernels against each other."""

import inspect
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from lstmcast.nn import LSTM, Kernel, LSTMCell
from lstmcast.nn.lstm import KERNELS

TOLERANCE = {torch.float64: 1e-10, torch.float32: 1e-5}
INPUT, HIDDEN, BATCH, TIME = 5, 7, 4, 11


def torch_lstm(layers: int, dtype: torch.dtype) -> nn.LSTM:
    torch.manual_seed(layers)
    return nn.LSTM(INPUT, HIDDEN, layers, batch_first=True, dtype=dtype)


def sequences(layers: int, dtype: torch.dtype, with_state: bool) -> list[Tensor]:
    """x, and h and c where asked for, all of which want gradients."""
    shapes = [(BATCH, TIME, INPUT)] + [(layers, BATCH, HIDDEN)] * (2 if with_state else 0)
    return [torch.randn(shape, dtype=dtype, requires_grad=True) for shape in shapes]


def values_and_gradients(lstm: nn.Module, inputs: list[Tensor]) -> dict[str, Tensor]:
    """Outputs, states and the gradients of a scalar in which every one of them has its own part."""
    x, *state = inputs
    output, (h, c) = lstm(x, tuple(state)) if state else lstm(x)
    lstm.zero_grad()
    parts = [(part * torch.linspace(-1, 1, part.numel()).view_as(part)).sum() for part in (h, c)]
    scalar = (output.sin() * torch.linspace(0, 1, TIME)[:, None]).sum() + sum(parts)
    wanted = [*inputs, *lstm.parameters()]
    gradients = torch.autograd.grad(scalar, wanted)
    names = [f"input {k}" for k in range(len(inputs))] + [n for n, _ in lstm.named_parameters()]
    result = {"output": output, "h": h, "c": c}
    return result | dict(zip(names, gradients, strict=True))


def worst_difference(ours: dict[str, Tensor], theirs: dict[str, Tensor]) -> float:
    """Largest absolute difference; torch names layer k's weights `weight_ih_lk`."""
    assert len(ours) == len(theirs)
    differences = []
    for name, value in ours.items():
        path = name.split(".")
        other = theirs[f"{path[2]}_l{path[1]}" if path[0] == "cells" else name]
        assert value.shape == other.shape
        differences.append((value - other).abs().max().item())
    return max(differences)


@pytest.mark.parametrize("dtype", TOLERANCE, ids=str)
@pytest.mark.parametrize("with_state", [False, True], ids=["zeros", "state"])
@pytest.mark.parametrize("layers", [1, 2])
@pytest.mark.parametrize("kernel", KERNELS)
def test_agrees_with_torch_in_values_and_gradients(
    kernel: Kernel, layers: int, with_state: bool, dtype: torch.dtype
) -> None:
    theirs = torch_lstm(layers, dtype)
    ours = LSTM.from_torch(theirs, kernel=kernel)
    inputs = sequences(layers, dtype, with_state)
    difference = worst_difference(
        values_and_gradients(ours, inputs), values_and_gradients(theirs, inputs)
    )
    assert difference < TOLERANCE[dtype]


def test_the_comparison_sees_a_gate_in_the_wrong_place() -> None:
    theirs = torch_lstm(1, torch.float64)
    ours = LSTM.from_torch(theirs)
    with torch.no_grad():
        weight = ours.layers[0].weight_ih
        i, f, g, o = weight.chunk(4)
        weight.copy_(torch.cat([f, i, g, o]))
    x = torch.randn(BATCH, TIME, INPUT, dtype=torch.float64)
    assert (ours(x)[0] - theirs(x)[0]).abs().max() > 0.01


def test_gradcheck_of_the_reference_kernel() -> None:
    lstm = LSTM(2, 3, 2, kernel="reference").double()
    x = torch.randn(2, 4, 2, dtype=torch.float64, requires_grad=True)
    h, c = (torch.randn(2, 2, 3, dtype=torch.float64, requires_grad=True) for _ in range(2))
    weights = tuple(lstm.parameters())

    def run(x: Tensor, h: Tensor, c: Tensor, *_: Tensor) -> tuple[Tensor, ...]:
        output, state = lstm(x, (h, c))
        return output, *state

    assert torch.autograd.gradcheck(run, (x, h, c, *weights))


@pytest.mark.parametrize("wanted", [True, False])
def test_the_compiled_layer_knows_whether_gradients_are_wanted(
    wanted: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    # cuDNN refuses a backward pass otherwise; oneDNN, which runs here, would not notice.
    compiled, told = torch.lstm, []

    def spy(*arguments: Any, **options: Any) -> Any:
        told.append(options["train"])
        return compiled(*arguments, **options)

    monkeypatch.setattr(torch, "lstm", spy)
    with torch.set_grad_enabled(wanted):
        LSTM(INPUT, HIDDEN).eval()(torch.zeros(BATCH, TIME, INPUT))
    assert told == [wanted]


def test_gradients_in_evaluation_mode_are_those_of_training() -> None:
    lstm = LSTM(INPUT, HIDDEN)
    x = torch.randn(BATCH, TIME, INPUT, requires_grad=True)
    gradients = [torch.autograd.grad(lstm.train(mode)(x)[0].sum(), x)[0] for mode in (True, False)]
    torch.testing.assert_close(*gradients)


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("residual", [False, True])
def test_state_carried_over_a_cut_is_one_pass(kernel: Kernel, residual: bool) -> None:
    lstm = LSTM(INPUT, HIDDEN, 3, residual=residual, kernel=kernel)
    x = torch.randn(BATCH, TIME, INPUT)
    whole, last = lstm(x)
    head, state = lstm(x[:, :4])
    tail, state = lstm(x[:, 4:], state)
    torch.testing.assert_close(torch.cat([head, tail], dim=1), whole)
    torch.testing.assert_close(state, last)


@pytest.mark.parametrize("kernel", KERNELS)
def test_the_future_changes_nothing(kernel: Kernel) -> None:
    lstm = LSTM(INPUT, HIDDEN, 2, residual=True, kernel=kernel)
    x = torch.randn(BATCH, TIME, INPUT)
    changed = x.clone()
    changed[:, 6:] += 10.0
    before, after = lstm(x)[0], lstm(changed)[0]
    assert torch.equal(before[:, :6], after[:, :6])
    assert not torch.equal(before[:, 6:], after[:, 6:])


def test_residual_adds_the_layer_below_from_the_second_on() -> None:
    lstm = LSTM(INPUT, HIDDEN, 2, residual=True)
    first = LSTM(INPUT, HIDDEN)
    second = LSTM(HIDDEN, HIDDEN)
    first.cells[0], second.cells[0] = lstm.cells
    x = torch.randn(BATCH, TIME, INPUT)
    below = first(x)[0]
    torch.testing.assert_close(lstm(x)[0], below + second(below)[0])


def test_dropout_between_layers_follows_its_generator() -> None:
    lstm = LSTM(INPUT, HIDDEN, 2, dropout=0.5)
    x = torch.randn(BATCH, TIME, INPUT)
    outputs = [lstm(x, generator=torch.Generator().manual_seed(seed))[0] for seed in (1, 1, 2)]
    assert torch.equal(outputs[0], outputs[1])
    assert not torch.equal(outputs[0], outputs[2])
    lstm.eval()
    assert torch.equal(lstm(x)[0], lstm(x)[0])


def test_one_layer_draws_no_mask() -> None:
    lstm = LSTM(INPUT, HIDDEN, 1, dropout=0.5)
    x = torch.randn(BATCH, TIME, INPUT)
    assert torch.equal(lstm(x)[0], lstm(x)[0])


def test_a_batch_is_its_sequences_one_by_one() -> None:
    lstm = LSTM(INPUT, HIDDEN, 2)
    x = torch.randn(BATCH, TIME, INPUT)
    alone = torch.cat([lstm(sequence[None])[0] for sequence in x])
    torch.testing.assert_close(lstm(x)[0], alone)


def test_runs_on_the_meta_device() -> None:
    with torch.device("meta"):
        lstm = LSTM(INPUT, HIDDEN, 2)
        output, (h, c) = lstm(torch.empty(BATCH, TIME, INPUT))
    assert output.shape == (BATCH, TIME, HIDDEN)
    assert h.shape == c.shape == (2, BATCH, HIDDEN)
    assert output.device.type == "meta"


@pytest.mark.parametrize(
    ("x", "state", "message"),
    [
        ((BATCH, TIME), None, r"`x` must have shape \(batch, time, 5\), got \(4, 11\)"),
        ((BATCH, TIME, 6), None, r"`x` must have shape \(batch, time, 5\), got \(4, 11, 6\)"),
        ((BATCH, 0, INPUT), None, r"`x` must have shape \(batch, time, 5\), got \(4, 0, 5\)"),
        ((BATCH, TIME, INPUT), ((1, 1, 7), (2, 4, 7)), r"`state\[0\]` .* got \(1, 1, 7\)"),
        ((BATCH, TIME, INPUT), ((2, 4, 7), (2, 1, 7)), r"`state\[1\]` .* got \(2, 1, 7\)"),
    ],
)
def test_a_wrong_shape_names_the_argument(
    x: tuple[int, ...], state: tuple[tuple[int, ...], ...] | None, message: str
) -> None:
    lstm = LSTM(INPUT, HIDDEN, 2)
    # What users get: the function below the shape annotations that the tests enforce.
    forward = inspect.unwrap(LSTM.forward)
    with pytest.raises(ValueError, match=message):
        forward(lstm, torch.zeros(x), state and [torch.zeros(shape) for shape in state])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"input_size": 0}, "`input_size` must be at least 1, got 0"),
        ({"hidden_size": -1}, "`hidden_size` must be at least 1, got -1"),
        ({"num_layers": 0}, "`num_layers` must be at least 1, got 0"),
        ({"dropout": 1.0}, r"`dropout` must be in \[0, 1\), got 1.0"),
    ],
)
def test_a_wrong_size_names_the_parameter(arguments: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        LSTM(**({"input_size": INPUT, "hidden_size": HIDDEN} | arguments))  # type: ignore[arg-type]


def test_an_unknown_kernel_is_refused() -> None:
    set_kernel = inspect.unwrap(LSTM.kernel.fset)  # type: ignore[attr-defined]  # a property
    with pytest.raises(ValueError, match="`kernel` must be one of reference, fused, got 'magic'"):
        set_kernel(LSTM(INPUT, HIDDEN), "magic")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"bidirectional": True}, "`module.bidirectional` must be False"),
        ({"bias": False}, "`module.bias` must be True"),
        ({"proj_size": 2}, "`module.proj_size` must be 0"),
    ],
)
def test_only_a_plain_lstm_is_copied(options: dict[str, int], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        LSTM.from_torch(nn.LSTM(INPUT, HIDDEN, **options))


def test_copying_keeps_type_and_shape_and_shares_nothing() -> None:
    theirs = nn.LSTM(INPUT, HIDDEN, 2, dropout=0.3, dtype=torch.float64)
    ours = LSTM.from_torch(theirs)
    assert (ours.num_layers, ours.dropout) == (2, 0.3)
    before = theirs.weight_ih_l0.clone()  # type: ignore[operator]  # torch types it too widely
    with torch.no_grad():
        ours.layers[0].weight_ih.zero_()
    assert torch.equal(theirs.weight_ih_l0, before)  # type: ignore[arg-type]  # as above


def test_the_cell_is_one_step_of_the_layer() -> None:
    lstm = LSTM(INPUT, HIDDEN)
    x = torch.randn(BATCH, 2, INPUT)
    cell = lstm.layers[0]
    h, c = cell(x[:, 1], cell(x[:, 0]))
    _, (last_h, last_c) = lstm(x)
    torch.testing.assert_close(h, last_h[0])
    torch.testing.assert_close(c, last_c[0])


def test_the_cell_agrees_with_the_cell_of_torch() -> None:
    theirs = nn.LSTMCell(INPUT, HIDDEN)
    ours = LSTMCell(INPUT, HIDDEN)
    ours.load_state_dict(theirs.state_dict())
    x, h, c = torch.randn(BATCH, INPUT), torch.randn(BATCH, HIDDEN), torch.randn(BATCH, HIDDEN)
    torch.testing.assert_close(ours(x, (h, c)), theirs(x, (h, c)))


def test_gates_are_what_the_forward_pass_uses() -> None:
    cell = LSTMCell(INPUT, HIDDEN)
    x, h, c = torch.randn(BATCH, INPUT), torch.randn(BATCH, HIDDEN), torch.randn(BATCH, HIDDEN)
    gates = cell.gates(x, h)
    for gate in (gates.input, gates.forget, gates.output):
        assert ((gate > 0) & (gate < 1)).all()
    memory = gates.forget * c + gates.input * gates.candidate
    torch.testing.assert_close(cell(x, (h, c)), (gates.output * memory.tanh(), memory))


def test_first_weights_are_as_documented() -> None:
    cell = LSTMCell(20, 16)
    for weight in (cell.weight_ih, cell.weight_hh):
        for gate in weight.chunk(4):
            assert 0.95 / 4 < gate.abs().max() <= 1 / 4
            assert gate.detach().std().item() == pytest.approx(0.25 / 3**0.5, rel=0.15)
    forget = slice(16, 32)
    assert (cell.bias_ih[forget] == 1).all()
    assert cell.bias_ih.sum() + cell.bias_hh.abs().sum() == 16


def test_first_weights_follow_their_generator() -> None:
    same = [LSTM(INPUT, HIDDEN, 2, generator=torch.Generator().manual_seed(3)) for _ in range(2)]
    torch.manual_seed(3)
    for one, other in zip(*(lstm.parameters() for lstm in same), strict=True):
        assert torch.equal(one, other)
