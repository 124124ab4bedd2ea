"""The shape checks themselves, and that the suite enforces the annotations."""

import jaxtyping
import pytest
import torch

from lstmcast.nn import LSTM
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
