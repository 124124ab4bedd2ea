"""What a training step costs: our LSTM on both kernels against `torch.nn.LSTM`.

    python benchmarks/kernel.py

A step is forward, backward and a fused AdamW update on a batch of 64 sequences of 60 steps. The
contestants take turns, in an order shuffled each round, so that whatever else the machine does
falls on all of them alike; a ratio is the median over rounds of the ratio within a round.
"""

import argparse
import random
import statistics
import time
from collections.abc import Callable

import torch
from torch import nn

from lstmcast.nn import LSTM


def training_step(lstm: nn.Module, x: torch.Tensor) -> Callable[[], None]:
    """A closure that takes one optimiser step."""
    optimiser = torch.optim.AdamW(lstm.parameters(), lr=1e-4, fused=True)

    def step() -> None:
        optimiser.zero_grad()
        output, _ = lstm(x)
        output.square().mean().backward()
        optimiser.step()

    return step


def seconds(step: Callable[[], None], repeats: int) -> float:
    """Mean time of a step over some in a row."""
    start = time.perf_counter()
    for _ in range(repeats):
        step()
    return (time.perf_counter() - start) / repeats


def measure(steps: dict[str, Callable[[], None]], rounds: int) -> dict[str, list[float]]:
    """Seconds of each contestant's step in each round."""
    for step in steps.values():
        seconds(step, 3)
    times: dict[str, list[float]] = {name: [] for name in steps}
    order = list(steps)
    for _ in range(rounds):
        random.shuffle(order)
        for name in order:
            # The reference kernel is slow enough for a single step to be timed.
            times[name].append(seconds(steps[name], 1 if "reference" in name else 5))
    return times


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--batch", type=int, default=64, help="sequences (default 64)")
    parser.add_argument("--time", type=int, default=60, help="steps of a sequence (default 60)")
    parser.add_argument("--inputs", type=int, default=16, help="features (default 16)")
    parser.add_argument("--hidden", type=int, default=64, help="units (default 64)")
    parser.add_argument("--layers", type=int, default=1, help="layers (default 1)")
    parser.add_argument("--rounds", type=int, default=60, help="rounds (default 60)")
    parser.add_argument("--threads", type=int, default=1, help="threads (default 1)")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.manual_seed(0)
    x = torch.randn(options.batch, options.time, options.inputs)
    theirs = nn.LSTM(options.inputs, options.hidden, options.layers, batch_first=True)
    contestants: dict[str, nn.Module] = {
        "torch.nn.LSTM": theirs,
        "lstmcast.nn.LSTM, fused": LSTM.from_torch(theirs),
        "lstmcast.nn.LSTM, reference": LSTM.from_torch(theirs, kernel="reference"),
    }
    steps = {name: training_step(lstm, x) for name, lstm in contestants.items()}
    times = measure(steps, options.rounds)
    print(
        f"batch {options.batch}, {options.time} steps, {options.inputs} inputs, "
        f"{options.hidden} units, {options.layers} layer(s), {options.threads} thread(s), "
        f"torch {torch.__version__}"
    )
    print(f"{'training step':30} {'median ms':>10} {'ratio':>7}")
    baseline = times["torch.nn.LSTM"]
    for name, measured in times.items():
        ratio = statistics.median(a / b for a, b in zip(measured, baseline, strict=True))
        print(f"{name:30} {1e3 * statistics.median(measured):10.2f} {ratio:7.3f}")


if __name__ == "__main__":
    main()
