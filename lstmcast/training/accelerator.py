"""What a GPU needs beyond its name: whether it pays, how it rounds, and what to do when it is full.

Measured on an H100 with PyTorch 2.11 beside 16 CPU cores: to start CUDA takes 3 s. Four stocks with
64 units train in 3.1 s there and in 4.8 s on the CPU, so that the CPU is done first; an epoch of a
hundred symbols with 128 units takes 0.05 s there and 1.8 s on the CPU. `PAYS` lies between them.
"""

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch

from lstmcast.config import Experiment, Training
from lstmcast.parallel import elsewhere
from lstmcast.training.device import resolve_device
from lstmcast.training.device_panel import DevicePanel
from lstmcast.training.distributed import own_device
from lstmcast.training.full_memory import full_memory
from lstmcast.training.panel_home import free_on
from lstmcast.training.prepare import Prepared

PAYS = 4e10
"""Rows times weights, over all epochs and members, from which on `device: auto` takes a GPU.

A core works through some 1e9 of them a second: 2.5 s of 16 cores, which the start of CUDA costs."""

TYPICAL_EPOCHS = 20
"""Epochs after which early stopping has ended most trainings, the refit's among them."""

MOST_AT_ONCE = 8
"""Networks that a CUDA device trains side by side at most."""

MEMORY_SHARE = 0.5
"""Of a device's free memory, the most that networks side by side take."""

NUMBERS_OF_A_STEP, NUMBERS_OF_A_UNIT = 200, 32
"""Numbers that a network keeps of each step of a sequence, at most, and for each of its units."""

LIBRARIES = 2**27
"""Bytes that cuBLAS and cuDNN work in, for each stream."""


def choose_device(settings: Training, parts: Sequence[Prepared]) -> torch.device:
    """The device to train on: the one asked for, or what suits the work for `auto`.

    Workers of a cluster have CPUs.

    Args:
        settings: with the device that was asked for.
        parts: the data of each group of networks.

    Raises:
        ConfigError, DeviceError: see `resolve_device`.
    """
    if settings.device == "auto" and (elsewhere() or training_work(parts) < PAYS):
        return torch.device("cpu")
    return own_device(resolve_device(settings.device), settings.device)


def training_work(parts: Sequence[Prepared]) -> float:
    """Rows times weights that a training works through, as far as that is known before it."""
    work = 0.0
    for part in parts:
        model, settings = part.experiment.model, part.experiment.training
        width, columns = model.hidden_size, len(part.scaling.columns)
        weights = 4 * width * (columns + width + (model.num_layers - 1) * 2 * width)
        rows = sum(len(rows.train) for rows in part.parts.values())
        # Each row is read several times: in every window with a loss on the last step, else
        # once, and before it a burn-in.
        if settings.supervision == "last":
            rows *= settings.lookback
        else:
            rows = rows * settings.lookback // (settings.lookback - settings.burn_in)
        work += model.members * min(settings.epochs, TYPICAL_EPOCHS) * rows * weights
    return work


def networks_at_once(experiment: Experiment, panel: DevicePanel) -> int:
    """How many networks of a group train side by side on a device other than a CPU.

    They take turns where TF32 is asked for, which is a setting of the whole process and never holds
    for a fit of a head.

    Args:
        experiment: resolved, with the group's own network, head and features.
        panel: on the device that they are trained on.
    """
    free = free_on(panel.device)
    if free is None or experiment.training.precision == "tf32":
        return 1
    return max(1, min(MOST_AT_ONCE, int(MEMORY_SHARE * free / network_bytes(experiment, panel))))


def network_bytes(experiment: Experiment, panel: DevicePanel) -> int:
    """About what a network in training takes of a device's memory at most, in bytes."""
    model, settings = experiment.model, experiment.training
    steps = max(settings.batch_size * settings.lookback, panel.validation_steps)
    numbers = NUMBERS_OF_A_STEP + NUMBERS_OF_A_UNIT * model.hidden_size * model.num_layers
    return LIBRARIES + 4 * steps * numbers


@contextmanager
def arithmetic(precision: str, device: torch.device) -> Iterator[None]:
    """Let CUDA multiply float32 matrices as float32, or in TF32, while the context is open.

    cuDNN rounds what it multiplies to ten bits (TF32) unless told otherwise: 1e-4 of a forecast.

    Args:
        precision: `tf32`; anything else is float32.
        device: where the context's tensors are; only CUDA knows of this.
    """
    if device.type != "cuda":
        yield
        return
    before = _tf32()
    _set_tf32(precision == "tf32", precision == "tf32")
    try:
        yield
    finally:
        _set_tf32(*before)


def _tf32() -> tuple[bool, bool]:
    """Whether cuDNN and cuBLAS may use it.

    Through PyTorch's older interface: once the newer one was used, the older one only raises, for
    everybody in this process.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # some versions recommend the newer one
        return torch.backends.cudnn.allow_tf32, torch.backends.cuda.matmul.allow_tf32


def _set_tf32(cudnn: bool, cublas: bool) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.backends.cudnn.allow_tf32 = cudnn
        torch.backends.cuda.matmul.allow_tf32 = cublas


@contextmanager
def _same_bits() -> Iterator[None]:
    """Let cuDNN add up in the same order every time: its convolutions do not unless told to."""
    before = torch.backends.cudnn.deterministic
    torch.backends.cudnn.deterministic = True
    try:
        yield
    finally:
        torch.backends.cudnn.deterministic = before


@contextmanager
def on_device(experiment: Experiment, device: torch.device) -> Iterator[None]:
    """What a training and its forecasts run in: exact float32, and an error for a full memory.

    Raises:
        DeviceError: naming the settings that take memory, where a device has too little of it.
        ResourcesError: likewise, where the machine has.
    """
    try:
        with arithmetic("float32", device), _same_bits():
            yield
    except (RuntimeError, MemoryError) as error:
        told = full_memory(error, experiment, device)
        if told is None:
            raise
        raise told from error
