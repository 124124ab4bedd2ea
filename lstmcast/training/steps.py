"""The optimiser's steps on one network, and the moving average of the weights they reach.

A step of a small network takes a few milliseconds, and each call of PyTorch beside it some ten
microseconds and more: there are few here. The gradients lie in one block of memory, so that to
clear, measure and shorten them is one call each, whatever the number of weights.
"""

import copy
from contextlib import AbstractContextManager, nullcontext

import torch
from torch import Tensor
from torch.optim.adamw import adamw

from lstmcast.config import Training
from lstmcast.nn import Network

BETA_1, BETA_2, EPSILON = 0.9, 0.999, 1e-8
"""AdamW's own constants, as PyTorch has them."""


class Steps:
    """Steps down the gradient by AdamW (Loshchilov and Hutter 2019).

    The learning rate rises linearly over the first steps, while the optimiser knows little of the
    gradients' size. Gradients longer than `training.clip_norm` are shortened to it (Pascanu,
    Mikolov and Bengio 2013). Validation and the run use the average of the weights: it is smoother
    than the weights themselves and forecasts better (Polyak and Juditsky 1992).

    PyTorch's `adamw` is called as a function: to make one of its optimiser objects loads the
    compiler of `torch.compile`, which takes longer than the training of a member.

    `averaged` is the network with the averaged weights.

    Args:
        network: what is trained.
        settings: weight decay, clipping, ramp and averaging.
        learning_rate: after the ramp.
    """

    def __init__(self, network: Network, settings: Training, learning_rate: float) -> None:
        self.network = network
        # Without averaging it is the network itself.
        self.averaged = copy.deepcopy(network) if settings.averaging else network
        self._settings = settings
        self._rate = learning_rate
        self._taken = 0

        parameters = [p for p in network.parameters() if p.requires_grad]
        self._weights = [p.detach() for p in parameters]
        self._averages = [p.detach() for p in self.averaged.parameters() if p.requires_grad]
        # Decay pulls matrices towards zero; a bias or a state has no reason to be there.
        self._decayed = [w for w in self._weights if w.dim() > 1]
        self._gradient = torch.zeros(
            sum(w.numel() for w in self._weights), device=self._weights[0].device
        )
        pieces = self._gradient.split([w.numel() for w in self._weights])
        self._gradients = [
            piece.view_as(weight) for piece, weight in zip(pieces, self._weights, strict=True)
        ]
        for parameter, gradient in zip(parameters, self._gradients, strict=True):
            # The backward pass adds to what is there, so it fills the block.
            parameter.grad = gradient
        self._means = [torch.zeros_like(w) for w in self._weights]
        self._squares = [torch.zeros_like(w) for w in self._weights]
        self._counts = [torch.zeros((), device=w.device) for w in self._weights]

    @property
    def learning_rate(self) -> float:
        """The rate of the next step."""
        return self._rate * min(1.0, (self._taken + 1) / max(1, self._settings.ramp))

    def autocast(self) -> AbstractContextManager[object]:
        """Open for the forward pass of one step; weights rounded in it are kept until it closes."""
        if self._settings.precision == "float32":
            return nullcontext()
        return torch.autocast(self._gradient.device.type, dtype=torch.bfloat16)

    def take(self, loss: Tensor) -> None:
        """Take one step down the gradient of `loss`."""
        self._gradient.zero_()
        loss.backward()
        self._update()
        self._taken += 1

    @torch.no_grad()
    def _update(self) -> None:
        shorten = self._settings.clip_norm / (torch.linalg.vector_norm(self._gradient) + EPSILON)
        self._gradient.mul_(shorten.clamp(max=1.0))
        rate = self.learning_rate
        for weight in self._decayed:
            weight.mul_(1.0 - rate * self._settings.weight_decay)
        adamw(
            self._weights,
            self._gradients,
            self._means,
            self._squares,
            [],
            self._counts,
            fused=True,
            amsgrad=False,
            beta1=BETA_1,
            beta2=BETA_2,
            lr=rate,
            weight_decay=0.0,
            eps=EPSILON,
            maximize=False,
        )
        if self.averaged is not self.network:
            # The first step is where the average begins.
            share = 1.0 - self._settings.averaging if self._taken else 1.0
            for average, weight in zip(self._averages, self._weights, strict=True):
                average.lerp_(weight, share)
