"""The experiment of some symbols where no file says more, and the file that says so with comments.

Both leave every other key at its default; the file shows those that people change most, commented
out. Their values are the defaults themselves, so the file cannot say other than what happens.
"""

import re
from collections.abc import Sequence

from lstmcast.config.models import Experiment, SplitFractions
from lstmcast.config.reading import Tell, parse_experiment
from lstmcast.config.yaml_text import write_yaml

MOST_IN_NAME = 3
"""Symbols that the name of an experiment is made of; of more, the first and a count."""

LONGEST_NAME = 64

USUAL_GROUPS = ("returns", "range", "volume")
"""Feature groups that the template names where no prices tell which there are."""


def name_for(symbols: Sequence[str]) -> str:
    """A name for the experiment of some symbols: `aapl-msft`, or `aapl-and-9-more`.

    Letters, digits, dots, hyphens and underscores stay; it can be part of a folder's name.
    """
    parts = [re.sub(r"[^a-z0-9._-]", "-", symbol.lower()).strip("-._") or "x" for symbol in symbols]
    whole = "-".join(parts)
    if len(parts) <= MOST_IN_NAME and len(whole) <= LONGEST_NAME:
        return whole
    return f"{parts[0]}-and-{len(parts) - 1}-more"


def default_experiment(
    symbols: Sequence[str],
    source: str = "auto",
    overrides: Sequence[str] = (),
    tell: Tell | None = None,
) -> Experiment:
    """The experiment of some symbols with every other key at its default.

    Args:
        symbols: normalised symbols.
        source: where their prices are from; `auto` as in `data.source`.
        overrides: each `path.to.key=value`, as `--set` takes them.
        tell: told of keys of the version before, with what they are called now.

    Raises:
        ConfigError: if an override is wrong.
    """
    data = {"symbols": list(symbols), **({} if source == "auto" else {"source": source})}
    text = write_yaml({"name": name_for(symbols), "data": data})
    return parse_experiment(text, overrides, origin="the default configuration", tell=tell)


def template(
    symbols: Sequence[str],
    source: str = "auto",
    *,
    file: str,
    stored: Sequence[str] = (),
    first: str = "2005-01-01",
    groups: Sequence[str] = USUAL_GROUPS,
) -> str:
    """A configuration file for some symbols, with comments.

    It reads back as `default_experiment(symbols, source)`; with the comment signs taken away too,
    but for `data.start`.

    Args:
        symbols: normalised symbols.
        source: where their prices are from; `auto` leaves it to the store.
        file: what the command in the first line calls the file.
        stored: lines on the prices that there are.
        first: a date to show for `data.start`.
        groups: the feature groups that are used by default.
    """
    usual = default_experiment(symbols, source)
    split = usual.split
    assert isinstance(split, SplitFractions)  # noqa: S101 - the default is
    name, _, *listed = write_yaml(
        {"name": usual.name, "data": {"symbols": list(symbols)}}
    ).splitlines()
    lines = [
        f"# lstmcast train --config {file}",
        "#",
        "# Every key that is missing here has a good default. The five that people change most are",
        "# below, commented out, with their defaults: remove the `# ` to change one. A run's own",
        "# config.yaml lists every key; `--set target.horizon=5` overrides one.",
        f"{name}  # part of the run's folder name",
        "data:",
        "  # Several symbols are pooled: they train one network.",
        *listed,
        f"  source: {source}  # of the stored prices; `auto` takes the one that was fetched last",
        *(f"  # {line}" for line in stored),
        "  # 1. The first session used; by default all that is stored. Older prices rarely hurt.",
        f"  # start: {first}",
        "",
        "# 2. How many sessions ahead forecasts reach, from 1 to 60.",
        "# target:",
        f"#   horizon: {usual.target.horizon}",
        "",
        "# 3. What the networks read; by default every group that the prices have columns for.",
        f"# features: [{', '.join(groups)}]",
        "",
        "# 4. Shares of the sessions, in chronological order. Validation decides when training",
        "#    stops; the test part is only forecast. Dates work too: train_end, validation_end.",
        "# split:",
        f"#   train: {split.train:g}",
        f"#   validation: {split.validation:g}",
        f"#   test: {split.test:g}",
        "",
        "# 5. How many networks are trained and pooled: more take longer and forecast a little",
        "#    better.",
        "# model:",
        f"#   members: {usual.model.members}",
    ]
    return "\n".join(lines) + "\n"
