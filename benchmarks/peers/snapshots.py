"""A training's weights at every validation, with the CPU seconds until then; for a race.

For the environments of the libraries, which have no lstmcast.
"""

import copy
import time
from collections.abc import Callable, Iterator
from typing import Any

import pandas as pd
import pytorch_lightning


class Snapshots(pytorch_lightning.Callback):  # type: ignore[misc]
    """Keeps what the network is at each validation; to do so is in nobody's time."""

    def __init__(self) -> None:
        self.taken: list[tuple[float, dict[str, Any]]] = []
        self.began = time.process_time()
        self._own = 0.0

    def __deepcopy__(self, memo: dict[int, Any]) -> "Snapshots":
        """Itself: neuralforecast trains a copy of the model that it is given."""
        return self

    def on_validation_end(self, trainer: Any, pl_module: Any) -> None:
        """See Lightning."""
        if trainer.sanity_checking:
            return
        now = time.process_time()
        state = copy.deepcopy(pl_module.state_dict())
        self.taken.append((now - self.began - self._own, state))
        self._own += time.process_time() - now

    def forecasts(
        self, network: Any, forecast: Callable[[], pd.DataFrame], most: int
    ) -> pd.DataFrame:
        """What the network forecasts at the snapshots, with the `seconds` of each.

        Args:
            network: whose weights they are.
            forecast: a table of its forecasts.
            most: snapshots; more are thinned, the later ones more.
        """
        tables = []
        for seconds, state in self._thinned(most):
            network.load_state_dict(state)
            tables.append(forecast().assign(seconds=seconds))
        return pd.concat(tables)

    def _thinned(self, most: int) -> Iterator[tuple[float, dict[str, Any]]]:
        last, step = -1.0, 1.0
        for number, snapshot in enumerate(self.taken):
            if number >= last + step or number == len(self.taken) - 1:
                yield snapshot
                last, step = number, max(1.0, step * len(self.taken) ** (1 / most))
