"""Log width of the next range, differentiable for every head: what attribution explains."""

from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from scipy.special import stdtrit
from torch import Tensor

from lstmcast.nn.heads.quantile import LEVELS, QuantileParams
from lstmcast.nn.heads.student_t import StudentTParams

UPPER = 0.9
"""Upper end of the 80 % range."""


class _LogQuantile(torch.autograd.Function):
    """Log of the Student-t quantile at `UPPER`, by its degrees of freedom."""

    @staticmethod
    def forward(ctx: Any, df: Tensor) -> Tensor:
        """The value, by scipy."""
        ctx.save_for_backward(df)
        return _log_quantile(df)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> Tensor:
        """A central difference: scipy gives the value to 1e-15, so this is good to 1e-9."""
        (df,) = ctx.saved_tensors
        step = 1e-4 * df
        slope = (_log_quantile(df + step) - _log_quantile(df - step)) / (2 * step)
        found: Tensor = grads[0] * slope
        return found


def _log_quantile(df: Tensor) -> Tensor:
    values = stdtrit(df.detach().cpu().double().numpy(), UPPER)
    log: Tensor = torch.as_tensor(np.log(values), dtype=df.dtype, device=df.device)
    return log


def log_width(params: Any) -> Float[Tensor, "batch time"]:
    """Log of half the 80 % range of the next session's return, before pooling and calibration.

    Of a point forecast, which has no range, the number itself.

    Args:
        params: what a head returned.
    """
    if isinstance(params, StudentTParams):
        tail = _LogQuantile.apply(params.df[..., 0])  # type: ignore[no-untyped-call] # torch's
        width: Tensor = params.scale[..., 0].log() + tail
        return width
    if isinstance(params, QuantileParams):
        ends = params.values[..., 0, :]
        return (0.5 * (ends[..., LEVELS.index(UPPER)] - ends[..., LEVELS.index(0.1)])).log()
    value: Tensor = params.value[..., 0]
    return value
