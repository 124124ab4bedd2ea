"""What a study searches, and whether a study that is there searches the same."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lstmcast.config import Choices, Experiment, Interval, Values, differences
from lstmcast.errors import UsageError
from lstmcast.prices.history import PriceHistory

ANOTHER = "begin another study with `--study NAME`"


@dataclass(frozen=True)
class Plan:
    """What a study searches.

    Args:
        experiment: as it was read, not resolved.
        histories: its prices.
        space: by the path of a key, its values.
    """

    experiment: Experiment
    histories: tuple[PriceHistory, ...]
    space: Mapping[str, Values]

    def identity(self) -> dict[str, Any]:
        """All that trials depend on, as JSON: a study has one of these."""
        rest = self.experiment.model_dump(mode="json", exclude={"tuning", "name"})
        for key in ("device", "threads", "replay"):  # machines may share a study
            rest["training"].pop(key, None)
        identity = {
            "space": {path: _plain(values) for path, values in self.space.items()},
            "pruning": self.experiment.tuning.pruning,
            "experiment": rest,
            "prices": {history.symbol: history.sha256 for history in self.histories},
            "context": {
                history.symbol: [repr(origin) for origin in history.context.origins]
                for history in self.histories
                if history.context is not None
            },
        }
        plain: dict[str, Any] = json.loads(json.dumps(identity))
        return plain


def _plain(values: Interval | Choices) -> object:
    if isinstance(values, Interval):
        return values.model_dump(mode="json", exclude_defaults=True)
    return list(values)


def another_study(kept: Mapping[str, Any], asked: Mapping[str, Any], folder: Path) -> UsageError:
    """That a study was begun with something else, and with what."""
    for part, words in (
        ("space", "another space"),
        ("experiment", "another configuration"),
        ("pruning", "another `tuning.pruning`"),
    ):
        if kept.get(part) != asked[part]:
            found = list(differences(kept.get(part), asked[part]))
            more = f" and {len(found) - 3} more" if len(found) > 3 else ""
            return UsageError(
                f"`{folder}` is a study of {words}: {', '.join(found[:3])}{more}",
                f"use its original settings, or {ANOTHER}",
            )
    return UsageError(
        f"`{folder}` is a study of other prices: they have been fetched again since",
        f"set `data.end` to the day on which it began, or {ANOTHER}",
    )
