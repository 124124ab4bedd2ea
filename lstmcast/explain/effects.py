"""The results of feature importance: the effect of each group and column, network by network.

Apart from measuring, which takes PyTorch: charts and tables read results alone.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

EWMA = "EWMA volatility"
"""Name of the volatility that scales every forecast, which counts as an input."""

Kind = Literal["group", "column"]


@dataclass(frozen=True)
class Effect:
    """What a feature group, or one column, is worth.

    Args:
        name: of the group or the column.
        kind: which of the two.
        permutation: increase in loss for each member, mean over shuffles.
        occlusion: increase in loss for each member.
    """

    name: str
    kind: Kind
    permutation: tuple[float, ...]
    occlusion: tuple[float, ...]


@dataclass(frozen=True)
class Importance:
    """What each input is worth to the networks.

    Args:
        effects: the groups, then the columns, each by falling permutation importance.
        loss: of each member with all inputs.
        sessions: rows that were judged, over all symbols.
        first, last: the first and the last of them.
    """

    effects: tuple[Effect, ...]
    loss: tuple[float, ...]
    sessions: int
    first: pd.Timestamp
    last: pd.Timestamp

    def of(self, kind: Kind) -> list[Effect]:
        """The effects of one kind."""
        return [effect for effect in self.effects if effect.kind == kind]

    def table(self) -> pd.DataFrame:
        """A row for each effect: `name, kind`, mean and standard deviation over members."""
        return pd.DataFrame(
            [
                {
                    "name": effect.name,
                    "kind": effect.kind,
                    **_spread("permutation", effect.permutation),
                    **_spread("occlusion", effect.occlusion),
                }
                for effect in self.effects
            ]
        )


def _spread(name: str, values: Sequence[float]) -> dict[str, float]:
    return {
        name: float(np.mean(values)),
        f"{name}_deviation": float(np.std(values, ddof=1)) if len(values) > 1 else float("nan"),
    }
