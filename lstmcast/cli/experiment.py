"""Reading an experiment for a command, with all its faults at once: values and names."""

import os
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from lstmcast.cli.console import note
from lstmcast.errors import ConfigError, DeviceError, UsageError

if TYPE_CHECKING:
    from lstmcast.config import Experiment

AUTO = "auto"
"""The source of symbols that were named without one; the store decides."""


def read_experiment(path: Path, overrides: Sequence[str]) -> "Experiment":
    """Read an experiment; where it does not validate, its names are looked up as well.

    Raises:
        ConfigError: listing every fault.
    """
    from lstmcast.config import load_experiment

    return load_experiment(path, overrides, check=faulty_names, tell=_tell)


def _tell(line: str) -> None:
    note(f"note: {line}")


def asked_experiment(
    symbols: Sequence[str] | None, config: Path | None, overrides: Sequence[str]
) -> "Experiment":
    """The experiment of a file, or the default one of some symbols.

    Args:
        symbols: as typed, `SYMBOL` or `SOURCE:SYMBOL`.
        config: the file.
        overrides: what `--set` gives.

    Raises:
        UsageError: if there is neither, or both and they are of different symbols.
        ConfigError: listing every fault.
    """
    if config is None and not symbols:
        raise UsageError(
            "neither a symbol nor `--config` was given",
            "name stored symbols, as in `AAPL MSFT`, or a YAML file with `--config`",
        )
    source, wanted = asked_symbols(symbols or ())
    if config is None:
        from lstmcast.config import default_experiment

        return default_experiment(wanted, source, overrides, _tell)
    experiment = read_experiment(config, overrides)
    if wanted:
        _require_agreement(experiment, config, wanted, source)
    return experiment


def asked_symbols(words: Sequence[str], option: str = "--config") -> tuple[str, list[str]]:
    """The one source of the symbols that were typed, `auto` if none was, and the symbols.

    Args:
        words: as typed.
        option: what takes a file, for the hint where one was meant.

    Raises:
        UsageError: if one cannot be a symbol or is a file, is named twice, or the sources differ.
    """
    from lstmcast.prices.symbols import Reference

    for word in words:
        if Path(word).suffix.lower() in {".yaml", ".yml"} or os.sep in word:
            raise UsageError(
                f"`SYMBOL` is {word!r}, which looks like a file", f"add `{option} {word}`"
            )
    references = [Reference.parse(word, AUTO) for word in words]
    symbols = [reference.symbol for reference in references]
    if len(set(symbols)) < len(symbols):
        raise UsageError(f"`SYMBOL` names {', '.join(words)}, one of them twice", "name each once")
    sources = {reference.source for reference in references}
    if len(sources) > 1:
        raise UsageError(
            f"`SYMBOL` names {', '.join(words)}, from different sources",
            "a run's prices are of one source: name it before each of them, or before none",
        )
    return sources.pop() if sources else AUTO, symbols


def _require_agreement(
    experiment: "Experiment", config: Path, symbols: Sequence[str], source: str
) -> None:
    """Symbols beside a file are fine where they say the same."""
    of_file = experiment.data
    if {symbol.upper() for symbol in of_file.symbols} != set(symbols):
        raise UsageError(
            f"`SYMBOL` is {', '.join(symbols)}, and `--config` {config} is of "
            f"{', '.join(of_file.symbols)}",
            "leave one of them out, or change the file's symbols with "
            f"`--set data.symbols=[{','.join(symbols)}]`",
        )
    if source not in (AUTO, of_file.source):
        raise UsageError(
            f"`SYMBOL` is from {source}, and `--config` {config} has `data.source: "
            f"{of_file.source}`",
            f"leave `{source}:` out, or add `--set data.source={source}`",
        )


def require_names(experiment: "Experiment") -> None:
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


def faulty_names(experiment: "Experiment") -> list[str]:
    """What an experiment names that does not exist; a line for each."""
    return [_line(fault) for fault in _faults(experiment)]


def _line(fault: ConfigError) -> str:
    return f"{fault.message}; {fault.hint}" if fault.hint else fault.message


def _faults(experiment: "Experiment") -> list[ConfigError]:
    from lstmcast.baselines import baseline_members
    from lstmcast.features import groups_named
    from lstmcast.training.device import resolve_device
    from lstmcast.training.prepare import check_head, check_network

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
