"""The devices that networks can be trained on, and how fast they are."""

from dataclasses import dataclass

from lstmcast.doctor.findings import Problem

FEWEST_BYTES = 2 * 2**30
"""Free memory below which a training of some symbols may not fit."""


@dataclass(frozen=True)
class Device:
    """A device.

    Args:
        name: as `training.device` takes it.
        model: what its maker calls it.
        memory, free: bytes; None where they are not told.
        cores: that this process may use, of a CPU.
        steps_per_second: training steps of the speed test; None where it failed.
    """

    name: str
    model: str
    memory: int | None
    free: int | None
    cores: int | None
    steps_per_second: float | None


def devices(seconds: float = 1.0) -> tuple[list[Device], list[Problem]]:
    """Every device with its speed.

    Args:
        seconds: that the test of each takes.
    """
    from lstmcast.training.machine import devices as present
    from lstmcast.training.speed import steps_per_second

    found, problems = [], []
    for device in present():
        speed = None
        try:
            speed = steps_per_second(device.name, seconds)
        except (RuntimeError, MemoryError) as error:
            said = (str(error).strip().splitlines() or [""])[0]
            needed = device.name == "cpu"
            problems.append(
                Problem(
                    "broken" if needed else "warning",
                    f"{device.name} does not train: {said}",
                    None if needed else "train with `--set training.device=cpu`",
                )
            )
        if device.free is not None and device.free < FEWEST_BYTES:
            words = f"{device.name} has {device.free / 2**30:.1f} GiB of free memory"
            problems.append(Problem("warning", words, "end other programs before training"))
        found.append(Device(**vars(device), steps_per_second=speed))
    return found, problems
