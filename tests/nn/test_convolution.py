"""The convolution branch: causal, with a stated reach, and equal to PyTorch's own convolution."""

import torch
from torch import Tensor, nn

from lstmcast.nn import LSTMConvolutionEncoder, build_network
from lstmcast.nn.encoders.convolution import (
    DILATIONS,
    KERNEL,
    CausalConvolution,
    ConvolutionEncoder,
)

INPUT, HIDDEN, BATCH, TIME = 3, 6, 2, 50
REACH = (KERNEL - 1) * sum(DILATIONS)


def test_it_is_the_convolution_of_torch_padded_on_the_left() -> None:
    ours = CausalConvolution(INPUT, HIDDEN, dilation=4)
    theirs = nn.Conv1d(INPUT, HIDDEN, KERNEL, dilation=4)
    theirs.load_state_dict(ours.state_dict())
    x = torch.randn(BATCH, TIME, INPUT)
    padded = nn.functional.pad(x.transpose(1, 2), (ours.reach, 0))
    output, last = ours(x, torch.zeros(ours.reach, BATCH, INPUT))
    torch.testing.assert_close(output, theirs(padded).transpose(1, 2))
    assert torch.equal(last, x[:, -8:].transpose(0, 1))


def run(encoder: ConvolutionEncoder, x: Tensor) -> Tensor:
    output: Tensor = encoder(x, encoder.first_state(x.shape[0]))[0]
    return output


def test_it_sees_thirty_sessions_back_and_nothing_ahead() -> None:
    encoder = ConvolutionEncoder(INPUT, HIDDEN).double()
    x = torch.randn(BATCH, TIME, INPUT, dtype=torch.float64)
    before = run(encoder, x)
    for step in (0, 10, 19):
        changed = x.clone()
        changed[:, step] += 1.0
        moved = (run(encoder, changed) - before).abs().amax(dim=(0, 2)) > 0
        assert moved.nonzero().flatten().tolist() == list(range(step, step + REACH + 1))
    assert REACH == 30


def test_both_branches_reach_the_output() -> None:
    encoder = LSTMConvolutionEncoder(INPUT, HIDDEN)
    x = torch.randn(BATCH, TIME, INPUT)
    whole, _ = encoder(x, encoder.first_state(BATCH))
    for half in (slice(0, HIDDEN), slice(HIDDEN, None)):
        kept = encoder.weight.detach().clone()
        with torch.no_grad():
            encoder.weight[:, half] = 0.0
        assert not torch.allclose(encoder(x, encoder.first_state(BATCH))[0], whole)
        with torch.no_grad():
            encoder.weight.copy_(kept)


def test_a_session_at_a_time_is_the_whole_history() -> None:
    model = build_network("lstm_cnn", "quantile", input_size=INPUT, horizons=(1, 5)).eval()
    with torch.no_grad():
        model.head.weight.normal_()
    x, scale = torch.randn(BATCH, TIME, INPUT), torch.full((BATCH, TIME), 0.01)
    whole = model(x, scale)[0].values
    state = None
    for step in range(TIME):
        params, state = model(x[:, step : step + 1], scale[:, step : step + 1], state)
        torch.testing.assert_close(params.values[:, 0], whole[:, step])
