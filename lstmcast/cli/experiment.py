"""Reading an experiment for a command, with all its faults at once: values and names."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from lstmcast.cli.console import note
from lstmcast.errors import UsageError
from lstmcast.prices.symbols import AUTO, one_source

if TYPE_CHECKING:
    from lstmcast.config import Experiment
    from lstmcast.prices.history import PriceHistory


def read_experiment(path: Path, overrides: Sequence[str]) -> "Experiment":
    """Read an experiment; where it does not validate, its names are looked up as well.

    Raises:
        ConfigError: listing every fault.
    """
    from lstmcast.api.names import faulty_names
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
    for word in words:
        if Path(word).suffix.lower() in {".yaml", ".yml"} or os.sep in word:
            raise UsageError(
                f"`SYMBOL` is {word!r}, which looks like a file name", f"add `{option} {word}`"
            )
    return one_source(words)


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


def tell_of_features(experiment: "Experiment", histories: "Sequence[PriceHistory]") -> None:
    """Say which default groups of features the prices lack, and which begin late.

    Args:
        experiment: with its features chosen (`settle`).
        histories: its prices.
    """
    from lstmcast.features import default_groups, groups_left_out, late_beginnings

    if experiment.features == default_groups(histories):
        for line in groups_left_out(histories):
            note(f"note: {line}")
    for line in late_beginnings(histories, experiment.features or ()):
        note(f"note: {line}")
