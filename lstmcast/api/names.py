"""What an experiment names, looked up before anything is trained: all faults at once."""

from collections.abc import Callable
from functools import partial

from lstmcast.config import Experiment
from lstmcast.errors import ConfigError, DeviceError


def require_names(experiment: Experiment) -> None:
    """Look up what an experiment names: networks, heads, feature groups, baselines, the device.

    Raises:
        ConfigError: for what does not exist; listing all of it where that is more than one.
    """
    faults = _faults(experiment)
    if len(faults) > 1:
        lines = tuple(map(_line, faults))
        raise ConfigError(f"the experiment has {len(faults)} faults", problems=lines)
    if faults:
        raise faults[0]


def faulty_names(experiment: Experiment) -> list[str]:
    """A line for each name that does not exist."""
    return [_line(fault) for fault in _faults(experiment)]


def _line(fault: ConfigError) -> str:
    return f"{fault.message}; {fault.hint}" if fault.hint else fault.message


def _faults(experiment: Experiment) -> list[ConfigError]:
    from lstmcast.baselines import baseline_members
    from lstmcast.features import groups_named
    from lstmcast.training.device import resolve_device
    from lstmcast.training.resolve import check_head, check_network

    model = experiment.model
    checks: list[Callable[[], object]] = [
        partial(check_network, "model.network", model.network),
        partial(check_head, "model.head", model.head),
        partial(baseline_members, model.pool.baselines),
        partial(resolve_device, experiment.training.device),
    ]
    if experiment.features is not None:
        checks.append(partial(groups_named, experiment.features))
    for number, variant in enumerate(model.variants):
        key = f"model.variants.{number}"
        if variant.network is not None:
            checks.append(partial(check_network, f"{key}.network", variant.network))
        if variant.head is not None:
            checks.append(partial(check_head, f"{key}.head", variant.head))
        if variant.features is not None:
            checks.append(partial(groups_named, variant.features))
    faults = []
    for check in checks:
        try:
            check()
        except ConfigError as fault:
            faults.append(fault)
        except DeviceError:
            continue  # a device that this machine lacks is no fault of the experiment
    return faults
