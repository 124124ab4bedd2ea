"""What a training step costs by size: our LSTM on both kernels against `torch.nn.LSTM`.

    python benchmarks/kernel.py
    python benchmarks/kernel.py --sizes 64x64x1 --rounds 60

A step is forward, backward and a fused AdamW update on a batch of sequences of 60 steps; a size is
batch x units x layers. It is measured on the CPU, and on a CUDA device where there is one: there in
milliseconds by the clock, without one in CPU milliseconds, which other programs change less. The
contestants take turns, in an order shuffled each round, so that whatever else the machine does
falls on all of them alike; a ratio is the median over rounds of the ratio within a round. The
reference kernel is the equations step by step: it is there to be read, and takes part up to 64
units.
"""

import argparse
import random
import statistics
import time
from collections.abc import Callable

import torch
from helpers.usage import machine
from torch import nn

from lstmcast.nn import LSTM

SIZES = ("8x64x1", "64x64x1", "64x64x2", "64x256x1", "512x64x1", "512x256x1")

REFERENCE_UP_TO = 64
"""Units up to which the reference kernel is measured: it takes seconds beyond."""

THEIRS, FUSED, REFERENCE = "torch.nn.LSTM", "fused", "reference"


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
    """Mean time of a step over some in a row: of the CPU, or by the clock on a CUDA device."""
    if not torch.cuda.is_available():
        start = time.process_time()
        for _ in range(repeats):
            step()
        return (time.process_time() - start) / repeats
    torch.cuda.synchronize()
    start = time.perf_counter()
    for _ in range(repeats):
        step()
    torch.cuda.synchronize()
    return (time.perf_counter() - start) / repeats


def measure(
    steps: dict[str, Callable[[], None]], rounds: int, longest: float
) -> dict[str, list[float]]:
    """Seconds of each contestant's step in each round; fewer rounds, but 3, if it takes long."""
    for name, step in steps.items():
        seconds(step, 1 if name == REFERENCE else 3)
    times: dict[str, list[float]] = {name: [] for name in steps}
    order, began = list(steps), time.perf_counter()
    for done in range(rounds):
        if done >= 3 and time.perf_counter() - began > longest:
            break
        random.shuffle(order)
        for name in order:
            # The reference kernel is slow enough for a single step to be timed.
            times[name].append(seconds(steps[name], 1 if name == REFERENCE else 5))
    return times


def one_size(size: str, device: str, options: argparse.Namespace) -> None:
    """Measure a size on a device and print its row."""
    batch, units, layers = map(int, size.split("x"))
    torch.manual_seed(0)
    x = torch.randn(batch, options.time, options.inputs).to(device)
    theirs = nn.LSTM(options.inputs, units, layers, batch_first=True).to(device)
    contestants: dict[str, nn.Module] = {THEIRS: theirs, FUSED: LSTM.from_torch(theirs)}
    if units <= REFERENCE_UP_TO:
        contestants[REFERENCE] = LSTM.from_torch(theirs, kernel="reference")
    steps = {name: training_step(lstm.to(device), x) for name, lstm in contestants.items()}
    times = measure(steps, options.rounds, options.seconds)

    def ratio(name: str) -> str:
        if name not in times:
            return "-"
        pairs = zip(times[name], times[THEIRS], strict=True)
        return f"{statistics.median(own / other for own, other in pairs):.2f}"

    medians = [f"{1e3 * statistics.median(times[name]):.2f}" for name in (THEIRS, FUSED)]
    cells = [device, batch, units, layers, *medians, ratio(FUSED), ratio(REFERENCE)]
    cells.append(len(times[THEIRS]))
    print("".join(f"{cell:>11}" for cell in cells), flush=True)


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sizes", nargs="+", default=SIZES, help="batch x units x layers")
    parser.add_argument("--devices", nargs="+", choices=("cpu", "cuda"), default=["cpu", "cuda"])
    parser.add_argument("--time", type=int, default=60, help="steps of a sequence (default 60)")
    parser.add_argument("--inputs", type=int, default=16, help="features (default 16)")
    parser.add_argument("--rounds", type=int, default=40, help="rounds at most (default 40)")
    parser.add_argument("--seconds", type=float, default=15, help="of a size, about, at most")
    parser.add_argument("--threads", type=int, default=1, help="threads (default 1)")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    devices = list(options.devices)
    if torch.cuda.is_available():
        print(torch.cuda.get_device_name())
    elif "cuda" in devices:
        devices.remove("cuda")
    print(
        f"{machine()}, torch {torch.__version__}\n{options.threads} thread(s), {options.time} "
        f"steps, {options.inputs} inputs; milliseconds, and ratios to torch.nn.LSTM"
    )
    names = ("device", "batch", "units", "layers", "torch ms", "fused ms", FUSED, REFERENCE)
    print("".join(f"{name:>11}" for name in (*names, "rounds")))
    for device in devices:
        for size in options.sizes:
            one_size(size, device, options)


if __name__ == "__main__":
    main()
