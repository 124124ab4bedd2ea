"""The optimiser's steps on one network, and the moving average of the weights they reach (EMA).

A step of a small network takes a few milliseconds, and each call of PyTorch beside it some ten
microseconds and more: there are few here. The weights lie in one block of memory, their gradients
in another, so that to clear, measure, shorten, step and average is one call each, whatever the
number of weights. On a CUDA device the weights stay where they are: cuDNN wants each layer's in a
block of their own.
"""

import copy
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext

import torch
from torch import Tensor
from torch.nn import Parameter

from lstmcast.config import Training
from lstmcast.nn import Network
from lstmcast.training.batch import Batch
from lstmcast.training.distributed import current_team
from lstmcast.training.objective import total_loss
from lstmcast.training.replay import CudaRecorder, Replay

BETA_1, BETA_2, EPSILON = 0.9, 0.999, 1e-8
"""AdamW's own constants, as PyTorch has them."""


class Steps:
    """Steps down the gradient by AdamW (Loshchilov and Hutter 2019).

    The learning rate rises linearly over the first steps (warm-up), while the optimiser knows
    little of the gradients' size, and stays: early stopping decides how long training lasts, so
    there is no last step for a schedule to arrive at. Gradients longer than `training.clip_norm`
    are shortened to it (Pascanu, Mikolov and Bengio 2013). Validation and the run use an
    exponential moving average (EMA) of the weights: it is smoother than the weights themselves and
    forecasts better (Polyak and Juditsky 1992).

    PyTorch's kernel is called without the optimiser object around it: to make one loads the
    compiler of `torch.compile`, which takes longer than the training of a member.

    `ema` is the network with the averaged weights, `taken` counts the steps so far, and `full_rate`
    is the learning rate after the warm-up.

    Args:
        network: what is trained; on the CPU its weights move to a block of memory of their own.
        settings: weight decay, clipping, warm-up, EMA, precision and replay.
        learning_rate: after the warm-up.
    """

    def __init__(self, network: Network, settings: Training, learning_rate: float) -> None:
        self.network = network
        self._team = current_team()
        if self._team:
            self._team.alike([*network.state_dict().values()])
        # Without an average it is the network itself.
        self.ema = copy.deepcopy(network) if settings.ema_decay else network
        self._settings = settings
        self.full_rate = learning_rate
        self._warmup = max(1, settings.learning_rate_warmup)
        self.taken = 0

        parameters = _taught(network)
        self._weights = _laid_out(parameters)
        self._averages = self._weights
        if self.ema is not network:
            self._averages = _laid_out(_taught(self.ema))
        self._gradient = block = torch.cat([torch.zeros_like(p).flatten() for p in parameters])
        pieces = _pieces(block, parameters)
        for parameter, piece in zip(parameters, pieces, strict=True):
            # The backward pass adds to what is there, so it fills the block.
            parameter.grad = piece
        # Decay pulls matrices towards zero; a bias or a state has no reason to be there.
        self._decay = [settings.weight_decay * (p.dim() > 1) * torch.ones_like(p) for p in pieces]
        self._gradients = pieces
        if joins_weights(block.device):
            self._gradients = [block]
            self._decay = [torch.cat([decay.flatten() for decay in self._decay])]
        self._means = [torch.zeros_like(w) for w in self._weights]
        self._squares = [torch.zeros_like(w) for w in self._weights]
        # What changes from step to step is kept where the weights are: a recorded step reads it.
        self._counts = [block.new_zeros(()) for _ in self._weights]
        self._rate = block.new_zeros(())
        self._shrink = [torch.ones_like(w) for w in self._weights]
        # Processes that add up their gradients meet in each step, which is not recorded.
        recorded = settings.replay != "none" and block.is_cuda and self._team is None
        self._replay = Replay(CudaRecorder(block.device)) if recorded else None

    @property
    def learning_rate(self) -> float:
        """The rate of the next step."""
        return self.full_rate * min(1.0, (self.taken + 1) / self._warmup)

    def take(self, batch: Batch, masks: torch.Generator | None = None) -> Tensor:
        """Take one step down the gradient of the batch's mean loss.

        Args:
            batch: of windows.
            masks: where dropout masks come from; None is PyTorch's global generator.

        Returns:
            The sum of the weighted losses before the step.
        """
        if self.taken < self._warmup:
            self._set_rate(self.learning_rate)
        step = self._take_one
        loss = self._replay(step, batch, masks) if self._replay else step(batch, masks)
        self.taken += 1
        return loss

    def _set_rate(self, rate: float) -> None:
        self._rate.fill_(rate)
        for shrink, decay in zip(self._shrink, self._decay, strict=True):
            torch.sub(1.0, decay, alpha=rate, out=shrink)

    def tensors(self) -> dict[str, Tensor]:
        """All that the next step depends on, beside `taken`."""
        return {
            f"{name}.{k}": tensor for name, parts in self._state() for k, tensor in enumerate(parts)
        }

    def restore(self, tensors: Mapping[str, Tensor], taken: int) -> None:
        """Go back to where `tensors` was called, before any step.

        Raises:
            KeyError, RuntimeError: if they are of another network.
        """
        with torch.no_grad():
            for name, parts in self._state():
                for k, tensor in enumerate(parts):
                    tensor.copy_(tensors[f"{name}.{k}"])
        self.taken = taken
        self._set_rate(self.learning_rate)

    def _state(self) -> list[tuple[str, list[Tensor]]]:
        state = [
            ("weights", self._weights),
            ("means", self._means),
            ("squares", self._squares),
            ("counts", self._counts),
        ]
        return state if self.ema is self.network else [*state, ("averages", self._averages)]

    def _take_one(self, batch: Batch, masks: torch.Generator | None) -> Tensor:
        loss = total_loss(self.network, batch, masks, self._autocast())
        self._gradient.zero_()
        (loss / batch.total).backward()
        if self._team:
            self._team.add_up(self._gradient)
        self._update()
        return loss.detach()

    def _autocast(self) -> AbstractContextManager[object]:
        """Open for the forward pass of one step; weights rounded in it are kept until it closes."""
        if self._settings.precision != "bfloat16":
            return nullcontext()
        return torch.autocast(self._gradient.device.type, dtype=torch.bfloat16)

    @torch.no_grad()
    def _update(self) -> None:
        longer = torch.linalg.vector_norm(self._gradient) / self._settings.clip_norm
        self._gradient.div_(longer.clamp_(min=1.0))
        torch._foreach_mul_(self._weights, self._shrink)
        torch._foreach_add_(self._counts, 1.0)
        torch._fused_adamw_(
            self._weights,
            self._gradients,
            self._means,
            self._squares,
            [],
            self._counts,
            lr=self._rate,
            beta1=BETA_1,
            beta2=BETA_2,
            weight_decay=0.0,
            eps=EPSILON,
            amsgrad=False,
            maximize=False,
        )
        if self.ema is not self.network:
            # The first step is where the average begins.
            share = 1.0 - self._settings.ema_decay if self.taken else 1.0
            torch._foreach_lerp_(self._averages, self._weights, share)


def joins_weights(device: torch.device) -> bool:
    """Whether a network's weights lie in one block while it is trained."""
    return device.type != "cuda"


def _taught(network: Network) -> list[Parameter]:
    return [parameter for parameter in network.parameters() if parameter.requires_grad]


def _laid_out(parameters: Sequence[Parameter]) -> list[Tensor]:
    """The parameters' memory: one block, in which they come to lie, or each one's own."""
    if not joins_weights(parameters[0].device):
        return [parameter.detach() for parameter in parameters]
    block = torch.cat([parameter.detach().flatten() for parameter in parameters])
    for parameter, piece in zip(parameters, _pieces(block, parameters), strict=True):
        parameter.data = piece
    return [block]


def _pieces(block: Tensor, parameters: Sequence[Parameter]) -> list[Tensor]:
    """The parts of a block that belong to each parameter, in its shape."""
    parts = block.split([parameter.numel() for parameter in parameters])
    return [part.view_as(parameter) for part, parameter in zip(parts, parameters, strict=True)]
