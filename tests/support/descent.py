"""Going down a gradient by PyTorch's own rules, without its optimiser objects.

To make one of them loads the compiler of `torch.compile`, which takes a second and a half.
"""

from collections.abc import Callable, Sequence

import numpy as np
import torch
from scipy.optimize import minimize
from torch import Tensor
from torch.nn import Parameter
from torch.nn.utils import parameters_to_vector, vector_to_parameters
from torch.optim.adamw import adamw


class AdamW:
    """`torch.optim.AdamW` of one group of parameters, whose gradients it leaves as they are."""

    def __init__(self, parameters: Sequence[Parameter], weight_decay: float = 0.0) -> None:
        self._parameters, self._weight_decay = list(parameters), weight_decay
        self._means = [torch.zeros_like(p) for p in self._parameters]
        self._squares = [torch.zeros_like(p) for p in self._parameters]
        self._counts = [torch.tensor(0.0) for _ in self._parameters]

    @torch.no_grad()
    def step(self, rate: float) -> None:
        """Step down the gradients that are there."""
        gradients = [p.grad for p in self._parameters if p.grad is not None]
        adamw(
            [*self._parameters], gradients, self._means, self._squares, [], self._counts,
            amsgrad=False, beta1=0.9, beta2=0.999, lr=rate, weight_decay=self._weight_decay,
            eps=1e-8, maximize=False,
        )  # fmt: skip


def descend(
    parameters: Sequence[Parameter],
    loss: Callable[[], Tensor],
    *,
    steps: int,
    rate: float,
    weight_decay: float = 0.0,
) -> None:
    """Take steps by AdamW down the gradient of a loss."""
    optimiser = AdamW(parameters, weight_decay)
    for _ in range(steps):
        for parameter, gradient in zip(
            parameters, torch.autograd.grad(loss(), [*parameters]), strict=True
        ):
            parameter.grad = gradient
        optimiser.step(rate)


def reach_the_least(parameters: Sequence[Parameter], loss: Callable[[], Tensor]) -> None:
    """Go to where a smooth loss is least, by SciPy's BFGS in double precision."""

    def value_and_gradient(point: np.ndarray) -> tuple[float, np.ndarray]:
        vector_to_parameters(torch.from_numpy(point.copy()), parameters)
        value = loss()
        gradient = torch.autograd.grad(value, [*parameters])
        return value.item(), torch.cat([g.flatten() for g in gradient]).numpy()

    start = parameters_to_vector(parameters).detach().numpy()
    found = minimize(value_and_gradient, start, jac=True, method="BFGS")
    vector_to_parameters(torch.from_numpy(found.x), parameters)
