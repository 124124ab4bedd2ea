"""The shape checks themselves, and that the suite enforces the annotations."""

import jaxtyping
import pytest
import torch

from lstmcast.nn import LSTM
from lstmcast.nn.encoders.lstm import LSTMEncoder
from lstmcast.nn.shapes import require_shape


def test_a_fitting_shape_passes() -> None:
    require_shape("x", torch.zeros(3, 4, 5), ("batch", "time", 5))


@pytest.mark.parametrize("shape", [(3, 4), (3, 4, 6), (3, 4, 5, 1), (0, 4, 5)])
def test_any_other_is_named(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"`x` must have shape \(batch, time, 5\), got"):
        require_shape("x", torch.zeros(shape), ("batch", "time", 5))


def test_annotated_shapes_are_enforced_while_testing() -> None:
    lstm = LSTM(5, 7)
    with pytest.raises(jaxtyping.TypeCheckError, match="state"):
        lstm(torch.zeros(4, 2, 5), (torch.zeros(1, 4, 7), torch.zeros(1, 3, 7)))


def test_shapes_that_were_fine_say_nothing_of_others() -> None:
    """A call with the shapes of an earlier one is not checked again; every other one is."""
    x, one = torch.zeros(4, 2, 5), torch.zeros(1, 4, 7)
    lstm = LSTM(5, 7)
    for _ in range(2):
        lstm(x, (one, one))
    for state in ((one, torch.zeros(1, 3, 7)), (one, one.double().long())):
        with pytest.raises(jaxtyping.TypeCheckError, match="state"):
            lstm(x, state)


def test_each_network_is_checked_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of the same shapes one network may make what was stated, and another something else."""
    x = torch.zeros(4, 2, 5)
    good, bad = (LSTMEncoder(5, 7) for _ in range(2))
    for _ in range(2):
        good(x, good.first_state(4))
    honest = bad.lstm.forward
    monkeypatch.setattr(bad.lstm, "forward", lambda *_, **__: (x[0], honest(x)[1]))
    with pytest.raises(jaxtyping.TypeCheckError, match="return"):
        bad(x, bad.first_state(4))
