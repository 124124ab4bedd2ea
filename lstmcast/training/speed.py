"""How fast a device trains an LSTM: a test of a second."""

import time

import torch

from lstmcast.nn import LSTM

SEQUENCES, SESSIONS, INPUTS, UNITS = 32, 128, 32, 64
"""A batch about as large as the default experiment's, and its network."""

_WARM = 2
"""Steps before the clock starts: the first ones set up kernels."""


def steps_per_second(name: str, seconds: float = 1.0) -> float:
    """Training steps a second: forward, backward and the optimiser's step.

    Args:
        name: of the device, as `training.device` takes it.
        seconds: how long to try, at least one step.
    """
    device, generator = torch.device(name), torch.Generator().manual_seed(0)
    x = torch.randn(SEQUENCES, SESSIONS, INPUTS, generator=generator).to(device)
    lstm = LSTM(INPUTS, UNITS, generator=generator).to(device)
    weights = [weight.detach() for weight in lstm.parameters()]
    means, squares = ([torch.zeros_like(weight) for weight in weights] for _ in range(2))
    counts = [weight.new_zeros(()) for weight in weights]

    def step() -> None:
        output, _ = lstm(x)
        gradients = torch.autograd.grad(output.square().mean(), [*lstm.parameters()])
        torch._foreach_add_(counts, 1.0)
        # As training calls it: the optimiser object would load a compiler first, for 1.5 s.
        torch._fused_adamw_(
            weights, gradients, means, squares, [], counts, lr=1e-3, beta1=0.9, beta2=0.999,
            weight_decay=0.01, eps=1e-8, amsgrad=False, maximize=False,
        )  # fmt: skip
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        elif device.type == "mps":
            torch.mps.synchronize()

    for _ in range(_WARM):
        step()
    began, done = time.perf_counter(), 0
    while not done or time.perf_counter() - began < seconds:
        step()
        done += 1
    return done / (time.perf_counter() - began)
